package activities

import (
	"context"
	"fmt"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
)

// Queues knows whether somebody serves a task queue.
type Queues interface {
	// Served reports whether anybody has polled a queue for activities lately.
	Served(ctx context.Context, queue string) (bool, error)
}

// impossibleFaults says which faults of a manifest nobody could begin now, as far as
// that is seen before anything is done. Where it cannot be seen, the fault says so.
func (a *Activities) impossibleFaults(ctx context.Context, m rehearsal.Manifest) (out []rollout.Problem, err error) {
	for i, f := range m.Faults {
		if f.Task == nil || a.Queues == nil {
			continue
		}
		served, err := a.Queues.Served(ctx, f.Task.TaskQueue)
		if err != nil {
			return nil, err
		}
		if !served {
			out = append(out, rollout.Problem{Path: fmt.Sprintf("faults[%d].task.taskQueue", i),
				Message: fmt.Sprintf("nobody serves the queue %s: start a worker that polls it for activities", f.Task.TaskQueue)})
		}
	}
	return out, nil
}
