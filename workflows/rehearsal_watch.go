package workflows

import (
	"cmp"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
)

// RehearsalWatch tells people of a rehearsal, or a suite, that was ended from outside,
// as by a terminate: such a one tells nothing itself. It is a child of it, which
// says so when it has come to its own end. Temporal cancels it when the rehearsal is
// gone, however that went.
func RehearsalWatch(ctx workflow.Context, t rollout.Telling) error {
	watch, _ := workflow.NewDisconnectedContext(ctx)
	ended := workflow.GetSignalChannel(watch, rehearsal.SignalEnded)
	_ = workflow.Await(watch, func() bool { return ended.Len() > 0 || ctx.Err() != nil })
	for ended.Len() == 0 && isThere(watch) { // somebody else cancelled this
		timer := workflow.NewTimerWithOptions(watch, lookAgain, workflow.TimerOptions{Summary: "look again whether the rehearsal goes on"})
		_ = workflow.Await(watch, func() bool { return ended.Len() > 0 || timer.IsReady() })
	}
	if ended.ReceiveAsync(nil) {
		return nil
	}
	if t.Notice.Event == rollout.OnRehearsalFailed {
		workflow.GetMetricsHandler(watch).WithTags(map[string]string{"environment": t.Notice.Environment, "service": t.Notice.Service,
			"outcome": "Failed"}).Counter("bakeoff_rehearsals_completed").Inc(1)
	}
	t.Notice.At = workflow.Now(watch)
	awaitTold(watch, startNotify(watch, t.Notice, t.To))
	return nil
}

// lookAgain is how often one that was cancelled by somebody else looks whether the
// rehearsal goes on.
const lookAgain = 10 * time.Minute

// isThere reports whether the rehearsal that is watched goes on: only then can it be
// sent a signal. It heeds none of that name.
func isThere(ctx workflow.Context) bool {
	of := workflow.GetInfo(ctx).ParentWorkflowExecution
	return of != nil && workflow.SignalExternalWorkflow(ctx, of.ID, of.RunID, rehearsal.SignalWatched, nil).Get(ctx, nil) == nil
}

// beWatched has people told should the rehearsal be ended from outside. Where that
// cannot be, it is practised all the same.
func (r *rehearsing) beWatched() {
	m, s, info := r.order.Manifest, r.status, workflow.GetInfo(r.ctx)
	n := rollout.Notice{Event: rollout.OnRehearsalFailed, Target: s.Target, Environment: m.Environment, Service: m.Rollout.Service, Unit: m.Rollout.Unit,
		Owner: cmp.Or(m.Owner, m.Rollout.Owner), Candidate: m.Rollout.Release.Version, StartedBy: s.StartedBy,
		ID:         rollout.NoticeID(s.WorkflowID, info.OriginalRunID, 0, rollout.OnRehearsalFailed),
		WorkflowID: s.WorkflowID, RunID: s.RunID, Rehearsal: s.WorkflowID, Reason: "it was ended from outside"}
	n.Text = fmt.Sprintf("rehearsal %s of %s was ended from outside, as by a terminate: nothing is judged, and there is no evidence; look whether all is as it was", s.Name, s.Target)
	r.watch = startWatch(r.ctx, n, m.Rollout.Notify)
}

// beWatched has people told should the suite be ended from outside, which cancels those
// of its rehearsals that run. Under older workers nobody was told.
func (s *suite) beWatched() {
	if workflow.GetVersion(s.ctx, "suites-are-watched", workflow.DefaultVersion, 1) != 1 {
		return
	}
	n, info := s.about(), workflow.GetInfo(s.ctx)
	n.Event, n.Reason = rollout.OnSuiteFailed, "it was ended from outside"
	n.ID = rollout.NoticeID(s.status.WorkflowID, info.OriginalRunID, 0, n.Event)
	n.WorkflowID, n.RunID, n.Rehearsal = s.status.WorkflowID, s.status.RunID, s.status.WorkflowID
	n.Text = fmt.Sprintf("suite %s was ended from outside, as by a terminate: those of its rehearsals that ran are stopped, and it begins no other", s.status.Name)
	s.watch = startWatch(s.ctx, n, nil)
}

// startWatch begins who tells should a workflow be ended from outside; nil where that
// cannot be.
func startWatch(ctx workflow.Context, n rollout.Notice, to []rollout.Notification) workflow.ChildWorkflowFuture {
	options := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: n.WorkflowID + "/watch", TaskQueue: rollout.QueueControl, WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL, StaticSummary: "tell of " + n.WorkflowID + ", should it be ended from outside",
	})
	watch := workflow.ExecuteChildWorkflow(options, rehearsal.WatchType, rollout.Telling{Notice: n, To: to})
	if watch.GetChildWorkflowExecution().Get(ctx, nil) != nil {
		return nil
	}
	return watch
}

// endWatch says that what is watched has come to its own end, of which it tells itself.
func endWatch(ctx workflow.Context, watch workflow.ChildWorkflowFuture) {
	if watch != nil {
		_ = watch.SignalChildWorkflow(ctx, rehearsal.SignalEnded, nil).Get(ctx, nil) // one that is gone watches nothing
	}
}
