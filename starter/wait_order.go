package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bakeoff/rollout"
)

// awaitOrder waits for what becomes of one order of a target: its turn, and the end
// of its rollout. One that was refused meanwhile ends with 15, one that a newer one
// took the place of with 12.
func (c *cli) awaitOrder(ctx context.Context, svc service, t rollout.Target, id string, timeout time.Duration) error {
	s, err := c.orderOf(ctx, svc, t, id)
	if err != nil {
		return err
	}
	if s.Fate != rollout.FateStarted {
		return c.seeThrough(ctx, svc, s, timeout)
	}
	return c.await(ctx, svc, s.run, timeout)
}

// orderOf finds an order: the Target knows it or, where it was started beside that,
// the run that was started for it.
func (c *cli) orderOf(ctx context.Context, svc service, t rollout.Target, id string) (submitted, error) {
	out := submitted{run: runOf(t)}
	out.spec.Environment, out.spec.Service, out.spec.Unit = t.Environment, t.Service, t.Unit
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	known, unanswered := svc.Target(asking, t)
	out.Submission = fateOf(known, id)
	if out.Fate == "" {
		began, err := startedFor(ctx, svc, t, id)
		switch {
		case err != nil:
			return out, err
		case began.RunID != "":
			out.run, out.Fate = began.run, rollout.FateStarted
			return out, nil
		case unanswered == nil || errors.Is(unanswered, errNotFound):
			return out, fail(exitFailed, "no order %s of %s is known: it never arrived, or was lost\n  give it again: bakeoff run FILE --id %[1]s", id, t)
		case ctx.Err() != nil:
			return out, c.stillQueued(ctx, out)
		}
		out.ID, out.Fate = id, rollout.FateStarting // no worker answers: what becomes of it is asked again
	}
	out.spec.Release.Version = out.Version
	out.run.RunID = out.Submission.RunID
	return out, nil
}

// startedFor is the run of a target's rollouts, or of its service's fleets, that was
// started for an order; the zero value when there is none.
func startedFor(ctx context.Context, svc service, t rollout.Target, id string) (execution, error) {
	ids := []string{rollout.WorkflowID(t)}
	if t.Unit == "" {
		ids = append(ids, rollout.FleetID(t))
	}
	for _, workflowID := range ids {
		for e, err := range svc.List(ctx, "WorkflowId = '"+workflowID+"'") {
			if err != nil {
				return execution{}, fmt.Errorf("list the runs of %s: %w", workflowID, err)
			}
			if e.WorkflowID != workflowID {
				continue
			}
			if _, is, err := startedBy(ctx, svc, e.run, id); is {
				return e, nil
			} else if err != nil && retryable(err) {
				return execution{}, fmt.Errorf("read what %s was started for: %w", workflowID, err)
			}
		}
	}
	return execution{}, nil
}

// noteOrders tells who waits for a target's rollout of the orders that came after it
// and have none of their own: a result that follows is not theirs.
func (c *cli) noteOrders(ctx context.Context, svc service, t rollout.Target, than execution) {
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	known, err := svc.Target(asking, t)
	if err != nil {
		return // status tells it, as soon as a worker answers
	}
	for _, f := range known.Fates {
		if f.Fate == rollout.FateStarted || f.RunID != "" || f.At.Before(than.Started) {
			continue
		}
		why := string(f.Fate)
		if f.Why != "" {
			why += ", " + f.Why
		}
		fmt.Fprintf(c.err, "not waited for here: %s, asked for by %s: %s\n  wait for it: bakeoff wait %s --id %s\n", f.Version, rollout.NameOf(f.Actor), why, t, f.ID)
	}
}
