package workflows

import (
	"fmt"
	"time"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// promote gives the candidate all of the traffic and makes it primary.
func (r *run) promote() *setback {
	if owner := r.plan.PromoteOwner; owner != "" {
		r.status.StepOwner = owner
	}
	if s := r.gate(r.plan.Promote, approval{step: max(len(r.plan.Steps), r.step.Number) + 1}, "the promotion"); s != nil {
		return s
	}
	if s := r.waitUntilReady("the promotion"); s != nil {
		return s
	}
	if s := r.askHooks(rollout.HookBeforePromote, 0, rollout.All); s != nil {
		return s
	}
	if s := r.shift("promote", 0, rollout.All); s != nil {
		return s
	}
	r.record("promote")
	out, s := r.makePrimary(min(firstLook, r.plan.Spec.ReadyWithin.Std()/4), false)
	if s == nil && (out.PlatformRolledBack || out.Pending) {
		out, s = r.makePrimary(r.plan.Spec.ReadyWithin.Std(), true)
	}
	switch {
	case s != nil:
	case out.PlatformRolledBack:
		s = &setback{outcome: rollout.PlatformRolledBack, reason: out.Reason}
	case out.Pending:
		s = &setback{outcome: rollout.RolledBack, cause: rollout.CauseDeploy, reason: out.Reason}
	}
	return s
}

// makePrimary asks for the candidate to be primary. With watched, an Observe
// stays open beside it: it may take long, and users have the candidate.
func (r *run) makePrimary(within time.Duration, watched bool) (activities.PromoteOutput, *setback) {
	var out activities.PromoteOutput
	act := r.patient("promote", "make "+r.plan.Candidate+" the primary version", rollout.Duration(within)+r.plan.Spec.ReadyWithin)
	if !watched && r.plan.Revision >= 1 {
		act.within = within + firstLook
	}
	future := startForward(r, act, a.Promote, activities.PromoteInput{Job: r.write("promote"), Within: rollout.Duration(within)})
	if watched {
		if s := r.watchWhile(future, "promote"); s != nil {
			return out, s
		}
	}
	if !watched && r.plan.Revision >= 1 {
		r.await(future.IsReady)
		if r.back != nil && r.plan.UsersFirst {
			return out, r.back
		}
		if err := future.Get(r.ctx, &out); r.back == nil && isOutOfTime(err) {
			return activities.PromoteOutput{Pending: true, Reason: rootCause(err)}, nil
		}
	}
	s := r.result(future, act, &out)
	return out, s
}

// keepBaseline watches the candidate at 100 % while the way back is still open.
func (r *run) keepBaseline() *setback {
	keep := r.plan.KeepBaseline
	if keep <= 0 {
		return r.back
	}
	r.enter(rollout.PhaseRunning, "", fmt.Sprintf("keeping %s for %s", named(r.job.Baseline), keep))
	r.showPause()
	window := r.plan.Spec.Strategy.Window
	b := newBake(rollout.PlannedStep{
		Number: max(len(r.plan.Steps), r.step.Number), Weight: rollout.All, Bake: keep, Poll: window.PollFor(keep),
		Grace: r.plan.Spec.Policy.GraceFor(keep), Windows: []rollout.Duration{keep}, Absolute: true,
	}, "keep", window)
	b.primary = r.plan.Candidate
	if s := r.bake(b); s != nil {
		return s
	}
	return r.writeOver("keep", b.step.Number, rollout.All)
}

// conclude ends a promoted rollout: from here on an abort comes too late, and
// the baseline goes.
func (r *run) conclude(outcome rollout.Outcome) {
	r.beyond = true
	r.status.Outcome = outcome
	r.cleanUpCohorts()
	if r.job.Baseline != "" {
		r.enter(rollout.PhaseRunning, "", "removing "+r.job.Baseline)
		stays := r.removeServed(r.job.Baseline)
		if stays == nil && r.begun(rollout.RemoveCopy) {
			stays = r.removeServed(r.plan.Copy)
		}
		if c := r.acknowledged; c != nil && stays != nil {
			r.status.Outcome, r.status.Reason = rollout.Failed, fmt.Sprintf("%s; acknowledged by %s: %s", stays.Reason, c.Actor, c.Reason)
			return
		}
	}
	r.status.Reason = r.plan.Candidate + " serves everything"
}
