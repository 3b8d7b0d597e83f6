package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
	"bakeoff/testsuite/ports"
	"bakeoff/testsuite/procs"
)

// A fault makes the service unhealthy: the rehearsal halts long before the fault's
// own end. The fault is gone, the drill's baseline is back, and it is red.
func TestHaltedRehearsal(t *testing.T) {
	c := found(t)
	h, proxy := c.faultyHall(t)
	began := time.Now()
	status, out := h.rehearse(h.browse("4m"), "faults: [{name: away, at: 2s, for: 4m, toxiproxy: {proxy: users, down: true}}]",
		"drills: [{from: step 1, repeat: 20, restoreWithin: 10s}]",
		fmt.Sprintf("probes: [{name: alive, url: %q, mode: continuous, every: 200ms}]", h.users))
	require.Equal(t, evidence.Halted, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	require.Equal(t, 10, out.Code)
	require.Less(t, time.Since(began), time.Minute)
	require.Contains(t, status.Reason, "alive: 3 bad answers one after another")
	h.awaitNothing(proxy)
	answer, err := http.Get(h.users)
	require.NoError(t, err, "the proxy listens again")
	require.NoError(t, answer.Body.Close())

	run := h.evidence(status)
	require.NotNil(t, run.Halt)
	require.Equal(t, "alive", run.Halt.Probe)
	require.NotNil(t, run.Halt.Took, "%+v", run.Faults)
	require.Less(t, run.Halt.Took.Std(), 10*time.Second)
	require.True(t, run.Faults[0].Verified, run.Faults[0].Error)
	require.Less(t, run.Faults[0].EndedAt.Sub(run.Faults[0].StartedAt), 30*time.Second)
	require.Equal(t, 3, run.Probes[0].InRow)
	shown := h.cli("report", status.Place)
	require.Zero(t, shown.Code, shown.Stderr)
	require.Contains(t, shown.Stdout, "after the first bad answer")
}

// Users who fail end the rehearsal: those who send the load are asked, however many
// they are, and nobody has to give a URL for it.
func TestRehearsalIsHaltedByItsUsers(t *testing.T) {
	c := found(t)
	h, proxy := c.faultyHall(t)
	load := fmt.Sprintf("load: [{name: browse, url: %q, rate: 100/s, for: 4m, shards: 2, keepAlive: false}]", h.users)
	status, out := h.rehearse(load, "faults: [{name: away, at: 8s, for: 3m, toxiproxy: {proxy: users, down: true}}]",
		"probes: [{name: quick, signal: latency-p99, over: 2s, below: 5s, mode: continuous, always: true},"+
			" {name: users, signal: errors, of: browse, over: 3s, below: 20%, mode: continuous, always: true, every: 500ms, failures: 2}]")
	require.Equal(t, evidence.Halted, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	require.Regexp(t, `users: 2 bad answers one after another, the last: \d.*%, to be below 20%; every fault was gone`, status.Reason)
	h.awaitNothing(proxy)
	run := h.evidence(status)
	require.Equal(t, "users", run.Halt.Probe)
	require.Less(t, run.Faults[0].EndedAt.Sub(run.Faults[0].StartedAt), 20*time.Second)
	for _, p := range run.Probes {
		require.Greater(t, p.Asked, p.Failed, "%s: it was well before the fault", p.Name)
		require.Less(t, p.Blind.Std(), 5*time.Second, p.Name)
	}
}

// A service that is not well before anything is done to it is left alone.
func TestRehearsalOfAnUnhealthyService(t *testing.T) {
	c := found(t)
	h, _ := c.faultyHall(t)
	status, out := h.rehearse(h.browse("5s"), "faults: [{name: slow, for: 5s, toxiproxy: {proxy: users, latency: 10ms}}]",
		"drills: [{from: step 1, restoreWithin: 10s}]",
		fmt.Sprintf("probes: [{name: alive, url: %q, mode: edge, every: 100ms}]", "http://"+ports.Free(t)+"/"))
	require.Equal(t, evidence.Halted, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	require.Equal(t, 10, out.Code)
	require.Contains(t, status.Reason, "the service was not healthy before anything was done to it: alive: 3 bad answers")
	run := h.evidence(status)
	require.True(t, run.Halt.Before)
	require.Empty(t, run.Faults)
	require.Zero(t, h.requests.Load(), "nothing was sent")
	require.Equal(t, rollout.All, h.world.State().Weights[baseline])
	require.NotContains(t, h.world.State().Versions, candidate)
}

// The worker that asks is killed: the next one asks on, and a service that is not
// well then ends the rehearsal all the same. Without faults it is asked all the time.
func TestProbeOutlivesItsWorker(t *testing.T) {
	c := found(t)
	h, proxy := c.faultyHall(t)
	out := h.cli("rehearse", h.manifest(h.browse("5m"), fmt.Sprintf("probes: [{name: alive, url: %q, mode: continuous, always: true, every: 200ms}]", h.users)),
		"--detach", "--reason", "a test")
	require.Zero(t, out.Code, out.Stderr)
	until(t, "the load is sent", func() bool { return h.requests.Load() > 0 })
	h.town.worker.Kill()
	h.town.worker = procs.StartWorker(t, h.town.server, h.config)
	before := h.requests.Load()
	until(t, "the load is sent again", func() bool { return h.requests.Load() > before })
	require.NoError(t, proxy.Disable())
	var status rehearsal.Status
	require.NoError(t, h.town.client(t).GetWorkflow(t.Context(), rollout.RehearsalID("staging", h.name), "").Get(t.Context(), &status))
	require.Equal(t, evidence.Halted, status.Outcome, status.Reason)
	run := h.evidence(status)
	require.Nil(t, run.Halt.Took, "there was no fault")
	require.Equal(t, "all the time", run.Probes[0].When)
	require.Greater(t, run.Probes[0].Asked, run.Probes[0].Failed, "what it was answered before is known")
}
