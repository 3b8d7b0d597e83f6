package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report"
)

// reporting is what was typed of a report.
type reporting struct {
	format, file, service string
	older                 durationFlag
	serves                bool
}

func (c *cli) reportCommand() *cobra.Command {
	r := reporting{older: monthly}
	cmd := &cobra.Command{
		Use: "report RUN|FOLDER", Short: "Show what a rehearsal found, or how ready a service is to go back", Args: cobra.ExactArgs(1),
		Long: `Show the evidence of a rehearsal. RUN is the folder of the run, as "bakeoff
rehearse" prints it, or the evidence.json in it. The folder also holds this report
as report.html and report.md.

Given a FOLDER of runs, it shows instead what would happen if the service had to go
back right now: its last good drill, between which versions, how long that took,
whether the next is overdue, the actions that are still open, how its canary and its
autoscaler did last, and the trend over all runs. If the folder holds runs of several
services, each has a line; with -o json, each is one JSON value.

Only evidence is read, and Temporal is not needed, except with --serves: that asks
Temporal what serves now, and says whether going back from it was practised. If a file
differs from what the evidence names, or an outcome does not follow from its criteria,
the report is shown all the same, and says so.

Exit codes: 0 shown, 1 the evidence was changed, or the command itself failed,
2 usage.`,
		Example: `  bakeoff report evidence/staging/checkout/20261122T101500Z-4f2a
  bakeoff report evidence/staging/checkout --format html --out readiness.html
  bakeoff report evidence --service checkout --older 14d -o json | jq .readiness.overdue
  bakeoff report evidence --serves --format html --out readiness.html`,
		RunE: runs(func(ctx context.Context, args []string) error {
			if holdsRuns(args[0]) {
				return c.reportStanding(ctx, args[0], r)
			}
			return c.reportRun(args[0], r)
		}),
	}
	cmd.Flags().StringVar(&r.format, "format", "", "text, markdown, html or json (default that of --output)")
	cmd.Flags().StringVar(&r.file, "out", "", "write to this `file` instead of standard output")
	cmd.Flags().StringVar(&r.service, "service", "", "of a FOLDER: only this service, with all that is known of it")
	cmd.Flags().BoolVar(&r.serves, "serves", false, "of a FOLDER: ask Temporal what serves now, and say whether its way back was practised")
	cmd.Flags().Var(&r.older, "older", "of a FOLDER: a drill that is older than this is overdue")
	return cmd
}

// reportRun shows what one rehearsal found.
func (c *cli) reportRun(place string, r reporting) error {
	switch {
	case r.service != "":
		return fail(exitUsage, "--service needs a folder of runs, but %s is a single run", place)
	case r.serves:
		return fail(exitUsage, "--serves needs a folder of runs, but %s is a single run", place)
	}
	run, err := readEvidence(place)
	if err != nil {
		return err
	}
	write, err := c.reporter(r.format)
	if err != nil {
		return err
	}
	changed := c.doubt(place, run)
	err = c.into(r.file, func(w io.Writer) error { return write(w, run) })
	if err == nil && changed {
		err = exit(exitFailed)
	}
	return err
}

// reporter is what writes a format.
func (c *cli) reporter(format string) (func(io.Writer, evidence.Run) error, error) {
	switch orElse(format, string(c.output)) {
	case "text":
		return report.Text, nil
	case "markdown":
		return report.Markdown, nil
	case "html":
		return report.HTML, nil
	case "json":
		return report.JSON, nil
	}
	return nil, fail(exitUsage, "--format: %q is not one of text, markdown, html, json", format)
}

// readEvidence reads the evidence of a run from its folder, or its file.
func readEvidence(place string) (evidence.Run, error) {
	var run evidence.Run
	if info, err := os.Stat(place); err == nil && info.IsDir() {
		place = filepath.Join(place, evidenceFile)
	}
	body, err := os.ReadFile(place)
	if err != nil {
		return run, fmt.Errorf("read the evidence of a run: %w", err)
	}
	if err := json.Unmarshal(body, &run); err != nil {
		return run, fmt.Errorf("%s is not the evidence of a rehearsal: %w", place, err)
	}
	if run.Version != evidence.Version {
		return run, fmt.Errorf("%s has version %d, and this program reads only %d: use the bakeoff that wrote it, or a newer one", place, run.Version, evidence.Version)
	}
	return run, nil
}

// into writes to a file, or to standard output where none is named.
func (c *cli) into(file string, write func(io.Writer) error) error {
	if file == "" {
		return write(c.out)
	}
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := write(out); err != nil {
		_ = out.Close() // the first error says more
		return fmt.Errorf("write %s: %w", file, err)
	}
	return out.Close()
}
