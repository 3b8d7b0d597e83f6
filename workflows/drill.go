package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// isRehearsed reports whether a rehearsal started this rollout. That stands with
// the server, and not in an order, which may say anything.
func (r *run) isRehearsed() bool {
	parent := workflow.GetInfo(r.ctx).ParentWorkflowExecution
	return parent != nil && rollout.IsRehearsalID(parent.ID) && r.order.Rehearsal == parent.ID
}

// inject has a window of the drilled step see the drill's verdict.
func (r *run) inject(b *bake, in *activities.ObserveInput) {
	d := r.plan.Drill
	if d == nil || d.Step != b.step.Number {
		return
	}
	in.Verdict, in.Inject = d.Verdict, b.warm.Add(d.After.Std())
	r.status.Drilled = &rollout.Drilled{Step: d.Step, Verdict: d.Verdict, Weight: b.step.Weight, Raised: b.covered, Injected: in.Inject}
}

// timeDrill notes the moments of a drill's way back. One that went back before the
// injection, because somebody aborted it, was no drill.
func (r *run) timeDrill(seen, decided, traffic, healthy time.Time) {
	if d := r.status.Drilled; d != nil && !decided.Before(d.Injected) {
		d.Seen, d.Decided, d.Traffic, d.Healthy = &seen, &decided, &traffic, &healthy
	}
}
