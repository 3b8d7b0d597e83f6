package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// When the workflow is gone, users can still be put back; what the rollout wrote
// before is older than that.
func TestBreakGlass(t *testing.T) {
	s := open(t).scene(t)
	s.start(oneLong)
	s.bakes(1000)
	require.NoError(t, s.town.client(t).TerminateWorkflow(t.Context(), "target/"+s.target(), "", "by mistake"))
	s.terminate()
	e := s.order(0, "restore")
	require.Equal(t, rollout.Accepted, e.Answer)
	require.True(t, s.world.State().Weights.Equal(rollout.Split{baseline: rollout.All}), s.world.State().Weights.String())
	require.Equal(t, baseline, s.world.State().Primary)
	written := s.asked("PUT /weights 200")
	require.Contains(t, s.cli("history", s.target(), "--orders").Stdout, ": restore: the test says so (accepted, traffic is back on 2.4.1)")
	require.Contains(t, s.cli("history", s.target()).Stdout, "traffic is back on 2.4.1, put there without the workflow by tester@example.com: the test says so")
	require.NotContains(t, s.cli("doctor").Stdout, "cutOff")
	now := s.status()
	require.Zero(t, now.Weight)
	require.Contains(t, now.Reason, "since then traffic is back on 2.4.1")
	require.Greater(t, written[len(written)-1].Header.Get("Bakeoff-Fence"), written[0].Header.Get("Bakeoff-Fence"), "a higher epoch")
}

// Where the workflow that takes over cannot run, users are put back from what the
// lost one had written.
func TestBreakGlassDuringRecovery(t *testing.T) {
	s := open(t).scene(t)
	s.start(oneLong)
	s.bakes(1000)
	s.terminate()
	until(t, "it is taken over", func() bool { return s.status().Phase == rollout.PhaseRollingBack })
	require.Equal(t, rollout.Accepted, s.order(0, "restore").Answer)
	s.ends(11, rollout.Aborted, "")
	s.asBefore()
}

// Where a router and a platform keep fences, they take no write of the rollout's own
// way back any more: it sees that all is back, and ends.
func TestBreakGlassWithFences(t *testing.T) {
	s := open(t).scene(t)
	s.world.RefuseStale(true)
	s.start("strategy: {" + window + ", canary: [{weight: 10%, bake: 5s}], keepBaseline: 1m}")
	s.awaits("PUT /primary 200", 1)
	s.terminate()
	until(t, "it is taken over", func() bool { return s.status().Phase == rollout.PhaseRollingBack })
	require.Equal(t, rollout.Accepted, s.order(0, "restore").Answer)
	s.ends(11, rollout.Aborted, "")
	s.asBefore()
}

// After promotion the baseline is gone: nobody is sent there.
func TestBreakGlassComesTooLate(t *testing.T) {
	s := open(t).scene(t)
	s.run(oneStep).requires(s, 0, rollout.Promoted, "")
	before := s.world.Log()
	s.order(15, "restore")
	require.Equal(t, before, s.world.Log())
}
