package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"golang.org/x/sync/errgroup"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
	"bakeoff/workflows"
)

// The bounds of a Target: no run of it may be longer, and no command may be lost.
const mostEvents = 4096

// BenchmarkTarget lets one Target live through 10,000 commands and 500 rollouts.
// The rollouts end at once: what is measured is the workflow above them.
func BenchmarkTarget(b *testing.B) {
	for range b.N {
		life := newLife(b)
		begun := time.Now()
		life.lives(b, 500, 9500)
		each := time.Since(begun) / 10000
		runs, longest := life.histories(b)
		report(b, "events/longest-run", Row{Name: "events of a Target's longest run, 10,000 commands, 500 rollouts", Bound: mostEvents, Value: float64(longest), Unit: "events",
			Note: fmt.Sprintf("%d runs, none lost: %d commands answered, %d rollouts begun; %.0f ms a command, eight at a time",
				runs, life.answered.Load(), life.begun.Load(), milliseconds(each))})
	}
}

// TestTargetLosesNothing is a short life, long enough to go on as a new run.
func TestTargetLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP: -short")
	}
	life := newLife(t)
	life.lives(t, 60, 300)
	runs, longest := life.histories(t)
	require.Greater(t, runs, 1, "it went on as a new run")
	require.LessOrEqual(t, longest, mostEvents)
}

// life is one Target under load.
type life struct {
	client client.Client
	target rollout.Target
	begun  atomic.Int64 // rollouts
	first  string       // run of the Target

	answered atomic.Int64 // commands, releases among them
}

func newLife(t testing.TB) *life {
	t.Helper()
	server := procs.StartServer(t)
	c, err := client.Dial(client.Options{HostPort: server.Address, Logger: sdklog.NewStructuredLogger(silent())})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	l := &life{client: c, target: rollout.Target{Environment: "staging", Service: "checkout"}}
	for _, queue := range []string{rollout.QueueControl, rollout.QueueInfra} {
		w := worker.New(c, queue, worker.Options{})
		w.RegisterWorkflowWithOptions(workflows.Target, workflow.RegisterOptions{Name: rollout.TargetType})
		w.RegisterWorkflowWithOptions(l.rollout, workflow.RegisterOptions{Name: rollout.WorkflowType})
		w.RegisterActivity(&activities.Activities{})
		require.NoError(t, w.Start())
		t.Cleanup(w.Stop)
	}
	return l
}

// rollout stands for a rollout that ends well at once.
func (l *life) rollout(ctx workflow.Context, o rollout.Order) (rollout.Status, error) {
	if !workflow.IsReplaying(ctx) {
		l.begun.Add(1)
	}
	return rollout.Status{Outcome: rollout.Promoted, Candidate: o.Spec.Release.Version, StartedBy: o.Actor}, workflow.Sleep(ctx, 10*time.Millisecond)
}

// lives gives it so many releases, and so many other commands, eight at a time:
// servers take ten in one workflow.
func (l *life) lives(t testing.TB, releases, commands int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(8)
	var once sync.Once
	every := max(commands/releases, 1)
	for i := range releases + commands {
		group.Go(func() error {
			if i%(every+1) != 0 {
				return l.commands(ctx, i)
			}
			err := l.submits(ctx, i)
			once.Do(func() { l.first = l.run(ctx) })
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.Eventually(t, func() bool {
		s, err := l.status(ctx)
		return err == nil && s.Running == nil && len(s.Queue) == 0
	}, time.Minute, 50*time.Millisecond)
	submitted := (releases + commands + every) / (every + 1)
	require.EqualValues(t, submitted, l.begun.Load(), "every release had its rollout, once")
	require.EqualValues(t, releases+commands, l.answered.Load(), "every command its answer, over every new run")
}

func (l *life) submits(ctx context.Context, i int) error {
	o := rollout.Order{ID: fmt.Sprintf("order-%d", i), Actor: "ci@example.com", Spec: rollout.Spec{Kind: "Rollout", Service: "checkout",
		Environment: "staging", Release: rollout.Release{Version: fmt.Sprintf("1.0.%d", i)}, Policy: rollout.Policy{OnNewRelease: rollout.OnNewQueue}}}
	var s rollout.Submission
	err := l.update(ctx, rollout.CommandSubmit, o.ID, rollout.Submit{Order: o}, &s)
	if err == nil && s.Fate != rollout.FateStarted && s.Fate != rollout.FateQueued {
		err = fmt.Errorf("order %d: %s, %s", i, s.Fate, s.Why)
	}
	return err
}

func (l *life) commands(ctx context.Context, i int) error {
	c := rollout.Command{ID: fmt.Sprintf("command-%d", i), Actor: "ana@example.com", Reason: "a test"}
	var answer rollout.Answer
	err := l.update(ctx, rollout.CommandResume, c.ID, c, &answer)
	if err == nil && answer.Answer != rollout.Noop {
		err = fmt.Errorf("command %d: %s, %s", i, answer.Answer, answer.Why)
	}
	return err
}

// update gives one command until it is answered: the same id is the same one.
func (l *life) update(ctx context.Context, name, id string, in, out any) error {
	for {
		start := l.client.NewWithStartWorkflowOperation(client.StartWorkflowOptions{ID: rollout.TargetID(l.target), TaskQueue: rollout.QueueControl,
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING}, rollout.TargetType, rollout.TargetStatus{Target: l.target})
		handle, err := l.client.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{StartWorkflowOperation: start,
			UpdateOptions: client.UpdateWorkflowOptions{UpdateID: id, WorkflowID: rollout.TargetID(l.target), UpdateName: name, Args: []any{in},
				WaitForStage: client.WorkflowUpdateStageCompleted}})
		if err == nil {
			err = handle.Get(ctx, out)
		}
		if err == nil {
			l.answered.Add(1)
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		if !passes(err) {
			return fmt.Errorf("%s %s: %w", name, id, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// passes reports whether an error goes away by itself: the server is busy with
// this workflow, or it goes on as another run just now.
func passes(err error) bool {
	var busy *serviceerror.ResourceExhausted
	var away *serviceerror.Unavailable
	var ended *serviceerror.NotFound
	var aborted *serviceerror.Aborted
	var failed *temporal.ApplicationError
	if errors.As(err, &failed) && failed.Type() == rollout.ErrorRenewing {
		return true
	}
	var again *serviceerror.WorkflowNotReady
	return errors.As(err, &again) || errors.As(err, &busy) || errors.As(err, &away) || errors.As(err, &ended) || errors.As(err, &aborted)
}

func (l *life) status(ctx context.Context) (s rollout.TargetStatus, err error) {
	answer, err := l.client.QueryWorkflow(ctx, rollout.TargetID(l.target), "", rollout.StatusQuery)
	if err == nil {
		err = answer.Get(&s)
	}
	return s, err
}

func (l *life) run(ctx context.Context) string {
	d, err := l.client.DescribeWorkflowExecution(ctx, rollout.TargetID(l.target), "")
	if err != nil {
		return ""
	}
	return d.GetWorkflowExecutionInfo().GetFirstRunId()
}

// histories counts the runs of the Target, and the events of its longest one.
func (l *life) histories(t testing.TB) (runs, longest int) {
	t.Helper()
	for id := l.first; id != ""; runs++ {
		events, next := 0, ""
		history := l.client.GetWorkflowHistory(t.Context(), rollout.TargetID(l.target), id, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			e, err := history.Next()
			require.NoError(t, err)
			events++
			next = e.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
		}
		longest, id = max(longest, events), next
	}
	return runs, longest
}
