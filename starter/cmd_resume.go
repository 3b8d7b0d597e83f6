package main

import (
	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) resumeCommand() *cobra.Command {
	return c.orderCommand(orderHelp{rollout.CommandResume, "Go on after a pause",
		`Resume the paused rollout of TARGET. A hold is not a pause: it ends by itself, by
promote, or by reject.`,
		`bakeoff resume production/checkout --reason "incident 4711 is over"`},
		nil, c.give)
}
