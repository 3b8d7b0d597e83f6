package main

import (
	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) retryCommand() *cobra.Command {
	return c.orderCommand(orderHelp{rollout.CommandRetry, "Try again what could not be put back",
		`Try again at once what the rollout of TARGET could not put back. Weights that were
written but are not in force are written again. The rollout also keeps trying by
itself.`,
		`bakeoff retry production/checkout --reason "router is reachable again"`},
		nil, c.give)
}
