package workflows

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
)

// RehearsalRollout makes the rollout itself of a rehearsal, and goes back from
// what it promoted. The end of the rehearsal, also by a terminate, cancels it, and
// a cancel is obeyed so: the rollout is aborted, and what is promoted all the same
// is taken back.
func RehearsalRollout(ctx workflow.Context, order rehearsal.RolloutOrder) (rehearsal.RolloutResult, error) {
	r := newRehearsing(ctx, order.Order)
	r.facts.Before, r.plan.Asks, r.plan.HandsOn = order.Before, order.Asks, order.HandsOn
	takeEvery(r.ctx, workflow.GetSignalChannel(r.ctx, rehearsal.SignalStop), unreadStop(), r.turnBack)
	workflow.Go(r.ctx, func(ctx workflow.Context) {
		r.root.Done().Receive(ctx, nil)
		r.turnBack(rehearsal.Stop{Actor: cancelActor, Reason: "its rehearsal was ended from outside, or the workflow was cancelled"})
	})
	r.rollOut()
	return rehearsal.RolloutResult{Rollout: *r.facts.Rollout, NotBack: r.facts.NotBack, Back: r.facts.Back}, nil
}

// turnBack ends the rollout itself. The first to say so has the say.
func (r *rehearsing) turnBack(by rehearsal.Stop) {
	if r.going.Err() == nil {
		r.by = by
		r.halt()
	}
}

// rollOutApart has the rollout made by a workflow that ends after this one, should
// this one be ended from outside.
func (r *rehearsing) rollOutApart() {
	r.begins(rehearsal.BegunRollout)
	out := rehearsal.RolloutResult{Rollout: rollout.Status{StartedAt: r.now()}}
	going, giveUp := r.forChild()
	ctx := workflow.WithChildOptions(going, workflow.ChildWorkflowOptions{
		WorkflowID: r.status.WorkflowID + "/rollout", TaskQueue: rollout.QueueControl, WorkflowTaskTimeout: 2 * time.Second, WaitForCancellation: true,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		StaticSummary: shorten("roll out " + r.order.Manifest.Rollout.Release.Version + ", and go back"),
	})
	child := workflow.ExecuteChildWorkflow(ctx, rehearsal.RolloutType, rehearsal.RolloutOrder{Order: r.order, Before: r.facts.Before, Asks: r.plan.Asks, HandsOn: r.plan.HandsOn})
	r.handOn(child, giveUp, func() any { return r.by })
	if err := child.Get(r.ctx, &out); err != nil {
		out.Rollout.Reason = rootCause(err)
		var began workflow.Execution
		if child.GetChildWorkflowExecution().Get(r.ctx, &began) == nil {
			out.Rollout.RunID = began.RunID // what it did, nobody knows: what has changed may be its own
		}
	}
	r.facts.Rollout, r.facts.NotBack, r.facts.Back = &out.Rollout, out.NotBack, out.Back
}
