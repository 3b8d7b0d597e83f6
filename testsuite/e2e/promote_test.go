package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// A good candidate takes every step, each with its full bake, and the baseline
// goes only when it has no traffic and is drained.
func TestPromote(t *testing.T) {
	s := open(t).scene(t)
	s.run().requires(s, 0, rollout.Promoted, "")
	require.Equal(t, promotedTwo, s.world.Log())
	s.replacedBaseline()
	s.deployedOnce()
	stays := s.stayed(bake, 1000, 5000, rollout.All)

	removed := s.asked("DELETE /versions/" + baseline)
	require.Len(t, removed, 1)
	require.GreaterOrEqual(t, removed[0].At.Sub(stays[2].from), keep+drain)

	require.Equal(t, []rollout.EventKind{
		rollout.EventSubmitted, rollout.EventAdmitted, rollout.EventSnapshot, rollout.EventPreflight, rollout.EventDeployed,
		rollout.EventWeightSet, rollout.EventWeightObserved, rollout.EventStepPassed,
		rollout.EventWeightSet, rollout.EventWeightObserved, rollout.EventStepPassed,
		rollout.EventWeightSet, rollout.EventWeightObserved, rollout.EventPromoted, rollout.EventCleanedUp, rollout.EventEnded,
	}, s.milestones())
	s.evidenceOfEveryStep(2)
}

// milestones are the kinds of the story's events, windows left out.
func (s *scene) milestones() []rollout.EventKind {
	s.t.Helper()
	var kinds []rollout.EventKind
	for i, e := range s.story() {
		require.Equal(s.t, i+1, e.Seq)
		require.NotEmpty(s.t, e.Text)
		if e.Kind != rollout.EventWindow {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}

// evidenceOfEveryStep requires that each step was passed once, after a window
// of its own that says what was seen.
func (s *scene) evidenceOfEveryStep(steps int) {
	s.t.Helper()
	windows := map[int]int{}
	passed := 0
	for _, e := range s.story() {
		switch {
		case e.Kind == rollout.EventWindow && len(e.Data["checks"].([]any)) > 0:
			windows[e.Step]++
		case e.Kind == rollout.EventStepPassed:
			passed++
			require.Equal(s.t, passed, e.Step)
			require.Positive(s.t, windows[e.Step], "windows of step %d", e.Step)
		}
	}
	require.Equal(s.t, steps, passed)
}

// A candidate that fails requests loses its traffic, everything is as before,
// and the time that took is told in its parts.
func TestRollback(t *testing.T) {
	s := open(t).scene(t)
	s.breaks()
	e := s.run()
	e.requires(s, 10, rollout.RolledBack, rollout.CauseVerdict)
	require.Equal(t, undone, s.world.Log())
	s.asBefore()
	require.Contains(t, e.Reason, "errors")
	require.Equal(t, rollout.Fail, e.Checks[0].Verdict)
	require.Greater(t, e.Checks[0].Ratio, 5.0)
	require.NotNil(t, e.TimeToRestore)
	require.Positive(t, e.TimeToRestore.Traffic)
	require.Positive(t, e.TimeToRestore.Health)
	require.GreaterOrEqual(t, e.TimeToRestore.Total, e.TimeToRestore.Traffic+e.TimeToRestore.Health)
	require.Subset(t, s.milestones(), []rollout.EventKind{rollout.EventBreach, rollout.EventRestoring,
		rollout.EventTrafficRestored, rollout.EventHealthRestored, rollout.EventCompared, rollout.EventEnded})
}
