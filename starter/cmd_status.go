package main

import (
	"context"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status TARGET", Short: "Where the running or last rollout stands", Args: cobra.ExactArgs(1),
		Long: `Say where the running rollout of TARGET stands, or how the last one ended. When
no worker answers within 3s it is read from history and marked as stale.

Exit codes: 0 told, whatever it is, 1 the command itself failed or nothing is
known of TARGET, 2 usage.`,
		Example:           "  bakeoff status production/checkout\n  bakeoff status production/checkout -o json | jq .phase",
		ValidArgsFunction: c.completeTargets,
		RunE: c.onTarget(func(ctx context.Context, svc service, t rollout.Target) error {
			e, err := latest(ctx, svc, t)
			if err != nil {
				return err
			}
			s, err := standing(ctx, svc, e)
			if err != nil {
				return err
			}
			return c.result(s)
		}),
	}
}
