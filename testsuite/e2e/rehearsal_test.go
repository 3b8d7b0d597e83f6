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
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report"
	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
)

// hall is where rehearsals are held: a scene whose worker keeps evidence, and a
// service that generators may send to.
type hall struct {
	*scene
	folder string
	users  string // URL of the service
	config string // of the worker
	faults string // folder of its faults, where it makes some

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
	all := []string{"kind: Rehearsal", "name: " + h.name, "environment: staging", "seed: 42", "rollout: " + h.file(h.flagged()...)}
	for _, line := range lines {
		all = replaced(all, line)
	}
	return write(h.t, h.folder, "manifest.yaml", all...)
}

// flagged is a release of one step that has a flag, too.
func (h *hall) flagged() []string {
	driver := fmt.Sprintf("{driver: http, with: {url: %q}}", h.url)
	return []string{oneStep, "target: {deploy: " + driver + ", traffic: " + driver + ", flags: " + driver + ", metrics: {driver: scrape}}",
		"release: {version: " + candidate + `, artifact: "registry.example/checkout@sha256:9f86d081884c7d659a2feaa0c55ad015", flags: {new-cart: {enabled: true}}}`}
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
	require.Contains(t, strings.Join(h.world.Log(), "\n"), "flags new-cart", "the drills set them")
	require.Empty(t, h.world.State().Flags, "they go back with the release")
}

// A declared drill of the first step may be made in production, where the worker
// allows it; anything else may not.
func TestProductionDrill(t *testing.T) {
	c := found(t)
	h := c.hall(t, "rehearsals: {productionDrills: [production]}", "limits: {production: {mutableTags: allow}}")
	spec := h.file(oneStep, "environment: production")
	lines := []string{"environment: production", "isolation: production", "rollout: " + spec, "drills: [{from: step 1, restoreWithin: 10s}]"}
	status, out := h.rehearse(append(lines, "productionDrill: the yearly proof")...)
	require.Equal(t, evidence.Passed, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	require.Equal(t, 1, status.Drills)
	for name, c := range map[string]struct {
		lines []string
		want  string
	}{
		"undeclared":  {lines, "say why in productionDrill"},
		"with load":   {append(lines, "productionDrill: why not", h.browse("5s")), "a drill there makes no load"},
		"beside it":   {[]string{"environment: prod", "isolation: production", "productionDrill: why not", "rollout: " + h.file(oneStep, "environment: prod"), lines[3]}, "rehearsals.productionDrills does not name it"},
		"not as such": {[]string{"environment: production", "rollout: " + spec, lines[3]}, "a rehearsal does not touch it"},
	} {
		t.Run(name, func(t *testing.T) {
			out := h.cli("rehearse", h.manifest(c.lines...), "--reason", "a test")
			require.Equal(t, 3, out.Code, "%s\n%s", out.Stdout, out.Stderr)
			require.Contains(t, out.Stdout+out.Stderr, c.want)
		})
	}
}

// The same manifest twice is the same load and the same faults, and can be
// compared; another one cannot.
func TestRepeatedRehearsal(t *testing.T) {
	c := found(t)
	h := c.hall(t)
	drill := "drills: [{from: step 1, restoreWithin: 10s}]"
	first, _ := h.rehearse(h.browse("8s"), drill)
	again, _ := h.rehearse(h.browse("8s"), drill)
	require.Equal(t, first.Fingerprint, again.Fingerprint)
	require.Equal(t, first.Outcome, again.Outcome)
	other, _ := h.rehearse(h.browse("8s"), drill, "name: other", "seed: 43")
	require.NotEqual(t, first.Fingerprint, other.Fingerprint)
	runs := []evidence.Run{h.evidence(first), h.evidence(again), h.evidence(other)}
	require.Equal(t, runs[0].Load[0].Digest, runs[1].Load[0].Digest)
	require.NotEqual(t, runs[0].Load[0].Digest, runs[2].Load[0].Digest)

	out := h.cli("compare", first.Place, again.Place, "-o", "json")
	require.Contains(t, []int{0, 10}, out.Code, out.Stderr)
	compared := decode[report.Comparison](t, out.Stdout)
	for _, p := range compared.Parts {
		require.True(t, p.Agree, p.Name)
	}
	require.NotEmpty(t, compared.Metrics)
	out = h.cli("compare", first.Place, other.Place)
	require.Equal(t, 3, out.Code, out.Stdout)
	require.Contains(t, out.Stderr, "cannot be compared")

	file := filepath.Join(h.folder, "again.json")
	require.NoError(t, os.WriteFile(file, []byte(runs[0].Manifest), 0o600))
	out = h.cli("rehearse", file, "--reason", "from the evidence alone", "-o", "json")
	require.Equal(t, first.Fingerprint, decode[rehearsal.Status](t, out.Stdout).Fingerprint, out.Stderr)
}

// evidence reads what a run left.
func (h *hall) evidence(s rehearsal.Status) evidence.Run {
	h.t.Helper()
	body, err := os.ReadFile(filepath.Join(s.Place, "evidence.json"))
	require.NoError(h.t, err)
	return decode[evidence.Run](h.t, string(body))
}

// Nobody outside hears of a rehearsal but those whom its manifest names, and these are
// told whose practice it is. The report says who was not asked.
func TestHooksOfARehearsal(t *testing.T) {
	c := found(t)
	var told sync.Map // path → the rehearsal that was named
	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var call rollout.HookCall
		if json.NewDecoder(r.Body).Decode(&call) != nil || r.URL.Path == "/refuses" {
			w.WriteHeader(http.StatusConflict)
		}
		told.Store(r.URL.Path, call.Rehearsal)
	}))
	t.Cleanup(outside.Close)
	h := c.hall(t)
	spec := h.file(oneStep, fmt.Sprintf("hooks: [{at: beforeStart, http: %q}, {at: beforeStep, http: %q}]", outside.URL+"/refuses", outside.URL+"/asked"))
	status, out := h.rehearse("rollout: "+spec, "hooks: [beforeStep]", "drills: [{from: step 1, after: 1s, restoreWithin: 10s}]")
	require.Equal(t, evidence.Passed, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	_, refused := told.Load("/refuses")
	require.False(t, refused)
	named, _ := told.Load("/asked")
	require.Equal(t, status.WorkflowID, named)
	require.Equal(t, "hooks of the spec at beforeStart are not called: hooks of the manifest do not name them", h.evidence(status).Timeline[0].Text)
	report, err := os.ReadFile(filepath.Join(status.Place, "report.md"))
	require.NoError(t, err)
	require.Contains(t, string(report), "hooks of the spec at beforeStart are not called")
}

// A release that loses what is written is found out, and which drill it was stands in
// the evidence and in the report.
func TestRehearsalSaysWhichDrillLostOrders(t *testing.T) {
	c := found(t)
	h := c.hall(t)
	var mu sync.Mutex
	orders, asked := map[string]string{}, 0
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id := r.URL.Path
		if r.Method == http.MethodGet {
			payload, there := orders[id]
			if !there {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			fmt.Fprintf(w, `{"payload": %q}`, payload)
			return
		}
		body, _ := io.ReadAll(r.Body)
		if asked++; asked%10 > 0 || h.world.State().Weights[candidate] == 0 {
			orders[id] = string(body)
		}
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(shop.Close)
	status, out := h.rehearse("drills: [{from: step 1, repeat: 2, restoreWithin: 10s}]",
		fmt.Sprintf("load: [{name: shop, url: %q, rate: 40/s, for: 25s, journeys: [{name: order, steps: [", shop.URL)+
			`{method: POST, path: "/orders/{{id}}", body: "{{payload}}", expect: {status: 201}, ledger: write}, {path: "/orders/{{id}}", ledger: read, expect: {status: 200}}]}]}]`)
	require.Equal(t, evidence.Failed, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	run := h.evidence(status)
	lost := 0
	for _, r := range run.Drills[0].Repeats {
		require.Positive(t, r.Data.Lost, r.Number)
		lost += r.Data.Lost
		require.Contains(t, status.Reason, fmt.Sprintf("written during drill from step 1, %d: %d lost", r.Number, r.Data.Lost))
	}
	require.Equal(t, run.Ledger.Lost, lost)
	shown := h.cli("report", status.Place, "--format", "markdown")
	require.Contains(t, shown.Stdout, fmt.Sprintf("| ✗ %d lost |", run.Drills[0].Repeats[1].Data.Lost))
}
