package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) rollbackCommand() *cobra.Command {
	cmd := c.orderCommand(orderHelp{rollout.CommandRollback, "After a promotion: go back to an earlier release",
		`Go back to the release that served TARGET before the last promotion, or with --to
to another that was promoted earlier. While a rollout runs, use abort instead.

The rollback is a rollout of its own, without steps and without approvals: the old
release is deployed, gets all of the traffic as soon as it is ready, and becomes the
primary version. What the checks say of it is recorded but decides nothing. The
release that is left goes into quarantine. A queue that stands stays as it is.

This command waits for the end, as run does. --no-wait returns once it is started.`,
		`bakeoff rollback production/checkout --reason "2.5.0 loses carts"`},
		func(cmd *cobra.Command, o *order) {
			cmd.Flags().StringVar(&o.To, "to", "", "`VERSION` to go back to (default the one before the last promotion)")
			cmd.Flags().BoolVar(&o.noWait, "no-wait", false, "return as soon as it is started")
		}, c.rollback)
	cmd.Long = strings.TrimSuffix(cmd.Long, orderCodes) + rollbackCodes
	return cmd
}

const rollbackCodes = `

Exit codes: 0 once the good release serves everything, and where it does already,
15 denied, with the reason, else those of run.`

func (c *cli) rollback(ctx context.Context, svc service, t rollout.Target, o order) error {
	answer, err := c.askAbove(ctx, svc, t, o)
	switch {
	case errors.Is(err, errOver):
		return c.answered(o, rollout.Answer{Answer: rollout.Denied, Why: "nothing is known of " + t.String(),
			Status: rollout.Status{Target: t.String(), WorkflowID: rollout.WorkflowID(t)}})
	case err != nil:
		return err
	case answer.Answer != rollout.Accepted || o.noWait:
		answer.Status = c.lastOf(ctx, svc, t)
		return c.answered(o, answer)
	}
	return c.await(ctx, svc, run{answer.Status.WorkflowID, answer.Status.RunID}, o.timeout.Std())
}

// askAbove gives a command to the Target.
func (c *cli) askAbove(ctx context.Context, svc service, t rollout.Target, o order) (rollout.Answer, error) {
	command, err := c.signed(t, run{}, o)
	if err != nil {
		return rollout.Answer{}, err
	}
	asking, cancel := context.WithTimeout(ctx, orElse(o.timeout.Std(), answerTimeout))
	defer cancel()
	answer, err := svc.Update(asking, above(t), command)
	if err != nil && !errors.Is(err, errOver) {
		err = fmt.Errorf("%s %s: %w", o.Name, t, err)
	}
	return answer, err
}
