package main

import (
	"context"
	"fmt"
	"time"
)

// patience is how long an order is given to a Temporal that does not answer, and the
// exit code when that is over. 0: as long as the command lives.
type patience struct {
	within time.Duration
	code   int
}

// startWithin is the patience of start; that of run is its --timeout.
const startWithin = 2 * time.Minute

// bounded is a context with a timeout of its own; 0: it has none.
func bounded(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, timeout, errTimeout)
}

// insist does something once, and again for as long as Temporal does not answer and
// until is not over. Each try is bounded and part of ctx.
func (c *cli) insist(ctx, until context.Context, do func(context.Context) error) error {
	for told := false; ; told = true {
		trying, cancel := context.WithTimeout(ctx, answerWithin)
		err := do(trying)
		cancel()
		if err == nil || !retryable(err) || until.Err() != nil {
			return err
		}
		if !told {
			fmt.Fprintf(c.err, "Temporal does not answer (%v); trying on\n", err)
		}
		pause(until, c.poll)
	}
}

// unknown is that Temporal did not answer whether it did something.
type unknown struct {
	what string
	err  error
}

func (u *unknown) Error() string { return u.what + ": " + u.err.Error() }
func (u *unknown) Unwrap() error { return u.err }

// mayBegin ends the command where nobody knows whether an order will be carried out.
func (c *cli) mayBegin(ctx context.Context, s submitted, id string, u *unknown, code int) error {
	t := targetOf(s.run)
	text := fmt.Sprintf("Temporal did not answer whether it could %v\n  it may still be carried out: bakeoff wait %s --id %s\n  the same order again:        --id %[3]s", u, t, id)
	switch {
	case ctx.Err() != nil:
		return fail(exitInterrupted, "interrupted: %s", text)
	case code != exitTimeout || !retryable(u.err):
		return fail(exitFailed, "%s", text)
	}
	s.Why = "Temporal did not answer: the order " + id + " may still be carried out"
	if err := c.result(pending(s)); err != nil {
		return err
	}
	return fail(exitTimeout, "%s", text)
}
