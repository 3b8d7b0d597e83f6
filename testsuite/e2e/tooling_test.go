package e2e_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// findings is what is wrong with the tooling, by kind.
func (s *scene) findings(args ...string) map[string]string {
	s.t.Helper()
	out := s.cli(append([]string{"doctor", "--tooling", "-o", "json"}, args...)...)
	require.Contains(s.t, []int{0, 14}, out.Code, out.Stderr)
	found := map[string]string{}
	for line := range strings.Lines(out.Stdout) {
		f := decode[struct{ Kind, Text string }](s.t, line)
		found[f.Kind] += f.Text + "\n"
	}
	require.Equal(s.t, len(found) > 0, out.Code == 14)
	return found
}

// finds returns what is wrong once it is of these kinds, by name.
func (s *scene) finds(kinds ...string) map[string]string {
	s.t.Helper()
	var found map[string]string
	until(s.t, strings.Join(kinds, ", "), func() bool {
		found = s.findings()
		return slices.Equal(slices.Sorted(maps.Keys(found)), kinds)
	})
	return found
}

// release is the spec's line of a version, which behaves as all others do.
func (s *scene) release(version string) string {
	s.world.Behave(version, sim.Behaviour{Rate: 400, Failures: 0.01})
	return fmt.Sprintf("release: {version: %s, artifact: \"registry.example/checkout@%s\"}", version, data.Digest([]byte(version)))
}

// Everything by which rehearsals get old is found where it is really so, and
// nothing else.
func TestDoctorTooling(t *testing.T) {
	c := found(t)
	require.Contains(t, c.scene(t).finds("unserved")["unserved"], "nobody polls queue rehearsal")
	library, orders := t.TempDir(), "id\n1\n"
	write(t, library, "orders.csv", strings.TrimSpace(orders))
	h := c.hall(t, fmt.Sprintf("rehearsals: {directory: %q}", library))
	h.run(oneStep, h.release("2.5.0")).requires(h.scene, 0, rollout.Promoted, "")
	found := h.finds("drillOverdue", "unusedTemplate")
	require.Contains(t, found["drillOverdue"], "no drill of the way back of testdoctortooling is known to have passed")
	require.Contains(t, found["unusedTemplate"], "names orders.csv of the library")

	snapshot := fmt.Sprintf("snapshot: orders.csv, digest: %q, takenAt: 2026-01-01T00:00:00Z}", data.Digest([]byte(orders)))
	practised := "rollout: " + h.file(oneStep, h.release("2.6.0"))
	status, out := h.rehearse(practised, "drills: [{from: step 1, after: 1s, restoreWithin: 10s}]", "data: [{name: more, "+snapshot+"]",
		fmt.Sprintf("baseline: {artifact: \"registry.example/checkout@%s\", data: [{name: orders, %s]}", data.Digest([]byte("2.4.1")), snapshot))
	require.Equal(t, evidence.Passed, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	found = h.finds("practisedOlder", "staleBaseline", "staleSnapshot")
	require.Contains(t, found["staleBaseline"], "snapshot orders of rehearsal testdoctortooling was taken")
	require.Contains(t, found["staleSnapshot"], "snapshot more of rehearsal testdoctortooling was taken")
	require.Contains(t, found["practisedOlder"], "starts from registry.example/checkout@"+data.Digest([]byte("2.4.1")))
	require.Contains(t, h.findings("--older", "1ms")["drillOverdue"], "was practised last")

	rehearsed, out := h.rehearse("name: promotion", "outcome: Promoted", practised)
	require.Equal(t, evidence.Passed, rehearsed.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	promoted := h.evidence(rehearsed).Rollout
	require.Equal(t, rollout.Promoted, promoted.Outcome)
	require.NotNil(t, promoted.BackAt, "it was taken back")
	require.InDelta(t, 1, evidence.Largest(promoted.Shares), 0)
	require.Zero(t, promoted.Shares[len(promoted.Shares)-1].Share)
	require.Nil(t, promoted.BreachAt)
	schedule := h.manifest("name: weekly", practised, "drills: [{from: step 1, restoreWithin: 10s}]")
	require.Zero(t, h.cli("rehearse", schedule, "--schedule", "0 6 1 1 *", "--reason", "every year").Code)
	require.Equal(t, found, h.finds("practisedOlder", "staleBaseline", "staleSnapshot"), "what a rehearsal promotes served nobody")

	h.run(oneStep, h.release("2.7.0")).requires(h.scene, 0, rollout.Promoted, "")
	yearly := c.client(t).ScheduleClient().GetHandle(t.Context(), "schedule/"+rollout.RehearsalID("staging", "weekly"))
	require.NoError(t, yearly.Pause(t.Context(), client.SchedulePauseOptions{Note: "staging is needed"}))
	found = h.finds("practisedOlder", "schedulePaused", "staleBaseline", "staleSnapshot")
	require.Contains(t, found["practisedOlder"], "was practised with 2.6.0, and 2.7.0 was promoted in staging since")
	ready := h.cli("report", filepath.Dir(status.Place), "--serves")
	require.Zero(t, ready.Code, ready.Stderr)
	require.Contains(t, ready.Stdout, "Practised with 2.5.0 → 2.6.0, 2.7.0 serves staging/"+h.name+" now, and would go back to 2.5.0: with that nobody practised.")
	require.Contains(t, found["schedulePaused"], "schedule/rehearsal/staging/weekly is paused: staging is needed")
}
