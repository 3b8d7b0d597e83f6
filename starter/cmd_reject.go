package main

import (
	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) rejectCommand() *cobra.Command {
	return c.orderCommand(orderHelp{rollout.CommandReject, "Refuse the candidate and put the baseline back",
		`Refuse the candidate of TARGET while its rollout waits for an approval or is held.
The baseline is put back, and the rollout ends as Rejected.`,
		`bakeoff reject production/checkout --reason "p99 is worse than we want"`},
		nil, c.give)
}
