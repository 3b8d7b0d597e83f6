package rollout

import "time"

// SignalBreach is the Signal that turns a rollout back because something
// outside has seen harm.
const SignalBreach = "breach"

// Breach is harm that something outside of the rollout has seen, such as an
// alert that fires.
type Breach struct {
	ID     string    `json:"id"` // the same id is the same breach
	Name   string    `json:"name"`
	Reason string    `json:"reason,omitempty"` // one sentence
	Source string    `json:"source,omitempty"` // who saw it: alertmanager, with its address where it gives one
	At     time.Time `json:"at,omitzero"`      // since when
}

// String is the breach in one sentence.
func (b Breach) String() string {
	if b.Reason == "" {
		return "alert " + b.Name
	}
	return "alert " + b.Name + ": " + b.Reason
}
