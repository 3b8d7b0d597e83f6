package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// pausing is where the rollout stays where it is: paused, held, or waiting for a vote.
type pausing struct {
	pausedAt     time.Time
	pauseID      string        // of the command that ordered the present pause
	paused       time.Duration // pauses that are over
	pausedBefore time.Duration // up to the present bake

	holdingIt bool
	heldAt    time.Time
	heldSince time.Time     // the step's first hold
	held      time.Duration // holds of the present step that are over

	approval *approval // the one that is asked for
	waits    int       // windows that were watched meanwhile
}

// gates asks what the environment asks before a step, and then what the spec does.
func (r *run) gates(step rollout.PlannedStep) *setback {
	its := approval{step: step.Number}
	if q := step.PolicyApprove; q != nil {
		first := approval{step: step.Number, by: r.askedBy(rollout.AskedByEnvironment)}
		if s := r.gate(q, first, step.Raise()+", as the environment wants"); s != nil {
			return s
		}
		r.publish() // else the next wait would look like this one
		its.by = r.askedBy(rollout.AskedBySpec)
	}
	return r.gate(step.Approve, its, step.Raise())
}

// askedBy tells two approvals before the same step apart. Under older plans a vote
// counted for the one that was open when it came.
func (r *run) askedBy(who string) string {
	if !r.plan.GatesApart {
		return ""
	}
	return who
}

// gate asks people before an act. If nobody answers in time, the approval's
// `otherwise` decides.
func (r *run) gate(q *rollout.Approval, its approval, what string) *setback {
	if s := r.waitOutPause(); s != nil || q == nil {
		return s
	}
	its.ask, its.what = *q, what
	r.approval = &its
	r.showAsked()
	defer func() { r.approval, r.status.Asked = nil, nil }()
	until := r.now().Add(q.Within.Std())
	r.status.WaitingUntil = &until
	r.enter(rollout.PhaseWaiting, rollout.WaitingForApproval, its.waits())
	r.publish()
	timer := r.timer(fmt.Sprintf("wait for an approval of %s, at most %s", what, q.Within), q.Within.Std())
	defer timer.cancel()
	id := rollout.StepID(max(r.status.Step, 1))
	s := r.watchUntil(func() bool { return timer.IsReady() || r.approval.isAnswered() }, id)
	r.status.WaitingUntil = nil
	if s != nil {
		return s
	}
	if !r.approval.isAnswered() && q.Otherwise != rollout.RulePromote {
		return &setback{outcome: rollout.RolledBack, cause: rollout.CauseApproval,
			reason: fmt.Sprintf("nobody approved %s within %s", what, q.Within)}
	}
	r.enter(rollout.PhaseRunning, "", "approved: "+what)
	return r.waitOutPause()
}

// waitOutPause waits while the rollout is paused: nothing is raised meanwhile.
func (r *run) waitOutPause() *setback {
	if !r.status.Paused {
		return r.back
	}
	r.refresh()
	return r.watchUntil(func() bool { return !r.status.Paused }, rollout.StepID(max(r.status.Step, 1)))
}

// heedPause waits while the rollout is paused, before anything is written that
// brings the candidate to more users: the pause may have come after the gate.
func (r *run) heedPause() *setback {
	if !r.status.Paused || !r.heedsPauses() {
		return nil
	}
	return r.waitOutPause()
}

// showPause shows a pause again that a new phase hid.
func (r *run) showPause() {
	if r.status.Paused && r.isGoing() && r.heedsPauses() {
		r.refresh()
	}
}

// heedsPauses: under older workers a pause waited for the next gate.
func (r *run) heedsPauses() bool {
	return workflow.GetVersion(r.ctx, "pause-before-write", workflow.DefaultVersion, 1) == 1
}

// startDeadline turns the rollout back when it takes too long. Pauses and what
// closes the target are not counted.
func (r *run) startDeadline() {
	limit := r.plan.Spec.Deadline
	workflow.Go(r.ctx, func(ctx workflow.Context) {
		for r.isGoing() {
			if r.kept { // the fleet's deadline bounds this, or the schedule
				return
			}
			if r.stands() {
				_ = workflow.Await(ctx, func() bool { return !r.stands() || !r.isGoing() })
				continue
			}
			left := r.timeLeft()
			if left <= 0 {
				r.turn(setback{outcome: rollout.RolledBack, cause: rollout.CauseDeadline, reason: fmt.Sprintf("not done within %s", limit)})
				return
			}
			timer := r.timer(fmt.Sprintf("the rollout may take %s, pauses not counted", limit), left)
			// It is never cancelled: the end takes it along without an event, and
			// the task that starts the restore has nothing else to do.
			_ = workflow.Await(ctx, func() bool { return timer.IsReady() || !r.isGoing() })
		}
	})
}

// timeLeft is how long the rollout may still take.
func (r *run) timeLeft() time.Duration {
	stood := r.pausedSoFar() + r.frozen
	if r.closure != nil {
		stood += r.now().Sub(r.closedAt) - (r.pausedSoFar() - r.pausedThen)
	}
	return r.status.StartedAt.Add(r.plan.Spec.Deadline.Std() + stood).Sub(r.now())
}

// hold stops the clock because the answer is unclear.
func (r *run) hold(reason string) {
	if r.holdingIt {
		r.status.Reason = reason
		if r.plan.HeedsDrift {
			r.describe()
			r.publish()
		}
		return
	}
	r.holdingIt, r.heldAt = true, r.now()
	if r.heldSince.IsZero() {
		r.heldSince = r.now()
	}
	r.status.Reason = reason
	r.refresh()
}

// release ends a hold, if there is one.
func (r *run) release() {
	if !r.holdingIt {
		return
	}
	r.holdingIt = false
	r.held += r.now().Sub(r.heldAt)
	r.refresh()
}

func (r *run) holding() bool { return r.holdingIt }
