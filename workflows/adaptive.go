package workflows

import (
	"bakeoff/activities"
	"bakeoff/rollout"
)

// adapting is how an adaptive strategy goes on.
type adapting struct {
	allowed *rollout.NextWeight // the weight that the last window allows
	stays   bool                // the next step is one more bake at the same weight
}

// nextStep is the step after this one: the plan's, or, where exposure is
// adaptive, the one that the evidence allows. There is none after the last, and
// none when an operator has ended them all.
func (r *run) nextStep(step rollout.PlannedStep) (rollout.PlannedStep, bool) {
	r.stays = false
	adaptive := r.plan.Spec.Strategy.Adaptive
	switch {
	case adaptive != nil && r.skipAll:
		return step, false
	case adaptive != nil:
		return r.adapt(step, *adaptive)
	case step.Number < len(r.plan.Steps):
		return r.plan.Steps[step.Number], true
	default:
		return step, false
	}
}

// adapt follows what the last window allowed. An operator who ended the bake
// goes up as fast as may be. A weight that stays is baked for twice as long each
// time, so that history grows with the logarithm of time; after as many weights as
// the plan allows it goes up no more.
func (r *run) adapt(step rollout.PlannedStep, a rollout.Adaptive) (rollout.PlannedStep, bool) {
	next := step.Weight
	switch {
	case r.skip:
		next, r.allowed = a.Fastest(step.Weight), nil
	case r.allowed != nil:
		next = r.allowed.Weight
	}
	switch {
	case step.Weight >= a.To && next >= step.Weight:
		return step, false
	case next == step.Weight || next > step.Weight && step.Number >= r.plan.Rungs:
		r.stays = true
		stay := r.plan.Rung(step.Number, step.Weight, 2*step.Bake)
		stay.WarmUp = 0 // the candidate has its traffic already
		return stay, true
	default:
		return r.plan.Rung(step.Number+1, next, a.MinBake), true
	}
}

// leaves reports whether the evidence of a window calls for another weight before
// the bake is over: for less at once, for more where the weight has had its bake.
func (r *run) leaves(in activities.ObserveInput, out activities.ObserveOutput) bool {
	if out.Next == nil || out.Decision.Action != rollout.Watch || r.stands() || r.holding() {
		return false
	}
	return out.Next.Weight < in.Weight || r.stays && r.step.Number < r.plan.Rungs && out.Next.Weight > in.Weight && !r.isHeldBack()
}

// why is what allows a weight that was not planned.
func (r *run) why(w rollout.Weight) string {
	if r.allowed == nil || r.allowed.Weight != w {
		return ""
	}
	return r.allowed.Reason
}

// sentence joins what is done with why.
func sentence(what, why string) string {
	if why == "" {
		return what
	}
	return what + ": " + why
}
