package main

import (
	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) promoteCommand() *cobra.Command {
	return c.orderCommand(orderHelp{rollout.CommandPromote, "End this bake, or with --full all of them",
		`End the bake or the hold of TARGET as passed, whatever the checks say at the
moment. --full also skips all later bakes. Approvals are still needed, and a
failed check is never overridden. --override also passes what closes the target;
it is break-glass, for those who have that permission.`,
		`bakeoff promote production/checkout --full --reason "hotfix for INC-12"`},
		func(cmd *cobra.Command, o *order) {
			cmd.Flags().BoolVar(&o.Full, "full", false, "skip all remaining bakes")
			cmd.Flags().BoolVar(&o.Override, "override", false, "break-glass: pass what closes the target, or promote without the permission to; people are told, and it is on record")
		}, c.give)
}
