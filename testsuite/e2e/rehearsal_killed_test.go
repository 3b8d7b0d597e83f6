package e2e_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	toxics "github.com/Shopify/toxiproxy/v2"
	toxiproxy "github.com/Shopify/toxiproxy/v2/client"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	workflowpb "go.temporal.io/api/workflow/v1"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
	"bakeoff/testsuite/ports"
	"bakeoff/testsuite/procs"
)

// moments is how many rehearsals are killed in all.
const moments = 50

// A rehearsal is killed at random moments: its worker by SIGKILL, or its workflow
// by an admin. Whatever it had begun is gone soon: the fault, the load, the
// candidate, its weight, its flag. Moments are drawn from a fixed seed.
func TestKilledRehearsalLeavesNothing(t *testing.T) {
	const halls = 5
	for i := range halls {
		t.Run(fmt.Sprintf("Killed%d", i), func(t *testing.T) {
			c := found(t)
			h, proxy := c.faultyHall(t)
			luck := rand.New(rand.NewPCG(42, uint64(i)))
			for range moments / halls {
				h.killAt(time.Duration(luck.Int64N(int64(9*time.Second))), luck.IntN(2) == 0)
				h.awaitNothing(proxy)
			}
			require.Contains(t, strings.Join(h.world.Log(), "\n"), "flags new-cart", "there was a flag to put back")
		})
	}
}

// faultyHall is a hall whose load goes through a Toxiproxy.
func (c *town) faultyHall(t *testing.T, config ...string) (*hall, *toxiproxy.Proxy) {
	t.Helper()
	server := toxics.NewServer(toxics.NewMetricsContainer(nil), zerolog.New(io.Discard))
	api := httptest.NewServer(server.Routes())
	t.Cleanup(api.Close)
	faults := filepath.Join(t.TempDir(), "faults")
	h := c.hall(t, append(config, "rehearsals:", fmt.Sprintf("  faults: {directory: %q, toxiproxy: %q, limits: {kinds: [toxiproxy], proxies: [users]}}", faults, api.URL))...)
	h.faults = faults
	behind, err := url.Parse(h.users)
	require.NoError(t, err)
	address := ports.Free(t)
	proxy, err := toxiproxy.NewClient(strings.TrimPrefix(api.URL, "http://")).CreateProxy("users", address, behind.Host)
	require.NoError(t, err)
	t.Cleanup(func() { _ = proxy.Delete() })
	h.users = "http://" + address
	return h, proxy
}

// killAt starts a rehearsal and kills it after a while.
func (h *hall) killAt(after time.Duration, worker bool) {
	h.t.Helper()
	file := h.manifest(h.browse("6s"), "faults: [{name: slow, at: 1s, for: 5s, toxiproxy: {proxy: users, latency: 50ms}}]",
		"drills: [{from: step 1, after: 2s, restoreWithin: 10s}]")
	out := h.cli("rehearse", file, "--detach", "--reason", "to be killed")
	require.Zero(h.t, out.Code, out.Stderr)
	time.Sleep(after) // the moment is what is tested
	if worker {
		h.town.worker.Kill()
		h.town.worker = procs.StartWorker(h.t, h.town.server, h.config)
		return
	}
	err := h.town.client(h.t).TerminateWorkflow(h.t.Context(), rollout.RehearsalID("staging", h.name), "", "killed by a test")
	if err != nil { // it was over
		require.Contains(h.t, err.Error(), "already completed")
	}
}

// A fault that was in force until its worker was killed is in the evidence, though its
// rehearsal was stopped before another worker came: at once, or after its holder was
// missed.
func TestStoppedWhileItsWorkerIsDead(t *testing.T) {
	for name, missed := range map[string]bool{"at once": false, "missed": true} {
		t.Run(name, func(t *testing.T) {
			c := found(t)
			h, proxy := c.faultyHall(t)
			file := h.manifest(h.browse("60s"), "faults: [{name: slow, at: 1s, for: 50s, toxiproxy: {proxy: users, latency: 50ms}}]")
			require.Zero(t, h.cli("rehearse", file, "--detach", "--reason", "to be stopped").Code)
			until(t, "the fault is in force, and on record", func() bool {
				there, err := proxy.Toxics()
				return err == nil && len(there) > 0 && h.recorded(`"startedAt"`)
			})
			killed := time.Now()
			h.town.worker.Kill()
			temporal, id := h.town.client(t), rollout.RehearsalID("staging", h.name)
			require.NoError(t, temporal.SignalWorkflow(t.Context(), id, "", rehearsal.SignalStop, rehearsal.Stop{Actor: "bo", Reason: "not now"}))
			until(t, "the fault is to be held by another worker", func() bool {
				d, err := temporal.DescribeWorkflowExecution(t.Context(), id, "")
				return !missed || err == nil && slices.ContainsFunc(d.GetPendingActivities(), func(a *workflowpb.PendingActivityInfo) bool {
					return a.GetActivityType().GetName() == "HoldFault" && a.GetAttempt() > 1
				})
			})
			h.town.worker = procs.StartWorker(t, h.town.server, h.config)
			var status rehearsal.Status
			require.NoError(t, temporal.GetWorkflow(t.Context(), id, "").Get(t.Context(), &status))
			require.Equal(t, evidence.Aborted, status.Outcome, status.Reason)
			f := h.evidence(status).Faults[0]
			require.NotEmpty(t, f.InForce(), "%+v", f)
			require.True(t, f.Verified)
			require.True(t, f.StartedAt.Before(killed), "%+v", f) // the next worker may have begun it again before it heard of the stop
		})
	}
}

// recorded reports whether a record of the worker's faults has this text.
func (h *hall) recorded(text string) bool {
	files, err := filepath.Glob(filepath.Join(h.faults, "*.json"))
	return err == nil && slices.ContainsFunc(files, func(file string) bool {
		record, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(record), text)
	})
}

// servedBefore says what to deploy when a promotion is taken back.
const servedBefore = `baseline: {artifact: "checkout@sha256:7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730"}`

// An admin terminates a rehearsal whose rollout was promoted: what was there before
// is put back all the same.
func TestTerminatedRehearsalGoesBack(t *testing.T) {
	h := found(t).hall(t)
	require.Zero(t, h.cli("rehearse", h.manifest("outcome: Promoted", servedBefore), "--detach", "--reason", "to be terminated").Code)
	c, id := h.town.client(t), rollout.RehearsalID("staging", h.name)
	first := ""
	until(t, "the rollout begins", func() bool {
		d, err := c.DescribeWorkflowExecution(t.Context(), "rollout/"+h.target(), "")
		first = d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
		return err == nil
	})
	var status rollout.Status
	require.NoError(t, c.GetWorkflow(t.Context(), "rollout/"+h.target(), first).Get(t.Context(), &status))
	require.Equal(t, rollout.Promoted, status.Outcome, status.Reason)
	require.NoError(t, c.TerminateWorkflow(t.Context(), id, "", "by a test"))
	var result rehearsal.RolloutResult
	require.NoError(t, c.GetWorkflow(t.Context(), id+"/rollout", "").Get(t.Context(), &result))
	require.Empty(t, result.NotBack)
	state := h.world.State()
	require.Equal(t, baseline, state.Primary)
	require.Equal(t, rollout.All, state.Weights[baseline], "%v", state.Weights)
}

// awaitNothing returns when nothing of a rehearsal is left.
func (h *hall) awaitNothing(proxy *toxiproxy.Proxy) {
	h.t.Helper()
	c := h.town.client(h.t)
	// Acts of a dead worker are missed after some seconds each, on a machine that
	// has a hundred other tests to run.
	within(h.t, 2*patience, "the rehearsal and its rollout are over", func() bool {
		for _, id := range []string{rollout.RehearsalID("staging", h.name), "rollout/" + h.target()} {
			d, err := c.DescribeWorkflowExecution(context.WithoutCancel(h.t.Context()), id, "")
			if err == nil && d.GetWorkflowExecutionInfo().GetCloseTime() == nil {
				return false
			}
		}
		return true
	})
	until(h.t, "the fault is gone", func() bool {
		left, err := proxy.Toxics()
		return err == nil && len(left) == 0
	})
	state := h.world.State()
	require.Equal(h.t, rollout.All, state.Weights[baseline], "%v", state.Weights)
	require.NotContains(h.t, state.Versions, candidate)
	require.Empty(h.t, state.Flags)
	before := h.requests.Load()
	time.Sleep(300 * time.Millisecond) // nobody sends any more
	require.Equal(h.t, before, h.requests.Load(), "the load goes on")
}

// counted counts the requests of a service.
func (h *hall) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.requests.Add(1)
		next.ServeHTTP(w, r)
	})
}
