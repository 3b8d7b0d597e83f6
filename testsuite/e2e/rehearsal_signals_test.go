package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
)

// TestRehearsalOfSignals reads signals of the service itself, as long as the practice
// goes on: one that keeps to its curve, one that leaves it, and one that is not there.
func TestRehearsalOfSignals(t *testing.T) {
	var reads atomic.Int64
	pages := http.NewServeMux()
	pages.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		n := reads.Add(1)
		_, _ = fmt.Fprintf(w, "db_connections{pool=\"a\"} 12\ndb_connections{pool=\"b\"} 8\nmemory_used_ratio %g\nqueries_total %d\n", min(0.5+float64(n)/100, 0.95), 10*n)
	})
	service := httptest.NewServer(pages)
	t.Cleanup(service.Close)
	h := found(t).hall(t)
	read := fmt.Sprintf("metrics: {driver: scrape}, poll: 250ms, endpoints: [%q]", service.URL)
	status, out := h.rehearse(h.browse("2s"), "drills: [{from: step 1, after: 4s, restoreWithin: 10s}]", // it goes on for longer than the load
		"signals: [{name: connections, gauge: db_connections, "+read+"}, {name: memory, gauge: memory_used_ratio, unit: ratio, "+read+"}, {name: gone, gauge: nothing, "+read+"}]",
		"expect: [{signal: connections, always: true, above: 19, below: 21, profile: [{at: 0s, low: 10, high: 30}, {at: 4s, low: 10, high: 30}]}, "+
			"{signal: connections, during: drills, below: 21}, {signal: memory, always: true, below: 52%}, {signal: gone, always: true, below: 1}]")
	require.Equal(t, evidence.Failed, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	outcomes := map[string]evidence.Outcome{}
	for _, c := range status.Criteria {
		outcomes[c.Name] = c.Outcome
	}
	require.Equal(t, evidence.Passed, outcomes["connections"], "%+v", status.Criteria)
	require.Equal(t, evidence.Passed, outcomes["connections during drills"], "%+v", status.Criteria)
	require.Equal(t, evidence.Failed, outcomes["memory"], "%+v", status.Criteria)
	require.Equal(t, evidence.Unmeasured, outcomes["gone"], "%+v", status.Criteria)
	require.Contains(t, criterion(t, status, "gone").Reason, "no series is selected")

	run := h.evidence(status)
	require.Greater(t, lengths(run)["connections/"], 12, "%v", lengths(run))
	require.Contains(t, fmt.Sprint(run.Files), "signal-memory.1.csv")
	require.Regexp(t, `windows/\d+/\d+\.s01\.w01\.jsonl`, fmt.Sprint(run.Files), "and what the drill was judged by")
	require.Zero(t, h.cli("report", status.Place).Code, "all files are as they were kept")
	require.Contains(t, fmt.Sprint(run.Fingerprint.Parts), "{signals sha256:")
	page, err := os.ReadFile(filepath.Join(status.Place, "report.html"))
	require.NoError(t, err)
	require.Contains(t, string(page), ">memory (ratio)<")
	require.Contains(t, string(page), ">connections<")
}

// Metrics that are late are waited for, for longer than a worker may be silent, and
// nothing is kept once the evidence is. What falls in the last seconds is seen.
func TestSignalsThatAreLate(t *testing.T) {
	var falls atomic.Int64 // Unix time, seconds; 0: nobody has asked yet
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		falls.CompareAndSwap(0, time.Now().Add(8*time.Second).Unix())
		at, value := time.Now().Unix(), 3
		if asked, err := strconv.ParseFloat(r.FormValue("time"), 64); err == nil {
			at = int64(asked)
		}
		if at > falls.Load() {
			value = 1
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[%d,"%d"]}]}}`, at, value)
	}))
	t.Cleanup(prometheus.Close)
	h := found(t).hall(t)
	status, out := h.rehearse(h.browse("12s"),
		fmt.Sprintf("signals: [{name: pool, query: pool_size, poll: 250ms, metrics: {driver: prometheus, with: {url: %q, delay: 12s}}}]", prometheus.URL),
		"expect: [{signal: pool, always: true, above: 2, misses: 5%}]")
	require.Equal(t, evidence.Failed, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	require.Regexp(t, `^1( to 3)?, to be above 2`, criterion(t, status, "pool").Reason)
	require.Zero(t, h.cli("report", status.Place).Code, "all files are as they were kept")
}
