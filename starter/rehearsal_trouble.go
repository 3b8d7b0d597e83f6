package main

import (
	"context"
	"fmt"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
)

// trouble says what keeps the running members from going on: acts that fail and are
// tried again, and a queue that nobody polls. Each is said once, until it changes.
// What cannot be asked now is asked again at the next look.
func (w *rehearsalWatch) trouble(ctx context.Context, s rehearsal.SuiteStatus) {
	for _, r := range s.Rehearsals {
		if r.Phase == "" || r.Phase == rehearsal.Completed {
			continue
		}
		id := run{WorkflowID: orElse(r.WorkflowID, w.run.WorkflowID)}
		e, err := w.svc.Describe(ctx, id)
		if err != nil {
			continue
		}
		for _, again := range e.Retrying {
			w.once(r.Name+"/"+again.Act, fmt.Sprintf("%s: %s is tried again: %s", r.Name, again.Act, oneLine(again.Failure)))
		}
		if n, err := w.svc.Pollers(ctx, rollout.QueueRehearsal); err == nil && n == 0 {
			w.once(r.Name+"/queue", fmt.Sprintf("%s: nobody polls queue %s: start a worker that serves it", r.Name, rollout.QueueRehearsal))
		} else if err == nil {
			delete(w.said, r.Name+"/queue")
		}
	}
}

// once says a line unless it was the last that was said of a thing.
func (w *rehearsalWatch) once(of, line string) {
	if w.said[of] != line {
		w.said[of] = line
		w.say("%s", line)
	}
}
