package e2e_test

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/testsuite/ports"
	"bakeoff/testsuite/procs"
)

// asPromised is what the contract's own example asks, with times that fit a test.
const asPromised = "scaling: {replicas: {min: 1, max: 3}, upWithin: 6s, downWithin: 8s, overshoot: 1, oscillations: 0, metrics: {driver: scrape}}"

// inDetail says more of the same, by what the service says of itself.
const inDetail = `scaling: {replicas: {min: 1, max: 6}, upWithin: 6s, downWithin: 8s, overshoot: 2, oscillations: 0, poll: 100ms, capacity: 20/s,
  waiting: {queue: 120, latency: 5s}, trigger: {signal: utilisation, above: 0.8}, metrics: {driver: scrape},
  policy: {target: {utilisation: 80%}, cooldownUp: 2s, cooldownDown: 500ms, stabilisation: 3s},
  signals: {ready: {gauge: replicas_ready}, wanted: {gauge: replicas_wanted}, queue: {gauge: queue_length},
    utilisation: {gauge: replicas_utilisation}, latency: {histogram: http_request_duration_seconds}}}`

// TestRehearsalOfAutoscaling tries autoscalers, a good one and bad ones, on a real
// service whose replicas are processes: from the CLI to the evidence.
func TestRehearsalOfAutoscaling(t *testing.T) {
	program := procs.DevProgram(t, "bakeoff-scaled")
	for name, c := range map[string]struct {
		flags   []string
		scaling string
		lasts   int // seconds of the surge; default 9
		is      evidence.Outcome
		broken  string // criterion
		why     string
	}{
		"Good":       {scaling: inDetail, flags: []string{"--max", "5"}, is: evidence.Passed},
		"AsPromised": {scaling: asPromised, flags: []string{"--max", "3"}, lasts: 12, is: evidence.Passed},
		"NoCooldown": {scaling: inDetail, flags: []string{"--no-cooldown"}, is: evidence.Failed, broken: "scaling cooldown", why: "cooldownUp"},
		"Stuck": {scaling: inDetail, flags: []string{"--stuck-at", "2"}, is: evidence.Failed, broken: "scaling up",
			why: "only 2 of the 3 replicas needed were ready after "},
	} {
		t.Run(name, func(t *testing.T) {
			h := found(t).hall(t)
			status, out := h.rehearse(surge(scaledService(t, program, c.flags...), cmp.Or(c.lasts, 9)), c.scaling)
			require.Equal(t, c.is, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
			require.Equal(t, c.is == evidence.Passed, out.Code == 0, out.Code)
			h.requiresFigures(status)
			if c.broken != "" {
				broken := criterion(t, status, c.broken)
				require.Equal(t, evidence.Failed, broken.Outcome, broken.Reason)
				require.Contains(t, broken.Reason, c.why)
			}
		})
	}
}

// TestStoppedRehearsalKeepsItsSamples: what was seen of an autoscaler before
// somebody stopped the rehearsal is evidence, too.
func TestStoppedRehearsalKeepsItsSamples(t *testing.T) {
	h := found(t).hall(t)
	url := scaledService(t, procs.DevProgram(t, "bakeoff-scaled"))
	file := h.manifest(surge(url, 30), inDetail)
	require.Zero(t, h.cli("rehearse", file, "--detach", "--reason", "to be stopped").Code)
	until(t, "more than one replica", func() bool { return !strings.Contains(pageAt(t, url+"/metrics"), "\nreplicas_ready 1\n") })
	require.Zero(t, h.cli("rehearse", file, "--stop", "--reason", "staging is needed").Code)
	var found []string
	until(t, "the evidence", func() bool {
		found, _ = filepath.Glob(filepath.Join(h.folder, "evidence", "*", "*", "*", "report.md"))
		return len(found) == 1
	})
	body, err := os.ReadFile(filepath.Join(filepath.Dir(found[0]), "evidence.json"))
	require.NoError(t, err)
	run := decode[evidence.Run](t, string(body))
	require.Equal(t, evidence.Aborted, run.Outcome, run.Reason)
	require.Positive(t, run.Scaling.Ceiling, "%+v", run.Scaling)
	require.Greater(t, lengths(run)["replicas/ready"], 3)
	require.NotEqual(t, evidence.Passed, run.Scaling.Outcome)
}

func pageAt(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}

// scaledService starts an autoscaled service of 20/s for each replica, and returns
// its URL when it is ready.
func scaledService(t *testing.T, program string, flags ...string) string {
	t.Helper()
	address := ports.Free(t)
	service := procs.Start(t, "bakeoff-scaled", program, nil, append(flags, "--port", address[strings.LastIndex(address, ":")+1:])...)
	t.Cleanup(func() { require.Zero(t, service.Stop(t)) })
	url := "http://" + address
	until(t, "bakeoff-scaled is ready", func() bool {
		resp, err := http.Get(url + "/healthz")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
	return url
}

// surge is a load that needs three replicas for a while.
func surge(url string, seconds int) string {
	return fmt.Sprintf("load: [{name: base, url: %q, rate: 5/s, for: %ds}, {name: surge, url: %q, rate: 49/s, at: 1s, for: %ds}]", url, seconds+3, url, seconds)
}

func criterion(t *testing.T, s rehearsal.Status, name string) evidence.Criterion {
	t.Helper()
	for _, c := range s.Criteria {
		if c.Name == name {
			return c
		}
	}
	require.Fail(t, "no criterion "+name, "%+v", s.Criteria)
	return evidence.Criterion{}
}

// lengths is how many values each series has.
func lengths(run evidence.Run) map[string]int {
	out := map[string]int{}
	for _, s := range run.Series {
		out[s.Name+"/"+s.Of] = len(s.Values)
	}
	return out
}

// requiresFigures looks for what was measured, in the verdict and in the evidence.
func (h *hall) requiresFigures(s rehearsal.Status) {
	h.t.Helper()
	body, err := os.ReadFile(filepath.Join(s.Place, "evidence.json"))
	require.NoError(h.t, err)
	run := decode[evidence.Run](h.t, string(body))
	require.NotNil(h.t, run.Scaling)
	require.Equal(h.t, 3, run.Scaling.Needed, run.Scaling.Reason)
	require.Equal(h.t, 1, run.Scaling.Floor)
	require.NotEmpty(h.t, run.Scaling.Advice)
	names := lengths(run)
	require.Greater(h.t, names["replicas/ready"], 20, names)
	require.Greater(h.t, names["rate/scaling"], 20, "the load that was sent: %v", names)
	if s.Outcome == evidence.Passed {
		up := criterion(h.t, s, "scaling up")
		require.InDelta(h.t, run.Scaling.Up.Std().Seconds(), *up.Value, 0.001)
		require.Less(h.t, run.Scaling.Up.Std(), 8*time.Second)
		require.Positive(h.t, *criterion(h.t, s, "scaling down").Value)
	}
}
