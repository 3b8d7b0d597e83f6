package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// onSubmit takes an order in and answers when it is known what becomes of it:
// its rollout was started, it waits in the queue, or it is refused.
func (t *target) onSubmit(ctx workflow.Context, s rollout.Submit) (rollout.Submission, error) {
	s.Order.ID = orElse(s.Order.ID, workflow.GetCurrentUpdateInfo(ctx).ID)
	if known := t.fateOf(s.Order.ID); t.isForeign(known, s.Order) {
		return rollout.Submission{ID: known.ID, Version: s.Order.Spec.Release.Version, Actor: s.Order.Actor, At: workflow.Now(t.ctx),
			Fate: rollout.FateRefused, Cause: rollout.CausePolicy, Why: known.Foreign(s.Order)}, nil
	}
	t.given(s)
	return t.settled(ctx, s.Order.ID), nil
}

// settled waits until it is known what becomes of an order.
func (t *target) settled(ctx workflow.Context, id string) (fate rollout.Submission) {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	_ = workflow.Await(detached, func() bool {
		fate = t.fateOf(id)
		return fate.Fate != rollout.FateStarting
	})
	return fate
}

// given takes an order in that came from outside: whether it is a way back, a
// recovery or part of a fleet, and when it came, is not for its giver to say.
func (t *target) given(s rollout.Submit) {
	s.Order.Back, s.Order.Recover, s.Order.Fleet, s.Order.Received = false, "", "", time.Time{}
	t.receive(s)
}

// receive takes an order in. The same id is the same order, whichever way it
// came.
func (t *target) receive(s rollout.Submit) {
	if t.fateOf(s.Order.ID).ID != "" {
		return
	}
	o := s.Order
	t.status.Fates = append(t.status.Fates, rollout.Submission{ID: o.ID, Version: o.Spec.Release.Version, Actor: o.Actor,
		At: workflow.Now(t.ctx), Fate: rollout.FateStarting, SpecDigest: o.SpecDigest})
	t.forget()
	if t.closed {
		t.refuse(o.ID, rollout.CauseRunning, cancelled)
		return
	}
	t.deciding++
	workflow.Go(t.ctx, func(ctx workflow.Context) {
		defer func() { t.deciding-- }()
		t.catchUp(ctx)
		cause, why := t.refuses(ctx, s)
		switch {
		case t.isSettled(o.ID):
		case why != "":
			t.refuse(o.ID, cause, why)
		default:
			t.place(ctx, s)
		}
	})
}

// catchUp waits for the end of a rollout that is over but not yet reported: who
// saw it end may start the next.
func (t *target) catchUp(ctx workflow.Context) {
	running := t.status.Running
	if running == nil || running.RunID == "" {
		return
	}
	act := t.act("look", "does the rollout that was started last still run?")
	act.queue, act.limit, act.within = rollout.QueueControl, authorizeWithin/2, authorizeWithin
	var out activities.LookRolloutOutput
	in := activities.LookRolloutInput{WorkflowID: rollout.WorkflowID(t.status.Target), RunID: running.RunID}
	if err := start(ctx, act, a.LookRollout, in).Get(ctx, &out); err == nil && !out.Open {
		_ = workflow.Await(ctx, func() bool { return t.closed || t.status.Running != running })
	}
}

// refuses says why an order is not even queued; "" when it may be.
func (t *target) refuses(ctx workflow.Context, s rollout.Submit) (rollout.Cause, string) {
	o := s.Order
	if o.Spec.Key() != t.status.Target {
		return rollout.CauseSpec, fmt.Sprintf("the order is for %s, not for %s", o.Spec.Key(), t.status.Target)
	}
	if why := t.heldByFleet(ctx, s); why != "" {
		return rollout.CauseRunning, why
	}
	q, held := t.status.Holds(o.Spec.Release)
	if !held || o.Override || o.Back {
		return "", ""
	}
	why := q.String()
	if o.Reason == "" || isBlank(ctx, o.Reason) {
		return rollout.CauseQuarantine, why + "; " + rollout.TryAgain
	}
	if forbidden := t.forbids(ctx, rollout.Command{Name: activities.ActRetryRefused, Actor: o.Actor}); forbidden != "" {
		return rollout.CauseQuarantine, why + "; " + forbidden
	}
	return "", ""
}

// heldByFleet says which fleet keeps an order from being started; "" when none
// does. Where that cannot be found out, its rollout looks again.
func (t *target) heldByFleet(ctx workflow.Context, s rollout.Submit) string {
	if !s.AskFleet {
		return ""
	}
	act := t.act("fleet", "does a fleet hold "+t.status.Target.String()+"?")
	act.queue, act.limit, act.within = rollout.QueueControl, authorizeWithin/2, authorizeWithin
	var out activities.FleetHoldsOutput
	_ = start(ctx, act, a.FleetHolds, activities.FleetHoldsInput{Target: t.status.Target}).Get(ctx, &out)
	return out.Why
}

// place starts an order, queues it, or refuses it, as the policy for new
// releases says. The word of the rollout that holds the target counts; where its
// spec says nothing, the newcomer's.
func (t *target) place(ctx workflow.Context, s rollout.Submit) {
	if t.passesQueue(s) {
		t.placeAhead(s)
		return
	}
	holds := t.holds()
	if holds == nil {
		t.enqueue(s)
		return
	}
	policy := holds.Submit.Order.Spec.Policy.OnNewRelease
	if policy == "" {
		policy = s.Order.Spec.Policy.OnNewRelease
	}
	switch {
	case s.Order.Supersede:
		policy = rollout.OnNewSupersede
	case holds.Lost != "" && policy != "" && policy != rollout.OnNewReject:
		policy = rollout.OnNewQueue // it goes back already
	}
	switch policy {
	case rollout.OnNewQueue:
		t.enqueue(s)
	case rollout.OnNewKeepNewest, rollout.OnNewSupersede:
		t.replace(ctx, s, policy == rollout.OnNewSupersede)
	default:
		t.refuse(s.Order.ID, rollout.CauseRunning, t.holder())
	}
}

// replace takes the place of whatever waits, and, to supersede, of the running
// rollout, too: that is sent back, and this order starts when that has been
// verified. An order that would be refused touches nobody.
func (t *target) replace(ctx workflow.Context, s rollout.Submit, supersede bool) {
	o := s.Order
	cause, why := t.inadmissible(ctx, o)
	switch {
	case t.isSettled(o.ID):
		return
	case why != "":
		t.refuse(o.ID, cause, "refused, and nothing was superseded: "+why)
		return
	}
	if newer := t.newerThan(o.ID); newer != "" {
		t.settle(o.ID, func(f *rollout.Submission) {
			f.Fate, f.Why = rollout.FateSuperseded, fmt.Sprintf("superseded by %s, which came while it was looked at", newer)
		})
		return
	}
	t.clearQueue(o)
	t.enqueue(s)
	c := rollout.Command{ID: "supersede/" + o.ID, Name: rollout.CommandSupersede, Actor: o.Actor, Reason: o.Spec.Release.Version + " takes its place"}
	switch {
	case !supersede:
	case t.isStarting():
		t.newer = &c
	case t.status.Running != nil:
		t.tell(ctx, rollout.CommandSupersede, c)
	}
}

// inadmissible says why an order would be refused, as far as that can be known
// before its turn; "" when it would not.
func (t *target) inadmissible(ctx workflow.Context, o rollout.Order) (rollout.Cause, string) {
	if good, known := t.status.Serving(); known && good.Release.Version == o.Spec.Release.Version {
		return rollout.CauseServing, good.Release.Version + " was promoted last: it serves already"
	}
	act := t.act("admit", "may "+o.Spec.Release.Version+" take the place of what was to come?")
	act.within = 2 * quickLimit
	var out activities.AdmitOutput
	if err := start(ctx, act, a.Admit, activities.AdmitInput{Order: o, Received: t.fateOf(o.ID).At}).Get(ctx, &out); err != nil {
		return rollout.CausePolicy, "whether it may be started could not be found out: " + rootCause(err)
	}
	return out.Cause, list(rollout.Texts(out.Problems))
}

// tell signals the running rollout. One that has just ended has nothing to hear, nor
// has the one that came after it.
func (t *target) tell(ctx workflow.Context, signal string, c rollout.Command) {
	_ = workflow.SignalExternalWorkflow(ctx, rollout.WorkflowID(t.status.Target), t.status.Running.RunID, signal, c).Get(ctx, nil)
}

// holds is the rollout that an order would have to wait for: the one that runs
// or, while nothing does, the order whose turn it is. nil: there is none, or the
// queue stands. Under older workers nobody waited for whose turn it was.
func (t *target) holds() *rollout.Course {
	if t.isNext() && (t.back != nil || workflow.GetVersion(t.ctx, "next-order-holds-target", workflow.DefaultVersion, 1) == 1) {
		return &rollout.Course{Submit: t.next()}
	}
	return t.status.Running
}

// holder names that rollout.
func (t *target) holder() string {
	r := t.holds()
	switch o := r.Submit.Order; {
	case r.Holder && r.RunID == "":
		return t.status.Target.String() + " is held by a rollout that was not started here"
	case r.Holder:
		return fmt.Sprintf("%s is held by a rollout that was not started here, run %s", t.status.Target, r.RunID)
	case r.Lost != "":
		return fmt.Sprintf("%s is being put back after the rollout of %s was cut off", t.status.Target, o.Spec.Release.Version)
	case r.RunID == "":
		return fmt.Sprintf("%s is held by the rollout of %s, started by %s, which is about to begin", t.status.Target, o.Spec.Release.Version, rollout.NameOf(o.Actor))
	default:
		return fmt.Sprintf("%s is held by the rollout of %s, started by %s, run %s", t.status.Target, o.Spec.Release.Version, rollout.NameOf(o.Actor), r.RunID)
	}
}

func (t *target) enqueue(s rollout.Submit) {
	if len(t.status.Queue) >= rollout.MostQueued {
		t.refuse(s.Order.ID, rollout.CauseRunning, fmt.Sprintf("the queue is full: %d wait", len(t.status.Queue)))
		return
	}
	if len(t.status.Queue) == 0 {
		t.goOn() // it stood for what waited then
	}
	t.status.Queue = append(t.status.Queue, s)
	if t.status.Running != nil || t.back != nil || len(t.status.Queue) > 1 || t.status.Stands != "" {
		t.settle(s.Order.ID, func(f *rollout.Submission) { f.Fate, f.Why = rollout.FateQueued, t.ahead() })
	}
	t.describe()
}

// ahead says what an order in the queue waits for.
func (t *target) ahead() string {
	switch {
	case t.status.Running != nil || t.back != nil:
		return t.holder()
	case t.status.Stands != "":
		return t.standing()
	default:
		return fmt.Sprintf("%d wait before it", len(t.status.Queue)-1)
	}
}

// clearQueue drops what waits, in favour of a newer order.
func (t *target) clearQueue(newer rollout.Order) {
	for _, s := range t.status.Queue {
		t.settle(s.Order.ID, func(f *rollout.Submission) {
			f.Fate, f.Why = rollout.FateSuperseded, fmt.Sprintf("superseded by %s, which came while it waited", newer.Spec.Release.Version)
		})
	}
	t.status.Queue = nil
}
