package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// A way back passes a queue that stands, which goes on standing.
func TestRollbackPassesAStandingQueue(t *testing.T) {
	s := newAbove(t)
	s.promoted("2.3.0", "2.4.1")
	s.ends["2.5.0"] = rollout.Status{Outcome: rollout.Aborted, Reason: "aborted by cy"}
	s.submit(0, "2.5.0", rollout.OnNewQueue)
	s.submit(time.Minute, "2.6.0", rollout.OnNewQueue)
	s.command(5*time.Minute, rollout.CommandRollback, "back")
	s.know(15*time.Minute, func(known rollout.TargetStatus) {
		require.Equal(t, rollout.Accepted, s.said["rollback/back"].Answer, s.said["rollback/back"].Why)
		require.Equal(t, []string{"2.5.0", "2.3.0"}, s.begun)
		require.Equal(t, "aborted by cy", known.Stands)
		require.Len(t, known.Queue, 1)
		require.Equal(t, rollout.FateQueued, known.Fates[1].Fate)
	})
	s.command(16*time.Minute, rollout.CommandResume, "on")
	known := s.anHour()
	require.Equal(t, []string{"2.5.0", "2.3.0", "2.6.0"}, s.begun)
	require.Equal(t, "2.6.0", known.Good[0].Release.Version)
}

// A way back that is denied is never carried out later: not when something else
// begins just then, either.
func TestDeniedRollback(t *testing.T) {
	s := newAbove(t)
	s.promoted("2.3.0", "2.4.1")
	s.known.Last.Policy.OnNewRelease = rollout.OnNewQueue
	s.held = func(rollout.Order) bool { return true }
	s.watched("", time.Minute, activities.WatchRolloutOutput{Status: rollout.Status{Outcome: rollout.Promoted, Candidate: "2.5.0"}})
	s.command(0, rollout.CommandRollback, "back")
	s.know(10*time.Second, func(rollout.TargetStatus) { s.held = nil })
	known := s.anHour()
	require.Equal(t, rollout.Denied, s.said["rollback/back"].Answer)
	require.Equal(t, "staging/checkout is held by a rollout that was not started here: abort that", s.said["rollback/back"].Why)
	require.Empty(t, s.begun)
	require.Empty(t, known.Queue)
	require.Equal(t, "2.5.0", known.Good[0].Release.Version)
}

// Where all that could be gone back to is in quarantine, that is said.
func TestRollbackToWhatIsInQuarantine(t *testing.T) {
	s := newAbove(t)
	s.promoted("2.4.1")
	s.known.Quarantine = []rollout.Quarantined{{Version: "2.5.0", Reason: "rolled back"}}
	s.command(0, rollout.CommandRollback, "back")
	s.anHour()
	require.Equal(t, rollout.Denied, s.said["rollback/back"].Answer)
	require.Equal(t, "nothing but what serves is known to be good; in quarantine: 2.5.0: to roll one of them out again, start it, and say why with --reason", s.said["rollback/back"].Why)
}

// Who aborts a way back, or sees it fail, says nothing against the release that was
// to be gone back to.
func TestWhatWasToBeGoneBackToStaysGood(t *testing.T) {
	for _, end := range []rollout.Status{{Outcome: rollout.Aborted}, {Outcome: rollout.Rejected}, {Outcome: rollout.RolledBack, Cause: rollout.CauseVerdict}} {
		s := newAbove(t)
		s.promoted("2.3.0", "2.4.1")
		s.ends["2.3.0"], s.ends["2.5.0"] = end, end
		s.command(0, rollout.CommandRollback, "back")
		s.submit(10*time.Minute, "2.5.0", "")
		known := s.anHour()
		require.Equal(t, []string{"2.3.0", "2.5.0"}, s.begun)
		require.Len(t, known.Quarantine, 1)
		require.Equal(t, "2.5.0", known.Quarantine[0].Version)
		require.Len(t, known.Good, 2)
	}
}

// One id is one command: what has the id of another one, or of an order, is not
// taken for that.
func TestOneIdForTwo(t *testing.T) {
	s := newAbove(t)
	s.promoted("2.3.0", "2.4.1")
	s.known.Commands = []string{"old", "rollback given"} // of older workers, and of the run before
	s.submit(0, "2.5.0", rollout.OnNewReject)
	s.command(5*time.Minute, rollout.CommandResume, "one")
	s.command(6*time.Minute, rollout.CommandRollback, "one")
	s.command(7*time.Minute, rollout.CommandRollback, "2.5.0")
	s.command(8*time.Minute, rollout.CommandRollback, "old")
	s.command(9*time.Minute, rollout.CommandRollback, "two")
	s.command(20*time.Minute, rollout.CommandRollback, "given")
	s.commandBy(21*time.Minute, "dora@example.com", rollout.CommandRollback, "two", "rollback/two again")
	s.anHour()
	for id, want := range map[string]rollout.Answer{
		"rollback/two again": {Answer: rollout.Denied, Why: "the id two was that of another rollback, by cy: give each its own"},
		"resume/one":         {Answer: rollout.Noop, Why: "the queue does not stand"},
		"rollback/one":       {Answer: rollout.Denied, Why: "the id one was that of resume: it cannot be rollback, too"},
		"rollback/2.5.0":     {Answer: rollout.Denied, Why: "the id 2.5.0 was that of the order of 2.5.0: it cannot be rollback, too"},
		"rollback/old":       {Answer: rollout.Noop, Why: "this command was obeyed already"},
		"rollback/given":     {Answer: rollout.Noop, Why: "this command was obeyed already"},
		"rollback/two":       {Answer: rollout.Accepted, Why: "back to 2.4.1"},
	} {
		require.Equal(t, want.Answer, s.said[id].Answer, id)
		require.Equal(t, want.Why, s.said[id].Why)
	}
	require.Equal(t, []string{"2.5.0", "2.4.1"}, s.begun)
}
