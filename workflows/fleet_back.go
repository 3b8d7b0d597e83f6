package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// goBack puts back what the failure or the order says. Every baseline gets its
// traffic at once; then the units are tidied up, those of the newest wave first.
// What is not to go back goes on to its end, and nothing new begins. An abort
// meanwhile takes everything along. Units that were paused, and do not go back,
// stay so until they are resumed.
func (f *fleet) goBack() {
	for scope := ""; scope != f.scope; {
		scope = f.scope
		f.status.Paused = f.status.Paused && scope != rollout.OnFailureAll && f.staysPaused()
		changed := func() bool { return f.scope != scope }
		back := f.orderBack()
		f.sent = scope
		f.refresh()
		_ = workflow.Await(f.ctx, func() bool { return changed() || areRestored(back) })
		f.restored = scope == rollout.OnFailureAll && areRestored(back)
		f.tidyUp(back, changed)
		_ = workflow.Await(f.ctx, func() bool { return changed() || f.underWay() == 0 })
		if scope != rollout.OnFailureAll && !changed() {
			f.stay(changed)
		}
	}
	f.status.Outcome, f.status.Cause, f.status.Actor = f.back.outcome, f.back.cause, f.back.actor
	f.release()
}

// staysPaused: under older workers nobody could resume them any more.
func (f *fleet) staysPaused() bool {
	return workflow.GetVersion(f.ctx, "paused-units-are-resumed", workflow.DefaultVersion, 1) == 1
}

// orderBack tells every unit that has to go back, all of them in this task, and
// returns those that do.
func (f *fleet) orderBack() []*unit {
	var back, told []*unit
	for _, u := range f.units {
		if u.child == nil || u.over || !f.isBack(u) {
			continue
		}
		back = append(back, u)
		if !u.ordered && !u.failed {
			u.ordered = true
			told = append(told, u)
		}
	}
	word := rollout.Word{Say: rollout.SayAbort, Command: rollout.Command{
		ID: orElse(f.back.command, f.status.RunID), Name: rollout.CommandAbort,
		Actor: orElse(f.back.actor, f.status.WorkflowID), Reason: orElse(f.back.said, f.back.reason), At: f.back.at}}
	if f.back.cause == rollout.CauseSchedule {
		word.Cause = f.back.cause
	}
	f.tell(told, word)
	return back
}

// isBack reports whether a unit is among those that go back.
func (f *fleet) isBack(u *unit) bool {
	switch f.scope {
	case rollout.OnFailureAll:
		return true
	case rollout.OnFailureWave:
		return u.Wave == f.front || f.plan.Eager && u.Wave > f.front
	default:
		return u.failed
	}
}

// leave says why the unit of a target is not to raise its candidate; "" when it
// may. The word that sends it back may still be on its way.
func (f *fleet) leave(target string) (string, error) {
	if f.back != nil && slices.ContainsFunc(f.units, func(u *unit) bool { return u.Target == target && f.isBack(u) }) {
		return fmt.Sprintf("%s goes back: %s", f.status.Target, f.back.reason), nil
	}
	return "", nil
}

func areRestored(units []*unit) bool {
	return !slices.ContainsFunc(units, func(u *unit) bool { return !u.restored && !u.over })
}

// tidyUp lets the units that were ordered back remove what they deployed: wave
// after wave, the newest first.
func (f *fleet) tidyUp(back []*unit, changed func() bool) {
	for wave := f.wave; wave > 0 && !changed(); wave-- {
		its := slices.DeleteFunc(slices.Clone(back), func(u *unit) bool { return u.Wave != wave })
		var told []*unit
		for _, u := range its {
			if u.ordered && !u.tidies && !u.over {
				u.tidies = true
				told = append(told, u)
			}
		}
		f.tell(told, rollout.Word{Say: rollout.SayTidy})
		_ = workflow.Await(f.ctx, func() bool { return changed() || f.allOver(its) })
	}
}

// turn orders the way back. The first order wins; one that takes more along
// than it does is added to it.
func (f *fleet) turn(s setback, scope string) {
	s.at = workflow.Now(f.ctx)
	f.back, f.scope = &s, scope
}

// startDeadline turns the fleet back when it takes too long. Pauses are not
// counted.
func (f *fleet) startDeadline() {
	limit, began := f.plan.Deadline, later(f.status.StartedAt, f.order.Spec.Schedule.Begin())
	workflow.Go(f.ctx, func(ctx workflow.Context) {
		for f.isGoing() && !f.stays {
			if f.status.Paused {
				_ = workflow.Await(ctx, func() bool { return !f.status.Paused || !f.isGoing() })
				continue
			}
			left := began.Add(limit.Std() + f.paused).Sub(workflow.Now(ctx))
			if left <= 0 {
				f.turn(setback{outcome: rollout.RolledBack, cause: rollout.CauseDeadline, reason: fmt.Sprintf("not done within %s", limit)}, rollout.OnFailureAll)
				return
			}
			timer := f.timer(fmt.Sprintf("the fleet may take %s, pauses not counted", limit), left)
			_ = workflow.Await(ctx, func() bool { return timer.IsReady() || !f.isGoing() || f.stays })
		}
	})
}

// isGoing reports whether the fleet still goes forward.
func (f *fleet) isGoing() bool { return f.back == nil && !f.beyond && !f.ended }
