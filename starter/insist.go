package main

import (
	"context"
	"fmt"
	"time"
)

// patience is how long an order is given to a Temporal that does not answer, and the
// exit code when it is then not known what becomes of it. 0: as long as the command lives.
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

// reach connects to Temporal, and tries on while that is away, for answerTimeout or for
// within, if that is less and not 0: an address may be wrong. It returns what is left of
// within.
func (c *cli) reach(ctx context.Context, within time.Duration) (svc service, left time.Duration, err error) {
	c.beginTrace(ctx)
	begun, longest := time.Now(), answerTimeout
	if within > 0 {
		longest = min(within, longest)
	}
	trying, cancel := bounded(ctx, longest)
	defer cancel()
	err = c.insist(trying, trying, func(context.Context) (err error) { // connecting has a bound of its own, which slow networks need
		svc, err = c.dialOnce(trying)
		return err
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, 0, fail(exitInterrupted, "interrupted: nothing was asked of Temporal yet")
	case err != nil && trying.Err() != nil:
		return nil, 0, fmt.Errorf("nothing was asked of Temporal, which was away for %s: giving the same command again is safe: %w", brief(longest), err)
	case err != nil:
		return nil, 0, err
	case within > 0:
		left = max(within-time.Since(begun), time.Millisecond)
	}
	return svc, left, nil
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
			fmt.Fprintf(c.err, "Temporal does not answer (%v); trying on%s, Ctrl-C ends that\n", err, timeLeft(until))
		}
		pause(until, c.poll)
	}
}

// timeLeft says how long is left until a context is over, if it ends by itself.
func timeLeft(until context.Context) string {
	end, bounded := until.Deadline()
	if !bounded {
		return ""
	}
	return " for " + brief(time.Until(end).Round(time.Second/10))
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
