package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

// listed is one rollout as list tells it.
type listed struct {
	Target     string          `json:"target"`
	WorkflowID string          `json:"workflowId"`
	RunID      string          `json:"runId"`
	Phase      rollout.Phase   `json:"phase"`
	Outcome    rollout.Outcome `json:"outcome"`
	Candidate  string          `json:"candidate"`
	Weight     rollout.Weight  `json:"weight"`
	Step       int             `json:"step"`
	WaitingFor string          `json:"waitingFor"`
	StartedAt  time.Time       `json:"startedAt"`
	EndedAt    *time.Time      `json:"endedAt,omitempty"`
	Rehearsal  string          `json:"rehearsal,omitempty"` // workflow id of the rehearsal that began it
	UIURL      string          `json:"uiUrl"`
}

// phases are what --phase takes.
var phases = []rollout.Phase{rollout.PhasePending, rollout.PhaseRunning, rollout.PhaseWaiting,
	rollout.PhaseRollingBack, rollout.PhaseNeedsHuman, rollout.PhaseCompleted}

func (c *cli) listCommand() *cobra.Command {
	var environment, phase string
	var limit int
	var practice bool
	cmd := &cobra.Command{
		Use: "list", Short: "List rollouts and fleets, running ones first", Args: cobra.NoArgs,
		Long: `List the rollouts and fleets that Temporal still remembers, running ones first: as
a table or, with -o json, as one object on each line. With --rehearsals, list the
rehearsals and suites, and the schedules that repeat them.

Exit codes: 0 listed, 1 the command itself failed, 2 usage.`,
		Example: "  bakeoff list --env production --phase Waiting\n  bakeoff list -o json | jq -r 'select(.outcome == \"RolledBack\") | .target'\n  bakeoff list --rehearsals",
		RunE: runs(func(ctx context.Context, _ []string) error {
			if limit < 0 {
				return fail(exitUsage, "--limit %d: write how many at most, or 0 for all", limit)
			}
			query, err := listQuery(environment, phase)
			if err != nil {
				return err
			}
			svc, err := c.connect(ctx)
			if err != nil {
				return err
			}
			defer svc.Close()
			if practice {
				return c.listPractice(ctx, svc, environment, limit)
			}
			return c.list(ctx, svc, query, limit)
		}),
	}
	cmd.Flags().BoolVar(&practice, "rehearsals", false, "list rehearsals, suites and their schedules instead")
	cmd.Flags().StringVar(&environment, "env", "", "only this environment")
	cmd.Flags().StringVar(&phase, "phase", "", "only this phase: "+joined(phases))
	cmd.Flags().IntVar(&limit, "limit", 0, "show at most this many (default all)")
	cmd.MarkFlagsMutuallyExclusive("rehearsals", "phase")
	return cmd
}

// allTypes is the visibility query for rollouts and fleets.
const allTypes = "WorkflowType IN ('" + rollout.WorkflowType + "', '" + rollout.FleetType + "')"

// listQuery is the visibility query for an environment and a phase, either of
// which may be empty.
func listQuery(environment, phase string) (string, error) {
	query := allTypes
	if environment != "" {
		if _, err := rollout.ParseTarget(environment + "/x"); err != nil || strings.Contains(environment, "/") {
			return "", fail(exitUsage, "--env: %q cannot be the name of an environment: letters, digits, '.', '_' and '-' only", environment)
		}
		query += fmt.Sprintf(" AND %s = '%s'", rollout.AttributeEnvironment, environment)
	}
	switch p := rollout.Phase(phase); {
	case phase == "":
	case !slices.Contains(phases, p):
		return "", fail(exitUsage, "--phase %q is not one of %s", phase, joined(phases))
	case p == rollout.PhaseCompleted:
		query += " AND ExecutionStatus != 'Running'"
	default: // a run that was cut off keeps the phase it was in
		query += fmt.Sprintf(" AND %s = '%s' AND ExecutionStatus = 'Running'", rollout.AttributePhase, phase)
	}
	return query, nil
}

func (c *cli) list(ctx context.Context, svc service, query string, limit int) error {
	table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	if !c.json() {
		fmt.Fprintln(table, "TARGET\tCANDIDATE\tPHASE\tSTEP\tWEIGHT\tSTARTED\tTOOK")
	}
	n, lost := 0, 0
	for e, err := range svc.List(ctx, query) {
		if err != nil {
			return fmt.Errorf("list rollouts: %w", err)
		}
		if n++; limit > 0 && n > limit {
			break
		}
		s := e.status()
		if e.cutOff() && rollout.IsFleetID(e.WorkflowID) {
			lost++
			s = lostInList(ctx, svc, e, lost <= lostFleetsListed)
		}
		if !c.json() {
			fmt.Fprintln(table, c.row(e, s))
		} else if err := c.print(c.listed(e, s)); err != nil {
			return err
		}
	}
	return table.Flush()
}

// lostFleetsListed is of how many fleets that were cut off a list asks the units.
const lostFleetsListed = 20

// lostInList is where a fleet stands that was cut off: where its units do. Where they are
// not asked, or do not tell in time, how it ended is left open.
func lostInList(ctx context.Context, svc service, e execution, ask bool) rollout.Status {
	s := e.status()
	s.Outcome = ""
	if !ask {
		return s
	}
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if told, err := ending(asking, svc, e); err == nil {
		s.Phase, s.Outcome, s.Weight, s.EndedAt = told.Phase, told.Outcome, told.Weight, told.EndedAt
	}
	return s
}

// listed is one line of a list, of a run that stands somewhere.
func (c *cli) listed(e execution, s rollout.Status) listed {
	rehearsal := ""
	if rollout.IsRehearsalID(e.Parent.WorkflowID) {
		rehearsal = e.Parent.WorkflowID
	}
	return listed{
		Target: orElse(s.Target, targetOf(e.run)), WorkflowID: s.WorkflowID, RunID: s.RunID,
		Phase: s.Phase, Outcome: s.Outcome, Candidate: s.Candidate, Weight: s.Weight, Step: s.Step,
		WaitingFor: s.WaitingFor, StartedAt: s.StartedAt, EndedAt: s.EndedAt, Rehearsal: rehearsal, UIURL: c.link(e.run),
	}
}

func (c *cli) row(e execution, of rollout.Status) string {
	s := c.listed(e, of)
	state := orElse(string(s.Outcome), string(s.Phase))
	if s.WaitingFor != "" && s.Outcome == "" {
		state += " (" + s.WaitingFor + ")"
	}
	until := c.now()
	if s.EndedAt != nil {
		until = *s.EndedAt
	}
	target := s.Target
	if rollout.IsFleetID(s.WorkflowID) {
		target += " (fleet)"
	}
	if s.Rehearsal != "" {
		target += " (rehearsal)"
	}
	return strings.Join([]string{target, s.Candidate, state, fmt.Sprint(s.Step), s.Weight.String(),
		s.StartedAt.UTC().Format("2006-01-02 15:04:05Z"), brief(until.Sub(s.StartedAt))}, "\t")
}

func joined[T ~string](values []T) string {
	var parts []string
	for _, v := range values {
		parts = append(parts, string(v))
	}
	return strings.Join(parts, ", ")
}

// completeTargets offers the targets that have, or had, a rollout.
func (c *cli) completeTargets(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), 2*time.Second)
	defer cancel()
	svc, err := c.dial(ctx, c.connection)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer svc.Close()
	var targets []string
	for e, err := range svc.List(ctx, allTypes) {
		target := targetOf(e.run)
		if err != nil || len(targets) == 200 {
			break
		}
		if strings.HasPrefix(target, typed) && !slices.Contains(targets, target) {
			targets = append(targets, target)
		}
	}
	return targets, cobra.ShellCompDirectiveNoFileComp
}
