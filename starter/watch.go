package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"bakeoff/rollout"
)

// Why a wait ended before the rollout did.
var (
	errTimeout     = errors.New("timeout")
	errInterrupted = errors.New("interrupted")
)

// view shows people where a rollout stands while they wait.
type view interface {
	show(s rollout.Status) // replaces what was shown before
	note(text string)      // something besides the status, such as a lost connection
	close()                // nothing may be shown after it
}

// watch waits for a run to end.
type watch struct {
	svc  service
	run  run
	poll time.Duration
	view view

	last rollout.Status // as last seen
	lost bool           // nobody answered at the last look

	next atomic.Pointer[run] // the run that took over, if one did

	units atomic.Pointer[rollout.Status] // of a fleet that was cut off, while its units go back
}

// watched is the run to look at.
func (w *watch) watched() run {
	if next := w.next.Load(); next != nil {
		return *next
	}
	return w.run
}

// ended is how a run ended, or why nobody will ever know.
type ended struct {
	status rollout.Status
	err    error
}

// wait returns when the run is over, or needs a person. It outlives restarts
// of the server and the want of workers: it looks again until ctx ends, and
// then returns what was last seen with errTimeout or errInterrupted.
func (w *watch) wait(ctx context.Context) (rollout.Status, error) {
	defer w.view.close()
	looking, cancel := context.WithCancel(ctx)
	defer cancel()
	end := make(chan ended, 1)
	go func() { end <- w.end(looking) }()
	for {
		w.look(looking)
		select {
		case e := <-end:
			if ctx.Err() == nil {
				w.view.show(e.status)
				return e.status, e.err
			}
		default:
		}
		if w.last.Phase == rollout.PhaseNeedsHuman {
			return w.last, nil
		}
		select {
		case <-ctx.Done():
			return w.last, reason(ctx)
		case e := <-end:
			if ctx.Err() != nil {
				return w.last, reason(ctx)
			}
			w.view.show(e.status)
			return e.status, e.err
		case <-time.After(w.poll):
		}
	}
}

// reason says why a context ended: its own timeout, or a person.
func reason(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), errTimeout) {
		return errTimeout
	}
	return errInterrupted
}

// look asks a worker, and where none answers Temporal itself. Of a run that was cut off
// a worker tells where it stood then, so history is read instead; who takes over, and
// how a fleet's units go back, is for end to find.
func (w *watch) look(ctx context.Context) {
	if s := w.units.Load(); s != nil {
		w.seen(*s)
		return
	}
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if s, err := w.svc.Query(asking, w.watched()); err == nil {
		s = unfinished(s)
		if e, err := w.svc.Describe(asking, w.watched()); err == nil { // otherwise the next look tells more
			if e.cutOff() {
				w.remember(asking, e)
				return
			}
			s = withUnits(asking, w.svc, e.upToDate(s))
		}
		w.seen(s)
		return
	}
	if ctx.Err() != nil {
		return
	}
	describing, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	e, err := w.svc.Describe(describing, w.watched())
	switch {
	case err == nil && e.open():
		w.seen(merge(w.before(describing), e.status()))
	case err == nil && e.cutOff():
		w.remember(describing, e)
	case err != nil && ctx.Err() == nil && !w.lost:
		w.lost = true
		w.view.note(fmt.Sprintf("Temporal does not answer (%v); waiting on", err))
	}
}

// remember keeps where a rollout stands that was cut off, for who waits no longer than
// until now. It is not shown: somebody may take over at any moment.
func (w *watch) remember(ctx context.Context, e execution) {
	if rollout.IsFleetID(e.WorkflowID) {
		return
	}
	if s, err := ending(ctx, w.svc, e); err == nil {
		w.last = s
	}
}

// before is what was last seen: at the first look what history tells.
func (w *watch) before(ctx context.Context) rollout.Status {
	if w.last.WorkflowID != "" {
		return w.last
	}
	told, err := readStory(w.svc.Converter(), w.watched(), w.svc.Events(ctx, w.watched()))
	if err != nil {
		return w.last // the next look tries again
	}
	return told.status
}

func (w *watch) seen(s rollout.Status) {
	if w.lost {
		w.lost = false
		w.view.note("Temporal answers again")
	}
	w.last = s
	w.view.show(s)
}

// merge lays what Temporal knows without a worker over what was last seen.
func merge(last, now rollout.Status) rollout.Status {
	if last.WorkflowID == "" {
		return now
	}
	last.Phase, last.Stale = orElse(now.Phase, last.Phase), true
	last.WaitingFor, last.Paused = now.WaitingFor, now.Paused || last.Paused && now.Phase == last.Phase
	last.Weight, last.Step = now.Weight, now.Step
	return last
}

// end follows the run to its last event, through lost connections and runs
// that continue as another one.
func (w *watch) end(ctx context.Context) ended {
	for r := w.run; ; {
		last, err := w.svc.End(ctx, r)
		switch {
		case ctx.Err() != nil:
			return ended{err: ctx.Err()}
		case errors.Is(err, errNotFound), isDenied(err):
			return ended{err: fmt.Errorf("wait for %s: %w", r.WorkflowID, err)}
		case err != nil:
			pause(ctx, w.poll)
			continue
		}
		s, next, err := resultOf(w.svc.Converter(), last)
		if err != nil {
			return ended{err: err}
		}
		if next != "" {
			r.RunID = next
			continue
		}
		if s.Target == "" && rollout.IsFleetID(r.WorkflowID) {
			s, err = w.unitsBack(ctx, r)
		} else if s.Target == "" { // cut off from outside: somebody takes over, or tell what is known
			if next, found := w.successor(ctx, r); found {
				r = next
				continue
			}
			s, err = ending(ctx, w.svc, execution{run: r})
		}
		return ended{retimed(ctx, w.svc, r, s), err}
	}
}

// unitsBack waits until the units of a fleet that was cut off are back, or one of them
// needs a person.
func (w *watch) unitsBack(ctx context.Context, fleet run) (rollout.Status, error) {
	for {
		s, err := ending(ctx, w.svc, execution{run: fleet})
		switch {
		case err != nil && (ctx.Err() != nil || !retryable(err)):
			return s, err
		case err == nil && (s.Phase == rollout.PhaseCompleted || s.Phase == rollout.PhaseNeedsHuman):
			return s, nil
		case err == nil:
			w.units.Store(&s)
		}
		pause(ctx, w.poll)
	}
}

// takenOverWithin is how long the Target, or the fleet, has to begin to put back
// what a run that was cut off had changed.
const takenOverWithin = 10 * time.Second

// successor waits for the run that takes over from one that was cut off, where
// there is a Target, or a fleet, that looks after it. Nobody does after a break-glass
// restore.
func (w *watch) successor(ctx context.Context, lost run) (run, bool) {
	target, err := rollout.ParseTarget(targetOf(lost))
	if err != nil {
		return run{}, false
	}
	guardian := above(target)
	if e, err := w.svc.Describe(ctx, lost); err == nil && rollout.IsFleetID(e.Parent.WorkflowID) {
		guardian = e.Parent
	}
	for until := time.Now().Add(takenOverWithin); time.Now().Before(until) && ctx.Err() == nil; pause(ctx, w.poll) {
		e, err := w.svc.Describe(ctx, guardian)
		if errors.Is(err, errNotFound) || err == nil && !e.open() {
			return run{}, false
		}
		if e, err := w.svc.Describe(ctx, run{WorkflowID: lost.WorkflowID}); err == nil && e.RunID != lost.RunID {
			w.next.Store(&e.run)
			return e.run, true
		}
		if _, restored := restoreOf(ctx, w.svc, lost); restored {
			return run{}, false // and the Target knows only of that
		}
	}
	return run{}, false
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
