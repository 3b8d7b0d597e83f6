package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// onRollback goes back to a release that was good, by a rollout of its own: the
// one that served before the last promotion, or the version that is asked for.
func (t *target) onRollback(ctx workflow.Context, c rollout.Command) rollout.Answer {
	t.catchUp(ctx)
	if t.status.Running != nil {
		return denied("%s: abort that", t.holder())
	}
	good, known := t.status.GoodBefore(c.To)
	serving, _ := t.status.Serving()
	switch {
	case t.isOfOrder(c.ID):
		return denied("the id %s was that of the order of %s: it cannot be %s, too", c.ID, t.fateOf(c.ID).Version, c.Name)
	case !known:
		return denied("%s", t.nothingGood(c.To))
	case good.Release.Version == serving.Release.Version:
		return noop("%s was promoted last: it serves already", c.To)
	case t.status.Last == nil:
		return denied("how to reach %s is not known: no release was promoted through it", t.status.Target)
	}
	t.receive(rollout.Submit{Order: t.backTo(good, c), Summary: shorten(fmt.Sprintf("%s goes back to %s, by %s: %s",
		t.status.Target, good.Release.Version, c.Actor, c.Reason))})
	fate := t.settled(ctx, c.ID)
	answer := denied("%s", fate.Why)
	if fate.Fate == rollout.FateStarted {
		answer = accepted("back to " + good.Release.Version)
	}
	answer.Status = rollout.Status{Target: t.status.Target.String(), WorkflowID: rollout.WorkflowID(t.status.Target), RunID: fate.RunID}
	return answer
}

// isOfOrder reports whether an id was given to an order that is no way back. Under
// older workers what became of that was the answer.
func (t *target) isOfOrder(id string) bool {
	return t.fateOf(id).ID != "" && workflow.GetVersion(t.ctx, "order-id-is-no-rollback", workflow.DefaultVersion, 1) == 1
}

// backTo is the order of a rollback. It passes a quarantine, because a person asks for
// this very release.
func (t *target) backTo(good rollout.Known, c rollout.Command) rollout.Order {
	return rollout.Order{ID: c.ID, Actor: c.Actor, Reason: c.Reason, At: c.At, Spec: t.status.Last.BackTo(good.Release), Back: true,
		Statement: c.Statement, Signature: c.Signature, Trace: c.Trace}
}

// passesQueue reports whether an order is a rollback that another order is in the way
// of. Under older workers it waited for that order and was carried out later, although
// its giver had been told that it was denied.
func (t *target) passesQueue(s rollout.Submit) bool {
	meets := t.status.Running != nil || t.back != nil || len(t.status.Queue) > 0
	return s.Order.Back && meets && workflow.GetVersion(t.ctx, "rollback-passes-queue", workflow.DefaultVersion, 1) == 1
}

// placeAhead gives a rollback its turn ahead of a queue that stands, and the queue
// stays as it is. A rollback never waits: by its turn, another release might serve
// than the one that it was meant to leave.
func (t *target) placeAhead(s rollout.Submit) {
	if t.holds() != nil {
		t.refuse(s.Order.ID, rollout.CauseRunning, t.holder()+": abort that")
		return
	}
	t.back = &s
}

// held is the releases in quarantine.
func (t *target) held() string {
	var held []string
	for _, q := range t.status.Quarantine {
		held = append(held, q.Version)
	}
	return strings.Join(held, ", ")
}

// nothingGood says what could be gone back to.
func (t *target) nothingGood(version string) string {
	var names []string
	for _, k := range t.status.Good {
		names = append(names, k.Release.Version)
	}
	if slices.ContainsFunc(t.status.Quarantine, func(q rollout.Quarantined) bool { return q.Version == version }) {
		return version + " is in quarantine: to roll it out again, start it, and say why with --reason"
	}
	if len(names) < 2 && version == "" {
		if held := t.held(); held != "" {
			return "nothing but what serves is known to be good; in quarantine: " + held + ": to roll one of them out again, start it, and say why with --reason"
		}
		return "nothing is known that was good before"
	}
	return fmt.Sprintf("%s is not known to have been good: known are %s", orElse(version, "an earlier release"), orElse(strings.Join(names, ", "), "none"))
}
