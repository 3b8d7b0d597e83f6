package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) resumeCommand() *cobra.Command {
	return c.orderCommand(orderHelp{rollout.CommandResume, "Go on after a pause",
		`Resume the paused rollout of TARGET. A hold is not a pause: it ends by itself, by
promote, or by reject. Where nothing runs, the queue of TARGET goes on, which
stands after an abort.`,
		`bakeoff resume production/checkout --reason "incident 4711 is over"`},
		nil, c.resume)
}

// resume ends the pause of the running rollout, or lets the queue go on.
func (c *cli) resume(ctx context.Context, svc service, t rollout.Target, o order) error {
	if e, err := svc.Describe(ctx, runOf(t)); err == nil && e.open() {
		return c.give(ctx, svc, t, o)
	}
	answer, err := c.askAbove(ctx, svc, t, o)
	if errors.Is(err, errOver) { // there is no queue
		return c.give(ctx, svc, t, o)
	}
	if err != nil {
		return err
	}
	answer.Status = c.lastOf(ctx, svc, t)
	return c.answered(o, answer)
}
