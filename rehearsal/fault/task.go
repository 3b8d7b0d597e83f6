package fault

import "time"

// What a task is asked to do.
const (
	TaskStart = "start"
	TaskStop  = "stop"
)

// TaskInput is what the activity of a Task is given. Starting what runs and
// stopping what does not run are success. A call has a minute; a start that goes on
// beyond it may come after its stop, and is to look at Until once more.
type TaskInput struct {
	ID    string         `json:"id"` // of this fault of this run: the same for start and stop
	Name  string         `json:"name"`
	Do    string         `json:"do"`    // start or stop
	Until time.Time      `json:"until"` // its expiry: the fault must be gone by then even if nobody calls stop
	Input map[string]any `json:"input,omitempty"`
}

// TaskOutput is what it returns.
type TaskOutput struct {
	Active  bool   `json:"active"`            // whether the fault is in force now, as read back: false ends a stop
	Message string `json:"message,omitempty"` // one sentence for the report
}
