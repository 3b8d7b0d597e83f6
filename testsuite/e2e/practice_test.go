package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
)

// A service whose way back nobody has practised is refused until a drill has
// passed, whatever else its rehearsal failed for. The drill itself is asked for
// nothing.
func TestPractice(t *testing.T) {
	c := found(t)
	h := c.hall(t, "rehearsals: {require: {default: 1h}}")
	e := h.run(oneStep)
	e.requires(h.scene, 15, rollout.Refused, rollout.Cause(rollout.GateRehearsal))
	require.Contains(t, e.Reason, "no drill of the way back of testpractice is known to have passed")
	drills := "drills: [{from: step 1, after: 1s, restoreWithin: 10s}]"
	status, out := h.rehearse(drills, "actions: [{do: mend it, owner: kim, due: 2026-01-01T00:00:00Z}]")
	require.Equal(t, evidence.Failed, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	require.Contains(t, status.Reason, evidence.ActionsInTime)
	until(t, "its drill is visible", func() bool { return h.cli("plan", h.file(oneStep)).Code == 0 })
	require.NotContains(t, h.findings(), "drillOverdue", "bakeoff doctor has the same notion of what shows a way back")
	status, out = h.rehearse("name: another", drills)
	require.Equal(t, evidence.Passed, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	h.run(oneStep).requires(h.scene, 0, rollout.Promoted, "")
}

// Who may override starts without practice, and one that waits begins after it.
func TestPracticeIsOverridden(t *testing.T) {
	c := found(t)
	h := c.hall(t, "rehearsals: {require: {staging: 1h}}")
	waits := h.cli("start", h.file(oneStep), "--wait", "--reason", "as soon as may be")
	require.Zero(t, waits.Code, waits.Stderr)
	h.waitsFor(rollout.GateRehearsal)
	h.order(0, "abort")
	h.ends(11, rollout.Aborted, "")
	h.result("run", h.file(oneStep), "--override", "--reason", "INC-12").requires(h.scene, 0, rollout.Promoted, "")
	require.Contains(t, fmt.Sprint(h.told(rollout.EventAdmitted)[0].Data["warnings"]), "no drill of the way back")
}

// The emergency stop of a machine removes what any rehearsal has made there.
func TestRemoveFaults(t *testing.T) {
	c := found(t)
	h, proxy := c.faultyHall(t)
	file := h.manifest(h.browse("1m"), "faults: [{name: slow, at: 0s, for: 50s, toxiproxy: {proxy: users, latency: 50ms}}]")
	out := h.cli("rehearse", file, "--detach", "--reason", "a test")
	require.Zero(t, out.Code, out.Stderr)
	toxics := func() int {
		found, err := proxy.Toxics()
		require.NoError(t, err)
		return len(found)
	}
	until(t, "the fault is in force", func() bool { return toxics() > 0 })
	config := filepath.Join(h.folder, "worker.yaml")
	require.NoError(t, os.WriteFile(config, []byte(h.config), 0o600))
	said, err := exec.CommandContext(t.Context(), procs.Program(t, "bakeoff-worker"), "remove-faults", "--config", config).CombinedOutput()
	require.NoError(t, err, string(said))
	require.Contains(t, string(said), "removed  toxiproxy users: latency 50ms")
	require.Contains(t, string(said), "no fault is in force\n")
	require.Zero(t, toxics())
	require.Zero(t, h.cli("rehearse", file, "--stop", "--reason", "enough").Code)
}
