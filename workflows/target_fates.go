package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// fateOf is what became of an order; the zero value when it is not known.
func (t *target) fateOf(id string) rollout.Submission {
	i := slices.IndexFunc(t.status.Fates, func(f rollout.Submission) bool { return f.ID == id })
	if i < 0 {
		return rollout.Submission{}
	}
	return t.status.Fates[i]
}

// isForeign reports whether an order has the id of another one: of somebody else, of
// another version, or of another spec. Under older workers what became of that was the
// answer, and who gave up the one took back the other.
func (t *target) isForeign(known rollout.Submission, o rollout.Order) bool {
	switch {
	case known.ID == "" || known.IsOf(o):
		return false
	case known.IsOfGiver(o):
		return workflow.GetVersion(t.ctx, "order-id-is-of-one-spec", workflow.DefaultVersion, 1) == 1
	default:
		return workflow.GetVersion(t.ctx, "order-id-is-its-givers", workflow.DefaultVersion, 1) == 1
	}
}

// settle changes what is known of an order.
func (t *target) settle(id string, change func(*rollout.Submission)) {
	for i := range t.status.Fates {
		if t.status.Fates[i].ID == id {
			change(&t.status.Fates[i])
		}
	}
}

func (t *target) refuse(id string, cause rollout.Cause, why string) {
	t.settle(id, func(f *rollout.Submission) { f.Fate, f.Cause, f.Why = rollout.FateRefused, cause, why })
}

// isSettled reports whether it was decided elsewhere what becomes of an order,
// while it was looked at here: it was started beside this workflow, or withdrawn.
// Under older workers it was placed all the same.
func (t *target) isSettled(id string) bool {
	known := t.fateOf(id)
	return known.ID != "" && known.Fate != rollout.FateStarting && workflow.GetVersion(t.ctx, "order-settled-meanwhile", workflow.DefaultVersion, 1) == 1
}

// newerThan is the version of an order that came after another one and was placed
// before it; "" when there is none. Under older workers the one whose turn to be
// looked at ended last took the place of all others.
func (t *target) newerThan(id string) string {
	i := slices.IndexFunc(t.status.Fates, func(f rollout.Submission) bool { return f.ID == id })
	isPlaced := func(f rollout.Submission) bool {
		return f.Fate == rollout.FateStarted || t.isQueued(f.ID) || t.status.Running != nil && t.status.Running.Submit.Order.ID == f.ID
	}
	n := slices.IndexFunc(t.status.Fates[i+1:], isPlaced)
	if n < 0 || workflow.GetVersion(t.ctx, "newer-order-stays", workflow.DefaultVersion, 1) < 1 {
		return ""
	}
	return t.status.Fates[i+1+n].Version
}

// withdraw takes an order back whose giver was told that nobody took it in: it is
// not to begin when that is delivered late. One whose rollout has begun stays, and so
// does one of somebody else.
func (t *target) withdraw(w rollout.Withdrawal) {
	known := t.fateOf(w.ID)
	if known.Fate.IsFinal() && known.ID != "" || t.status.Running != nil && t.status.Running.Submit.Order.ID == w.ID {
		return
	}
	if t.isForeign(known, w.Order()) {
		return
	}
	if known.ID == "" {
		t.status.Fates = append(t.status.Fates, rollout.Submission{ID: w.ID, Version: w.Version, Actor: w.Actor, At: workflow.Now(t.ctx), SpecDigest: w.SpecDigest})
	}
	t.unqueue(w.ID)
	t.refuse(w.ID, rollout.CauseWithdrawn, "withdrawn: no worker had accepted it when its sender stopped waiting")
	t.forget()
	t.describe()
}

// forget drops the oldest orders whose fate is final: who waits in the queue is
// asked about for as long as that takes.
func (t *target) forget() {
	isFinal := func(f rollout.Submission) bool { return f.Fate.IsFinal() }
	for len(t.status.Fates) > rollout.MostFates {
		i := slices.IndexFunc(t.status.Fates, isFinal)
		if i < 0 {
			return
		}
		t.status.Fates = slices.Delete(t.status.Fates, i, i+1)
	}
}

func (t *target) isQueued(id string) bool {
	return slices.ContainsFunc(t.status.Queue, func(s rollout.Submit) bool { return s.Order.ID == id })
}

// unqueue takes an order out of the queue.
func (t *target) unqueue(id string) {
	t.status.Queue = slices.DeleteFunc(slices.Clone(t.status.Queue), func(s rollout.Submit) bool { return s.Order.ID == id })
}
