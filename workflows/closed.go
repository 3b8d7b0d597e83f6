package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// closed is what keeps the rollout where it is, besides people: a freeze, a stopped
// line and the like. None of it keeps the rollout from going back.
type closed struct {
	closure    *rollout.Closure // nil: open
	closedAt   time.Time
	pausedThen time.Duration // how long the rollout had been paused by then
	frozen     time.Duration // how long closures lasted that are over, pauses in them not counted
	passed     []string      // keys of the closures that were overridden for the present raise
	asksFor    string        // the action that is wanted now; "": to go on baking
}

// ask is the question whether the target is closed; nil in rollouts that began
// before gates were asked.
func (r *run) ask() *activities.Ask {
	if !r.plan.Gated {
		return nil
	}
	action := r.asksFor
	if action == "" {
		action = rollout.ActionBake
	}
	ask := &activities.Ask{Action: action, Actor: r.order.Actor, Passed: r.passed}
	switch r.asksFor {
	case "":
	case rollout.ActionStart:
		ask.Needs = r.plan.Spec.Needs
	default:
		ask.Schedule = r.plan.Spec.Schedule
		if r.isUnit() {
			ask.Fleet = &activities.Unit{WorkflowID: r.fleet.ID, RunID: r.fleet.RunID}
		}
	}
	return ask
}

// wants sets the action that gates are asked about next. Overrides of the action
// before it no longer count.
func (r *run) wants(action string) {
	r.asksFor, r.passed = action, slices.Clone(r.plan.Passed)
}

// mind notes what closes the target now, nil if nothing does. While it is closed, the
// clocks of the bake, of the hold and of the deadline stand still.
func (r *run) mind(c *rollout.Closure) {
	if c != nil { // an override may have come while it was asked
		c = rollout.Merge([]rollout.Closure{*c}, r.passed)
	}
	was := r.closure
	r.closure = c
	switch {
	case was == nil && c == nil:
		return
	case was == nil:
		r.closedAt, r.pausedThen = r.now(), r.pausedSoFar()
	case c == nil:
		r.status.Reason = was.Over()
		r.thaw()
	}
	if c != nil {
		r.status.Reason = c.Reason
	}
	if r.approval == nil { // that one has an end of its own
		r.status.WaitingUntil = nil
		if c != nil {
			r.status.WaitingUntil = c.Until
		}
	}
	r.refresh()
}

// thaw lets the clocks run again.
func (r *run) thaw() {
	r.frozen += r.now().Sub(r.closedAt) - (r.pausedSoFar() - r.pausedThen)
	if !r.heldSince.IsZero() {
		r.heldSince = r.heldSince.Add(r.now().Sub(later(r.closedAt, r.heldSince)))
	}
	if r.current != nil {
		r.current.resumed(r.now())
	}
}

// pausedSoFar is how long the rollout has been paused.
func (r *run) pausedSoFar() time.Duration {
	if r.status.Paused {
		return r.paused + r.now().Sub(r.pausedAt)
	}
	return r.paused
}

// stands reports whether the clocks stand still.
func (r *run) stands() bool { return r.status.Paused || r.closure != nil }

// meet minds what closes the target, and goes back if users must not keep the
// candidate meanwhile.
func (r *run) meet(c *rollout.Closure) *setback {
	r.mind(c)
	if c == nil || c.Exposure != rollout.ExposureRollback || !r.served {
		return nil
	}
	return &setback{outcome: rollout.RolledBack, cause: rollout.Cause(c.Gate), reason: r.where(c.Reason)}
}

// waitOut stays where it is until nothing closes the target for what is wanted.
// Users who have met the candidate are watched meanwhile.
func (r *run) waitOut(c *rollout.Closure, id string) *setback {
	s := r.meet(c)
	isOpen := func() bool { return r.closure == nil }
	for s == nil && !isOpen() {
		if r.served {
			s = r.watchUntil(isOpen, id)
		} else {
			s = r.awaitGate(id)
		}
	}
	if s != nil {
		return s
	}
	return r.waitOutPause()
}

// awaitGate waits for what closes the target to change. Nobody has met the
// candidate yet, so that there is nothing to watch.
func (r *run) awaitGate(id string) *setback {
	ctx, cancel := workflow.WithCancel(r.forward)
	defer cancel()
	act := r.act(id+".gate", "wait: "+r.closure.Reason)
	act.queue, act.limit, act.heartbeat = rollout.QueueAnalysis, longestWait+time.Minute, heartbeat
	act.refuses = r.asksFor == rollout.ActionStart
	future := start(ctx, act, a.Gate, activities.GateInput{Job: r.job, Ask: *r.ask(), Closed: r.closure, Until: r.now().Add(longestWait)})
	r.await(func() bool { return future.IsReady() || r.closure == nil })
	if r.back != nil || r.closure == nil { // an order: the answer is not needed any more
		return r.back
	}
	var out activities.GateOutput
	if s := r.result(future, act, &out); s != nil {
		return s
	}
	return r.meet(out.Closed)
}

// waitToStart waits out what closed the start, where the order said to wait.
func (r *run) waitToStart() *setback {
	if r.closure == nil {
		return nil
	}
	return r.waitOut(r.closure, "start")
}

// override passes what closes the target now, for one raise: the next one asks
// anew.
func (r *run) override(c rollout.Command) rollout.Answer {
	over := r.closure
	r.passed = append(slices.Clone(r.passed), over.Keys...)
	r.mind(nil)
	r.status.Reason = fmt.Sprintf("%s overridden by %s: %s", over.Gate, c.Actor, c.Reason)
	return accepted("passed: " + over.Reason)
}
