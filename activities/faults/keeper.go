//go:build linux

package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"bakeoff/activities"
)

// The deadlines of keepers.
const (
	claimDeadline = 10 * time.Second // to get the lock of a fault from who lets it go
	actDeadline   = 25 * time.Second // one try to begin, or to undo
	keepTrying    = 10 * time.Minute // to undo; then any worker does, each minute
	slowest       = 5 * time.Second  // between two tries to undo
)

// Keep is the whole life of a keeper, a process of its own: it brings a
// registered fault into force, says so on its standard input, which is a
// socket, and waits for whatever comes first: SIGTERM or the context's end, the
// fault's expiry, the end of the input, which is the end of the worker (and nothing
// to a kill), or that somebody else ends the fault. Then it undoes the fault, tries again until it sees that it is gone, and returns.
func Keep(ctx context.Context, file string) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	r, release, err := claim(ctx, file)
	if err != nil {
		return err
	}
	defer release()
	gone := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // however it ends, the worker is gone
		close(gone)
	}()
	k, err := kindOf(r.Order.Fault)
	if err != nil {
		return err
	}
	err = r.begin(ctx, k)
	tell(err)
	by := byFailure
	if err == nil {
		by = await(ctx, gone, k, &r)
	} else {
		r.Error = err.Error()
	}
	return r.insist(context.WithoutCancel(ctx), k, by)
}

// claim locks and reads a record that has not ended.
func claim(ctx context.Context, file string) (record, func(), error) {
	ctx, cancel := context.WithTimeout(ctx, claimDeadline)
	defer cancel()
	release, err := lock(ctx, record{file: file}.sibling(".lock"))
	if err != nil {
		return record{}, nil, fmt.Errorf("keep %s: %w", file, err)
	}
	r, err := load(file)
	if err == nil {
		err = sign(r.sibling(".lock"))
	}
	if err == nil && (r.EndedAt != nil || r.StartedAt != nil) {
		err = fmt.Errorf("keep %s: it has been begun already", file)
	}
	if err != nil {
		release()
		return r, nil, err
	}
	return r, release, nil
}

// begin brings the fault into force and notes since when.
func (r *record) begin(ctx context.Context, k kind) error {
	if !time.Now().Before(r.Order.Until) {
		return fmt.Errorf("it expired before it began: %w", activities.ErrFinal)
	}
	if isDeserted() {
		return errors.New("the worker died before it began")
	}
	ctx, cancel := context.WithTimeout(ctx, actDeadline)
	defer cancel()
	if err := k.apply(ctx, r); err != nil {
		return err
	}
	r.StartedAt = now()
	return r.save()
}

// isDeserted reports whether the worker is gone already: nothing may begin then.
func isDeserted() bool {
	n, _, err := syscall.Recvfrom(syscall.Stdin, make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return err == nil && n == 0
}

// tell answers the worker. Where it is gone, the wait ends at once.
func tell(err error) {
	var a answer
	if err != nil {
		a = answer{Error: err.Error(), Final: errors.Is(err, activities.ErrFinal)}
	}
	_ = json.NewEncoder(os.Stdin).Encode(a) // a socket takes both ways
}

// insist undoes the fault, again and again.
func (r *record) insist(ctx context.Context, k kind, by string) error {
	ctx, cancel := context.WithTimeout(ctx, keepTrying)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, slowest) {
		err := r.endWith(ctx, k, by)
		if err == nil {
			return nil
		}
		if rest(ctx, wait) != nil {
			return err
		}
	}
}

// end is one try of somebody who is not the keeper. The record is locked.
func (r *record) end(ctx context.Context, by string) error {
	k, err := kindOf(r.Order.Fault)
	if err != nil {
		return err
	}
	return r.endWith(ctx, k, by)
}

// endWith undoes the fault and notes that it is gone, or why it is not.
func (r *record) endWith(ctx context.Context, k kind, by string) error {
	ctx, cancel := context.WithTimeout(ctx, actDeadline)
	defer cancel()
	err := k.undo(ctx, r)
	if err != nil {
		r.Error = err.Error()
		return errors.Join(fmt.Errorf("remove fault %s: %w", r.Order.Fault.Name, err), r.save())
	}
	if r.EndedAt, r.By = now(), by; by != byFailure && by != byOthers {
		r.Error = ""
	}
	return r.save()
}
