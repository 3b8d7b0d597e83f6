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

// RehearsalWatch tells people of a rehearsal that was ended from outside, as by a
// terminate: such a one tells nothing itself. It is a child of the rehearsal, which
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
	workflow.GetMetricsHandler(watch).WithTags(map[string]string{"environment": t.Notice.Environment, "service": t.Notice.Service,
		"outcome": "Failed"}).Counter("bakeoff_rehearsals_completed").Inc(1)
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
	ctx := workflow.WithChildOptions(r.ctx, workflow.ChildWorkflowOptions{
		WorkflowID: s.WorkflowID + "/watch", TaskQueue: rollout.QueueControl, WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL, StaticSummary: "tell of " + s.WorkflowID + ", should it be ended from outside",
	})
	watch := workflow.ExecuteChildWorkflow(ctx, rehearsal.WatchType, rollout.Telling{Notice: n, To: m.Rollout.Notify})
	if watch.GetChildWorkflowExecution().Get(r.ctx, nil) == nil {
		r.watch = watch
	}
}

// endWatch says that the rehearsal has come to its own end, of which it tells itself.
func (r *rehearsing) endWatch() {
	if r.watch != nil {
		_ = r.watch.SignalChildWorkflow(r.ctx, rehearsal.SignalEnded, nil).Get(r.ctx, nil) // one that is gone watches nothing
	}
}
