package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// startSchedule takes everything back when the schedule of the fleet ends, whatever
// it does by then, or takes back already. When it begins is in the units' own specs.
func (f *fleet) startSchedule() {
	schedule := f.order.Spec.Schedule
	if schedule.End().IsZero() {
		return
	}
	workflow.Go(f.ctx, func(ctx workflow.Context) {
		isDecided := func() bool { return f.beyond || f.ended || f.scope == rollout.OnFailureAll }
		timer := f.timer(fmt.Sprintf("users may have %s %s", f.candidate(), schedule), max(schedule.End().Sub(workflow.Now(ctx)), 0))
		_ = workflow.Await(ctx, func() bool { return timer.IsReady() || isDecided() })
		if !isDecided() {
			f.turn(setback{outcome: rollout.RolledBack, cause: rollout.CauseSchedule, reason: schedule.Ended()}, rollout.OnFailureAll)
		}
	})
}

// stay keeps the baselines of the units that are promoted while users may have the
// release for a time only, and until something else is ordered. It does not count
// for the deadline.
func (f *fleet) stay(changed func() bool) {
	schedule := f.order.Spec.Schedule
	isKept := func() bool { return slices.ContainsFunc(f.units, func(u *unit) bool { return u.kept && !u.over }) }
	if schedule.End().IsZero() || !isKept() {
		return
	}
	f.stays = true
	f.show("users have it until " + rollout.Clock(schedule.End()) + "; baselines are kept")
	_ = workflow.Await(f.ctx, func() bool {
		f.heed()
		return changed() || !isKept()
	})
	f.stays = false
}
