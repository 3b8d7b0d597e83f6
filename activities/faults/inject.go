//go:build linux

package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"bakeoff/activities"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
)

// Inject checks the fault against this worker's limits, looks at what it would
// change, registers how to put that back, and only then starts the keeper that
// brings it into force. A process that was killed is not killed once more by a
// repeated call.
func (d *Driver) Inject(ctx context.Context, o activities.FaultOrder) error {
	inForce := false
	err := d.unlessHeldBack()
	if err == nil {
		inForce, err = d.register(ctx, o)
	}
	if err == nil && !inForce {
		err = d.startRegistered(ctx, o)
	}
	if err != nil {
		return fmt.Errorf("inject fault %s: %w", o.Fault.Name, err)
	}
	return nil
}

// startRegistered starts the keeper of a fault, unless faults are held back since it
// was looked: whoever removes all has seen the record, or is seen here.
func (d *Driver) startRegistered(ctx context.Context, o activities.FaultOrder) error {
	if err := d.unlessHeldBack(); err != nil {
		r := record{Order: o, file: d.registry.file(o.ID)}
		return errors.Join(err, r.remove(ctx, byStop))
	}
	return d.start(ctx, d.registry.file(o.ID))
}

// register writes the fault's record, and reports whether the fault is in
// force already, or was, where once is enough.
func (d *Driver) register(ctx context.Context, o activities.FaultOrder) (inForce bool, err error) {
	if err := d.admit(o); err != nil {
		return false, fmt.Errorf("%w: %w", err, activities.ErrFinal)
	}
	release, err := lock(ctx, filepath.Join(d.registry.dir, "lock"))
	if err != nil {
		return false, err
	}
	defer release()
	r := record{file: d.registry.file(o.ID)}
	mine, err := r.take(ctx)
	if errors.Is(err, errLocked) {
		return d.kept(r.file)
	}
	if err != nil {
		return false, err
	}
	defer mine()
	before, err := load(r.file)
	switch {
	case errors.Is(err, activities.ErrNotFound):
		return false, d.prepare(ctx, o, nil)
	case err != nil:
		return false, err
	case before.Closed:
		return false, fmt.Errorf("it was removed already: %w", activities.ErrFinal)
	case !isSame(before.Order.Fault, o.Fault):
		return false, fmt.Errorf("another fault has the id %s: %w", o.ID, activities.ErrFinal)
	case before.outlives(): // its keeper has died, and what it killed is not killed again
		return true, nil
	case before.EndedAt == nil: // its keeper has died
		if err := before.end(ctx, byWorker); err != nil {
			return false, err
		}
	}
	if before.StartedAt != nil && isKill(o.Fault) {
		return true, nil
	}
	return false, d.prepare(ctx, o, before.inForce())
}

// kept answers for a fault whose keeper is alive.
func (d *Driver) kept(file string) (inForce bool, err error) {
	r, err := load(file)
	if err == nil && (r.StartedAt == nil || r.EndedAt != nil) {
		err = errors.New("it is just being begun or removed: try again")
	}
	return err == nil, err
}

func isSame(a, b fault.Fault) bool {
	left, err1 := json.Marshal(a)
	right, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(left) == string(right)
}

func isKill(f fault.Fault) bool {
	x, is := processOf(f)
	return is && x.Do == fault.Kill
}

// outlives reports whether the fault is in force without a keeper: a kill, until
// its time.
func (r record) outlives() bool {
	return r.EndedAt == nil && r.StartedAt != nil && isKill(r.Order.Fault) && time.Now().Before(r.Order.Until)
}

// admit refuses what may not be done here.
func (d *Driver) admit(o activities.FaultOrder) error {
	problems := append(o.Fault.Problems("fault"), d.parameters.Limits.Refusals("fault", o.Fault)...)
	switch {
	case len(problems) > 0:
		return errors.New(join(problems))
	case o.ID == "":
		return errors.New("it has no id")
	case o.Until.IsZero():
		return errors.New("it has no expiry")
	case !time.Now().Before(o.Until):
		return fmt.Errorf("it expired at %s, before it began", o.Until.UTC().Format(time.RFC3339))
	}
	return nil
}

// prepare looks at what the fault would change and registers how to undo it.
// The registry and the record are locked. Earlier is when it was in force already.
func (d *Driver) prepare(ctx context.Context, o activities.FaultOrder, earlier []evidence.Stretch) error {
	if err := d.room(o); err != nil {
		return err
	}
	if longest := time.Now().Add(o.Fault.For.Std()); longest.Before(o.Until) {
		o.Until = longest.Round(0)
	}
	r, err := d.look(ctx, o)
	if err != nil {
		return err
	}
	r.Earlier = earlier
	return r.save()
}

// look looks at what a fault would change, and makes its record. It changes nothing.
func (d *Driver) look(ctx context.Context, o activities.FaultOrder) (record, error) {
	r := record{Order: o, API: d.parameters.Toxiproxy, Listen: d.parameters.Listen, file: d.registry.file(o.ID)}
	k, err := kindOf(o.Fault)
	if err == nil {
		err = k.prepare(ctx, d.parameters, &r)
	}
	return r, err
}

// room refuses a fault while others are in its way; they end, so that it is
// worth trying again.
func (d *Driver) room(o activities.FaultOrder) error {
	records, err := d.registry.list()
	if err != nil {
		return err
	}
	var active []string
	for _, r := range records {
		if r.EndedAt != nil || r.Order.ID == o.ID {
			continue
		}
		active = append(active, r.Order.Fault.Name+" of "+r.Order.ID)
		if touches := o.Fault.Touches(); touches != "" && (touches == r.Order.Fault.Touches() || d.Same(o.Fault, r.Order.Fault)) {
			return fmt.Errorf("the %s is changed by fault %s of %s until %s", touches, r.Order.Fault.Name, r.Order.ID, r.Order.Until.Format(time.TimeOnly))
		}
	}
	if most := d.parameters.Limits.TheAtOnce(); len(active) >= most {
		return fmt.Errorf("the worker allows %d faults at once, and these are in force: %s", most, strings.Join(active, ", "))
	}
	return nil
}
