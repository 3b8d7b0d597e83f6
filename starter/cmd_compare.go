package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report"
)

func (c *cli) compareCommand() *cobra.Command {
	format, file := "", ""
	cmd := &cobra.Command{
		Use: "compare RUN RUN…", Short: "Compare runs of a rehearsal: what became better or worse", Args: cobra.MinimumNArgs(2),
		Long: `Compare runs of one rehearsal: the last one named is compared with all those named
before it, which are the baseline. A RUN is given as to "bakeoff report". A figure is
compared only if the runs agree in everything that it depends on; figures that are
left out are named. Runs that have nothing in common are refused.

Exit codes: 0 nothing became worse, 1 the evidence was changed, or the command
itself failed, 2 usage, 3 the runs cannot be compared, 10 something became worse.`,
		Example: `  bakeoff compare evidence/staging/checkout/20261115T060000Z-91c0 evidence/staging/checkout/20261122T060000Z-4f2a`,
		RunE: runs(func(_ context.Context, args []string) error {
			var runs []evidence.Run
			changed := false
			for _, place := range args {
				run, err := readEvidence(place)
				if err != nil {
					return err
				}
				changed = c.doubt(place, run) || changed
				runs = append(runs, run)
			}
			err := c.compare(runs, format, file)
			var coded *exitError
			if changed && (err == nil || errors.As(err, &coded) && coded.Code == exitRolledBack) {
				err = exit(exitFailed) // what moved may be no more than the evidence
			}
			return err
		}),
	}
	cmd.Flags().StringVar(&format, "format", "", "text, markdown, html or json (default that of --output)")
	cmd.Flags().StringVar(&file, "out", "", "write to this `file` instead of standard output")
	return cmd
}

func (c *cli) compare(runs []evidence.Run, format, file string) error {
	comparison, err := report.Compare(runs)
	if errors.Is(err, report.ErrIncomparable) {
		return fail(exitSpec, "%w", err)
	} else if err != nil {
		return err
	}
	write := map[string]func(io.Writer) error{
		"text": comparison.Text, "markdown": comparison.Markdown, "html": comparison.HTML,
		"json": func(w io.Writer) error { return writeJSON(w, comparison) },
	}[orElse(format, string(c.output))]
	if write == nil {
		return fail(exitUsage, "--format: %q is not one of text, markdown, html, json", format)
	}
	if err := c.into(file, write); err != nil {
		return fmt.Errorf("write the comparison: %w", err)
	}
	if comparison.Worse() {
		return exit(exitRolledBack)
	}
	return nil
}
