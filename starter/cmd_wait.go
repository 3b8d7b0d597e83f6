package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) waitCommand() *cobra.Command {
	var timeout durationFlag
	var left time.Duration // of the timeout, once Temporal is reached
	var id string
	cmd := &cobra.Command{
		Use: "wait TARGET", Short: "Wait for the running or last rollout", Args: cobra.ExactArgs(1),
		Long: `Wait for the running rollout of TARGET to end, or tell how the last one ended. The
wait survives restarts of Temporal and of all workers, and begins as soon as Temporal
can be reached.

With --id, wait for one order instead, as "run" does: for its turn in the queue and
then the end of its own rollout, whatever else runs meanwhile. If the order was
refused since, or withdrawn because no worker accepted it, the exit code is 15.
` + outcomeCodes,
		Example: `  bakeoff wait production/checkout
  bakeoff wait production/checkout/eu-west-1 --timeout 30m -o json
  bakeoff wait production/checkout --id 7d3f`,
		ValidArgsFunction: c.completeTargets,
		RunE: c.onTarget(func(ctx context.Context) (svc service, err error) {
			svc, left, err = c.reach(ctx, timeout.Std())
			return svc, err
		}, func(ctx context.Context, svc service, t rollout.Target) error {
			if id != "" {
				return c.awaitOrder(ctx, svc, t, id, left)
			}
			e, err := latest(ctx, svc, t)
			if err != nil {
				return err
			}
			c.noteOrders(ctx, svc, t, e)
			return c.await(ctx, svc, e.run, left)
		}),
	}
	cmd.Flags().StringVar(&id, "id", "", "wait for this order: the id that it was given with, or that start printed")
	cmd.Flags().Var(&timeout, "timeout", "wait no longer than this; the rollout goes on (exit 20 or 21)")
	return cmd
}
