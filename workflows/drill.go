package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// isRehearsed reports whether a rehearsal started this rollout. It asks the server's
// record, because an order may claim anything.
func (r *run) isRehearsed() bool {
	parent := workflow.GetInfo(r.ctx).ParentWorkflowExecution
	return parent != nil && rollout.IsRehearsalID(parent.ID) && r.order.Rehearsal == parent.ID
}

// isQuiet reports whether people are told only of what they must act on. A recovery
// that follows a rehearsal's rollout is no part of the rehearsal, and not quiet.
func (r *run) isQuiet() bool { return r.plan.Quiet && r.isRehearsed() }

// inject makes a window of the drilled step return the drill's verdict, which leads
// back.
func (r *run) inject(b *bake, in *activities.ObserveInput) {
	d := r.plan.Drill
	if d == nil || d.Step != b.step.Number {
		return
	}
	if r.plan.GoesBack {
		in.Policy = in.Policy.Drilled()
	}
	in.Verdict, in.Inject = d.Verdict, b.warm.Add(d.After.Std())
	r.status.Drilled = &rollout.Drilled{Step: d.Step, Verdict: d.Verdict, Weight: b.step.Weight, Raised: b.covered, Injected: in.Inject}
}

// passedDrill sends back a drill that came past its step, or to the end of the plan,
// without its injected verdict: the candidate gets no more users, and no drill took
// place.
func (r *run) passedDrill() *setback {
	r.status.Drilled = nil
	return &setback{outcome: rollout.RolledBack, cause: rollout.CauseVerdict,
		reason: fmt.Sprintf("a drill: it goes no further than step %d, and %s was not seen there", r.plan.Drill.Step, r.plan.Drill.Verdict)}
}

// isDrilled reports whether a drill goes back now that a step is passed.
func (r *run) isDrilled(step rollout.PlannedStep) bool {
	return r.plan.GoesBack && step.Number >= r.plan.Drill.Step
}
