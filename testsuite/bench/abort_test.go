package bench

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// abortsEach is how many of either kind one run measures.
var abortsEach = flag.Int("aborts", 200, "aborts of either kind in each run of BenchmarkAbort")

// How often BenchmarkAbort measures.
const (
	abortRuns    = 5
	abortsAtOnce = 10 // of either kind, open together
)

// BenchmarkAbort measures how much later than in a bare workflow the restoring
// activity runs after an abort. The bare workflow does one thing: a signal
// comes, an eager activity starts, with the options of the restoring one. Both
// are signalled in turn on the same server and the same workers. The clock runs
// from the time of the event WorkflowExecutionSignaled, when the server has
// accepted the abort, to the first line of the activity's code in the worker;
// server and worker are on one machine and have the same clock.
func BenchmarkAbort(b *testing.B) {
	s := newStage(b, rollout.Queues()...)
	a := &aborts{stage: s}
	a.sample(b, &latencies{}, &latencies{}) // caches and pollers warm up
	var p50, p99 []float64
	for range abortRuns {
		ours, bare := &latencies{}, &latencies{}
		for len(ours.running) < *abortsEach {
			a.sample(b, ours, bare)
		}
		p50 = append(p50, ratio(ours.running, bare.running, 0.50))
		p99 = append(p99, ratio(ours.running, bare.running, 0.99))
		b.Logf("rollout %s\nbare    %s", ours, bare)
		a.ours.add(ours)
		a.bare.add(bare)
	}
	b.ReportMetric(0, "ns/op")
	report(b, "p50-ratio", Row{Name: "abort → restoring, against a bare workflow, p50", Bound: 1.5, Value: Median(p50), Unit: "×",
		Note: fmt.Sprintf("median of %d runs of %d each: %.2f", abortRuns, *abortsEach, p50)})
	report(b, "p99-ratio", Row{Name: "abort → restoring, against a bare workflow, p99", Bound: 2.5, Value: Median(p99), Unit: "×",
		Note: fmt.Sprintf("%.2f", p99)})
	found.Add(Row{Name: "  rollout, p50", Value: milliseconds(Median(a.ours.running)), Unit: "ms", Note: a.ours.String()})
	found.Add(Row{Name: "  bare, p50", Value: milliseconds(Median(a.bare.running)), Unit: "ms", Note: a.bare.String()})
}

func ratio(ours, bare []time.Duration, q float64) float64 {
	return float64(Quantile(ours, q)) / float64(Quantile(bare, q))
}

// latencies of one kind of workflow. Each begins where the one before ends.
type latencies struct {
	running []time.Duration // signal accepted → the activity's code runs: the sum of the others

	picked  []time.Duration // signal accepted → workflow task started
	decided []time.Duration // → workflow task completed, with the activity on the way
	begun   []time.Duration // → the activity's code runs
}

// add appends another run's.
func (l *latencies) add(o *latencies) {
	l.running, l.picked = append(l.running, o.running...), append(l.picked, o.picked...)
	l.decided, l.begun = append(l.decided, o.decided...), append(l.begun, o.begun...)
}

// String is p50, p99 and the median of each part.
func (l *latencies) String() string {
	return fmt.Sprintf("p50 %.2f ms, p99 %.2f ms; medians: task started %.2f, decided %.2f, running %.2f",
		milliseconds(Median(l.running)), milliseconds(Quantile(l.running, 0.99)),
		milliseconds(Median(l.picked)), milliseconds(Median(l.decided)), milliseconds(Median(l.begun)))
}

// aborts signals rollouts and bare workflows.
type aborts struct {
	*stage
	count      int
	ours, bare latencies // all runs
}

// sample opens a few rollouts and as many bare workflows, and signals them one
// by one in turn, the other kind first each time. All are ended together only
// then, because what the end of a workflow brings about in the server takes
// longer than what is measured.
func (a *aborts) sample(b *testing.B, ours, bare *latencies) {
	b.Helper()
	defer a.entry.hold(healthID)()
	var rollouts, bares []string
	for range abortsAtOnce {
		a.count++
		rollouts = append(rollouts, a.openRollout(b, fmt.Sprintf("service-%d", a.count)))
		bares = append(bares, a.openBare(b, fmt.Sprintf("bare-%d", a.count)))
	}
	for i := range rollouts {
		a.entry.await(b, rollouts[i], "s01.w01.observe")
		a.awaitLength(b, bares[i], parked)
	}
	time.Sleep(settleAll)
	for i := range rollouts {
		if i%2 == 0 {
			a.abort(b, rollouts[i], ours)
			a.abort(b, bares[i], bare)
		} else {
			a.abort(b, bares[i], bare)
			a.abort(b, rollouts[i], ours)
		}
	}
	for i := range rollouts {
		require.NoError(b, a.client.TerminateWorkflow(context.Background(), rollouts[i], "", "measured"))
		require.NoError(b, a.client.TerminateWorkflow(context.Background(), bares[i], "", "measured"))
	}
}

// After a measurement, and after many starts and ends, the server has its own
// work to do.
const (
	settle    = 15 * time.Millisecond
	settleAll = 100 * time.Millisecond
)

// openRollout starts a rollout that is going to bake for ten minutes.
func (a *aborts) openRollout(b *testing.B, service string) string {
	o := orderFor(service, a.drivers(service), 10*time.Minute)
	return startRollout(b, a.client, o).GetID()
}

// openBare starts a bare workflow.
func (a *aborts) openBare(b *testing.B, id string) string {
	_, err := a.client.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{ID: id, TaskQueue: rollout.QueueControl}, bareType)
	require.NoError(b, err)
	return id
}

// awaitLength returns when a history is at least that long.
func (a *aborts) awaitLength(b *testing.B, id string, events int64) {
	b.Helper()
	eventually(b, fmt.Sprintf("%d events of %s", events, id), func() bool {
		d, err := a.client.DescribeWorkflowExecution(context.Background(), id, "")
		return err == nil && d.GetWorkflowExecutionInfo().GetHistoryLength() >= events
	})
}

// abort signals one workflow and notes how long it took. It returns when
// nothing is left to do in it for a while: the bare one waits again, the
// rollout has put traffic back and is held before it looks at the health.
func (a *aborts) abort(b *testing.B, id string, to *latencies) {
	b.Helper()
	require.NoError(b, a.client.SignalWorkflow(context.Background(), id, "", rollout.CommandAbort, abortCommand(id)))
	a.entry.await(b, id, restoreID)
	if strings.HasPrefix(id, "bare") {
		a.awaitLength(b, id, parkedAgain)
	} else {
		a.entry.await(b, id, healthID)
	}
	t, running := timesOf(history(b, a.client, id)), a.entry.of(id, restoreID)
	to.running = append(to.running, running.Sub(t.signaled))
	to.picked = append(to.picked, t.started.Sub(t.signaled))
	to.decided = append(to.decided, t.completed.Sub(t.started))
	to.begun = append(to.begun, running.Sub(t.completed))
	time.Sleep(settle)
}

// times are the event times on the way from a signal to the restoring activity.
type times struct{ signaled, started, completed time.Time }

// timesOf finds them in a history.
func timesOf(h *historypb.History) times {
	var t times
	at := map[int64]*historypb.HistoryEvent{}
	for _, e := range h.Events {
		at[e.EventId] = e
		switch e.EventType {
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
			t.signaled = e.EventTime.AsTime()
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			scheduled := e.GetActivityTaskScheduledEventAttributes()
			if scheduled.ActivityId != restoreID {
				continue
			}
			task := at[scheduled.WorkflowTaskCompletedEventId]
			t.completed = task.EventTime.AsTime()
			t.started = at[task.GetWorkflowTaskCompletedEventAttributes().StartedEventId].EventTime.AsTime()
			return t
		}
	}
	return t
}

// Names of the bare workflow and its activity, the id of the activity that is
// measured, the same in both, and of the one before which rollouts are held.
const (
	bareType  = "Bare"
	bareAct   = "BareRestore"
	restoreID = "restore.traffic"
	healthID  = "restore.health"
)

// Lengths of a bare workflow's history while it waits: started and a workflow
// task, then the signal, a task, the activity, and a task.
const (
	parked      = 4
	parkedAgain = parked + 10
)

// bareWorkflow waits for the abort, restores nothing, and waits again.
func bareWorkflow(ctx workflow.Context) error {
	var c rollout.Command
	workflow.GetSignalChannel(ctx, rollout.CommandAbort).Receive(ctx, &c)
	// The options of workflows/restore.go's startRestore.
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ActivityID: restoreID, Summary: "put traffic back to " + baseline + ": aborted by " + c.Actor + ": " + c.Reason,
		TaskQueue: rollout.QueueControl, StartToCloseTimeout: 10 * time.Second,
		WaitForCancellation: true, Priority: temporal.Priority{PriorityKey: 1},
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 5 * time.Second},
	})
	if err := workflow.ExecuteActivity(ctx, bareAct, c).Get(ctx, nil); err != nil {
		return err
	}
	workflow.GetSignalChannel(ctx, rollout.CommandAbort).Receive(ctx, &c)
	return nil
}

// bareRestore does nothing.
func bareRestore(context.Context, rollout.Command) error { return nil }
