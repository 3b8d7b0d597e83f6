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

const doctorHelp = `Look for rollouts and queues that are stuck or that nobody looks after, and say what
to do about each:

  unserved      nobody polls a task queue, or no worker answers
  wedged        a workflow's task fails again and again on the workers
  needsHuman    something could not be put back
  cutOff        a run was ended from outside, and nothing was put back
  unsupervised  no Target, fleet or rehearsal looks after a rollout
  orphaned      a Target waits for a rollout that is over
  drifted       somebody changed a target while nothing ran
  stands        a queue waits until somebody resumes it
  lost          orders were waiting in a queue that was ended from outside

With --tooling, look instead for rehearsals that are out of date. Rehearsals in any
environment count:

  drillOverdue    no recent rehearsal shows that a service can go back
  staleBaseline   a snapshot in a rehearsal's baseline is old, or of unknown age
  staleSnapshot   the same of a snapshot in its data
  practisedOlder  another version than the one practised was promoted, or serves
  olderTool       the last rehearsal ran on another version of Bakeoff
  unusedTemplate  no recent rehearsal uses a file of the worker's library
  schedulePaused  a schedule is paused, so its rehearsal is not repeated
  unserved        nobody polls the queue of rehearsals, or no worker answers

With -o json, one finding on each line.

Exit codes: 0 nothing found, 1 the command itself failed, 2 usage, 14 found
something that a person must look at.`

// monthly is how old practice may be where nobody says.
var monthly = durationFlag{rollout.Duration(30 * 24 * time.Hour)}

func (c *cli) doctorCommand() *cobra.Command {
	environment, practice, older := "", false, monthly
	cmd := &cobra.Command{
		Use: "doctor", Short: "Find rollouts that are stuck, cut off, or served by nobody", Args: cobra.NoArgs,
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
	cmd.Flags().BoolVar(&practice, "tooling", false, "look at rehearsals instead of rollouts")
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
