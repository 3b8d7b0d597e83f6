package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) extendCommand() *cobra.Command {
	var by durationFlag
	cmd := c.orderCommand(orderHelp{rollout.CommandExtend, "Lengthen the current bake",
		`Lengthen the current bake of TARGET, or the time for which its baseline is kept
after promotion.`,
		`bakeoff extend production/checkout --by 30m --reason "wait for the evening peak"`},
		nil, func(ctx context.Context, svc service, t rollout.Target, o order) error {
			o.By = by.Duration
			return c.give(ctx, svc, t, o)
		})
	cmd.Flags().Var(&by, "by", "how much longer, such as 30m")
	checked := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		if by.Duration <= 0 {
			return errors.New("--by must say how much longer, such as 30m")
		}
		return checked(cmd, args)
	}
	return cmd
}
