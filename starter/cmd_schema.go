package main

import (
	"context"

	"github.com/spf13/cobra"

	"bakeoff/rehearsal"
	"bakeoff/rollout/specfile"
)

// schemas are those that there are, by the kind of the file.
var schemas = map[string]func() ([]byte, error){
	"Rollout":           specfile.Schema,
	"Fleet":             specfile.Schema,
	rehearsal.Kind:      func() ([]byte, error) { return specfile.SchemaOf(rehearsal.Kind, rehearsal.Manifest{}) },
	rehearsal.SuiteKind: func() ([]byte, error) { return specfile.SchemaOf(rehearsal.SuiteKind, rehearsal.Suite{}) },
}

func (c *cli) schemaCommand() *cobra.Command {
	kind := ""
	cmd := &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of specs and rehearsals", Args: cobra.NoArgs,
		Long: `Print the JSON Schema of a kind of file, for editors. Begin a file with the line
"# yaml-language-server: $schema=bakeoff.schema.json" to use it. Rollouts and fleets
share a schema; rehearsals and suites have one each.

Exit codes: 0 printed, 1 the command itself failed, 2 usage.`,
		Example: "  bakeoff schema > bakeoff.schema.json\n  bakeoff schema --kind Rehearsal > rehearsal.schema.json",
		RunE: runs(func(context.Context, []string) error {
			write := schemas[kind]
			if write == nil {
				return fail(exitUsage, "--kind: %q is not one of Rollout, Fleet, Rehearsal, RehearsalSuite", kind)
			}
			schema, err := write()
			if err != nil {
				return err
			}
			_, err = c.out.Write(append(schema, '\n'))
			return err
		}),
	}
	cmd.Flags().StringVar(&kind, "kind", "Rollout", "of what: Rollout, Fleet, Rehearsal or RehearsalSuite")
	return cmd
}
