package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report"
)

// pastActions is what earlier runs, and the manifest, have left to do.
func (a *Activities) pastActions(ctx context.Context, run string, m rehearsal.Manifest) ([]evidence.Action, error) {
	runs, err := a.Archive.Runs(ctx, m.Environment, m.Name)
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Backward(runs) {
		if id == run {
			continue
		}
		before, err := a.evidenceOf(ctx, id)
		if err != nil { // it left none
			continue
		}
		return report.Merged(m.Actions, before.Actions), nil
	}
	return report.Merged(m.Actions, nil), nil
}

// retrospect says which actions are late, as a criterion, and which are left to
// do after this run, with what it found itself. There is no criterion where there
// is nothing that could be late.
func retrospect(past []evidence.Action, run *evidence.Run, now time.Time) []evidence.Criterion {
	var late []string
	for _, c := range report.Check(past, now, run.Criteria) {
		switch c.State {
		case report.ActionDone, report.ActionMended:
			continue
		case report.ActionOverdue:
			late = append(late, fmt.Sprintf("%s, for %s, was due on %s", c.Do, c.Owner, c.Due.Format(time.DateOnly)))
		}
		run.Actions = append(run.Actions, c.Action)
	}
	if len(past) == 0 {
		return nil
	}
	out := evidence.Criterion{Name: evidence.ActionsInTime, Outcome: evidence.Passed, Reason: fmt.Sprintf("none of %d is late", len(past))}
	if len(late) > 0 {
		out.Outcome, out.Reason = evidence.Failed, fmt.Sprintf("%d are late: %s", len(late), late[0])
	}
	return []evidence.Criterion{out}
}

// addFindings adds what a run found itself, unless it is to be done already. What
// it found twice, such as two things that are left, is two actions.
func addFindings(m rehearsal.Manifest, run *evidence.Run) {
	if m.Negative {
		return
	}
	earlier := slices.Clone(run.Actions)
	for _, f := range report.Findings(*run) {
		known := func(a evidence.Action) bool { return a.Criterion == f.Criterion && a.Do == f.Do }
		if slices.ContainsFunc(earlier, known) {
			continue
		}
		if m.Owner != "" {
			f.Owner = m.Owner
		}
		run.Actions = append(run.Actions, f)
	}
}
