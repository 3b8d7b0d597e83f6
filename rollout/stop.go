package rollout

import "time"

// StopType is the registered name of the workflow that stands for a stopped line:
// nothing is started or raised in its environment while it is open.
const StopType = "Stop"

// StopMemo is the key of the memo that holds a StoppedLine, once it is decided that
// whoever ordered the stop may do so. Until then the stop is in force, too.
const StopMemo = "stopped"

// EveryEnvironment stands for all of them.
const EveryEnvironment = "*"

// The orders to a line, and the names of their Updates.
const (
	CommandStopTheLine  = "stopTheLine"
	CommandStartTheLine = "startTheLine"
)

// StopID is the id of the stop of an environment, or of EveryEnvironment.
func StopID(environment string) string { return "stop/" + environment }

// StopOrder is the input of the Stop workflow: what is stopped, and by which
// order. As an input it is stored even while no worker runs.
type StopOrder struct {
	Environment string  `json:"environment"`
	Command     Command `json:"command"`
}

// StoppedLine is who stopped a line, why and since when, and who started it again.
// It is the memo, and the result, of the Stop workflow.
type StoppedLine struct {
	Environment string    `json:"environment"`
	By          string    `json:"by"`
	Reason      string    `json:"reason"`
	At          time.Time `json:"at"`

	Denied    string     `json:"denied,omitempty"` // why it was never in force
	EndedBy   string     `json:"endedBy,omitempty"`
	EndReason string     `json:"endReason,omitempty"`
	EndedAt   *time.Time `json:"endedAt,omitempty"`
}
