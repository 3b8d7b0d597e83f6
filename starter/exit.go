package main

import (
	"errors"
	"fmt"

	"bakeoff/rollout"
)

// The exit codes. They are part of the interface that pipelines hold on to.
const (
	exitOK                 = 0
	exitFailed             = 1   // the command itself: server unreachable, internal error
	exitUsage              = 2   //
	exitSpec               = 3   // spec refused: no day and no actor could start it
	exitRolledBack         = 10  //
	exitAborted            = 11  // or rejected, by a person
	exitSuperseded         = 12  //
	exitPlatformRolledBack = 13  //
	exitNeedsHuman         = 14  //
	exitRefused            = 15  // for now: policy, lock; a command denied
	exitTimeout            = 20  // still running
	exitTimeoutWaiting     = 21  // still running, waiting for an approval, held or paused
	exitInterrupted        = 130 //
)

// exitError ends the process with a code. Err may be nil: then everything that
// there is to say has been said.
type exitError struct {
	Code int
	Err  error
}

func (e *exitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit %d", e.Code)
	}
	return e.Err.Error()
}

func (e *exitError) Unwrap() error { return e.Err }

// exit ends with a code and nothing more to say; nil for 0.
func exit(code int) error {
	if code == exitOK {
		return nil
	}
	return &exitError{Code: code}
}

func fail(code int, format string, args ...any) error {
	return &exitError{Code: code, Err: fmt.Errorf(format, args...)}
}

// codeOf is the exit code of what a command returned. An error that no command
// made comes from reading the command line.
func codeOf(err error) int {
	var e *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &e):
		return e.Code
	default:
		return exitUsage
	}
}

// outcomeCode is the exit code of run and wait for where a rollout stands, 20
// or 21 while it still runs.
func outcomeCode(s rollout.Status) int {
	if s.Phase == rollout.PhaseNeedsHuman {
		return exitNeedsHuman
	}
	switch s.Outcome {
	case rollout.Promoted:
		return exitOK
	case rollout.RolledBack:
		return exitRolledBack
	case rollout.Aborted, rollout.Rejected:
		return exitAborted
	case rollout.Superseded:
		return exitSuperseded
	case rollout.PlatformRolledBack:
		return exitPlatformRolledBack
	case rollout.Failed:
		return exitNeedsHuman
	case rollout.Refused:
		if s.Cause == rollout.CauseSpec {
			return exitSpec
		}
		return exitRefused
	}
	if s.Phase == rollout.PhaseWaiting || s.Paused {
		return exitTimeoutWaiting
	}
	return exitTimeout
}
