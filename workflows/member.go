package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// member is what the rollout of a fleet's unit has to do with its fleet. Other
// rollouts have none of it.
type member struct {
	fleet workflow.Execution // ID "": no fleet

	kept         bool // everybody has the candidate; the baseline stays until the fleet is decided, or the schedule ends
	released     bool // it is decided
	ordered      bool // the fleet ordered the way back, and says when to tidy up
	mayTidy      bool // now
	reportedLast rollout.UnitReport
	lastWord     int // of the fleet's words that pause or resume

	fleetsPause string // id of the last pause that the fleet ordered
}

// memberOf is the membership that an order claims. A fleet counts only if it started
// this rollout itself.
func memberOf(order rollout.Order, info *workflow.Info) member {
	if parent := info.ParentWorkflowExecution; parent != nil && order.Fleet == parent.ID && rollout.IsFleetID(parent.ID) {
		return member{fleet: *parent}
	}
	return member{}
}

func (r *run) isUnit() bool { return r.fleet.ID != "" }

// hearFleet obeys the words of the fleet.
func (r *run) hearFleet() {
	workflow.Go(r.ctx, func(ctx workflow.Context) {
		words := workflow.GetSignalChannel(ctx, rollout.SignalFleet)
		for {
			_ = workflow.Await(ctx, func() bool { return words.Len() > 0 })
			r.obeyFleet()
		}
	})
}

// obeyFleet obeys what the fleet has said. Who may give an order to a fleet may
// give it to its units: the fleet has asked.
func (r *run) obeyFleet() {
	var w rollout.Word
	for workflow.GetSignalChannel(r.ctx, rollout.SignalFleet).ReceiveAsync(&w) {
		switch w.Say {
		case rollout.SayAbort:
			obey := r.obeyAbort
			if w.Cause == rollout.CauseSchedule {
				obey = r.endSchedule
			}
			r.ordered = r.once(w.Command, obey).Answer == rollout.Accepted || r.ordered
		case rollout.SayPause:
			r.heedWord(w, r.onPause)
		case rollout.SayResume:
			r.heedWord(w, r.onResume)
		case rollout.SayTidy:
			r.mayTidy = true
		case rollout.SayRelease:
			r.released = true
		}
		w = rollout.Word{}
	}
}

// endSchedule goes back because the fleet's schedule is over, which says nothing
// against the release.
func (r *run) endSchedule(c rollout.Command) rollout.Answer {
	answer := r.obeyAbort(c)
	if answer.Answer == rollout.Accepted {
		r.back.outcome, r.back.cause, r.back.actor, r.back.reason = rollout.RolledBack, rollout.CauseSchedule, "", c.Reason
	}
	return answer
}

// heedWord obeys a pause or its end, unless a later word of the fleet came first.
func (r *run) heedWord(w rollout.Word, obey func(rollout.Command) rollout.Answer) {
	if w.Number >= r.lastWord {
		r.lastWord = w.Number
		if w.Say == rollout.SayPause {
			r.fleetsPause = w.Command.ID
		}
		r.once(w.Command, obey)
	}
}

// report tells the fleet where this unit stands, if that has changed. A fleet that is
// gone need not be told: its units are cancelled with it.
func (r *run) report(u rollout.UnitReport) {
	if !r.isUnit() {
		return
	}
	u.Target, u.RunID = r.status.Target, r.status.RunID
	if u == r.reportedLast {
		return
	}
	r.reportedLast = u
	_ = workflow.SignalExternalWorkflow(r.ctx, r.fleet.ID, r.fleet.RunID, rollout.SignalUnit, u)
}

// keepForFleet keeps the baseline of a promoted unit, and watches, until the
// fleet is decided. The fleet's own deadline bounds it.
func (r *run) keepForFleet() *setback {
	if !r.isUnit() {
		return nil
	}
	r.kept = true
	reason := fmt.Sprintf("promoted; %s is kept until the fleet is decided", named(r.job.Baseline))
	r.enter(rollout.PhaseWaiting, rollout.WaitingForFleet, reason)
	r.publish()
	r.report(rollout.UnitReport{Phase: rollout.PhaseWaiting, Kept: true, Reason: reason})
	s := r.watchUntil(func() bool { return r.released }, "keep")
	r.kept = s == nil
	return s
}

// awaitTurn waits, after an abort of the fleet, until the fleet lets this unit clean
// up: units are tidied up newest first.
func (r *run) awaitTurn() {
	if !r.ordered || r.mayTidy || !r.begun(rollout.RemoveCandidate) && !r.begun(rollout.RemoveCopy) {
		return
	}
	_ = workflow.Await(r.ctx, func() bool { return r.mayTidy || r.acknowledged != nil })
}

// enterTarget tells the Target of how this unit's rollout ends, which its fleet
// started beside it: otherwise a later way back would begin from what was good
// before the fleet.
func (r *run) enterTarget() {
	if !r.isUnit() || !r.plan.Enters || r.status.Outcome == rollout.Refused {
		return
	}
	order := r.order
	order.ID = r.status.RunID
	act := r.act("enter", "enter with the Target of "+r.status.Target+" how this ended")
	act.queue, act.within = rollout.QueueControl, enterWithin
	course := rollout.Course{Submit: rollout.Submit{Order: order}, RunID: r.status.RunID}
	if err := start(r.ctx, act, a.EnterTarget, activities.EnterTargetInput{Course: course}).Get(r.ctx, nil); err != nil {
		r.status.Warnings = append(r.status.Warnings, "its Target could not be told how this ended: "+rootCause(err))
	}
}

// enterWithin bounds how long the end of a unit waits for its Target.
const enterWithin = time.Minute
