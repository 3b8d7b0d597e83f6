package activities

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
)

// What a driver can say of a failed call. Anything else is worth trying again.
var (
	// ErrNotFound: the thing asked for is not there.
	ErrNotFound = errors.New("not found")
	// ErrConflict: somebody else wrote in the meantime. Read, then decide.
	ErrConflict = errors.New("conflict")
	// ErrFinal: trying again cannot help.
	ErrFinal = errors.New("final")
)

// said is an error for people, without the word that tells programs not to try
// again.
func said(err error) string {
	return strings.ReplaceAll(err.Error(), ": "+ErrFinal.Error(), "")
}

// RetryAfterError is a call that may be tried again, but not before After.
type RetryAfterError struct {
	After time.Duration
	Err   error
}

// Error says what failed and when to try again.
func (e *RetryAfterError) Error() string {
	return fmt.Sprintf("%v (try again in %s)", e.Err, e.After)
}

// Unwrap returns the failure itself.
func (e *RetryAfterError) Unwrap() error { return e.Err }

// asTemporal turns a driver's error into what Temporal acts on: final errors
// and conflicts are not retried, a server's wish to wait is followed.
func asTemporal(doing string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", doing, err)
	var later *RetryAfterError
	switch {
	case errors.As(err, &later):
		return temporal.NewApplicationErrorWithOptions(err.Error(), "RetryAfter",
			temporal.ApplicationErrorOptions{NextRetryDelay: later.After})
	case errors.Is(err, ErrFinal):
		return temporal.NewNonRetryableApplicationError(err.Error(), "Final", nil)
	case errors.Is(err, ErrConflict):
		return temporal.NewNonRetryableApplicationError(err.Error(), "Conflict", nil)
	}
	return err
}

// patience bounds how long an act that must succeed waits between tries,
// whatever a server wishes.
const patience = 5 * time.Second

// insistently is asTemporal for acts that put something back: no failure is
// final there, because nobody else will undo what was done.
func insistently(doing string, err error) error {
	if err == nil {
		return nil
	}
	wait := patience
	var later *RetryAfterError
	switch {
	case errors.As(err, &later):
		wait = min(later.After, patience)
	case !errors.Is(err, ErrFinal) && !errors.Is(err, ErrConflict):
		return fmt.Errorf("%s: %w", doing, err)
	}
	return temporal.NewApplicationErrorWithOptions(fmt.Sprintf("%s: %v", doing, err), "Insist",
		temporal.ApplicationErrorOptions{NextRetryDelay: wait})
}
