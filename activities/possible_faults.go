package activities

import (
	"context"
	"fmt"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/fault"
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
		field, why, err := a.impossible(ctx, f)
		if err != nil {
			return nil, err
		}
		if why != "" {
			out = append(out, rollout.Problem{Path: fmt.Sprintf("faults[%d].%s", i, field), Message: fmt.Sprintf("fault %s could not begin: %s", f.Name, why)})
		}
	}
	return append(out, a.sameThings(m.Faults)...), nil
}

// sameThings says which faults would change one thing at the same time by two names of
// it, as far as the worker's machine knows: of one name the manifest says so itself.
func (a *Activities) sameThings(faults []fault.Fault) (out []rollout.Problem) {
	driver, knows := a.Faults.(interface{ Same(a, b fault.Fault) bool })
	if !knows {
		return nil
	}
	for i, f := range faults {
		for _, before := range faults[:i] {
			if f.MayOverlap(before) && driver.Same(f, before) {
				out = append(out, rollout.Problem{Path: fmt.Sprintf("faults[%d].at", i),
					Message: fmt.Sprintf("%s changes the %s, which is the %s here, while %s does: let one end before the other begins", f.Name, f.Touches(), before.Touches(), before.Name)})
			}
		}
	}
	return out
}

// impossible says why a fault could not begin, and by which of its fields.
func (a *Activities) impossible(ctx context.Context, f fault.Fault) (field, why string, err error) {
	if f.Task == nil {
		if driver, knows := a.Faults.(interface {
			Impossible(ctx context.Context, f fault.Fault) (field, why string)
		}); knows {
			field, why = driver.Impossible(ctx, f)
		}
		return field, why, nil
	}
	if a.Queues == nil {
		return "", "", nil
	}
	served, err := a.Queues.Served(ctx, f.Task.TaskQueue)
	if err == nil && !served {
		why = fmt.Sprintf("nobody serves the queue %s: start a worker that polls it for activities", f.Task.TaskQueue)
	}
	return "task.taskQueue", why, err
}
