package workflows

import (
	"go.temporal.io/sdk/workflow"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
)

// Who stops a rehearsal, and why, is handed on to the rollout that it is making: that
// is aborted by them, on its own record. Under older plans it was cancelled without a
// word.

// forChild is the context of a child that ends with the practice, and ends the child.
func (r *rehearsing) forChild() (workflow.Context, workflow.CancelFunc) {
	if !r.plan.HandsOn {
		return r.going, nil
	}
	return workflow.WithCancel(r.ctx)
}

// handOn tells a child of the end of the practice with a signal, and cancels it once
// that has arrived: one that denies who says so, or cannot be told, goes back all the
// same.
func (r *rehearsing) handOn(child workflow.ChildWorkflowFuture, giveUp workflow.CancelFunc, said func() any) {
	if !r.plan.HandsOn {
		return
	}
	going := r.going // going back to what was there before does not end with the practice
	workflow.Go(r.ctx, func(ctx workflow.Context) {
		_ = workflow.Await(ctx, func() bool { return child.IsReady() || going.Err() != nil })
		if child.IsReady() {
			return
		}
		if r.by == (rehearsal.Stop{}) {
			r.by = r.itself("it has not ended in time, and the rehearsal does not wait any longer")
		}
		_ = child.SignalChildWorkflow(ctx, rollout.CommandAbort, said()).Get(ctx, nil)
		giveUp()
	})
}

// itself is the rehearsal, as who stops it where nobody else does.
func (r *rehearsing) itself(why string) rehearsal.Stop {
	return rehearsal.Stop{Actor: r.status.WorkflowID, Reason: why}
}

// obeyCancel stops the rehearsal. Temporal cancels one whose suite was ended from
// outside, as by a terminate: a suite that stops it itself says so before.
func (r *rehearsing) obeyCancel(ctx workflow.Context) {
	why, told := "the workflow was cancelled", "its rehearsal was cancelled"
	if r.order.Suite != "" && r.stoppable() && workflow.GetInfo(ctx).ParentWorkflowExecution != nil &&
		workflow.GetVersion(ctx, "ask-for-its-suite", workflow.DefaultVersion, 1) == 1 && !isThere(ctx) {
		why = "its suite " + r.order.Suite + " was ended from outside, as by a terminate"
		told = why
	}
	r.stop(why, rehearsal.Stop{Actor: cancelActor, Reason: told})
}
