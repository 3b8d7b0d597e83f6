// Package breaker is an example of faults of one's own: an activity that a worker of
// yours serves on a task queue of yours, and that rehearsals start and stop by
//
//	faults: [{name: away, at: 1m, for: 30s, task: {taskQueue: team-a, activity: Break, input: {what: carts}}}]
//
// Such a worker is a few lines:
//
//	w := worker.New(temporal, "team-a", worker.Options{})
//	w.RegisterActivity(&breaker.Breaker{Begin: takeAway, End: giveBack})
//	err := w.Run(worker.InterruptCh())
//
// [Breaker.Break] is the one to read. It may be written in any language: all that it
// is given and returns is JSON.
package breaker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"bakeoff/rehearsal/fault"
)

// Breaker makes faults, and remembers those in force. What it remembers dies with it:
// one for more than an example has the system that it breaks keep it, with its
// expiry, as Chaos Mesh does.
type Breaker struct {
	Begin func(input map[string]any) error // breaks something; what is broken already is success
	End   func(input map[string]any) error // mends it; what is whole already is success

	mu     sync.Mutex
	active map[string]*time.Timer // by the id of the fault: what ends it at its expiry
}

// Break starts or stops a fault, and says whether it is in force then. Whatever it is
// asked twice is done once: what runs is not started again, what does not run is
// stopped. A fault ends at its expiry even if nobody comes to stop it, and one that
// has expired is not started.
func (b *Breaker) Break(_ context.Context, in fault.TaskInput) (fault.TaskOutput, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	expiry, runs := b.active[in.ID]
	switch left := time.Until(in.Until); {
	case in.Do == fault.TaskStart && !runs && left > 0:
		if err := b.Begin(in.Input); err != nil {
			return fault.TaskOutput{}, fmt.Errorf("start %s: %w", in.Name, err)
		}
		if b.active == nil {
			b.active = map[string]*time.Timer{}
		}
		b.active[in.ID] = time.AfterFunc(left, func() { b.expire(in) })
	case in.Do == fault.TaskStop && runs:
		if err := b.End(in.Input); err != nil {
			return fault.TaskOutput{Active: true}, fmt.Errorf("stop %s: %w", in.Name, err)
		}
		expiry.Stop()
		delete(b.active, in.ID)
	}
	_, runs = b.active[in.ID]
	return fault.TaskOutput{Active: runs, Message: fmt.Sprintf("%s: in force: %v", in.Name, runs)}, nil
}

// expireAgain is how soon an end that did not succeed is tried again.
const expireAgain = time.Second

// expire ends a fault by itself.
func (b *Breaker) expire(in fault.TaskInput) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, runs := b.active[in.ID]; !runs {
		return
	}
	if b.End(in.Input) != nil {
		b.active[in.ID] = time.AfterFunc(expireAgain, func() { b.expire(in) })
		return
	}
	delete(b.active, in.ID)
}
