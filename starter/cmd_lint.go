package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) lintCommand() *cobra.Command {
	return &cobra.Command{
		Use: "lint FILE…", Short: "Check specs and rehearsals without any server", Args: cobra.MinimumNArgs(1),
		Long: `Check specs of rollouts and fleets, rehearsals and suites of rehearsals ("-" is
standard input), as far as that is possible without a worker. All problems are shown
at once, by file, line and column. The files that a rehearsal or a suite names are
checked, too. What the drivers and the worker's policy say of a spec is shown by
"bakeoff plan"; of a rehearsal, when it is started.

Exit codes: 0 nothing wrong, 1 a file could not be read, 2 usage, 3 problems.`,
		Example: "  bakeoff lint checkout.yaml search.yaml\n  bakeoff lint - -o json < checkout.yaml\n  bakeoff lint rehearsal.yaml suite.yaml",
		RunE: runs(func(_ context.Context, files []string) error {
			var all []rollout.Problem
			for _, file := range files {
				from, err := c.read(file)
				if err != nil {
					return err
				}
				problems := c.wrongAnywhere(from)
				c.explain(problems, from)
				all = append(all, problems...)
			}
			if c.json() {
				if err := c.problems(all); err != nil {
					return err
				}
			}
			if len(all) > 0 {
				return exit(exitSpec)
			}
			if c.json() {
				return nil
			}
			_, err := fmt.Fprintf(c.out, "%s, nothing wrong\n", count(len(files), "spec"))
			return err
		}),
	}
}
