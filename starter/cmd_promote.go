package main

import (
	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) promoteCommand() *cobra.Command {
	return c.orderCommand(orderHelp{rollout.CommandPromote, "End this bake, or with --full all of them",
		`End the bake or the hold of TARGET as passed, where policy allows it. --full skips
all bakes that remain. A failed check is never overridden.
--override is break-glass, for those whom the worker's permissions let override.`,
		`bakeoff promote production/checkout --full --reason "hotfix for INC-12"`},
		func(cmd *cobra.Command, o *order) {
			cmd.Flags().BoolVar(&o.Full, "full", false, "skip all remaining bakes")
			cmd.Flags().BoolVar(&o.Override, "override", false, "break-glass: whatever policy asks for; loud, and on record")
		}, c.give)
}
