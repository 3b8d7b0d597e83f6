package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// ladder tells people, one after another, of a wait that nobody ends: of a
// rollout, a fleet or a target's queue. Whoever waits says how.
type ladder struct {
	rungs []rollout.Rung
	since time.Time // when the wait began

	over func() bool // the wait is: nobody is told any more
	tell func(after rollout.Duration, to rollout.Notification)
}

// climb tells each rung once, until the wait is over.
func (l ladder) climb(ctx workflow.Context) {
	for _, rung := range l.rungs {
		to := rollout.Recipient{To: rung.To, Channel: rung.Channel}
		left := max(rung.After.Std()-workflow.Now(ctx).Sub(l.since), 0)
		timer := startTimer(ctx, shorten(fmt.Sprintf("tell %s when it has waited for %s", to, rung.After)), left)
		_ = workflow.Await(ctx, func() bool { return timer.IsReady() || l.over() })
		if l.over() {
			timer.cancel()
			return
		}
		l.tell(rung.After, rollout.Notification{To: to.To, Channel: to.Channel})
	}
}

// wait is something that people keep a rollout waiting for. It is one wait, whatever
// comes between, such as a pause while a vote is waited for, or data that come and go.
type wait struct {
	since time.Time
	told  int // rungs of the ladder
}

// wait is the one that the rollout is in. Under older workers each phase was one.
func (r *run) wait() *wait {
	name := fmt.Sprint(r.phases)
	switch s := r.status; {
	case !r.plan.EscalatesWaits || s.Phase != rollout.PhaseWaiting:
	case r.approval != nil && s.WaitingFor == rollout.WaitingForApproval:
		name = fmt.Sprintf("approval %d %s", r.approval.step, r.approval.by)
	case s.WaitingFor == rollout.WaitingForHold:
		name = fmt.Sprintf("hold %d", s.Step)
	}
	if r.waited == nil {
		r.waited = map[string]*wait{}
	}
	if r.waited[name] == nil {
		r.waited[name] = &wait{since: r.now()}
	}
	return r.waited[name]
}

// escalate tells the plan's rungs for as long as the rollout stays in the phase
// that it is in now: those of whoever answers for the step.
func (r *run) escalate() {
	if !r.plan.Notifies || len(r.plan.Escalation) == 0 {
		return
	}
	phase, present := r.phases, r.wait()
	up := ladder{rungs: r.plan.Ladder(r.status.StepOwner)[present.told:], since: present.since,
		over: func() bool { return r.phases != phase },
		tell: func(after rollout.Duration, to rollout.Notification) {
			present.told++
			text := fmt.Sprintf("%s at %s has waited for %s: %s", r.status.Candidate, r.status.Weight, after, r.waiting())
			r.notify(rollout.Notice{Event: rollout.OnEscalated, Reason: r.status.Reason, Text: text}, to)
		}}
	workflow.Go(r.ctx, up.climb)
}

// isForPeople reports whether what the rollout waits for is theirs to end. A pause
// that the fleet ordered is the fleet's, and so is its decision; a schedule begins
// by itself. Under older workers nobody was told of pauses, and of a fleet's
// decision everybody.
func (r *run) isForPeople() bool {
	switch {
	case r.status.Phase == rollout.PhaseNeedsHuman:
		return true
	case r.status.Phase != rollout.PhaseWaiting:
		return false
	case r.status.WaitingFor == rollout.WaitingForPause:
		return r.plan.EscalatesWaits && (r.fleetsPause == "" || r.pauseID != r.fleetsPause)
	case r.status.WaitingFor == rollout.WaitingForFleet:
		return !r.plan.EscalatesWaits
	case r.status.WaitingFor == rollout.GateSchedule:
		return false
	}
	return true
}

// escalate tells the plan's rungs for as long as the fleet is paused, also where
// that keeps only the units waiting that do not go back. Of what a unit waits for
// its own rollout tells.
func (f *fleet) escalate() {
	if !f.plan.Notifies || len(f.plan.Escalation) == 0 {
		return
	}
	since := f.pausedAt
	up := ladder{rungs: f.plan.Escalation, since: since,
		over: func() bool { return !f.status.Paused || f.pausedAt != since },
		tell: func(after rollout.Duration, to rollout.Notification) {
			text := fmt.Sprintf("%s, wave %d of %d, has waited for %s: %s", f.candidate(), f.status.Wave, f.status.Waves, after, f.status.Reason)
			f.notify(rollout.Notice{Event: rollout.OnEscalated, Reason: f.status.Reason, Text: text}, to)
		}}
	workflow.Go(f.ctx, up.climb)
}
