package main

import (
	"context"

	"github.com/spf13/cobra"

	"bakeoff/rollout/specfile"
)

func (c *cli) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "The JSON Schema of specs", Args: cobra.NoArgs,
		Long: `Print the JSON Schema of specs, for editors:
"# yaml-language-server: $schema=bakeoff.schema.json" as a spec's first line.

Exit codes: 0 printed, 1 the command itself failed, 2 usage.`,
		Example: "  bakeoff schema > bakeoff.schema.json",
		RunE: runs(func(context.Context, []string) error {
			schema, err := specfile.Schema()
			if err != nil {
				return err
			}
			_, err = c.out.Write(append(schema, '\n'))
			return err
		}),
	}
}
