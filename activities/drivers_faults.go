package activities

import (
	"context"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
)

// Faults injects the faults of rehearsals into what is near the worker, and
// takes them away. A fault's removal is registered before it begins: it ends at
// its expiry, and when the worker that injected it dies, whoever is left. What
// is registered is known on that machine alone: all calls for one rehearsal go
// to workers of one machine.
type Faults interface {
	// Inject brings a fault into force and returns once it is. Repeating it is
	// success. ErrFinal: it may not or cannot be, or was removed before.
	Inject(ctx context.Context, o FaultOrder) error
	// Remove takes a fault away and returns once it was seen to be gone. One that
	// is not there is success, and cannot be injected any more.
	Remove(ctx context.Context, o FaultOrder) error
	// Active lists the faults that are registered and not known to be gone.
	Active(ctx context.Context) ([]ActiveFault, error)
	// Ended says how a fault ended, without StartedAt where it never was in force;
	// ErrNotFound where it did not end, or is not known any more, a day after its
	// expiry.
	Ended(ctx context.Context, id string) (evidence.Fault, error)
}

// FaultOrder is one fault of one run.
type FaultOrder struct {
	ID    string      `json:"id"` // of the run and the fault in it; used once
	Fault fault.Fault `json:"fault"`
	Seed  int64       `json:"seed"`  // of the rehearsal, for what the fault draws
	Until time.Time   `json:"until"` // its expiry
}

// ActiveFault is a fault that is in force, is about to be, or could not be
// removed.
type ActiveFault struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	What      string     `json:"what"`                // "toxiproxy db: latency 200ms"
	StartedAt *time.Time `json:"startedAt,omitempty"` // nil: it is not in force yet
	Until     time.Time  `json:"until"`
	Error     string     `json:"error,omitempty"` // why the last try to remove it failed
}
