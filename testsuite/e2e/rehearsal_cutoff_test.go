package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	toxics "github.com/Shopify/toxiproxy/v2"
	toxiproxy "github.com/Shopify/toxiproxy/v2/client"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/testsuite/ports"
	"bakeoff/testsuite/procs"
)

// visits counts who was asked for, by path.
type visits struct {
	mu sync.Mutex
	of map[string]int
}

func (v *visits) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	v.of[r.URL.Path]++
	v.mu.Unlock()
	fmt.Fprintln(w, "ok")
}

func (v *visits) many() (all, twice int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, n := range v.of {
		if n > 1 {
			twice++
		}
	}
	return len(v.of), twice
}

// A worker that generates load is cut off from Temporal, and from nothing else.
// When another one has its load, it sends no more: nobody is sent twice, and what
// neither sent is missed, and not the service's fault.
func TestGeneratorCutOffFromTemporal(t *testing.T) {
	c := found(t)
	api := httptest.NewServer(toxics.NewServer(toxics.NewMetricsContainer(nil), zerolog.New(io.Discard)).Routes())
	t.Cleanup(api.Close)
	address := ports.Free(t)
	line, err := toxiproxy.NewClient(strings.TrimPrefix(api.URL, "http://")).CreateProxy("temporal", address, c.server.Address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = line.Delete() })

	folder := t.TempDir()
	h := &hall{scene: c.scene(t), folder: folder, config: fmt.Sprintf("evidence: {directory: %q}\n", filepath.Join(folder, "evidence"))}
	beyond := *c.server
	beyond.Address = address
	c.worker = procs.StartWorker(t, &beyond, h.config)
	service := &visits{of: map[string]int{}}
	users := httptest.NewServer(service)
	t.Cleanup(users.Close)

	file := h.manifest(fmt.Sprintf("load: [{name: browse, url: \"%s/{{id}}\", rate: 100/s, for: 25s, connections: 20}]", users.URL),
		"expect: [{signal: errors, always: true, below: 1%}, {signal: rate, always: true, above: 95/s}]")
	out := h.cli("rehearse", file, "--detach", "--reason", "to be cut off")
	require.Zero(t, out.Code, out.Stderr)
	until(t, "users come", func() bool { all, _ := service.many(); return all > 200 })
	procs.StartWorker(t, c.server, h.config) // it comes too late for the load
	for _, stream := range []string{"upstream", "downstream"} {
		_, err = line.AddToxic("", "timeout", stream, 1, toxiproxy.Attributes{"timeout": 0}) // nothing comes through any more, and nobody is told
		require.NoError(t, err)
	}
	done := h.cli("rehearse", file, "--wait", "-o", "json", "--reason", "to be cut off")
	all, twice := service.many()
	require.Zero(t, twice, "%d of %d users were sent twice", twice, all)

	var run evidence.Run
	files, err := filepath.Glob(filepath.Join(folder, "evidence", "*", "*", "*", "evidence.json"))
	require.NoError(t, err)
	require.Len(t, files, 1, "%s\n%s", done.Stdout, done.Stderr)
	body, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, &run))
	sent := run.Load[0]
	require.Positive(t, sent.Restarts) // a try may be given to the line that is dead
	require.Equal(t, 2500, sent.Arrived)
	require.Zero(t, sent.Failed)
	require.Equal(t, all, sent.Sent)
	require.Greater(t, sent.Sent, 1000, "the other one went on")
	require.Equal(t, 2500, sent.Sent+sent.Missed)
	for _, criterion := range run.Criteria[:2] {
		require.Equal(t, evidence.Passed, criterion.Outcome, "%s: %s", criterion.Name, criterion.Reason)
	}
}
