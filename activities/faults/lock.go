//go:build linux

package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"bakeoff/activities/identity"
)

// lockPoll is how often a lock that is taken is asked for again.
const lockPoll = 10 * time.Millisecond

// errLocked: the context ended before the lock was free.
var errLocked = errors.New("somebody else is at it")

// lock waits for the flock of a file that is made where it is missing. A context
// that has ended makes one try.
func lock(ctx context.Context, file string) (release func(), err error) {
	for {
		f, err := tryLock(file)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", file, err)
		}
		if err := rest(ctx, lockPoll); err != nil {
			return nil, errLocked
		}
	}
}

func tryLock(file string) (*os.File, error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil && !isSameFile(f, file) {
		err = syscall.EWOULDBLOCK // it was deleted in the meantime: take the new one
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func isSameFile(f *os.File, path string) bool {
	a, err1 := f.Stat()
	b, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(a, b)
}

// sign writes the identity of this keeper into the lock that it holds.
func sign(file string) error {
	me, err := identity.Of(os.Getpid())
	if err != nil {
		return err
	}
	body, err := json.Marshal(me)
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(body, '\n'), 0o600)
}

// holder is the keeper that has locked a file, or had it last; nobody where that
// is not known. Others do not sign.
func holder(file string) identity.Process {
	var p identity.Process
	if body, err := os.ReadFile(file); err == nil && json.Unmarshal(body, &p) != nil {
		return identity.Process{}
	}
	return p
}

// lockNow makes one try.
func lockNow(file string) (release func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return lock(ctx, file)
}

// take gets the lock of a fault, or says errLocked where its keeper lives. A
// keeper that has ended its fault, or was killed, holds it a little longer.
func (r *record) take(ctx context.Context) (release func(), err error) {
	file := r.sibling(".lock")
	for over := time.Now().Add(claimDeadline); ; {
		if release, err = lockNow(file); !errors.Is(err, errLocked) || time.Now().After(over) {
			return release, err
		}
		if now, loadErr := load(r.file); loadErr == nil && now.EndedAt == nil && holder(file).Alive() {
			return nil, err
		}
		if err := rest(ctx, lockPoll); err != nil {
			return nil, err
		}
	}
}

// rest waits, or returns the context's error.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
