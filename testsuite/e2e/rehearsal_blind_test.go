package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	toxics "github.com/Shopify/toxiproxy/v2"
	toxiproxy "github.com/Shopify/toxiproxy/v2/client"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/testsuite/ports"
)

// A manifest freezes a process, sets its clock back, and takes the metrics away from
// under a drill: each fault is what it says, while the evidence says so, and a drill
// whose checks nobody could read is Unmeasured, never Passed.
func TestBlindDrillAmidFaults(t *testing.T) {
	c := found(t)
	k := startClock(t)
	server := httptest.NewServer(toxics.NewServer(toxics.NewMetricsContainer(nil), zerolog.New(io.Discard)).Routes())
	t.Cleanup(server.Close)
	h := c.hall(t, "rehearsals:", fmt.Sprintf("  faults: {directory: %q, toxiproxy: %q, processes: {clock: {pidFile: %q}}, limits: {atOnce: 2, kinds: [process, clock, metrics], proxies: [metrics], processes: [clock]}}",
		filepath.Join(t.TempDir(), "faults"), server.URL, k.pidFile))
	way := ports.Free(t)
	metrics, err := toxiproxy.NewClient(strings.TrimPrefix(server.URL, "http://")).CreateProxy("metrics", way, strings.TrimPrefix(h.url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = metrics.Delete() })
	// The deployer names endpoints behind that proxy, and is not behind it itself.
	deployer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = way
		h.http.ServeHTTP(w, r)
	}))
	t.Cleanup(deployer.Close)
	spec := h.file(oneStep, "needsHumanAfter: 20s", // half of it the health of the baseline is waited for
		fmt.Sprintf("target: {deploy: {driver: http, with: {url: %q}}, traffic: {driver: http, with: {url: %q}}, metrics: {driver: scrape}}", deployer.URL, h.url),
		`checks: [{name: objective, failures: 'http_requests_total{code=~"5.."}', requests: http_requests_total, by: version, judge: {sloRate: {objective: 95%}}}]`)
	drill := "drills: [{from: step 1, restoreWithin: 60s}]"
	sighted, _ := h.rehearse("rollout: "+spec, h.browse("3s"), drill)
	require.Equal(t, evidence.Passed, sighted.Outcome, "with metrics it passes: %s", sighted.Reason)

	status, out := h.rehearse("rollout: "+spec, h.browse("10s"), drill, `faults:
  - {name: stalled, at: 1s, for: 4s, process: {name: clock, do: freeze}}
  - {name: late, at: 7s, for: 3s, clock: {process: clock, skew: -2h}}
  - {name: blind, at: 1s, for: 30s, metrics: {proxy: metrics}}`)
	require.Equal(t, evidence.Unmeasured, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	require.Equal(t, 10, out.Code)
	run := h.evidence(status)
	require.Equal(t, evidence.Unmeasured, run.Drills[0].Repeats[0].Outcome, run.Drills[0].Repeats[0].Reason)
	require.Contains(t, run.Drills[0].Repeats[0].Reason, "absolute checks could not be judged: ")
	require.Empty(t, status.Left)
	faults := map[string]evidence.Fault{}
	for _, f := range run.Faults {
		require.Contains(t, []string{"expiry", "rehearsal"}, f.RemovedBy, "%+v", f)
		require.True(t, f.Verified, "%+v", f)
		faults[f.Name] = f
	}
	require.Len(t, faults, 3)
	stalled, late, told := faults["stalled"], faults["late"], k.told(t)
	require.NotEmpty(t, told.between(sighted.StartedAt, stalled.StartedAt), "it told the time before")
	// What it has begun to tell is told, and it may go on a moment before that is noted.
	require.Greater(t, told.between(stalled.StartedAt.Add(-time.Second), late.StartedAt).longest(), 1500*time.Millisecond, "a frozen process tells nothing")
	require.NotEmpty(t, told.between(stalled.EndedAt, late.StartedAt), "it goes on")
	require.NotEmpty(t, told.between(late.StartedAt.Add(-2*time.Hour), late.EndedAt.Add(-2*time.Hour)), "it was two hours late")
	until(t, "its clock is right again", func() bool { return len(k.told(t).between(late.EndedAt, time.Now())) > 0 })
}

// clock is a process that notes the time, again and again, as libfaketime has it.
type clock struct{ pidFile, file string }

func startClock(t *testing.T) clock {
	t.Helper()
	const libfaketime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
	if _, err := os.Stat(libfaketime); err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "faketime has to be there: %v", err)
		t.Skip("SKIP: needs faketime")
	}
	dir := t.TempDir()
	k := clock{filepath.Join(dir, "pid"), filepath.Join(dir, "told")}
	cmd := exec.Command("/bin/sh", "-c", "while :; do date +%s.%N >> '"+k.file+"'; sleep 0.05; done")
	cmd.Env = append(os.Environ(), "LD_PRELOAD="+libfaketime, "FAKETIME_TIMESTAMP_FILE="+filepath.Join(dir, "stamp"), "FAKETIME_NO_CACHE=1")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	require.NoError(t, os.WriteFile(k.pidFile, []byte(strconv.Itoa(cmd.Process.Pid)), 0o644))
	until(t, "it tells the time", func() bool { return len(k.told(t)) > 0 })
	return k
}

// times are those that it has told, in this order.
type times []time.Time

func (k clock) told(t *testing.T) (out times) {
	t.Helper()
	body, err := os.ReadFile(k.file)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	for line := range strings.Lines(string(body)) {
		if at, err := strconv.ParseFloat(strings.TrimSpace(line), 64); err == nil { // else it is being written
			out = append(out, time.UnixMicro(int64(at*1e6)))
		}
	}
	return out
}

func (all times) between(from, to time.Time) times {
	return slices.DeleteFunc(slices.Clone(all), func(at time.Time) bool { return at.Before(from) || at.After(to) })
}

// longest is the longest time between two of them.
func (all times) longest() (gap time.Duration) {
	for i := range all[:max(len(all)-1, 0)] {
		gap = max(gap, all[i+1].Sub(all[i]))
	}
	return gap
}
