package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// startSchedule turns the rollout back when its schedule ends, whatever it does or
// waits for by then.
func (r *run) startSchedule() {
	schedule := r.plan.Spec.Schedule
	if schedule.End().IsZero() {
		return
	}
	workflow.Go(r.ctx, func(ctx workflow.Context) {
		timer := r.timer(fmt.Sprintf("users may have %s %s", r.plan.Candidate, schedule), max(schedule.End().Sub(r.now()), 0))
		_ = workflow.Await(ctx, func() bool { return timer.IsReady() || !r.isGoing() })
		if r.isGoing() { // else the end takes the timer along, as it does that of the deadline
			r.turn(setback{outcome: rollout.RolledBack, cause: rollout.CauseSchedule, reason: schedule.Ended()})
		}
	})
}

// keepForSchedule keeps the baseline of a release that everybody has for a time,
// and watches, until that is over. It does not count for the deadline.
func (r *run) keepForSchedule() *setback {
	schedule := r.plan.Spec.Schedule
	if schedule.End().IsZero() {
		return nil
	}
	r.kept = true
	r.enter(rollout.PhaseRunning, "", fmt.Sprintf("everybody has %s until %s; %s is kept", r.plan.Candidate, rollout.Clock(schedule.End()), named(r.job.Baseline)))
	r.showPause()
	r.publish()
	return r.watchUntil(func() bool { return false }, "keep")
}
