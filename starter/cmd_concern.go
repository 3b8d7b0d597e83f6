package main

import (
	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) concernCommand() *cobra.Command {
	return c.orderCommand(orderHelp{rollout.CommandConcern, "Say that something looks wrong, without ordering anything",
		`Put on record that something about the rollout of TARGET looks wrong to you, which
no check may see: everybody who looks sees it. What so many people's concerns lead
to, together with the checks, is its policy's: nothing, a hold at the end of each
bake, or the way back. One concern a person; --withdraw takes yours back.`,
		`bakeoff concern production/checkout --reason "support gets calls about empty carts"`},
		func(cmd *cobra.Command, o *order) {
			cmd.Flags().BoolVar(&o.Withdraw, "withdraw", false, "take your concern back")
		}, c.give)
}
