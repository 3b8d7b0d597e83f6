package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bakeoff/activities"
)

// Op names one call of the world.
type Op string

// The calls that Fail can make fail.
const (
	OpDeploy     Op = "deploy"
	OpVersion    Op = "version"
	OpRemove     Op = "remove"
	OpPrimary    Op = "primary"
	OpSetPrimary Op = "setPrimary"
	OpSplit      Op = "split"
	OpShift      Op = "shift"
	OpCohorts    Op = "cohorts"
	OpSetCohort  Op = "setCohort"
	OpFlags      Op = "flags"
	OpSetFlags   Op = "setFlags"
	OpRead       Op = "metrics"
	OpHistory    Op = "history"
	OpPut        Op = "vault"
	OpNotify     Op = "notify"
)

// Ops lists every call.
var Ops = []Op{OpDeploy, OpVersion, OpRemove, OpPrimary, OpSetPrimary, OpSplit, OpShift, OpCohorts, OpSetCohort, OpFlags, OpSetFlags, OpRead, OpHistory, OpPut, OpNotify}

// ErrLost is the answer of a write that was done and whose answer was lost.
var ErrLost = errors.New("connection reset before the answer")

// ErrBroken is a failure that may pass: what a 500 is over HTTP.
var ErrBroken = errors.New("500 internal error")

// Fault is what becomes of calls. Its zero value fails them all, until Heal,
// with ErrBroken and without doing anything.
type Fault struct {
	Err   error         // default ErrBroken, for Lost ErrLost
	For   time.Duration // ends that long after Fail, on the world's clock; 0: never
	Times int           // ends after that many calls; 0: never
	Lost  bool          // the call is done, and answered with the error
	Hang  bool          // the call is not answered before its context or the world's deadline ends
	Slow  time.Duration // the call is done, that much later, unless its context ends before; it is real time
}

// Throttled is a throttling server's answer, for Fault.Err.
func Throttled(after time.Duration) error {
	return &activities.RetryAfterError{After: after, Err: errors.New("429 too many requests")}
}

// Refused is a final answer that gives a reason, for Fault.Err.
func Refused(why string) error { return fmt.Errorf("%s: %w", why, activities.ErrFinal) }

type fault struct {
	Fault
	until time.Duration // 0: for ever
	left  int           // -1: without limit
}

// Fail makes a call go wrong from now on. Several faults of one call apply one
// after another, the oldest that has not ended first.
func (w *World) Fail(op Op, f Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	made := &fault{Fault: f, left: -1}
	if f.Times > 0 {
		made.left = f.Times
	}
	if f.For > 0 {
		made.until = w.passed + f.For
	}
	w.faults[op] = append(w.faults[op], made)
}

// Heal ends the faults made by Fail: of the calls named, or of all.
func (w *World) Heal(ops ...Op) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(ops) == 0 {
		ops = Ops
	}
	for _, op := range ops {
		delete(w.faults, op)
	}
}

// fault returns what goes wrong with this call, nil when nothing does.
func (w *World) fault(op Op) *fault {
	for _, f := range w.faults[op] {
		if f.left == 0 || f.until > 0 && w.passed >= f.until {
			continue
		}
		if f.left > 0 {
			f.left--
		}
		return f
	}
	return nil
}

// err is what the caller gets to see.
func (f *fault) err(op Op) error {
	switch {
	case f.Err != nil:
		return fmt.Errorf("%s: %w", op, f.Err)
	case f.Lost:
		return fmt.Errorf("%s: %w", op, ErrLost)
	}
	return fmt.Errorf("%s: %w", op, ErrBroken)
}

// call runs one call of the world at the present moment, with the lock held,
// unless a fault comes between.
func (w *World) call(ctx context.Context, op Op, do func() error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	w.mu.Lock()
	if w.now == nil {
		w.start(time.Now)
	}
	w.catchUp()
	f := w.fault(op)
	if f == nil {
		defer w.mu.Unlock()
		return do()
	}
	deadline := w.deadline
	var err error
	if f.Slow > 0 {
		w.mu.Unlock()
		return w.later(ctx, op, f.Slow, do)
	}
	if f.Lost {
		err = do()
	}
	w.mu.Unlock()
	if err != nil {
		return err
	}
	if f.Hang {
		return hang(ctx, op, deadline)
	}
	return f.err(op)
}

// later runs a call after a while, at the moment that it is then.
func (w *World) later(ctx context.Context, op Op, wait time.Duration, do func() error) error {
	if err := hang(ctx, op, wait); ctx.Err() != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	return do()
}

func hang(ctx context.Context, op Op, deadline time.Duration) error {
	timer := time.NewTimer(deadline)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", op, ctx.Err())
	case <-timer.C:
		return fmt.Errorf("%s: no answer within %s: %w", op, deadline, context.DeadlineExceeded)
	}
}
