package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"
)

// takeUnits begins each unit as soon as those that it comes after are promoted,
// no more at once than may be under way, and returns when all are decided.
func (f *fleet) takeUnits() {
	left := len(f.units)
	for _, u := range f.units {
		workflow.Go(f.ctx, func(ctx workflow.Context) {
			f.takeUnit(ctx, u)
			left--
		})
	}
	f.await(func() bool { return left == 0 && f.underWay() == 0 })
}

// takeUnit waits for the turn of a unit, and begins it.
func (f *fleet) takeUnit(ctx workflow.Context, u *unit) {
	before := f.before(u)
	f.awaitIn(ctx, func() bool { return !slices.ContainsFunc(before, isOpen) })
	if len(before) > 0 && f.plan.Wait > 0 && f.blocked(u) == "" {
		f.waitForTurn(ctx, u)
	}
	f.awaitIn(ctx, func() bool { return !f.status.Paused && f.underWay() < f.plan.MaxParallel })
	if f.back != nil {
		return
	}
	if u.Wave > f.wave {
		f.wave, f.status.Wave, f.status.Step = u.Wave, u.Wave, u.Wave
	}
	f.beginUnlessBlocked(u)
	if u.child != nil {
		f.show(strings.Join(append([]string{u.Unit + " begins"}, f.plan.After[u.Unit]...), ", after "))
	}
}

// waitForTurn lets the time pass between what a unit comes after and the unit.
func (f *fleet) waitForTurn(ctx workflow.Context, u *unit) {
	if f.back != nil {
		return
	}
	until := workflow.Now(ctx).Add(f.plan.Wait.Std())
	u.turn = &until
	f.show(fmt.Sprintf("waiting %s before %s", f.plan.Wait, u.Unit))
	timer := f.timer(fmt.Sprintf("wait %s before %s, which comes after %s", f.plan.Wait, u.Unit, list(f.plan.After[u.Unit])), f.plan.Wait.Std())
	f.awaitIn(ctx, timer.IsReady)
	timer.cancel()
	u.turn = nil
}

// lull works out, where each unit has a wait of its own, whether nothing is under
// way until the first of them is over.
func (f *fleet) lull() {
	if !f.plan.Eager {
		return
	}
	f.between, f.status.WaitingUntil = false, nil
	if f.underWay() > 0 {
		return
	}
	for _, u := range f.units {
		if u.turn != nil && (!f.between || u.turn.Before(*f.status.WaitingUntil)) {
			f.between, f.status.WaitingUntil = true, u.turn
		}
	}
}

// before is the units that a unit comes after.
func (f *fleet) before(u *unit) []*unit {
	return slices.DeleteFunc(slices.Clone(f.units), func(other *unit) bool { return !slices.Contains(f.plan.After[u.Unit], other.Unit) })
}

// isOpen reports whether a unit may still be promoted.
func isOpen(u *unit) bool { return !u.kept && !u.failed && !u.over && !u.skipped }

// blocked names a unit that this one comes after and that was not promoted, and
// says why; "" when there is none.
func (f *fleet) blocked(u *unit) string {
	for _, other := range f.before(u) {
		switch {
		case other.skipped:
			return other.Unit + ", which did not begin"
		case !other.kept:
			return other.Unit + ", which failed"
		}
	}
	return ""
}

// beginUnlessBlocked begins a unit, unless what it comes after failed.
func (f *fleet) beginUnlessBlocked(u *unit) {
	if before := f.blocked(u); before != "" {
		u.skipped = true
		f.at(u).Reason = "not begun: it comes after " + before
		return
	}
	f.begin(u)
}
