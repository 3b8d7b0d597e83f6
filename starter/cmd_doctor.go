package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

const doctorHelp = `Look for what keeps rollouts from being obeyed, and say what to do about each:

  unserved      nobody polls a task queue, or no worker answers
  wedged        workers cannot go on with a workflow
  needsHuman    something could not be put back
  cutOff        a run was ended from outside, and nothing was put back
  unsupervised  no Target, or fleet, looks after a rollout
  orphaned      a Target waits for a rollout that is over
  drifted       somebody changed a target while nothing ran
  stands        a queue waits for a resume
  lost          orders waited in a queue that was ended from outside

With --tooling look instead for what lets rehearsals get old. Practice in any
environment counts:

  drillOverdue    nobody has practised a service's way back lately
  staleBaseline   a snapshot that a baseline locks is old, or of unknown age
  staleSnapshot   so is another one
  practisedOlder  another version was promoted since, or is what serves
  unusedTemplate  a file of the worker's library that no rehearsal names
  schedulePaused  a schedule does not repeat its rehearsal
  unserved        nobody polls the queue of rehearsals

With -o json one finding a line.

Exit codes: 0 nothing found, 1 the command itself failed, 2 usage, 14 found
something that a person must look at.`

// monthly is how old practice may be where nobody says.
var monthly = durationFlag{rollout.Duration(30 * 24 * time.Hour)}

func (c *cli) doctorCommand() *cobra.Command {
	environment, practice, older := "", false, monthly
	cmd := &cobra.Command{
		Use: "doctor", Short: "Find rollouts that nobody serves, that are stuck, or that were cut off", Args: cobra.NoArgs,
		Long:    doctorHelp,
		Example: "  bakeoff doctor\n  bakeoff doctor --env production -o json | jq -r .target\n  bakeoff doctor --tooling --older 14d",
		RunE: runs(func(ctx context.Context, _ []string) error {
			if practice {
				return c.doctorTooling(ctx, older.Duration)
			}
			query, err := listQuery(environment, "")
			if err != nil {
				return err
			}
			svc, err := c.connect(ctx)
			if err != nil {
				return err
			}
			defer svc.Close()
			d := doctor{svc: svc, environment: environment}
			err = d.examine(ctx, query)
			return c.examined(ctx, d.findings, err)
		}),
	}
	cmd.Flags().StringVar(&environment, "env", "", "only rollouts of this environment")
	cmd.Flags().BoolVar(&practice, "tooling", false, "look at rehearsals and what they work with")
	cmd.Flags().Var(&older, "older", "with --tooling: what is older than this is too old")
	cmd.MarkFlagsMutuallyExclusive("env", "tooling")
	return cmd
}

// doctorTooling looks at rehearsals.
func (c *cli) doctorTooling(ctx context.Context, older rollout.Duration) error {
	if older <= 0 {
		return fail(exitUsage, "--older must be a length of time, such as 30d")
	}
	svc, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer svc.Close()
	t := tooling{svc: svc, now: c.now(), older: older.Std(), newID: c.newID}
	err = t.examine(ctx)
	return c.examined(ctx, t.findings, err)
}

// finding is something that is not as it should be.
type finding struct {
	Kind       string `json:"kind"`
	Target     string `json:"target,omitempty"`
	WorkflowID string `json:"workflowId,omitempty"`
	RunID      string `json:"runId,omitempty"`
	Text       string `json:"text"`
	Advice     string `json:"advice"`
}

// sentence is the text for people, with the target that it is about.
func (f finding) sentence() string {
	if f.Target == "" || strings.Contains(f.Text, f.Target) {
		return f.Text
	}
	return f.Target + ": " + f.Text
}

// examined prints what was found, and ends with 14 if that was anything. Where not
// everything was looked at, it ends with that.
func (c *cli) examined(ctx context.Context, found []finding, err error) error {
	if ctx.Err() != nil {
		err = fail(exitInterrupted, "interrupted: not everything was looked at")
	}
	switch {
	case err != nil && len(found) == 0:
		return err
	case err == nil && len(found) > 0:
		err = exit(exitNeedsHuman)
	}
	return errors.Join(c.printFindings(found), err)
}

func (c *cli) printFindings(found []finding) error {
	var text strings.Builder
	for _, f := range found {
		if c.json() {
			if err := c.print(f); err != nil {
				return err
			}
		}
		fmt.Fprintf(&text, "%s: %s\n  %s\n", f.Kind, f.sentence(), f.Advice)
	}
	if len(found) == 0 {
		text.WriteString("nothing found\n")
	}
	if c.json() {
		return nil
	}
	_, err := io.WriteString(c.out, text.String())
	return err
}
