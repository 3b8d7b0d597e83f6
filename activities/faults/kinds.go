//go:build linux

package faults

import (
	"context"
	"fmt"

	"bakeoff/activities"
	"bakeoff/rehearsal/fault"
)

// kind is how faults of one kind are done.
type kind interface {
	// prepare looks, changes nothing, and fills in what undo needs. It runs in
	// the worker; what cannot be done here is ErrFinal.
	prepare(ctx context.Context, p Parameters, r *record) error
	// apply brings the fault into force, once, and sees that it is. It runs in
	// the keeper, after the record was saved.
	apply(ctx context.Context, r *record) error
	// undo takes away what apply did, or had begun, and sees that it is gone. It
	// may be repeated, and run in another process.
	undo(ctx context.Context, r *record) error
}

func kindOf(f fault.Fault) (kind, error) {
	switch f.Kind() {
	case fault.KindToxiproxy:
		return toxics{*f.Toxiproxy}, nil
	case fault.KindMetrics:
		return toxics{fault.Toxiproxy{Proxy: f.Metrics.Proxy, Down: true}}, nil
	case fault.KindErrors:
		return &standIn{Errors: *f.Errors}, nil
	case fault.KindProcess, fault.KindWorker:
		x, _ := processOf(f)
		if x.Do == fault.Freeze {
			return freeze{x}, nil
		}
		return kill{x}, nil
	case fault.KindDrift:
		return drift{*f.Drift}, nil
	case fault.KindClock:
		return clock{*f.Clock}, nil
	case fault.KindDisk:
		if f.Disk.Size > 0 {
			return loop{*f.Disk}, nil
		}
		return disk{*f.Disk}, nil
	}
	return nil, fmt.Errorf("a fault of the kind %q is not for this driver: %w", f.Kind(), activities.ErrFinal)
}

// processOf is the process that a fault kills or freezes.
func processOf(f fault.Fault) (fault.Process, bool) {
	switch {
	case f.Process != nil:
		return *f.Process, true
	case f.Worker != nil:
		return *f.Worker, true
	}
	return fault.Process{}, false
}

// refuse is an error that trying again does not help.
func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %w", fmt.Errorf(format, args...), activities.ErrFinal)
}
