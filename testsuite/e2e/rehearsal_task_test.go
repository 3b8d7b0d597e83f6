package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
	"bakeoff/rollout"
	"bakeoff/testsuite/breaker"
)

// ownFaults is a team whose worker serves faults of its own: a service that fails as
// long as one is in force.
type ownFaults struct {
	*breaker.Breaker
	worker  worker.Worker
	service *httptest.Server
	broken  atomic.Bool
	stuck   atomic.Bool // it cannot be stopped, and ends at its expiry

	mu    sync.Mutex
	asked []fault.TaskInput
}

// allowed is what the worker's configuration says of them.
func allowed(t *testing.T) string {
	return fmt.Sprintf("rehearsals: {faults: {directory: %q, limits: {kinds: [task], taskQueues: [team-a]}}}", t.TempDir())
}

func (h *hall) ownFaults() *ownFaults {
	h.t.Helper()
	f := &ownFaults{}
	f.Breaker = &breaker.Breaker{
		Begin: func(map[string]any) error { f.broken.Store(true); return nil },
		End:   func(map[string]any) error { f.broken.Store(false); return nil },
	}
	f.service = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if f.broken.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	h.t.Cleanup(f.service.Close)
	f.serve(h)
	return f
}

// serve has another worker serve them.
func (f *ownFaults) serve(h *hall) {
	f.worker = worker.New(h.town.client(h.t), "team-a", worker.Options{})
	f.worker.RegisterActivity(f)
	require.NoError(h.t, f.worker.Start())
	h.t.Cleanup(f.worker.Stop)
}

// Break is the example's, and remembers what it was asked.
func (f *ownFaults) Break(ctx context.Context, in fault.TaskInput) (fault.TaskOutput, error) {
	f.mu.Lock()
	f.asked = append(f.asked, in)
	f.mu.Unlock()
	if in.Do == fault.TaskStop && f.stuck.Load() {
		return fault.TaskOutput{}, temporal.NewNonRetryableApplicationError("the breaker is stuck", "Stuck", errors.New("no"))
	}
	return f.Breaker.Break(ctx, in)
}

func (f *ownFaults) orders() []fault.TaskInput {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

func (f *ownFaults) lines(lasts, holds string) []string {
	return []string{fmt.Sprintf("load: [{name: browse, url: %q, rate: 50/s, for: %s}]", f.service.URL, lasts),
		"faults: [{name: away, at: 1s, for: " + holds + ", task: {taskQueue: team-a, activity: Break, input: {what: carts}}}]",
		"expect: [{signal: errors, during: away, settle: 300ms, above: 90%}, {signal: errors, outside: away, settle: 500ms, below: 5%}]"}
}

// TestFaultOfOnesOwn has a worker on another task queue make a fault: it is told when
// to start, when to stop, and when the fault must be gone by itself.
func TestFaultOfOnesOwn(t *testing.T) {
	h := found(t).hall(t, allowed(t))
	f := h.ownFaults()
	status, out := h.rehearse(f.lines("6s", "3s")...)
	require.Equal(t, evidence.Passed, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	asked := f.orders()
	require.Len(t, asked, 2)
	require.Equal(t, []string{"start", "stop"}, []string{asked[0].Do, asked[1].Do})
	require.Equal(t, asked[0].ID, asked[1].ID)
	require.Equal(t, map[string]any{"what": "carts"}, asked[0].Input)
	run := h.evidence(status)
	require.WithinDuration(t, run.StartedAt.Add(4*time.Second), asked[0].Until, 0, "a second after the beginning, and for three")
	require.True(t, run.Faults[0].Verified)
	require.Equal(t, "rehearsal", run.Faults[0].RemovedBy)
	require.False(t, f.broken.Load())
}

// One that cannot be stopped is left behind, says the rehearsal, which does not pass;
// and it is gone at its expiry all the same.
func TestFaultOfOnesOwnThatIsStuck(t *testing.T) {
	h := found(t).hall(t, allowed(t))
	f := h.ownFaults()
	f.stuck.Store(true)
	file := h.manifest(f.lines("20s", "15s")...)
	require.Zero(t, h.cli("rehearse", file, "--detach", "--reason", "a test").Code)
	until(t, "the fault is in force", f.broken.Load)
	expiry := f.orders()[0].Until
	require.Equal(t, 14, h.cli("rehearse", file, "--stop", "--reason", "enough").Code, "a person has to look")
	until(t, "it is told to stop", func() bool { return len(f.orders()) == 2 })
	require.Less(t, time.Now(), expiry, "at once, and not at its end")
	var ended rehearsal.Status
	require.NoError(t, h.town.client(t).GetWorkflow(t.Context(), rollout.RehearsalID("staging", h.name), "").Get(t.Context(), &ended))
	require.Equal(t, evidence.Aborted, ended.Outcome)
	require.Contains(t, fmt.Sprint(ended.Left), "fault away")
	require.Contains(t, fmt.Sprint(ended.Left), "it could not be stopped: the breaker is stuck")
	until(t, "it ends by itself", func() bool { return !f.broken.Load() })
	require.WithinDuration(t, expiry, time.Now(), 2*time.Second)
}

// A start that nobody has taken when the rehearsal is stopped is never given to
// anybody: who comes later is asked to stop, and nothing else.
func TestFaultOfOnesOwnThatIsStoppedBeforeItBegins(t *testing.T) {
	h := found(t).hall(t, allowed(t))
	f := h.ownFaults()
	file := h.manifest(f.lines("60s", "50s")...)
	require.Zero(t, h.cli("rehearse", file, "--detach", "--reason", "a test").Code)
	waits := func(act string) bool {
		of, err := h.town.client(t).DescribeWorkflowExecution(t.Context(), rollout.RehearsalID("staging", h.name), "")
		return err == nil && slices.ContainsFunc(of.PendingActivities, func(a *workflowpb.PendingActivityInfo) bool { return a.ActivityId == act })
	}
	until(t, "the load is sent", func() bool { return waits("load.browse") }) // the queue was seen to be served
	f.worker.Stop()
	until(t, "its start waits", func() bool { return waits("fault.away.start") })
	stopped := make(chan int)
	go func() { stopped <- h.cli("rehearse", file, "--stop", "--reason", "enough").Code }()
	until(t, "its stop waits", func() bool { return waits("fault.away.stop") })
	f.serve(h)
	require.Zero(t, <-stopped, "nothing is left")
	require.Len(t, f.orders(), 1)
	require.Equal(t, fault.TaskStop, f.orders()[0].Do)
	require.False(t, f.broken.Load())
}
