package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// setback is why a rollout goes back, or never began.
type setback struct {
	outcome rollout.Outcome
	cause   rollout.Cause
	reason  string
	actor   string
	command string // id of the command that ordered it
	at      time.Time
}

// commands is what operators have ordered.
type commands struct {
	root     workflow.Context    // a cancel ends it
	seen     map[string]answered // by command id
	breached map[string]bool     // by breach id

	back         *setback // the first order, or reason, to go back
	beyond       bool     // too late: the removal of the baseline has been scheduled
	restored     bool     // the baseline is verified, or nothing had been changed
	ended        bool
	skip         bool // end this bake
	skipAll      bool // end all of them
	retry        bool // try again what could not be put back
	acknowledged *rollout.Command

	pausedAt     time.Time
	holdingIt    bool
	heldSince    time.Time // the step's first hold
	held         time.Duration
	paused       time.Duration
	pausedBefore time.Duration // up to the present bake
	heldAt       time.Time
	waits        int
	current      *bake     // the one that is going on
	approval     *approval // the one that is asked for
}

// answered is a command and what became of it.
type answered struct {
	name   string
	answer rollout.Answer
}

// cancelActor is who aborts when the workflow is cancelled.
const cancelActor = "temporal:cancel"

// listen answers queries and obeys operators. Everything is registered before
// the first act, so that an order which arrives with the start is not lost.
func (r *run) listen() error {
	r.seen, r.breached = map[string]answered{}, map[string]bool{}
	if err := workflow.SetQueryHandler(r.ctx, rollout.StatusQuery, func() (rollout.Status, error) { return r.status, nil }); err != nil {
		return err
	}
	if err := workflow.SetQueryHandler(r.ctx, rollout.PlanQuery, func() (rollout.Plan, error) { return r.plan, nil }); err != nil {
		return err
	}
	if err := workflow.SetQueryHandler(r.ctx, rollout.WayBackQuery, r.wayBack); err != nil {
		return err
	}
	for _, u := range []struct {
		name string
		obey func(rollout.Command) rollout.Answer
	}{
		{rollout.CommandPause, r.onPause},
		{rollout.CommandResume, r.onResume},
		{rollout.CommandApprove, r.onApprove},
		{rollout.CommandReject, r.onReject},
		{rollout.CommandPromote, r.onPromote},
		{rollout.CommandExtend, r.onExtend},
		{rollout.CommandRetry, r.onRetry},
		{rollout.CommandAcknowledge, r.onAcknowledge},
		{rollout.CommandAbort, r.onAbort},
	} {
		handler := func(ctx workflow.Context, c rollout.Command) (rollout.Answer, error) {
			c.Name = u.name
			return r.answer(ctx, c, u.obey), nil
		}
		if err := workflow.SetUpdateHandler(r.ctx, u.name, handler); err != nil {
			return err
		}
	}
	r.listenForSignals()
	if r.isUnit() {
		r.hearFleet()
	}
	return nil
}

// listenForSignals obeys what needs no answer: the two other roads to an abort,
// the Target's word that a newer release waits, and whoever outside sees harm.
func (r *run) listenForSignals() {
	workflow.Go(r.ctx, func(ctx workflow.Context) {
		signals := workflow.GetSignalChannel(ctx, rollout.CommandAbort)
		for {
			_ = workflow.Await(ctx, func() bool { return signals.Len() > 0 })
			r.obeySignals()
		}
	})
	workflow.Go(r.ctx, func(ctx workflow.Context) {
		signals := workflow.GetSignalChannel(ctx, rollout.CommandSupersede)
		for {
			var c rollout.Command
			signals.Receive(ctx, &c)
			c.Name = rollout.CommandSupersede
			r.once(c, r.onSupersede)
		}
	})
	workflow.Go(r.ctx, func(ctx workflow.Context) {
		r.root.Done().Receive(ctx, nil)
		r.obeyCancel()
	})
	workflow.Go(r.ctx, r.listenForBreaches)
	hearWitnesses(r.ctx)
}

// once obeys a command unless it was obeyed before: the same id is the same
// order, whichever way it came, and never another one.
func (r *run) once(c rollout.Command, obey func(rollout.Command) rollout.Answer) rollout.Answer {
	if before, known := r.seen[c.ID]; known && c.ID != "" {
		if before.name != c.Name {
			return denied("the id %s was that of %s: it cannot be %s, too", c.ID, before.name, c.Name)
		}
		return before.answer
	}
	answer := obey(c)
	r.seen[c.ID] = answered{c.Name, answer}
	countCommand(r.ctx, c.Name, answer.Answer)
	switch {
	case answer.Answer == rollout.Denied:
		r.noteDenied(c, answer.Why)
	case answer.Answer == rollout.Accepted && c.Override:
		r.noteOverride(c)
	}
	return answer
}

// answer obeys and says where the rollout stands after it. Orders without a
// name behind them, or without a reason, are denied, on record.
func (r *run) answer(ctx workflow.Context, c rollout.Command, obey func(rollout.Command) rollout.Answer) rollout.Answer {
	var answer rollout.Answer
	switch {
	case c.Actor == "" || c.Reason == "":
		answer = denied("say who gives the command, and why")
	case c.RunID != "" && c.RunID != r.status.RunID:
		answer = denied("the command is for another run: %s", c.RunID)
	case c.Override && c.Name != rollout.CommandApprove && c.Name != rollout.CommandPromote:
		answer = denied("%s has nothing to override", c.Name)
	default:
		answer = r.once(c, r.authorized(ctx, c, obey))
	}
	if c.Name == rollout.CommandAbort && answer.Answer != rollout.Denied {
		// A cancel of the workflow must not end the wait for its own effect.
		detached, _ := workflow.NewDisconnectedContext(ctx)
		_ = workflow.Await(detached, func() bool {
			return r.restored || r.ended || r.beyond || r.status.Phase == rollout.PhaseNeedsHuman
		})
	}
	answer.Status = r.status
	return answer
}

func accepted(why string) rollout.Answer {
	return rollout.Answer{Answer: rollout.Accepted, Why: why}
}

func noop(format string, args ...any) rollout.Answer {
	return rollout.Answer{Answer: rollout.Noop, Why: fmt.Sprintf(format, args...)}
}

func denied(format string, args ...any) rollout.Answer {
	return rollout.Answer{Answer: rollout.Denied, Why: fmt.Sprintf(format, args...)}
}

// turn orders the way back. The first order wins.
func (r *run) turn(s setback) {
	s.at = r.now()
	r.back = &s
}

func (r *run) onAbort(c rollout.Command) rollout.Answer { return r.abort(c) }

func (r *run) abort(c rollout.Command) rollout.Answer {
	if !mayAbort(r.plan.Abort, c.Actor) {
		return denied("%s may not abort: that is for %s", c.Actor, strings.Join(r.plan.Abort, ", "))
	}
	return r.obeyAbort(c)
}

// obeyAbort is abort by somebody who may.
func (r *run) obeyAbort(c rollout.Command) rollout.Answer {
	switch {
	case r.beyond:
		return noop("already promoted: going back is a rollout of its own")
	case r.status.Outcome != "" || r.ended:
		return noop("already over: %s", r.status.Outcome)
	case r.back != nil:
		return noop("already going back: %s", r.back.reason)
	}
	r.turn(setback{outcome: rollout.Aborted, actor: c.Actor, command: c.ID, reason: fmt.Sprintf("aborted by %s: %s", c.Actor, c.Reason)})
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

func (r *run) onPause(c rollout.Command) rollout.Answer {
	switch {
	case !r.isGoing():
		return denied("the rollout is %s", r.status.Phase)
	case r.status.Paused:
		return noop("it is paused already")
	}
	r.status.Paused, r.pausedAt = true, r.now()
	r.status.Reason = fmt.Sprintf("paused by %s: %s", c.Actor, c.Reason)
	r.refresh()
	return accepted("")
}

func (r *run) onResume(c rollout.Command) rollout.Answer {
	switch {
	case !r.isGoing():
		return denied("the rollout is %s", r.status.Phase)
	case !r.status.Paused:
		return noop("it is not paused")
	}
	r.paused += r.now().Sub(r.pausedAt)
	if b := r.current; b != nil {
		b.lost += max(r.now().Sub(later(r.pausedAt, b.begin)), 0)
		b.resumed(r.now())
	}
	r.status.Paused = false
	r.status.Reason = fmt.Sprintf("resumed by %s: %s", c.Actor, c.Reason)
	r.refresh()
	return accepted("")
}

func (r *run) onReject(c rollout.Command) rollout.Answer {
	if !r.isGoing() || r.approval == nil && !r.holding() {
		return denied("nothing waits for an answer: to stop the rollout, abort it")
	}
	r.turn(setback{outcome: rollout.Rejected, actor: c.Actor, command: c.ID, reason: fmt.Sprintf("rejected by %s: %s", c.Actor, c.Reason)})
	return accepted("")
}

func (r *run) onPromote(c rollout.Command) rollout.Answer {
	switch {
	case !r.isGoing():
		return denied("the rollout is %s", r.status.Phase)
	case r.closure != nil && c.Override:
		return r.override(c)
	case r.closure != nil:
		return denied("%s: who may, passes it with --override", r.closure.Reason)
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
	case !r.isGoing() || r.current == nil:
		return denied("nothing bakes that could be made longer")
	case c.By <= 0:
		return denied("say by how much: --by 30m")
	}
	r.current.need += c.By.Std()
	r.status.Reason = fmt.Sprintf("extended by %s by %s: %s", c.By, c.Actor, c.Reason)
	return accepted("")
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
