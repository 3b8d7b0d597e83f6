//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"bakeoff/activities"
	"bakeoff/activities/identity"
)

// beginStop sends SIGTERM, once, and records since when. A crash in between
// sends it again.
func (s *Supervisor) beginStop(ctx context.Context, w activities.Write, version string) (record, error) {
	unlock, err := s.admitVersion(ctx, w, version)
	if err != nil {
		return record{}, err
	}
	defer unlock()
	r, err := s.load(version)
	if err != nil || r.Stopping != nil {
		return r, err
	}
	leaders, _ := carriers(r.tokens()...) // also one that was started and not recorded
	for i, p := range r.Replicas {
		if leader, found := leaders[p.Token]; found && p.Process.PID == 0 {
			r.Replicas[i].Process = leader
		}
		if err := r.Replicas[i].Process.Signal(syscall.SIGTERM); err != nil {
			return r, err
		}
	}
	now := time.Now().Round(0)
	r.Stopping = &now
	return r, s.save(r)
}

// finish waits for the end of what beginStop began, and drops the record. The
// lock is not held meanwhile: nothing waits for a process that drains.
func (s *Supervisor) finish(ctx context.Context, r record) error {
	if err := s.awaitEnd(ctx, r); err != nil {
		return err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	now, err := s.load(r.Version)
	switch {
	case errors.Is(err, activities.ErrNotFound):
		return nil
	case err != nil:
		return err
	case now.Stopping == nil || !now.Stopping.Equal(*r.Stopping): // deployed anew in the meantime
		return nil
	}
	return s.drop(r.Version)
}

// awaitEnd waits until nothing of the version is left, and kills when the
// grace is over.
func (s *Supervisor) awaitEnd(ctx context.Context, r record) error {
	for {
		left := r.living()
		if len(left) == 0 {
			return nil
		}
		over := time.Now().After(r.Stopping.Add(s.grace))
		for _, p := range left {
			if !over {
				break
			}
			if err := p.Signal(os.Kill); err != nil {
				return err
			}
		}
		if err := rest(ctx); err != nil {
			err = fmt.Errorf("%d processes have not stopped yet: %w", len(left), err)
			return &activities.RetryAfterError{After: max(time.Until(r.Stopping.Add(s.grace)), time.Second), Err: err}
		}
	}
}

func (r record) tokens() []string {
	var tokens []string
	for _, p := range r.Replicas {
		if p.Token != "" {
			tokens = append(tokens, p.Token)
		}
	}
	return tokens
}

// living returns the version's processes that run; when none of those that we
// started does, what they have left behind.
func (r record) living() []identity.Process {
	var left []identity.Process
	for _, p := range r.Replicas {
		if p.Process.Alive() {
			left = append(left, p.Process)
		}
	}
	if len(left) > 0 {
		return left
	}
	leaders, others := carriers(r.tokens()...)
	for _, leader := range leaders {
		left = append(left, leader)
	}
	return append(left, others...)
}
