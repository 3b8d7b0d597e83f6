//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"bakeoff/activities"
)

const (
	// patience is how long a keeper may take to undo its fault before it is
	// killed and another process does it.
	patience = 5 * time.Second
	// memory is how long it is known how a fault ended.
	memory = 24 * time.Hour
)

// Remove tells the fault's keeper to undo it and returns when it is gone. Where
// the keeper has died, or takes too long, this process undoes it.
func (d *Driver) Remove(ctx context.Context, o activities.FaultOrder) error {
	r := record{Order: o, file: d.registry.file(o.ID)}
	return r.remove(ctx, byRehearsal)
}

// RemoveAll is the emergency stop: it removes every fault of the registry,
// whoever injected it, all at once. It may be called by any process of the
// machine. Faults that are injected later are not kept from it: HoldBack does that.
func (d *Driver) RemoveAll(ctx context.Context) error {
	records, err := d.registry.list()
	errs := make([]error, len(records))
	var all sync.WaitGroup
	for i, r := range records {
		if r.EndedAt == nil || !r.Closed {
			all.Go(func() { errs[i] = r.remove(ctx, byStop) })
		}
	}
	all.Wait()
	return errors.Join(append(errs, err)...)
}

// remove ends the fault and closes its record, so that it cannot begin later.
func (r *record) remove(ctx context.Context, by string) error {
	release, err := r.seize(ctx)
	if err != nil {
		return fmt.Errorf("remove fault %s: %w", r.Order.Fault.Name, err)
	}
	defer release()
	stored, err := load(r.file)
	if errors.Is(err, activities.ErrNotFound) { // it never began
		stored, err = record{Order: r.Order, file: r.file, EndedAt: now(), By: by}, nil
	}
	if err != nil {
		return err
	}
	if stored.EndedAt == nil {
		if err := stored.end(ctx, by); err != nil {
			return err
		}
	}
	if stored.By == byRehearsal && !stored.Closed {
		stored.By = by
	}
	stored.Closed = true
	return stored.save()
}

// seize gets the lock of the fault: its keeper undoes it and ends, or is killed.
func (r *record) seize(ctx context.Context) (release func(), err error) {
	file := r.sibling(".lock")
	for over := time.Now().Add(patience); ; {
		if release, err = lockNow(file); !errors.Is(err, errLocked) {
			return release, err
		}
		ask := os.Signal(syscall.SIGTERM)
		if time.Now().After(over) {
			ask = os.Kill
		}
		if err := holder(file).Signal(ask); err != nil {
			return nil, err
		}
		if err := rest(ctx, lockPoll); err != nil {
			return nil, fmt.Errorf("its keeper is still at it: %w", err)
		}
	}
}

// Sweep is for a worker that starts, and for every minute of its life: it undoes
// every fault whose keeper is dead (a kill when its time has come), and forgets those that ended a day ago.
// Faults with a keeper are left to it: their worker may be another one.
func (d *Driver) Sweep(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(d.registry.dir, "*.json"))
	errs := []error{err}
	for _, file := range files {
		if err := sweep(ctx, file); err != nil && !errors.Is(err, activities.ErrNotFound) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func sweep(ctx context.Context, file string) error {
	r := record{file: file}
	release, err := r.take(ctx)
	if errors.Is(err, errLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer release()
	if r, err = load(file); err != nil {
		return err
	}
	if r.outlives() {
		return nil
	}
	if r.EndedAt == nil {
		return r.end(ctx, byWorker)
	}
	if time.Since(*r.EndedAt) > memory && time.Since(r.Order.Until) > memory {
		return errors.Join(os.Remove(file), os.Remove(r.sibling(".lock")))
	}
	return nil
}
