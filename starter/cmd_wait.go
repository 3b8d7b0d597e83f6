package main

import (
	"context"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) waitCommand() *cobra.Command {
	var timeout durationFlag
	cmd := &cobra.Command{
		Use: "wait TARGET", Short: "Wait for the running or last rollout", Args: cobra.ExactArgs(1),
		Long: `Wait for the running rollout of TARGET to end, or tell how the last one ended.
It outlives restarts of Temporal and of all workers.
` + outcomeCodes,
		Example: `  bakeoff wait production/checkout
  bakeoff wait production/checkout/eu-west-1 --timeout 30m -o json`,
		ValidArgsFunction: c.completeTargets,
		RunE: c.onTarget(func(ctx context.Context, svc service, t rollout.Target) error {
			e, err := latest(ctx, svc, t)
			if err != nil {
				return err
			}
			return c.await(ctx, svc, e.run, timeout.Std())
		}),
	}
	cmd.Flags().Var(&timeout, "timeout", "wait no longer than this; the rollout goes on (exit 20 or 21)")
	return cmd
}
