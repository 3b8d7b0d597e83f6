package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// stand stops the queue until a person resumes it, and tells people: first all who
// want to know, then one after another for as long as it stands. Under older
// workers nobody was told.
func (t *target) stand(why string) {
	stood := t.status.Stands != ""
	t.status.Stands = why
	t.describe()
	if stood || workflow.GetVersion(t.ctx, "standing-queue-is-told", workflow.DefaultVersion, 1) < 1 {
		return
	}
	now := workflow.Now(t.ctx)
	t.status.StandsSince = &now
	t.tellThatItStands()
}

// goOn ends that the queue stands.
func (t *target) goOn() { t.status.Stands, t.status.StandsSince, t.status.StandsTold = "", nil, 0 }

// standing is a sentence about a queue that stands.
func (t *target) standing() string {
	return fmt.Sprintf("the queue of %d stands until it is resumed: %s", len(t.status.Queue), t.status.Stands)
}

// tellThatItStands tells those who were not told of it yet, also where a run before
// this one told the others. A queue whose last order was withdrawn keeps nobody
// waiting.
func (t *target) tellThatItStands() {
	since := t.status.StandsSince
	over := func() bool { return t.status.StandsSince != since || len(t.status.Queue) == 0 }
	if over() {
		return
	}
	spec := t.status.Queue[0].Order.Spec
	act := t.act("announce", "find out who is told that the queue stands")
	asked := start(t.ctx, act, a.Announce, activities.AnnounceInput{Spec: spec})
	workflow.Go(t.ctx, func(ctx workflow.Context) {
		var out activities.AnnounceOutput
		if err := asked.Get(ctx, &out); err != nil || !out.Notifies || over() {
			return
		}
		if t.status.StandsTold == 0 {
			t.status.StandsTold++
			t.notify(t.ofStanding(rollout.OnWaiting, t.standing()), spec.Notify...)
		}
		ladder{rungs: out.Escalation[min(t.status.StandsTold-1, len(out.Escalation)):], since: *since, over: over,
			tell: func(after rollout.Duration, to rollout.Notification) {
				t.status.StandsTold++
				t.notify(t.ofStanding(rollout.OnEscalated, fmt.Sprintf("it has waited for %s: %s", after, t.standing())), to)
			}}.climb(ctx)
	})
}

// ofStanding is what people are told of a queue that stands.
func (t *target) ofStanding(event rollout.Occasion, text string) rollout.Notice {
	first := t.status.Queue[0].Order
	return rollout.Notice{Event: event, WaitingFor: rollout.WaitingForQueue, Reason: t.status.Stands, Text: text,
		Candidate: first.Spec.Release.Version, Owner: first.Spec.Owner, StartedBy: first.Actor}
}
