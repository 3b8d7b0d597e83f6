package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// onDrop takes one order out of the queue and leaves the others where they are. An
// order is named by its id, or by its version where only one of that waits. One that
// has begun, or is just about to, is not touched: its rollout is aborted instead.
func (t *target) onDrop(_ workflow.Context, c rollout.Command) rollout.Answer {
	if c.Order == "" {
		return denied("say which order: its id, or its version")
	}
	waiting := t.waiting(c.Order)
	switch len(waiting) {
	case 0:
		return t.waitsNoMore(c.Order)
	case 1:
	default:
		return denied("%d orders of %s wait: name one by its id: %s", len(waiting), c.Order, listed(waiting))
	}
	one := waiting[0]
	t.unqueue(one.ID)
	t.settle(one.ID, func(f *rollout.Submission) {
		f.Fate, f.Why = rollout.FateAborted, fmt.Sprintf("taken out of the queue by %s: %s", c.Actor, c.Reason)
	})
	if len(t.status.Queue) == 0 {
		t.goOn() // nothing is left that could stand
	}
	t.describe()
	return accepted(fmt.Sprintf("%s, order %s, is out of the queue: %d left", one.Version, one.ID, len(t.status.Queue)))
}

// waiting are the orders that have not begun, by id or else by version; all for "".
func (t *target) waiting(order string) (found []rollout.Submission) {
	var sameVersion []rollout.Submission
	for _, f := range t.status.Fates {
		switch {
		case f.Fate.IsFinal() || t.hasBegun(f.ID):
		case order == f.ID:
			return []rollout.Submission{f}
		case order == "" || order == f.Version:
			sameVersion = append(sameVersion, f)
		}
	}
	return sameVersion
}

// hasBegun reports whether the rollout of an order runs, or is just being started:
// also as a way back that passes the queue.
func (t *target) hasBegun(id string) bool {
	return t.status.Running != nil && t.status.Running.Submit.Order.ID == id || t.back != nil && t.back.Order.ID == id
}

// waitsNoMore answers for an order that is not in the queue: what became of the last
// of that name.
func (t *target) waitsNoMore(order string) rollout.Answer {
	for i := len(t.status.Fates) - 1; i >= 0; i-- {
		f := t.status.Fates[i]
		switch {
		case f.ID != order && f.Version != order:
		case t.hasBegun(f.ID):
			return denied("%s waits no more: its rollout has begun; to stop that: bakeoff abort %s", f.Version, t.status.Target)
		case f.Fate == rollout.FateStarted:
			return denied("%s waits no more: its rollout was run %s, and is over", f.Version, f.RunID)
		default:
			return noop("%s waits no more: %s, %s", f.Version, f.Fate, f.Why)
		}
	}
	return denied("no order %s is known: %s", order, orElse(listed(t.waiting("")), "the queue is empty"))
}

// listed names orders: "7d3f (2.6.0, by ana)".
func listed(orders []rollout.Submission) string {
	var all []string
	for _, f := range orders {
		all = append(all, fmt.Sprintf("%s (%s, by %s)", f.ID, f.Version, rollout.NameOf(f.Actor)))
	}
	return strings.Join(all, ", ")
}
