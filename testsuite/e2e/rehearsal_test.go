package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/testsuite/procs"
)

// hall is where rehearsals are held: a scene whose worker keeps evidence, and a
// service that generators may send to.
type hall struct {
	*scene
	folder string
	users  string // URL of the service
	config string // of the worker

	requests atomic.Int64 // that the service has answered
}

// hall begins with a service whose every answer is good.
func (c *town) hall(t *testing.T, config ...string) *hall {
	t.Helper()
	folder := t.TempDir()
	lines := append([]string{fmt.Sprintf("evidence: {directory: %q}", filepath.Join(folder, "evidence"))}, config...)
	h := &hall{scene: c.scene(t), folder: folder, config: strings.Join(lines, "\n") + "\n"}
	c.worker = procs.StartWorker(t, c.server, h.config)
	service := httptest.NewServer(h.counted(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })))
	t.Cleanup(service.Close)
	h.users = service.URL
	return h
}

func write(t *testing.T, folder, name string, lines ...string) string {
	t.Helper()
	file := filepath.Join(folder, name)
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644))
	return file
}

// manifest writes a rehearsal of the scene's spec.
func (h *hall) manifest(lines ...string) string {
	h.t.Helper()
	all := []string{"kind: Rehearsal", "name: " + h.name, "environment: staging", "seed: 42", "rollout: " + h.file(oneStep)}
	for _, line := range lines {
		all = replaced(all, line)
	}
	return write(h.t, h.folder, "manifest.yaml", all...)
}

// rehearse runs a rehearsal to its end.
func (h *hall) rehearse(lines ...string) (rehearsal.Status, procs.Run) {
	h.t.Helper()
	out := h.cli("rehearse", h.manifest(lines...), "--reason", "a test", "-o", "json")
	require.NotEmpty(h.t, out.Stdout, "exit %d: %s", out.Code, out.Stderr)
	return decode[rehearsal.Status](h.t, out.Stdout), out
}

func (h *hall) browse(duration string) string {
	return fmt.Sprintf("load: [{name: browse, url: %q, rate: 100/s, arrivals: poisson, for: %s}]", h.users, duration)
}

func TestRehearsal(t *testing.T) {
	c := found(t)
	h := c.hall(t)
	status, out := h.rehearse(h.browse("20s"), "drills: [{from: step 1, repeat: 2, restoreWithin: 10s, lost: 0}]",
		"expect: [{signal: errors, always: true, below: 1%}, {signal: latency-p99, during: drills, below: 500ms}]")
	require.Equal(t, evidence.Passed, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	require.Zero(t, out.Code)
	require.Equal(t, 2, status.Drills)
	require.Equal(t, 2, status.Restore.N)
	require.Less(t, status.Restore.Max, 10.0)
	for _, name := range []string{"evidence.json", "report.html", "report.md", "manifest.json"} {
		require.FileExists(t, filepath.Join(status.Place, name))
	}
	require.Empty(t, h.world.Violations())
}
