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
			late = append(late, overdue(c.Action))
		}
		if c.State != report.ActionAgain {
			c.Done = nil // it is yet to come, and does not do it later by itself
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

// overdue says what an action waits for.
func overdue(a evidence.Action) string {
	text := fmt.Sprintf("%s, for %s, was due on %s", a.Do, a.Owner, a.Due.Format(time.DateOnly))
	if a.Done != nil {
		text += fmt.Sprintf("; that it is done on %s is yet to come", a.Done.Format(time.DateOnly))
	}
	return text
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
