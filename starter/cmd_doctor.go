package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

const doctorHelp = `Look for what keeps rollouts from being obeyed, and say what to do about each:

  unserved      nobody polls a task queue
  wedged        workers cannot go on with a workflow
  needsHuman    something could not be put back
  cutOff        a run was ended from outside, and nothing was put back
  unsupervised  no Target looks after a rollout
  orphaned      a Target waits for a rollout that is over
  drifted       somebody changed a target while nothing ran
  stands        a queue waits for a resume

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
			d := doctor{svc: svc}
			if err := d.examine(ctx, query); err != nil {
				return err
			}
			return c.findings(d.findings)
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
	if err := t.examine(ctx); err != nil {
		return err
	}
	return c.findings(t.findings)
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

// findings prints what was found, and ends with 14 if that was anything.
func (c *cli) findings(found []finding) error {
	var text strings.Builder
	for _, f := range found {
		if c.json() {
			if err := c.print(f); err != nil {
				return err
			}
		}
		fmt.Fprintf(&text, "%s: %s\n  %s\n", f.Kind, f.Text, f.Advice)
	}
	if len(found) == 0 {
		text.WriteString("nothing found\n")
	}
	if !c.json() {
		if _, err := io.WriteString(c.out, text.String()); err != nil {
			return err
		}
	}
	if len(found) > 0 {
		return exit(exitNeedsHuman)
	}
	return nil
}

// doctor looks at everything that is open, and at what was cut off last.
type doctor struct {
	svc      service
	findings []finding
}

func (d *doctor) found(kind string, e execution, advice, format string, args ...any) {
	target := targetOf(e.run)
	if e.WorkflowID == "" {
		target = ""
	}
	d.findings = append(d.findings, finding{Kind: kind, Target: target, WorkflowID: e.WorkflowID, RunID: e.RunID,
		Text: fmt.Sprintf(format, args...), Advice: strings.ReplaceAll(advice, "TARGET", target)})
}

func (d *doctor) examine(ctx context.Context, query string) error {
	if err := d.queues(ctx); err != nil {
		return err
	}
	for e, err := range d.svc.List(ctx, query+" AND ExecutionStatus = 'Running'") {
		if err != nil {
			return fmt.Errorf("list rollouts: %w", err)
		}
		if err := d.rollout(ctx, e); err != nil {
			return err
		}
	}
	for e, err := range d.svc.List(ctx, query+" AND ExecutionStatus IN ('Terminated', 'TimedOut', 'Canceled')") {
		if err != nil {
			return fmt.Errorf("list rollouts: %w", err)
		}
		if err := d.cutOff(ctx, e); err != nil {
			return err
		}
	}
	return d.targets(ctx)
}

// queues looks for task queues that nobody polls.
func (d *doctor) queues(ctx context.Context) error {
	for _, queue := range []string{rollout.QueueControl, rollout.QueueAnalysis, rollout.QueueInfra} {
		pollers, err := d.svc.Pollers(ctx, queue)
		if err != nil {
			return fmt.Errorf("look at queue %s: %w", queue, err)
		}
		if pollers == 0 {
			d.found("unserved", execution{}, "start a worker that serves it: bakeoff-worker --queues "+queue, "nobody polls queue %s", queue)
		}
	}
	return nil
}

// wedgedAfter is how often a workflow task may fail before somebody is told.
const wedgedAfter = 3

func (d *doctor) rollout(ctx context.Context, listed execution) error {
	e, err := d.svc.Describe(ctx, listed.run)
	if err != nil {
		return fmt.Errorf("look at %s: %w", listed.WorkflowID, err)
	}
	if !e.open() { // it ended since it was listed
		return nil
	}
	target, err := rollout.ParseTarget(targetOf(e.run))
	if err != nil {
		return fmt.Errorf("look at %s: %w", e.WorkflowID, err)
	}
	if e.TaskAttempts >= wedgedAfter {
		d.found("wedged", e, "roll the workers back, or put users back meanwhile: bakeoff restore TARGET --reason …",
			"workers cannot go on with the rollout of %s: its workflow task fails since %d attempts", e.Candidate, e.TaskAttempts)
	}
	if e.NeedsHuman {
		d.found("needsHuman", e, "mend what it says and retry, or acknowledge: bakeoff status TARGET", "the rollout of %s needs a human", e.Candidate)
	}
	if rollout.IsFleetID(e.WorkflowID) { // it looks after its units, and nothing has to look after it
		return nil
	}
	guardian := above(target)
	if rollout.IsFleetID(e.Parent.WorkflowID) {
		guardian = e.Parent
	}
	if above, err := d.svc.Describe(ctx, guardian); err == nil && above.open() {
		return nil
	}
	d.found("unsupervised", e, "it goes on by itself; should it be terminated, put users back: bakeoff restore TARGET --reason …",
		"no Target looks after the rollout of %s", e.Candidate)
	return nil
}

// cutOff tells of a run that was ended from outside, unless another came after
// it.
func (d *doctor) cutOff(ctx context.Context, e execution) error {
	last, err := d.svc.Describe(ctx, run{WorkflowID: e.WorkflowID})
	if err != nil {
		return fmt.Errorf("look at %s: %w", e.WorkflowID, err)
	}
	if last.RunID == e.RunID {
		d.found("cutOff", e, "put users back: bakeoff restore TARGET --reason …",
			"the rollout of %s was ended from outside, and nothing was put back", e.Candidate)
	}
	return nil
}

// targets looks for queues that stand, and for Targets that wait for a rollout
// that is over.
func (d *doctor) targets(ctx context.Context) error {
	for e, err := range d.svc.List(ctx, "WorkflowType = '"+rollout.TargetType+"' AND ExecutionStatus = 'Running'") {
		if err != nil {
			return fmt.Errorf("list targets: %w", err)
		}
		target, err := rollout.ParseTarget(targetOf(e.run))
		if err != nil {
			continue
		}
		known, err := d.svc.Target(ctx, target)
		if err != nil {
			continue // no worker answers: its queue is unserved
		}
		if known.Drift != "" && known.Running == nil {
			d.found("drifted", e, "put it back by hand, or roll out what is to serve", "%s", known.Drift)
		}
		if known.Stands != "" && len(known.Queue) > 0 {
			d.found("stands", e, "let it go on: bakeoff resume TARGET --reason …", "the queue of %d stands: %s", len(known.Queue), known.Stands)
		}
		r := known.Running
		if r == nil || r.RunID == "" {
			continue
		}
		if held, err := d.svc.Describe(ctx, run{rollout.WorkflowID(target), r.RunID}); err == nil && !held.open() && held.Closed != nil {
			d.found("orphaned", e, "if this stays so, cancel the workflow "+e.WorkflowID+": the next start begins a new one", "it waits for run %s, which is over", r.RunID)
		}
	}
	return nil
}
