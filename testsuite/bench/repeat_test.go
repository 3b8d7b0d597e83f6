package bench

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	toxics "github.com/Shopify/toxiproxy/v2"
	toxiproxy "github.com/Shopify/toxiproxy/v2/client"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/testsuite/ports"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim/httpworld"
)

// repeats is how often the same manifest is rehearsed.
const repeats = 20

// lateBy is how long the way back takes of the control's router, which is longer
// than its drill allows.
const lateBy = 4 * time.Second

// BenchmarkRepeat rehearses the same manifest many times, with load, a fault and
// expectations: the load and the faults have to be the same to the byte (one
// fingerprint), and so has every verdict. Its control, whose router does not go
// back in time, has to be red each time.
func BenchmarkRepeat(b *testing.B) {
	server := procs.StartServer(b)
	toxic := httptest.NewServer(toxics.NewServer(toxics.NewMetricsContainer(nil), zerolog.New(io.Discard)).Routes())
	defer toxic.Close()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }))
	defer service.Close()
	behind, err := url.Parse(service.URL)
	require.NoError(b, err)
	users := ports.Free(b)
	proxy, err := toxiproxy.NewClient(strings.TrimPrefix(toxic.URL, "http://")).CreateProxy("users", users, behind.Host)
	require.NoError(b, err)
	defer func() { _ = proxy.Delete() }()
	folder := b.TempDir()
	procs.StartWorker(b, server, fmt.Sprintf("evidence: {directory: %q}\nrehearsals: {faults: {directory: %q, toxiproxy: %q, limits: {kinds: [toxiproxy], proxies: [users]}}}\n",
		folder, filepath.Join(b.TempDir(), "faults"), toxic.URL))
	good, late := newWorld(), newWorld()
	late.LagWeights(lateBy)
	goodTown, lateTown := httptest.NewServer(httpworld.New(good)), httptest.NewServer(httpworld.New(late))
	defer goodTown.Close()
	defer lateTown.Close()
	again := manifest(b, "again", goodTown.URL, 1, fmt.Sprintf(`load: [{name: browse, url: "http://%s/", rate: 200/s, arrivals: poisson, for: 4s}],
  faults: [{name: slow, at: 1s, for: 2s, toxiproxy: {proxy: users, latency: 100ms}}],
  expect: [{signal: errors, always: true, below: 1%%}, {signal: latency-p50, during: slow, above: 90ms, below: 2s}],`, users))
	control := manifest(b, "control", lateTown.URL, 1, "")

	kinds, red := map[string]int{}, 0
	for range repeats {
		run := rehearse(b, server, again)
		require.Equal(b, evidence.Passed, run.Outcome, run.Reason)
		kinds[verdicts(run)]++
		if rehearse(b, server, control).Outcome == evidence.Failed {
			red++
		}
	}
	report(b, "kinds", Row{Name: "rehearsal: the same manifest 20 times, kinds of fingerprint and verdicts", Bound: 1, Value: float64(len(kinds)), Unit: "kinds",
		Note: fmt.Sprintf("load, a fault and two expectations; of its controls %d of %d were red", red, repeats)})
	report(b, "missed", Row{Name: "rehearsal: negative controls that were not caught, and 1", Bound: 1, Value: float64(1 + repeats - red), Unit: "controls"})
}

// verdicts is what a run came to, without figures.
func verdicts(r evidence.Run) string {
	words := []string{r.Fingerprint.Digest, string(r.Outcome)}
	for _, c := range r.Criteria {
		words = append(words, c.Name, string(c.Outcome))
	}
	return strings.Join(words, " ")
}
