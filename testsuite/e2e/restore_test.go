package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
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
	waited := s.wait("--timeout", "5s")
	require.Equal(t, 14, waited.code)
	require.Equal(t, now.Reason, waited.Reason)
	require.Equal(t, rollout.PhaseCompleted, waited.Phase)
	require.Zero(t, waited.Weight)
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

// A release of the worker on which no rollout can go on: the doctor says so, and
// users are put back though the workflow does not run. Once it does, under the
// release before, it goes no further.
func TestBreakGlassWhileWedged(t *testing.T) {
	c := open(t)
	wedging := wedgingWorker(t)
	s := c.scene(t)
	s.start(oneLong)
	s.bakes(1000)
	require.NotContains(t, s.cli("doctor").Stdout, "wedged")
	c.worker.Kill()
	broken := procs.Start(t, "wedging", wedging, c.server.Env(), "--listen", "127.0.0.1:0")
	broken.AwaitLine(t, "ready")
	until(t, "the doctor finds it", func() bool {
		return strings.Contains(s.cli("doctor").Stdout, "wedged: workers cannot go on with the rollout of 2.5.0: its workflow task has failed ")
	})
	require.Equal(t, 14, s.cli("doctor").Code)
	require.Equal(t, rollout.Weight(1000), s.weight())

	s.world.Forbid(candidate, "the restore")
	e := s.order(0, "restore")
	require.Equal(t, rollout.Accepted, e.Answer)
	require.Contains(t, e.Why, "traffic is back on 2.4.1")
	require.True(t, s.world.State().Weights.Equal(rollout.Split{baseline: rollout.All}), s.world.State().Weights.String())
	require.Contains(t, s.cli("history", s.target(), "--orders").Stdout, ": restore: the test says so (accepted, traffic is back on 2.4.1)")
	require.Contains(t, s.world.State().Versions, candidate, "nothing is removed")

	broken.Kill()
	c.worker = procs.StartWorker(t, c.server, "")
	s.ends(11, rollout.Aborted, "")
	s.asBefore()
	require.NotContains(t, s.cli("doctor").Stdout, "wedged")
}

// wedgingWorker is the program of a worker of this tree on which every rollout
// panics, and all else works.
func wedgingWorker(t *testing.T) string {
	t.Helper()
	source := filepath.Join(procs.Root(), "workflows", "rollout.go")
	text, err := os.ReadFile(source)
	require.NoError(t, err)
	const begins = "\nfunc Rollout(ctx workflow.Context, order rollout.Order) (rollout.Status, error) {\n"
	require.Equal(t, 1, strings.Count(string(text), begins))
	dir := t.TempDir()
	changed, overlay, program := filepath.Join(dir, "rollout.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "bakeoff-worker")
	require.NoError(t, os.WriteFile(changed, []byte(strings.Replace(string(text), begins, begins+`panic("of a release that went wrong")`+"\n", 1)), 0o600))
	replaced, err := json.Marshal(map[string]any{"Replace": map[string]string{source: changed}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, replaced, 0o600))
	build := exec.Command("go", "build", "-overlay", overlay, "-o", program, "./worker")
	build.Dir = procs.Root()
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}
