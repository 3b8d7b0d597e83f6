package workflows

import (
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// RehearsalSuite runs rehearsals, as many at once as it may; those of one target
// come one after another. It completes with its outcome. A cancel, or a stop, ends
// those that run, which put everything back, and begins no other.
func RehearsalSuite(ctx workflow.Context, order rehearsal.SuiteOrder) (rehearsal.SuiteStatus, error) {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	going, halt := workflow.WithCancel(detached)
	s := &suite{root: ctx, ctx: detached, going: going, halt: halt, order: order, busy: map[string]bool{}}
	if err := s.begin(); err != nil {
		return s.status, err
	}
	s.beWatched()
	for i := range order.Suite.Rehearsals {
		s.await(i)
		if s.stopped == "" {
			s.start(i)
		}
	}
	_ = workflow.Await(s.ctx, func() bool { return s.running == 0 })
	return s.end(), nil
}

// suite is one suite in progress.
type suite struct {
	root    workflow.Context
	ctx     workflow.Context // disconnected
	going   workflow.Context // ends when it is stopped
	halt    workflow.CancelFunc
	order   rehearsal.SuiteOrder
	status  rehearsal.SuiteStatus
	running int
	busy    map[string]bool // targets
	begun   []workflow.ChildWorkflowFuture
	watch   workflow.ChildWorkflowFuture // who tells should this be ended from outside; nil: nobody
	stopped string
}

func (s *suite) begin() error {
	info := workflow.GetInfo(s.ctx)
	s.status = rehearsal.SuiteStatus{Name: s.order.Suite.Name, StartedBy: s.order.Actor, StartedAt: info.WorkflowStartTime,
		WorkflowID: info.WorkflowExecution.ID, RunID: info.WorkflowExecution.RunID}
	for _, m := range s.order.Suite.Rehearsals {
		s.status.Rehearsals = append(s.status.Rehearsals, rehearsal.Status{Name: m.Name, Environment: m.Environment, Target: m.Target().String(),
			Negative: m.Negative, Planned: m.Repeats(), WorkflowID: rollout.RehearsalID(m.Environment, m.Name)})
	}
	workflow.Go(s.ctx, func(ctx workflow.Context) {
		var stop rehearsal.Stop
		workflow.GetSignalChannel(ctx, rehearsal.SignalStop).Receive(ctx, &stop)
		s.stop(ctx, fmt.Sprintf("stopped by %s: %s", stop.Actor, stop.Reason), stop)
	})
	workflow.Go(s.ctx, func(ctx workflow.Context) {
		s.root.Done().Receive(ctx, nil)
		s.stop(ctx, "the workflow was cancelled", rehearsal.Stop{Actor: cancelActor, Reason: "its suite was cancelled"})
	})
	return workflow.SetQueryHandler(s.ctx, rehearsal.StatusQuery, func() (rehearsal.SuiteStatus, error) { return s.status, nil })
}

func (s *suite) stop(ctx workflow.Context, why string, by rehearsal.Stop) {
	if s.stopped == "" {
		s.stopped = why
		s.handOn(ctx, by)
		s.halt()
	}
}

// handOn tells those that run by whom they are stopped, before they are cancelled. Under
// older workers all they knew was that they were.
func (s *suite) handOn(ctx workflow.Context, stop rehearsal.Stop) {
	if workflow.GetVersion(ctx, "suite-hands-on-its-stop", workflow.DefaultVersion, 1) != 1 {
		return
	}
	var told []workflow.Future
	for _, child := range s.begun {
		if !child.IsReady() {
			told = append(told, child.SignalChildWorkflow(ctx, rehearsal.SignalStop, stop))
		}
	}
	for _, t := range told {
		_ = t.Get(ctx, nil) // one that is gone has nothing to stop
	}
}

// await waits for a place, and for the target to be free.
func (s *suite) await(i int) {
	target := s.status.Rehearsals[i].Target
	_ = workflow.Await(s.ctx, func() bool {
		return s.stopped != "" || s.running < max(s.order.Suite.Parallel, 1) && !s.busy[target]
	})
}

// start begins one rehearsal.
func (s *suite) start(i int) {
	m, standing := s.order.Suite.Rehearsals[i].Manifest, &s.status.Rehearsals[i]
	target := standing.Target
	ctx := workflow.WithChildOptions(s.going, workflow.ChildWorkflowOptions{
		WorkflowID: standing.WorkflowID, TaskQueue: rollout.QueueControl, WorkflowTaskTimeout: 2 * time.Second, WaitForCancellation: true,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		StaticSummary: shorten(fmt.Sprintf("rehearse %s in %s", m.Name, m.Environment)),
	})
	child := workflow.ExecuteChildWorkflow(ctx, rehearsal.WorkflowType,
		rehearsal.Order{Actor: s.order.Actor, Reason: s.order.Reason, Manifest: m, Suite: s.order.Suite.Name})
	s.begun = append(s.begun, child)
	standing.Phase, standing.StartedAt = rehearsal.Practising, workflow.Now(s.ctx)
	s.running++
	s.busy[target] = true
	s.show()
	workflow.Go(s.ctx, func(ctx workflow.Context) {
		var status rehearsal.Status
		err := child.Get(ctx, &status)
		if err != nil {
			status = *standing
			status.Outcome, status.Reason = evidence.Unmeasured, notRehearsed(status.WorkflowID, err)
		}
		status.Phase = rehearsal.Completed
		*standing = status
		s.running--
		s.busy[target] = false
		s.show()
	})
}

// notRehearsed says why a rehearsal has no result of its own.
func notRehearsed(id string, err error) string {
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return "it could not begin: " + id + " is under way already"
	}
	return "it did not come to an end: " + rootCause(err)
}

// show writes the table of the rehearsals at the top of the Temporal UI.
func (s *suite) show() {
	text := fmt.Sprintf("**suite %s** %s\n", s.status.Name, s.status.Outcome)
	for _, r := range s.status.Rehearsals {
		text += fmt.Sprintf("\n* %s: %s %s %s", r.Name, r.Phase, r.Outcome, r.Reason)
	}
	workflow.SetCurrentDetails(s.ctx, text)
}

func (s *suite) end() rehearsal.SuiteStatus {
	now := workflow.Now(s.ctx)
	s.status.EndedAt = &now
	for i := range s.status.Rehearsals {
		if r := &s.status.Rehearsals[i]; r.Phase == "" {
			r.Outcome, r.Reason = evidence.Unmeasured, "it did not begin: "+s.stopped
		}
	}
	s.status.Conclude()
	if s.stopped != "" {
		s.status.Outcome, s.status.Reason = evidence.Aborted, s.stopped
	}
	s.show()
	s.tell()
	endWatch(s.ctx, s.watch)
	return s.status
}
