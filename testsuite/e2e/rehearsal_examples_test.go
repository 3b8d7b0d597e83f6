package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim"
)

// The suite of the examples, and with it the rehearsal, do what the guide says.
func TestExamplesOfRehearsals(t *testing.T) {
	c := found(t)
	h := c.hall(t)
	h.world.Behave(baseline, sim.Behaviour{}) // healthy, as in testsuite/town
	h.world.Behave("1.2.0", sim.Behaviour{Failures: 0.2})
	examples := filepath.Join(procs.Root(), "starter", "examples")
	for _, name := range []string{"town.yaml", "rehearsal.yaml", "suite.yaml"} {
		text, err := os.ReadFile(filepath.Join(examples, name))
		require.NoError(t, err)
		write(t, h.folder, name, strings.ReplaceAll(string(text), "http://127.0.0.1:8080", h.url))
	}
	out := h.cli("rehearse", filepath.Join(h.folder, "suite.yaml"), "--reason", "as in the guide")
	require.Zero(t, out.Code, "%s\n%s", out.Stdout, out.Stderr)
	require.Contains(t, out.Stdout, "all 3 rehearsals passed")
	require.Contains(t, out.Stdout, "Passed (negative control)")
}

// A router that takes its time on the way back fails the drill, and turns a
// control green, which is red.
func TestDrillWithASlowRouter(t *testing.T) {
	c := found(t)
	h := c.hall(t)
	h.world.LagWeights(4 * time.Second)
	drill := "drills: [{from: step 1, restoreWithin: 3s}]"
	status, out := h.rehearse(drill)
	require.Equal(t, evidence.Failed, status.Outcome, status.Reason)
	require.Equal(t, 10, out.Code)
	require.Contains(t, status.Reason, "restored within 3s")
	status, out = h.rehearse(drill, "negative: true")
	require.Equal(t, evidence.Passed, status.Outcome, status.Reason)
	require.Zero(t, out.Code)
	require.Contains(t, status.Reason, "negative control, and it is red")
	h.world.LagWeights(0)
	status, out = h.rehearse(drill, "negative: true")
	require.Equal(t, evidence.Failed, status.Outcome, "a control that is green")
	require.Equal(t, 10, out.Code)
}

// While a real rollout has the target, a drill of it is not made, and what was
// not made has not passed. The rollout is left alone.
func TestDrillOfABusyTarget(t *testing.T) {
	c := found(t)
	h := c.hall(t)
	h.start("strategy: {canary: [{weight: 10%, bake: 10m}]}")
	h.awaits("PUT /weights", 1)
	status, out := h.rehearse("drills: [{from: step 1, restoreWithin: 3s}]")
	require.NotEqual(t, evidence.Passed, status.Outcome, out.Stdout)
	require.Equal(t, 10, out.Code)
	require.Contains(t, h.world.State().Versions, candidate)
	h.order(0, "abort")
}
