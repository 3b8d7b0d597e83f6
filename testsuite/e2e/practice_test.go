package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
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

// The emergency stop of a machine removes what any rehearsal has made there, and a
// stopped line what is made in its environment; the rehearsal that goes on makes no
// other, and none begins with faults.
func TestFaultsAreStopped(t *testing.T) {
	c := found(t)
	h, proxy := c.faultyHall(t)
	config := filepath.Join(h.folder, "worker.yaml")
	require.NoError(t, os.WriteFile(config, []byte(h.config), 0o600))
	worker := func(args ...string) string {
		said, err := exec.CommandContext(t.Context(), procs.Program(t, "bakeoff-worker"), append(args, "--config", config)...).CombinedOutput()
		require.NoError(t, err, string(said))
		return string(said)
	}
	line := func(order string) {
		out := h.cli(order, "--environment", "staging", "--reason", "INC-12", "--actor", "bo")
		require.Zero(t, out.Code, out.Stderr)
	}
	toxics := func() int {
		found, err := proxy.Toxics()
		require.NoError(t, err)
		return len(found)
	}
	for name, by := range map[string]struct {
		stop, allow func()
		why         string
	}{
		"on the machine": {func() {
			said := worker("remove-faults")
			require.Contains(t, said, "removed  toxiproxy users: latency 50ms")
			require.Contains(t, said, "no fault is in force\n")
			require.Zero(t, toxics())
		}, func() { worker("allow-faults") }, "all faults of this machine were removed at"},
		"with the line": {func() { line("stop-the-line") }, func() { line("start-the-line") }, "the line of staging is stopped by bo: INC-12"},
	} {
		t.Run(name, func(t *testing.T) {
			file := h.manifest(h.browse("20s"), "faults: [{name: slow, at: 0s, for: 14s, toxiproxy: {proxy: users, latency: 50ms}},"+
				" {name: next, at: 15s, for: 3s, toxiproxy: {proxy: users, latency: 20ms}}]")
			out := h.cli("rehearse", file, "--detach", "--reason", "a test")
			require.Zero(t, out.Code, out.Stderr)
			until(t, "the fault is in force", func() bool { return toxics() > 0 })
			by.stop()
			until(t, "it is gone", func() bool { return toxics() == 0 })
			out = h.cli("rehearse", "staging/"+h.name, "--wait", "-o", "json")
			require.Equal(t, 10, out.Code, out.Stderr)
			ended := h.evidence(decode[rehearsal.Status](t, out.Stdout))
			require.False(t, ended.Faults[0].StartedAt.IsZero())
			require.Less(t, ended.Faults[0].EndedAt.Sub(ended.Faults[0].StartedAt), 12*time.Second)
			require.True(t, ended.Faults[1].StartedAt.IsZero())
			require.Contains(t, ended.Faults[1].Error, "not begun: "+by.why)
			out = h.cli("rehearse", file, "--reason", "a test")
			require.Equal(t, 15, out.Code, out.Stderr)
			require.Contains(t, out.Stdout, by.why)
			out = h.cli("rehearse", file, "--schedule", "0 6 1 1 *", "--reason", "another day")
			require.Zero(t, out.Code, out.Stderr)
			require.Contains(t, out.Stderr, "as long as this lasts, its runs are refused: "+by.why)
			require.Zero(t, h.cli("rehearse", file, "--unschedule", "--reason", "a test").Code)
			by.allow()
			out = h.cli("rehearse", file, "--detach", "--reason", "a test")
			require.Zero(t, out.Code, out.Stderr)
			until(t, "faults begin again", func() bool { return toxics() > 0 })
			require.Zero(t, h.cli("rehearse", "staging/"+h.name, "--stop", "--reason", "enough").Code)
		})
	}
}
