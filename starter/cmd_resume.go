package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) resumeCommand() *cobra.Command {
	return c.orderCommand(orderHelp{rollout.CommandResume, "Go on after a pause",
		`Resume the paused rollout or fleet of TARGET. A hold is not a pause: it ends by
itself, by promote, or by reject.

If nothing runs, resume lets the queue of TARGET go on, which stops after an
abort. While a rollout is still going back, resume waits for its end first.`,
		`bakeoff resume production/checkout --reason "incident 4711 is over"`},
		nil, c.resume)
}

// resume ends the pause of the running rollout, or fleet, or lets the queue go on.
func (c *cli) resume(ctx context.Context, svc service, t rollout.Target, o order) error {
	if e, err := latest(ctx, svc, t); err == nil && e.open() && !isEnding(ctx, svc, e, o) {
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

// isEnding waits for the end of a rollout that goes back: there is no pause to be
// ended any more, and the queue stands only then. It is false for any other, and
// for one that takes longer than an answer may.
func isEnding(ctx context.Context, svc service, e execution, o order) bool {
	if e.Phase != rollout.PhaseRollingBack && e.Phase != rollout.PhaseCompleted {
		return false
	}
	waiting, cancel := context.WithTimeout(ctx, orElse(o.timeout.Std(), answerTimeout))
	defer cancel()
	_, err := svc.End(waiting, e.run)
	return err == nil
}
