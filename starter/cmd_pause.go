package main

import (
	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) pauseCommand() *cobra.Command {
	return c.orderCommand(orderHelp{rollout.CommandPause, "Stop the bake clock and every promotion",
		`Pause the rollout of TARGET: nothing is raised and the bake clock stands still
until it is resumed. Watching goes on: a breach still puts the baseline back.`,
		`bakeoff pause production/checkout --reason "incident 4711 elsewhere"`},
		nil, c.give)
}
