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
		return out, c.busy(ctx, svc, subjectOf(o.Spec), "")
	case err != nil:
		return out, fmt.Errorf("start the rollout of %s: %w", o.Spec.Key(), err)
	case out.Fate == rollout.FateRefused && out.Cause == rollout.CauseRunning:
		return out, c.busy(ctx, svc, subjectOf(o.Spec), out.Why)
	}
	if out.Version != "" && out.Version != o.Spec.Release.Version {
		return out, c.foreignID(subjectOf(o.Spec), out.Submission)
	}
	out.run.RunID = out.Submission.RunID
	return out, c.unlessRefused(out)
}

// besides starts the rollout of an order that the Target did not take in. One that
// was given to it is taken back first.
func (c *cli) besides(ctx context.Context, svc service, s rollout.Submit, given bool) (rollout.Submission, error) {
	if given {
		known, err := c.withdraw(ctx, svc, s.Order)
		if err != nil || known.Fate != "" {
			return known, err
		}
	}
	if ctx.Err() != nil {
		return rollout.Submission{}, ctx.Err()
	}
	return c.startBeside(ctx, svc, s)
}

// interruptedOrder says how an order stands whose giver did not wait for an answer.
// It was taken back; a worker may have been quicker.
func interruptedOrder(o rollout.Order) error {
	t := o.Spec.Key()
	return fail(exitInterrupted, "interrupted: the order was taken back; should it have begun already, its rollout goes on\n  look:    bakeoff wait %s --id %s\n  stop it: bakeoff abort %s --reason …", t, o.ID, t)
}

// withdraw takes an order back that was not taken in, also when who gave it waits
// no longer: it would be delivered, and carried out, when a worker comes. Where
// Temporal was away meanwhile, the Target may have been quicker: what it made of
// the order is returned.
func (c *cli) withdraw(ctx context.Context, svc service, o rollout.Order) (rollout.Submission, error) {
	t, tries := o.Spec.Key(), 0
	err := c.insist(context.WithoutCancel(ctx), ctx, func(ctx context.Context) error {
		tries++
		return svc.Withdraw(ctx, t, rollout.Withdrawal{ID: o.ID, Version: o.Spec.Release.Version, Actor: o.Actor})
	})
	if err != nil {
		return rollout.Submission{}, &unknown{"take back its order, which no worker accepted", err}
	}
	if tries == 1 || ctx.Err() != nil {
		return rollout.Submission{}, nil
	}
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	known, err := svc.Target(asking, t)
	if f := fateOf(known, o.ID); err == nil && f.Cause != rollout.CauseWithdrawn {
		return f, nil
	}
	return rollout.Submission{}, nil
}

// startBeside starts a rollout without asking the Target, and tells that one of it.
// The same order is started once, however often it is given.
func (c *cli) startBeside(ctx context.Context, svc service, s rollout.Submit) (rollout.Submission, error) {
	o := s.Order
	begun, ours, err := c.startOnce(ctx, svc, rollout.WorkflowID(o.Spec.Key()), o.ID, func(ctx context.Context) (run, error) { return svc.Start(ctx, s) })
	if err != nil || !ours {
		return begun, err
	}
	begun.Version = o.Spec.Release.Version
	err = c.insist(ctx, ctx, func(ctx context.Context) error { return svc.Adopt(ctx, rollout.Course{Submit: s, RunID: begun.RunID}) })
	if ctx.Err() != nil {
		err = nil // it runs, and who waits for it is told so
	}
	return begun, err
}

// startOnce starts a workflow for an order, unless it was started for that order
// before. Ours is false where it was.
func (c *cli) startOnce(ctx context.Context, svc service, workflowID, orderID string, start func(context.Context) (run, error)) (out rollout.Submission, ours bool, err error) {
	asked := false // it may have been started, although Temporal did not say so
	err = c.insist(ctx, ctx, func(ctx context.Context) error {
		known, is, err := given(ctx, svc, workflowID, orderID)
		if err != nil || is {
			out, ours = known, asked
			return err
		}
		begun, err := start(ctx)
		if errors.Is(err, errBusy) { // perhaps by this order, which a slow worker took in after all
			if known, is, late := given(ctx, svc, workflowID, orderID); is || late != nil && retryable(late) {
				out, ours = known, asked
				return late
			}
		}
		asked = asked || err != nil && retryable(err)
		out, ours = rollout.Submission{ID: orderID, Fate: rollout.FateStarted, RunID: begun.RunID}, true
		return err
	})
	if asked && err != nil && (retryable(err) || ctx.Err() != nil) {
		err = &unknown{"start it", err}
	}
	return out, ours, err
}

// given is what became of an order, where the last run of a workflow is the one
// that it was started for.
func given(ctx context.Context, svc service, workflowID, orderID string) (rollout.Submission, bool, error) {
	last, err := svc.Describe(ctx, run{WorkflowID: workflowID})
	if errors.Is(err, errNotFound) {
		return rollout.Submission{}, false, nil
	}
	if err != nil {
		return rollout.Submission{}, false, err
	}
	is, err := isStartedFor(ctx, svc, last.run, orderID)
	return rollout.Submission{ID: orderID, Version: last.Candidate, Fate: rollout.FateStarted, RunID: last.RunID}, is, err
}

// isStartedFor reports whether a run was started for an order.
func isStartedFor(ctx context.Context, svc service, r run, orderID string) (bool, error) {
	for e, err := range svc.Events(ctx, r) {
		var o struct { // what a rollout's and a fleet's have in common
			ID string `json:"id"`
		}
		return err == nil && decode(svc.Converter(), e.GetWorkflowExecutionStartedEventAttributes().GetInput(), &o) == nil && o.ID == orderID, err
	}
	return false, nil
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
func (c *cli) foreignID(subject rollout.Status, known rollout.Submission) error {
	why := fmt.Sprintf("the id %s was that of the order of %s: give each order its own", known.ID, known.Version)
	if err := c.result(c.refusal(subject, rollout.CausePolicy, why)); err != nil {
		return err
	}
	return fail(exitRefused, "refused: %s", why)
}

// unlessRefused ends with 15 for an order that was refused, with 12 for one that a
// newer one took the place of, and with 11 for one that a person took out of the
// queue.
func (c *cli) unlessRefused(s submitted) error {
	result := c.refusal(subjectOf(s.spec), s.Cause, s.Why)
	switch s.Fate {
	case rollout.FateRefused:
		if err := c.result(result); err != nil {
			return err
		}
		return fail(exitRefused, "refused: %s", s.Why)
	case rollout.FateSuperseded:
		result.Outcome = rollout.Superseded
		if err := c.result(result); err != nil {
			return err
		}
		return fail(exitSuperseded, "%s", s.Why)
	case rollout.FateAborted:
		result.Outcome = rollout.Aborted
		if err := c.result(result); err != nil {
			return err
		}
		return fail(exitAborted, "%s", s.Why)
	}
	return nil
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
