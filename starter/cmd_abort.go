package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) abortCommand() *cobra.Command {
	return c.orderCommand(orderHelp{rollout.CommandAbort, "Stop a rollout and put the baseline back",
		`Stop the rollout of TARGET and put the baseline back. The order is stored first,
so it is obeyed even if no worker runs at the moment. This command then waits
until the baseline has its traffic and is healthy again, and prints the result;
the rollout may still be cleaning up. --no-wait returns once the order is stored.

--queued takes one order out of the queue instead, and touches nothing else: what
runs goes on, and so does the rest of the queue. Name the order by its id, or by its
version if only one order of that version waits; status shows both. If the order has
begun meanwhile it is not stopped: the answer is then denied.`,
		`bakeoff abort production/checkout --reason "checkout is slow"
  bakeoff abort production/checkout --queued 2.6.0 --reason "needs 2.5.1 first"`},
		func(cmd *cobra.Command, o *order) {
			cmd.Flags().BoolVar(&o.noWait, "no-wait", false, "return as soon as the order is stored")
			cmd.Flags().StringVar(&o.Order, "queued", "", "take this `ORDER` out of the queue, by its id or its version; nothing else is stopped")
			cmd.MarkFlagsMutuallyExclusive("queued", "no-wait")
			checked := cmd.PreRunE
			cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
				if cmd.Flags().Changed("queued") && strings.TrimSpace(o.Order) == "" {
					return errors.New("--queued must name an order of the queue: its id, or its version")
				}
				return checked(cmd, args)
			}
		}, c.abort)
}

// abort stores the order as a signal, and then asks by an update with the same
// id when it is obeyed: a signal outlives the want of workers, an update
// answers.
func (c *cli) abort(ctx context.Context, svc service, t rollout.Target, o order) error {
	if o.Order != "" {
		return c.drop(ctx, svc, t, o)
	}
	e, found, err := c.aborted(ctx, svc, t, o)
	if err != nil || !found {
		return err
	}
	o.Command = c.abortOf(t, e.run, o)
	switch err := svc.Signal(ctx, e.run, o.Command); {
	case errors.Is(err, errOver):
		return c.over(ctx, svc, e, o, false)
	case err != nil:
		return fmt.Errorf("abort %s: store the order: %w", t, err)
	}
	if o.noWait {
		now := e.status()
		now.Stale = false // no worker was asked
		return c.answered(o, rollout.Answer{Answer: stored, Status: now})
	}
	waiting := ctx
	if o.timeout.Duration > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeoutCause(ctx, o.timeout.Std(), errTimeout)
		defer cancel()
	}
	answer, err := c.restored(waiting, svc, e.run, o)
	switch {
	case errors.Is(err, errOver):
		return c.over(ctx, svc, e, o, true)
	case errors.Is(err, errTimeout):
		return fail(exitFailed, "abort %s: not answered within %s; the order is stored and will be obeyed", t, o.timeout)
	case errors.Is(err, errInterrupted):
		return fail(exitInterrupted, "interrupted: the abort is stored and will be obeyed\n  watch it: bakeoff wait %s", t)
	case err != nil:
		return fmt.Errorf("abort %s: the order is stored; wait for the answer: %w", t, err)
	}
	answer.Status = retimed(ctx, svc, e.run, answer.Status)
	return c.answered(o, answer)
}

// drop has the Target take one order out of its queue.
func (c *cli) drop(ctx context.Context, svc service, t rollout.Target, o order) error {
	o.Name = rollout.CommandDrop
	answer, err := c.askAbove(ctx, svc, t, o)
	switch {
	case errors.Is(err, errOver):
		answer = rollout.Answer{Answer: rollout.Denied, Why: "no order " + o.Order + " is known: " + t.String() + " has no queue"}
	case err != nil:
		return err
	}
	answer.Status = c.lastOf(ctx, svc, t)
	o.Name = rollout.CommandAbort
	return c.answered(o, answer)
}

// aborted finds the run that an abort is for. Where nothing runs the Target is
// asked: it may be starting something, its queue is to stand, and else it has the
// order on record.
func (c *cli) aborted(ctx context.Context, svc service, t rollout.Target, o order) (e execution, found bool, err error) {
	e, err = latest(ctx, svc, t)
	if err == nil && e.open() { // its Target learns of it by its end, and the queue stands
		return e, true, nil
	}
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	answer, err := svc.Update(asking, above(t), o.Command)
	switch {
	case err == nil && answer.Answer == rollout.Accepted && answer.Status.RunID != "":
		e, err = svc.Describe(ctx, run{answer.Status.WorkflowID, answer.Status.RunID})
		return e, err == nil, err
	case err == nil && answer.Answer != rollout.Noop:
		answer.Status = c.lastOf(ctx, svc, t)
		return e, false, c.answered(o, answer)
	}
	return c.running(ctx, svc, t, o)
}

// lastOf is where the running or last rollout of a target stands, as far as that
// is known.
func (c *cli) lastOf(ctx context.Context, svc service, t rollout.Target) rollout.Status {
	s := rollout.Status{Target: t.String(), WorkflowID: rollout.WorkflowID(t)}
	if e, err := latest(ctx, svc, t); err == nil {
		if last, err := standing(ctx, svc, e); err == nil {
			s = last
		}
	}
	return s
}

// stored is the answer to an abort that nobody waits for.
const stored = "stored"

// restored waits for the answer that the baseline is back, through restarts of
// the server and the want of workers.
func (c *cli) restored(ctx context.Context, svc service, r run, o order) (rollout.Answer, error) {
	patience := time.AfterFunc(answerWithin, func() {
		fmt.Fprintln(c.err, "the abort is stored; waiting until the baseline is verified")
	})
	defer patience.Stop()
	for {
		answer, err := svc.Update(ctx, r, o.Command)
		switch {
		case err == nil, errors.Is(err, errOver):
			return answer, err
		case ctx.Err() != nil:
			return answer, reason(ctx)
		case !retryable(err):
			return answer, err
		}
		pause(ctx, c.poll)
	}
}
