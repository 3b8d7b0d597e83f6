package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// writes are the calls of the world that change it.
var writes = []sim.Op{sim.OpDeploy, sim.OpShift, sim.OpSetPrimary, sim.OpSetFlags, sim.OpRemove}

// A world that answers badly gets each act once, in order, all the same.
func TestHostileWorld(t *testing.T) {
	c := open(t)
	for name, fault := range map[string]sim.Fault{
		"LostAnswers": {Lost: true, Times: 1},
		"Throttled":   {Err: sim.Throttled(time.Second), Times: 2},
		"Broken":      {Times: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.scene(t)
			s.world.RefuseStale(true)
			for _, op := range writes {
				s.world.Fail(op, fault)
			}
			s.run().requires(s, 0, rollout.Promoted, "")
			require.Equal(t, promotedTwo, s.world.Log())
			s.deployedOnce()
			s.replacedBaseline()
		})
	}
}

// A cancel while the router is broken: trying goes on, nothing is claimed
// before it is so, and nothing is removed that has traffic.
func TestCancelWithBrokenRouter(t *testing.T) {
	s := open(t).scene(t)
	s.start(oneLong)
	s.bakes(1000)
	s.world.Fail(sim.OpShift, sim.Fault{})
	s.world.Forbid(candidate, "the cancel")
	require.NoError(t, s.town.client(t).CancelWorkflow(t.Context(), "rollout/"+s.target(), ""))
	s.awaits("PUT /weights 500", 4)
	now := s.status()
	require.Equal(t, rollout.PhaseRollingBack, now.Phase)
	require.Empty(t, now.Outcome)
	require.Equal(t, 20, s.wait("--timeout", "1s").code)
	require.Empty(t, s.asked("DELETE"))
	s.world.Heal()
	s.ends(11, rollout.Aborted, "")
	require.Equal(t, undone, s.world.Log())
	s.asBefore()
}

// Flags move with the release, and back with it; what others set stays.
func TestFlags(t *testing.T) {
	s := open(t).scene(t)
	s.world.ForeignFlags(map[string]any{"old": "as it was", "other": true})
	before := s.world.State().Flags
	s.start(oneLong, "release: {version: 2.5.0, artifact: 'registry.example/checkout@sha256:9f86d081884c7d65', flags: {new-cart: {enabled: true}, old: changed}}",
		"target: {deploy: {driver: http, with: {url: '"+s.url+"'}}, traffic: {driver: http, with: {url: '"+s.url+"'}}, flags: {driver: http, with: {url: '"+s.url+"'}}, metrics: {driver: scrape}}")
	s.bakes(1000)
	require.Equal(t, map[string]any{"new-cart": map[string]any{"enabled": true}, "old": "changed", "other": true}, s.world.State().Flags)
	s.breaks()
	s.ends(10, rollout.RolledBack, rollout.CauseVerdict)
	require.Equal(t, before, s.world.State().Flags)
}

// After one release was aborted, the next one goes back to what really served.
func TestBackToLastGood(t *testing.T) {
	s := open(t).scene(t)
	s.start(oneLong)
	s.bakes(1000)
	s.order(0, "abort")
	s.ends(11, rollout.Aborted, "")
	s.world.Behave("2.6.0", sim.Behaviour{Rate: 400, Failures: 0.5})
	e := s.run("release: {version: 2.6.0, artifact: 'registry.example/checkout@sha256:9f86d081884c7d65'}")
	e.requires(s, 10, rollout.RolledBack, rollout.CauseVerdict)
	require.Equal(t, baseline, e.Baseline)
	s.asBefore()
	s.run().requires(s, 0, rollout.Promoted, "") // nothing is left of the first try
	s.replacedBaseline()
}
