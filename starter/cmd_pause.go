package main

import (
	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) pauseCommand() *cobra.Command {
	return c.orderCommand(orderHelp{rollout.CommandPause, "Keep a rollout where it is until it is resumed",
		`Pause the rollout of TARGET: until it is resumed, no weight is raised and the bake
clock stands still. The checks are still watched: a breach puts the baseline back.`,
		`bakeoff pause production/checkout --reason "incident 4711 elsewhere"`},
		nil, c.give)
}
