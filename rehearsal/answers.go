package rehearsal

import (
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// mostSpells is how many of the times at which answers were bad are kept: they go
// through history.
const mostSpells = 100

// Answers are those of a probe at one of its times, taken in one after another.
type Answers struct {
	evidence.Probe
	Last    time.Time `json:"last,omitzero"`    // it was asked
	Row     int       `json:"row"`              // bad ones one after another, until now
	RowFrom time.Time `json:"rowFrom,omitzero"` // the first of them was asked for
	Kept    bool      `json:"kept"`             // they are the last of Bad
}

// Take takes an answer in: when it was asked for, when it came, and what was wrong
// with it. It was to be asked from due on; bad answers from before that are another
// row.
func (a *Answers) Take(due, asked, came time.Time, wrong string) {
	a.Miss(due, asked)
	if a.Asked == 0 {
		a.From = asked
	}
	if a.Last.Before(due) {
		a.Row, a.Kept = 0, false
	}
	a.Asked, a.Last, a.To = a.Asked+1, asked, came
	a.Slowest = max(a.Slowest, rollout.Duration(came.Sub(asked)))
	if wrong == "" {
		if a.Kept {
			a.Bad[len(a.Bad)-1].To = asked
		}
		a.Row, a.Kept = 0, false
		return
	}
	a.takeBad(asked, came, wrong)
}

func (a *Answers) takeBad(asked, came time.Time, wrong string) {
	if a.Row == 0 {
		a.RowFrom = asked
		if a.Kept = len(a.Bad) < mostSpells; a.Kept {
			a.Bad = append(a.Bad, evidence.Spell{From: asked})
		}
	}
	a.Failed, a.Row, a.Said = a.Failed+1, a.Row+1, wrong
	if a.Kept {
		now := &a.Bad[len(a.Bad)-1]
		now.To, now.Answers, now.Said = came, a.Row, wrong
	}
	if a.Row > a.InRow {
		since := a.RowFrom
		a.InRow, a.Since = a.Row, &since
	}
}

// Miss notes that from due on, or since it was asked last, nobody asked until then.
func (a *Answers) Miss(due, until time.Time) {
	if a.Last.After(due) {
		due = a.Last
	}
	a.Blind = max(a.Blind, rollout.Duration(until.Sub(due)))
}
