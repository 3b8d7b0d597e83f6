package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"

	"bakeoff/rollout"
)

func (c *cli) restoreCommand() *cobra.Command {
	return c.orderCommand(orderHelp{"restore", "Put the baseline back without the workflow (break-glass)",
		`Put traffic, flags and the primary version of TARGET back to what they were before
its running or last rollout, for when the workflow itself is stuck or gone. While
the workflow runs, use abort: it does all of this and more.

The worker's policy is asked first: whoever may abort may do this, unless the
policy names restore. An abort is then stored, so that the workflow goes no further
once it runs again. Workers write the old state directly, with a higher fence than
any rollout's, and the router is read until users are back (14 if they are not
within half a minute: give it again).

Nothing is removed. A rollout that came to its own end is left alone. If the last
rollout was refused, or has changed nothing yet, this puts back one before it that
was cut off, if there is one. A fleet has no traffic of its own: restore its units;
if the fleet was cut off, the answer names those that need it.`,
		`bakeoff restore production/checkout --reason "the workflow does not answer"`},
		nil, c.restore)
}

func (c *cli) restore(ctx context.Context, svc service, t rollout.Target, o order) error {
	e, err := latest(ctx, svc, t)
	if errors.Is(err, errNotFound) {
		return c.answered(o, unheardOf(t))
	}
	if err != nil {
		return err
	}
	if rollout.IsFleetID(e.WorkflowID) {
		return c.restoreFleet(ctx, svc, t, e, o)
	}
	why, unasked := mayRestore(ctx, svc, t, o)
	if why != "" {
		c.record(ctx, svc, t, rollout.Restored{Command: named(o, commandRestore), RunID: e.RunID, Problem: "denied: " + why})
		return c.answered(o, rollout.Answer{Answer: rollout.Denied, Why: why, Status: e.status()})
	}
	if e.open() {
		if err := svc.Signal(ctx, e.run, c.abortOf(t, e.run, o)); err != nil && !errors.Is(err, errOver) {
			return fmt.Errorf("restore %s: store the abort: %w", t, err)
		}
	}
	last, status := e, e.status()
	e, back, err := readStanding(ctx, svc, e)
	if err != nil {
		return err
	}
	if back.gone {
		return c.answered(o, rollout.Answer{Answer: rollout.Denied, Why: fmt.Sprintf(
			"%s is being removed, or gone: going back is a rollout of its own", back.snapshot.Baseline), Status: status})
	}
	if last.RunID == e.RunID && e.Status == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED { // it put back what it had changed; what is there now may be newer
		return c.over(ctx, svc, e, o, false)
	}
	if !back.touched || back.snapshot.Baseline == "" {
		return c.answered(o, rollout.Answer{Answer: rollout.Noop, Why: "the rollout has changed nothing that could be put back", Status: status})
	}
	if err = unasked; err == nil {
		err = back.walk(ctx, svc, o)
	}
	c.record(ctx, svc, t, restoredBy(o, e.run, back, err))
	if err != nil && ctx.Err() != nil {
		return fail(exitInterrupted, "interrupted: it is not known whether %s is restored; give the command again", t)
	}
	if err != nil {
		return c.unrestored(t, o, status, err, unasked == nil)
	}
	status.Weight = 0
	return c.answered(o, rollout.Answer{Answer: rollout.Accepted, Why: "traffic is back on " + back.snapshot.Baseline, Status: status})
}

// unrestored answers that something could not be put back: that needs a human. Where
// the policy could not be asked nothing was tried, and nothing accepted.
func (c *cli) unrestored(t rollout.Target, o order, status rollout.Status, err error, tried bool) error {
	status.Phase = rollout.PhaseNeedsHuman
	why := fmt.Sprintf("restore %s: %v", t, err)
	answer := rollout.Answer{Answer: rollout.Noop, Why: why, Status: status}
	if tried {
		answer.Answer = rollout.Accepted
	}
	if err := c.answered(o, answer); err != nil {
		return err
	}
	return fail(exitNeedsHuman, "%s", why)
}

// named is the order's command by its own name.
func named(o order, name string) rollout.Command {
	o.Name = name
	return o.Command
}

func restoredBy(o order, r run, back wayBack, err error) rollout.Restored {
	out := rollout.Restored{Command: named(o, commandRestore), RunID: r.RunID, Baseline: back.snapshot.Baseline}
	if err != nil {
		out.Problem = err.Error()
	}
	return out
}

// record has the Target keep what the restore came to, also when it was
// interrupted. Users are where they are, whether that is written down or not.
func (c *cli) record(ctx context.Context, svc service, t rollout.Target, r rollout.Restored) {
	telling, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
	defer cancel()
	if err := svc.Restored(telling, t, r); err != nil {
		fmt.Fprintf(c.err, "history will not tell of this restore: %v\n", err)
	}
}
