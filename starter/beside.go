package main

import (
	"context"
	"errors"

	"bakeoff/rollout"
)

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

// withdraw takes an order back that was not taken in, also when who gave it waits
// no longer: it would be delivered, and carried out, when a worker comes. Where
// Temporal was away meanwhile, the Target may have been quicker: what it made of
// the order is returned.
func (c *cli) withdraw(ctx context.Context, svc service, o rollout.Order) (rollout.Submission, error) {
	t, tries := o.Spec.Key(), 0
	err := c.insist(context.WithoutCancel(ctx), ctx, func(ctx context.Context) error {
		tries++
		return svc.Withdraw(ctx, t, rollout.Withdrawal{ID: o.ID, Version: o.Spec.Release.Version, Actor: o.Actor, SpecDigest: o.SpecDigest})
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
	begun.Version, begun.Actor, begun.SpecDigest = o.Spec.Release.Version, o.Actor, o.SpecDigest
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
	o, is, err := startedBy(ctx, svc, last.run, orderID)
	return rollout.Submission{ID: orderID, Version: last.Candidate, Actor: o.Actor, SpecDigest: o.SpecDigest, Fate: rollout.FateStarted, RunID: last.RunID}, is, err
}

// asker is what the orders of a rollout and of a fleet have in common.
type asker struct {
	ID         string `json:"id"`
	Actor      string `json:"actor"`
	SpecDigest string `json:"specDigest"`
}

// startedBy reports whether a run was started for an order, and what that says.
func startedBy(ctx context.Context, svc service, r run, orderID string) (o asker, is bool, err error) {
	for e, err := range svc.Events(ctx, r) {
		is = err == nil && decode(svc.Converter(), e.GetWorkflowExecutionStartedEventAttributes().GetInput(), &o) == nil && o.ID == orderID
		return o, is, err
	}
	return o, false, nil
}
