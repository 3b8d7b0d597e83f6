package evidence

import (
	"time"

	"bakeoff/rollout"
)

// Probe is what one probe was answered, at one of the times at which it was asked.
type Probe struct {
	Name    string           `json:"name"`
	What    string           `json:"what"` // "GET http://…"
	When    string           `json:"when"` // "before", "after slow-db", "while faults are in force"
	Asked   int              `json:"asked"`
	Failed  int              `json:"failed"`
	InRow   int              `json:"inRow"`            // bad answers one after another, at most
	Since   *time.Time       `json:"since,omitempty"`  // the first of those was asked for
	Said    string           `json:"said,omitempty"`   // the last bad answer
	Slowest rollout.Duration `json:"slowest"`          // of all answers
	From    time.Time        `json:"from,omitzero"`    // it was asked first
	To      time.Time        `json:"to,omitzero"`      // the last answer came
	Blind   rollout.Duration `json:"blind"`            // how long it was to be asked, and was not, at most
	Bad     []Spell          `json:"bad,omitempty"`    // when answers were bad: the first hundred times
	Unread  string           `json:"unread,omitempty"` // why metrics said nothing, the last time: neither good nor bad
	Error   string           `json:"error,omitempty"`  // why it could not be asked to the end
}

// Spell is a time in which every answer was bad, until the next good one, or the
// last.
type Spell struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Answers int       `json:"answers"`
	Said    string    `json:"said"` // the last one
}

// Halt is how a probe ended a rehearsal, or kept it from beginning.
type Halt struct {
	Probe     string            `json:"probe"`
	Before    bool              `json:"before,omitempty"` // nothing had been done yet
	Said      string            `json:"said"`             // the last answer
	Answers   int               `json:"answers"`          // bad ones, one after another
	FailedAt  time.Time         `json:"failedAt"`         // the first of them was asked for
	DecidedAt time.Time         `json:"decidedAt"`        // the last of them came
	GoneAt    *time.Time        `json:"goneAt,omitempty"` // every fault that was in force was seen to be gone; nil: none was, or one was not
	Took      *rollout.Duration `json:"took,omitempty"`   // from FailedAt to GoneAt
}
