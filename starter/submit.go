package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bakeoff/rollout"
)

// submitted is an order that was taken in.
type submitted struct {
	spec rollout.Spec
	run  // of its rollout; without a RunID while it waits in the queue
	rollout.Submission
	served bool // a worker is there

	spent time.Duration // until Temporal took the order
}

// submitWithin is how long a worker has to take an order in before its rollout
// is started without asking the Target.
const submitWithin = 10 * time.Second

// submit gives an order to its Target. Where no worker answers, the rollout is
// started at once, if nothing runs: it begins when a worker comes. An order that
// is refused ends with 15.
func (c *cli) submit(ctx context.Context, svc service, o rollout.Order, served bool, p patience) (submitted, error) {
	s := rollout.Submit{Order: o, Summary: summaryOf(o), Details: detailsOf(o), AskFleet: true}
	out := submitted{spec: o.Spec, run: runOf(o.Spec.Key()), served: served}
	err := errNoWorker
	if served {
		asking, cancel := context.WithTimeout(ctx, submitWithin)
		defer cancel()
		out.Submission, err = svc.Submit(asking, s)
	}
	if err != nil && (retryable(err) || served && ctx.Err() != nil) {
		begun := time.Now()
		trying, cancel := bounded(ctx, p.within)
		defer cancel()
		out.Submission, err = c.besides(trying, svc, s, served)
		out.spent = time.Since(begun)
		if u := (*unknown)(nil); errors.As(err, &u) {
			return out, c.mayBegin(ctx, out, o.ID, u, p.code)
		}
	}
	switch {
	case err != nil && ctx.Err() != nil && served:
		return out, interruptedOrder(o)
	case err != nil && ctx.Err() != nil:
		return out, fail(exitInterrupted, "interrupted: nothing was started")
	case errors.Is(err, errBusy):
		return out, c.busy(ctx, svc, c.refusal(subjectOf(o.Spec), rollout.CauseRunning, ""))
	case err != nil:
		return out, fmt.Errorf("start the rollout of %s: %w", o.Spec.Key(), err)
	case out.Fate == rollout.FateRefused && out.Cause == rollout.CauseRunning:
		return out, c.busy(ctx, svc, decided(out))
	}
	if out.Fate == rollout.FateQueued {
		out.Submission = sinceThen(ctx, svc, out)
	}
	if out.Version != "" && !out.IsOf(o) { // of a worker that is older, or of a rollout that was started beside the Target
		return out, c.foreignID(subjectOf(o.Spec), out.Submission, o)
	}
	out.run.RunID = out.Submission.RunID
	return out, c.unlessRefused(out)
}

// sinceThen is what became of an order that is said to be in the queue: Temporal answers
// one that is given again with what its Target said the first time.
func sinceThen(ctx context.Context, svc service, s submitted) rollout.Submission {
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	t, err := svc.Target(asking, s.spec.Key())
	if known := fateOf(t, s.ID); err == nil && known.Fate != "" && known.Fate != rollout.FateStarting {
		return known
	}
	return s.Submission
}

// interruptedOrder says how an order stands whose giver did not wait for an answer.
// It was taken back; a worker may have been quicker.
func interruptedOrder(o rollout.Order) error {
	t := o.Spec.Key()
	return fail(exitInterrupted, "interrupted: the order was taken back; should it have begun already, its rollout goes on\n  look:    bakeoff wait %s --id %s\n  stop it: bakeoff abort %s --reason …", t, o.ID, t)
}

// admittedWithin is how long a rollout that was just started may take until it is
// known whether its order holds.
const admittedWithin = 5 * time.Second

// unlessNotAdmitted waits until a worker has looked at who asked for a rollout, and
// for what, and ends with the code of the refusal if it was one.
func (c *cli) unlessNotAdmitted(ctx context.Context, svc service, s submitted) error {
	if !s.served || s.Fate != rollout.FateStarted {
		return nil
	}
	asking, cancel := context.WithTimeout(ctx, admittedWithin)
	defer cancel()
	for asking.Err() == nil {
		now, err := svc.Query(asking, s.run)
		if err != nil || now.PlanDigest != "" {
			return nil
		}
		if now.Outcome == rollout.Refused && now.Phase == rollout.PhaseCompleted {
			if err := c.result(now); err != nil {
				return err
			}
			return fail(outcomeCode(now), "refused: %s", now.Reason)
		}
		pause(asking, min(c.poll, 50*time.Millisecond))
	}
	return nil
}

// foreignID refuses an order whose id was that of another one.
func (c *cli) foreignID(subject rollout.Status, known rollout.Submission, o rollout.Order) error {
	why := known.Foreign(o)
	if err := c.result(c.refusal(subject, rollout.CausePolicy, why)); err != nil {
		return err
	}
	return fail(exitRefused, "refused: %s", why)
}

// unlessRefused ends with 15 for an order that was refused, with 12 for one that a
// newer one took the place of, and with 11 for one that a person took out of the
// queue.
func (c *cli) unlessRefused(s submitted) error {
	result := decided(s)
	if result.Outcome == "" {
		return nil
	}
	if err := c.result(result); err != nil {
		return err
	}
	if s.Fate == rollout.FateRefused {
		return fail(exitRefused, "refused: %s", s.Why)
	}
	return fail(outcomeCode(result), "%s", s.Why)
}

// decided is the result of an order that its Target decided without a rollout; without
// an outcome where it did not. It began when the Target took it in, which is kept; when
// it was decided is not.
func decided(s submitted) rollout.Status {
	result := subjectOf(s.spec)
	result.Phase, result.Cause, result.Reason, result.StartedAt = rollout.PhaseCompleted, s.Cause, s.Why, s.At
	switch s.Fate {
	case rollout.FateRefused:
		result.Outcome = rollout.Refused
	case rollout.FateSuperseded:
		result.Outcome = rollout.Superseded
	case rollout.FateAborted:
		result.Outcome = rollout.Aborted
	}
	return result
}

// seeThrough waits until an order has had its turn, and for the end of its
// rollout.
func (c *cli) seeThrough(ctx context.Context, svc service, s submitted, timeout time.Duration) error {
	begun := c.now().Add(-s.spent)
	if s.Fate != rollout.FateStarted {
		turn, err := c.awaitTurn(ctx, svc, s, timeout)
		if err != nil {
			return err
		}
		s = turn
	}
	if timeout > 0 {
		timeout = max(timeout-c.now().Sub(begun), time.Millisecond)
	}
	return c.await(ctx, svc, s.run, timeout)
}

// awaitTurn waits while an order is in the queue.
func (c *cli) awaitTurn(ctx context.Context, svc service, s submitted, timeout time.Duration) (submitted, error) {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, errTimeout)
		defer cancel()
	}
	view := c.newView()
	defer view.close()
	for said := ""; ; pause(ctx, c.poll) {
		if s.Why != said && s.Fate == rollout.FateQueued {
			said = s.Why
			view.note("in the queue: " + said)
		}
		if s.Fate != rollout.FateQueued && s.Fate != rollout.FateStarting {
			s.run.RunID = s.Submission.RunID
			return s, c.unlessRefused(s)
		}
		if ctx.Err() != nil {
			return s, c.stillQueued(ctx, s)
		}
		if t, err := svc.Target(ctx, s.spec.Key()); err == nil {
			s.Submission = fateOf(t, s.ID)
		}
		if s.Fate == "" || !s.Fate.IsFinal() && isEnded(ctx, svc, s.spec.Key()) {
			return s, fail(exitFailed, "the order of %s is lost: the workflow that held it, %s, was ended from outside\n  give it again: bakeoff run FILE",
				orElse(s.spec.Release.Version, s.spec.Key().String()), rollout.TargetID(s.spec.Key()))
		}
	}
}

// isEnded reports whether nothing holds the queue of a target any more.
func isEnded(ctx context.Context, svc service, t rollout.Target) bool {
	e, err := svc.Describe(ctx, above(t))
	return err == nil && !e.open()
}

// stillQueued ends a wait before the order had its turn.
func (c *cli) stillQueued(ctx context.Context, s submitted) error {
	if errors.Is(reason(ctx), errInterrupted) {
		return fail(exitInterrupted, "detached: the order stays in the queue\n  back to it: bakeoff wait %s --id %s", s.spec.Key(), s.ID)
	}
	if err := c.result(pending(s)); err != nil {
		return err
	}
	return exit(exitTimeoutWaiting)
}

// pending is where an order stands that has no rollout yet.
func pending(s submitted) rollout.Status {
	return rollout.Status{Target: targetOf(s.run), WorkflowID: s.WorkflowID, Candidate: s.spec.Release.Version,
		Phase: rollout.PhasePending, WaitingFor: rollout.WaitingForQueue, Reason: s.Why, StartedAt: s.At}
}

// fateOf is what a Target knows of an order by now. Zero: the order was given to a
// Target before it, and is lost. What waits is never forgotten.
func fateOf(t rollout.TargetStatus, id string) rollout.Submission {
	for _, f := range t.Fates {
		if f.ID == id {
			return f
		}
	}
	return rollout.Submission{}
}
