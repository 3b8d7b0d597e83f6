package main

import (
	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) acknowledgeCommand() *cobra.Command {
	return c.orderCommand(orderHelp{rollout.CommandAcknowledge, "Take over what could not be put back",
		`Say that you have taken over what the rollout of TARGET could not put back. The
rollout ends as Failed, does nothing more, and the target is free again.`,
		`bakeoff acknowledge production/checkout --reason "weights set by hand, see INC-12"`},
		nil, c.give)
}
