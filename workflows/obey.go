package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// What each order does to a rollout. Who may give it was decided before.

func (r *run) onAbort(c rollout.Command) rollout.Answer { return r.abort(c) }

func (r *run) abort(c rollout.Command) rollout.Answer {
	if !mayAbort(r.plan.Abort, c.Actor) {
		return denied("%s may not abort: that is for %s", rollout.NameOf(c.Actor), strings.Join(r.plan.Abort, ", "))
	}
	return r.obeyAbort(c)
}

// obeyAbort is abort by somebody who may.
func (r *run) obeyAbort(c rollout.Command) rollout.Answer {
	switch {
	case r.beyond:
		return noop("already promoted: going back is a rollout of its own%s", r.first())
	case r.status.Outcome != "" || r.ended:
		return noop("already over: %s", r.status.Outcome)
	case r.back != nil:
		return noop("already going back: %s", r.back.reason)
	}
	r.turn(setback{outcome: rollout.Aborted, actor: c.Actor, command: c.ID, reason: "aborted by " + c.Said()})
	r.prove(c)
	return accepted("")
}

// onSupersede goes back because the Target has a newer release that takes this
// one's place.
func (r *run) onSupersede(c rollout.Command) rollout.Answer {
	if !r.isGoing() {
		return noop("it is on its way to its end")
	}
	r.turn(setback{outcome: rollout.Superseded, actor: c.Actor, command: c.ID, reason: fmt.Sprintf("superseded by %s: %s", c.Actor, c.Reason)})
	return accepted("")
}

// isGoing reports whether the rollout still goes forward.
func (r *run) isGoing() bool { return r.back == nil && !r.beyond && !r.ended }

// deniedNow denies what is only for a rollout that goes forward.
func (r *run) deniedNow() rollout.Answer {
	if r.beyond && !r.ended {
		return denied("already promoted, the baseline is being removed: to go back, bakeoff rollback %s%s", r.status.Target, r.first())
	}
	return denied("the rollout is %s", r.status.Phase)
}

// first is what has to be done before anything else, where a person is needed.
func (r *run) first() string {
	if r.status.Phase != rollout.PhaseNeedsHuman {
		return ""
	}
	return fmt.Sprintf("; a person is needed first: bakeoff retry %s, or put it right by hand, or bakeoff acknowledge %[1]s", r.status.Target)
}

func (r *run) onPause(c rollout.Command) rollout.Answer {
	switch {
	case !r.isGoing():
		return r.deniedNow()
	case r.status.Paused:
		return noop("it is paused already")
	}
	r.status.Paused, r.pausedAt, r.pauseID = true, r.now(), c.ID
	r.status.Reason = fmt.Sprintf("paused by %s: %s", c.Actor, c.Reason)
	r.refresh()
	return accepted("")
}

func (r *run) onResume(c rollout.Command) rollout.Answer {
	switch {
	case !r.isGoing():
		return r.deniedNow()
	case !r.status.Paused:
		return noop("it is not paused")
	}
	r.paused += r.now().Sub(r.pausedAt)
	if b := r.current; b != nil {
		b.lost += max(r.now().Sub(later(r.pausedAt, b.begin)), 0)
		b.resumed(r.now())
	}
	r.status.Paused = false
	if r.status.Reason = fmt.Sprintf("resumed by %s: %s", c.Actor, c.Reason); r.approval != nil && !r.holdingIt {
		r.status.Reason = r.approval.waits() // again
	}
	r.refresh()
	return accepted("")
}

func (r *run) onReject(c rollout.Command) rollout.Answer {
	if r.beyond {
		return r.deniedNow()
	}
	if !r.isGoing() || r.approval == nil && !r.holding() {
		return denied("nothing waits for an answer: to stop the rollout, abort it")
	}
	r.turn(setback{outcome: rollout.Rejected, actor: c.Actor, command: c.ID, reason: fmt.Sprintf("rejected by %s: %s", c.Actor, c.Reason)})
	return accepted("")
}

func (r *run) onPromote(c rollout.Command) rollout.Answer {
	switch {
	case !r.isGoing():
		return r.deniedNow()
	case r.closure != nil && c.Override:
		return r.override(c)
	case r.closure != nil:
		return denied("%s: who may, passes it with --override", r.closure.Reason)
	case r.plan.GoesBack:
		return denied("it is a drill: it goes back, whatever anybody says")
	case r.current == nil && !r.holding():
		return denied("nothing bakes that could be ended")
	case r.status.Paused:
		return denied("it is paused: resume it first")
	}
	r.skip, r.skipAll = true, r.skipAll || c.Full
	r.status.Reason = fmt.Sprintf("promoted by %s: %s", c.Actor, c.Reason)
	return accepted("")
}

func (r *run) onExtend(c rollout.Command) rollout.Answer {
	switch {
	case r.beyond:
		return r.deniedNow()
	case !r.isGoing() || r.current == nil:
		return denied("nothing bakes that could be made longer")
	case c.By <= 0:
		return denied("say by how much: --by 30m")
	}
	if most := r.mostLonger(); c.By > most && workflow.GetVersion(r.ctx, "extend-is-bounded", workflow.DefaultVersion, 1) == 1 {
		return r.tooLong(c.By, most)
	}
	r.current.need += c.By.Std()
	r.status.Reason = fmt.Sprintf("extended by %s by %s: %s", c.By, c.Actor, c.Reason)
	return accepted("")
}

// mostLonger is by how much the present bake may be made longer: so that it and
// what comes after it still end before the rollout's deadline, and it is no longer
// than a spec may write one.
func (r *run) mostLonger() rollout.Duration {
	most := r.current.windows.Longest().Std() - r.current.need
	if r.kept {
		return rollout.Duration(most)
	}
	left := r.timeLeft() - r.current.remaining()
	if r.current.primary == "" {
		left -= r.plan.KeepBaseline.Std()
	}
	for _, step := range r.plan.Steps {
		if step.Number > r.current.step.Number {
			left -= step.Bake.Std()
		}
	}
	return rollout.Duration(min(most, left))
}

func (r *run) tooLong(by, most rollout.Duration) rollout.Answer {
	most = rollout.Duration(most.Std().Truncate(time.Second))
	if most <= 0 {
		return denied("%s more cannot be: the deadline (%s) leaves no more than the bakes need; a later one takes a new rollout", by, r.plan.Spec.Deadline)
	}
	return denied("%s more is too long: at most --by %s, for the bakes to come and the deadline (%s)", by, most, r.plan.Spec.Deadline)
}

func (r *run) onRetry(rollout.Command) rollout.Answer {
	if r.status.Phase != rollout.PhaseNeedsHuman {
		return denied("nothing needs a human")
	}
	r.retry = true
	return accepted("")
}

func (r *run) onAcknowledge(c rollout.Command) rollout.Answer {
	if r.status.Phase != rollout.PhaseNeedsHuman {
		return denied("nothing needs a human")
	}
	r.acknowledged = &c
	return accepted("")
}
