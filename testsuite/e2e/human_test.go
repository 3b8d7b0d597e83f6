package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// What cannot be put back needs a human. Whoever waits is told at once, and
// trying goes on until it succeeds or a person takes it over.
func TestNeedsHuman(t *testing.T) {
	c := open(t)
	for name, row := range map[string]struct {
		fault sim.Fault
		helps func(*scene)
	}{
		"Heals":       {sim.Fault{}, healsByItself},
		"Retry":       {sim.Fault{Err: sim.Refused("the router is locked")}, retried},
		"Acknowledge": {sim.Fault{}, acknowledged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.scene(t)
			s.start(oneLong, "needsHumanAfter: 3s")
			s.bakes(1000)
			s.world.Fail(sim.OpShift, row.fault)
			s.breaks()
			e := s.wait()
			require.Equal(t, 14, e.code)
			require.Equal(t, rollout.PhaseNeedsHuman, e.Phase)
			require.Empty(t, e.Outcome, "nothing is claimed that is not so")
			require.Equal(t, rollout.Weight(1000), s.weight())
			told := s.told(rollout.EventNeedsHuman)
			require.Len(t, told, 1)
			require.WithinDuration(t, told[0].Time, e.at, 3*time.Second, "told at once")
			require.Equal(t, 15, s.run().code, "nobody else may start meanwhile")
			row.helps(s)
		})
	}
}

func healsByItself(s *scene) {
	s.awaits("PUT /weights 500", 3)
	s.world.Heal()
	e := s.recovers()
	require.Greater(s.t, e.TimeToRestore.Total.Std(), 3*time.Second)
}

// A person who has repaired the router need not wait for the next try.
func retried(s *scene) {
	s.order(0, "retry")
	require.Equal(s.t, rollout.PhaseNeedsHuman, s.status().Phase, "still locked")
	s.world.Heal()
	s.order(0, "retry")
	s.recovers()
}

// recovers requires that success leaves the state by itself.
func (s *scene) recovers() ended {
	s.t.Helper()
	until(s.t, "no human needed", func() bool { return s.status().Phase != rollout.PhaseNeedsHuman })
	e := s.ends(10, rollout.RolledBack, rollout.CauseVerdict)
	s.asBefore()
	require.Equal(s.t, undone, s.world.Log())
	return e
}

func acknowledged(s *scene) {
	s.order(0, "acknowledge", "--actor", "ana@example.com")
	e := s.wait()
	require.Equal(s.t, 14, e.code)
	require.Equal(s.t, rollout.Failed, e.Outcome)
	require.Contains(s.t, e.Reason, "acknowledged by ana@example.com")
	require.NotContains(s.t, s.world.Log(), "remove 2.5.0", "it has traffic")
	require.Equal(s.t, 15, s.run().code, "the target is dirty")
}
