package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// A candidate that does not come up is taken back, and no traffic was ever
// touched.
func TestDeployFails(t *testing.T) {
	c := open(t)
	for name, row := range map[string]struct {
		script sim.Script
		says   string
	}{
		"NeverReady": {pending, "deploy"},
		"Failed":     {sim.Script{State: activities.StateFailed, Message: "image not found"}, "image not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.scene(t)
			s.world.OnDeploy(candidate, row.script)
			e := s.run("readyWithin: 5s")
			e.requires(s, 10, rollout.RolledBack, rollout.CauseDeploy)
			require.Contains(t, e.Reason, row.says)
			require.Empty(t, s.asked("PUT /weights"))
			require.Empty(t, s.asked("PUT /primary"))
			require.Equal(t, []string{"deploy 2.5.0", "remove 2.5.0"}, s.world.Log())
			s.asBefore()
			s.deployedOnce()
			kinds := s.milestones()
			require.Equal(t, rollout.EventSnapshot, kinds[2], "before the first change")
		})
	}
}

// A platform that answers 500 has as long as one that says nothing.
func TestDeployIsRefused(t *testing.T) {
	c := open(t)
	s := c.scene(t)
	s.world.Fail(sim.OpDeploy, sim.Fault{})
	began := time.Now()
	e := s.run("readyWithin: 5s")
	e.requires(s, 10, rollout.RolledBack, rollout.CauseDeploy)
	require.Contains(t, e.Reason, "500")
	require.Less(t, time.Since(began), 20*time.Second)
	s.asBefore()
}

// A platform that goes back by itself is told apart from a rollback of ours,
// whenever it does so.
func TestPlatformRollsBack(t *testing.T) {
	c := open(t)
	for name, reach := range map[string]func(*scene){
		"Bake":         func(s *scene) { s.bakes(1000) },
		"KeepBaseline": func(s *scene) { s.awaits("PUT /primary 200", 1); s.watched(2) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.scene(t)
			s.start("strategy: {" + window + ", canary: [{weight: 10%, bake: 5s}], keepBaseline: 1m}")
			reach(s)
			s.world.Revert(candidate, baseline)
			e := s.ends(13, rollout.PlatformRolledBack, "")
			require.Contains(t, e.Reason, baseline)
			s.asBefore()
		})
	}
}
