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
