package report

import (
	"time"

	"bakeoff/rehearsal/evidence"
)

// residue says what was left behind.
func residue(run evidence.Run) section {
	s := section{Title: "Left behind", List: run.Residue}
	switch {
	case len(run.Residue) > 0:
		s.Text = []string{"These were still there at the end, and should not have been:"}
	case run.Outcome != evidence.Refused:
		s.Text = []string{"Nothing was found at the end that should not have been there."}
	}
	return s
}

// actions are those in the evidence; where nobody wrote any down, those that
// follow from what went wrong.
func actions(run evidence.Run) section {
	s := section{Title: "What is to be done"}
	t := table{Columns: columns("Finding", "To do", "Owner", ">Due", "State")}
	agreed := run.Actions
	if len(agreed) == 0 && run.Outcome != evidence.Refused {
		agreed, t.Note = Findings(run), "Proposed from what the run found; nobody has agreed to them yet."
	}
	for _, a := range agreed {
		t.Rows = append(t.Rows, actionRow(run, a))
	}
	if len(t.Rows) > 0 {
		s.Tables = []table{t}
	}
	return s
}

var actionTones = map[ActionState]tone{ActionDone: good, ActionMended: good, ActionOpen: unsure, ActionOverdue: bad, ActionAgain: bad}

// actionRow has the state at the end of the run.
func actionRow(run evidence.Run, a evidence.Action) []cell {
	return checkedRow(checkAfter(run, a, run.EndedAt))
}

// checkAfter is where an action stands after a run. Criteria of the run say it of
// the actions of earlier runs only: its own follow from them.
func checkAfter(run evidence.Run, a evidence.Action, now time.Time) Checked {
	criteria := run.Criteria
	if a.From == run.ID {
		criteria = nil
	}
	return Check([]evidence.Action{a}, now, criteria)[0]
}

func checkedRow(c Checked) []cell {
	state, owner := cell{Text: string(c.State), Tone: actionTones[c.State]}, c.Owner
	if c.Done != nil {
		state.Text += ", said " + c.Done.UTC().Format(day)
	}
	if owner == "" {
		owner = "nobody yet"
	}
	return []cell{{Text: c.Finding}, {Text: c.Do}, {Text: owner}, {Text: c.Due.UTC().Format(day)}, state}
}

const day = "2006-01-02"
