package workflows

import (
	"bakeoff/activities"
	"bakeoff/rollout"
)

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
// time, so that history grows with the logarithm of time.
func (r *run) adapt(step rollout.PlannedStep, a rollout.Adaptive) (rollout.PlannedStep, bool) {
	next := a.Fastest(step.Weight)
	if r.allowed != nil {
		next = r.allowed.Weight
	}
	switch {
	case step.Weight >= a.To && next >= step.Weight:
		return step, false
	case next == step.Weight:
		r.stays = true
		return r.plan.Rung(step.Number, next, min(2*step.Bake, longestStay*a.MinBake)), true
	default:
		return r.plan.Rung(step.Number+1, next, a.MinBake), true
	}
}

// longestStay bounds the bakes at a weight that stays, in bakes.
const longestStay = 64

// isTooMuch reports whether the evidence of a window that ended before its bake
// did calls for less traffic: that does not wait.
func (r *run) isTooMuch(in activities.ObserveInput, out activities.ObserveOutput) bool {
	return out.Next != nil && out.Next.Weight < in.Weight && out.Decision.Action == rollout.Watch && !r.status.Paused && !r.holding()
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
