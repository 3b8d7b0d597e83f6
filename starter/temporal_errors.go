package main

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// classify turns the errors that commands act on into ours.
func classify(err error) error {
	var (
		notFound *serviceerror.NotFound
		started  *serviceerror.WorkflowExecutionAlreadyStarted
		late     *client.WorkflowUpdateServiceTimeoutOrCanceledError
		failed   *temporal.ApplicationError
	)
	switch {
	case errors.As(err, &notFound):
		return errNotFound
	case errors.As(err, &started):
		return errBusy
	case errors.As(err, &late):
		return errNoWorker
	case errors.As(err, &failed) && failed.Type() == "AcceptedUpdateCompletedWorkflow":
		return errOver
	}
	return err
}

// retryable reports whether trying again may help: the server was away, or no
// worker came in time.
func retryable(err error) bool {
	var (
		away    *serviceerror.Unavailable
		busy    *serviceerror.ResourceExhausted
		late    *serviceerror.DeadlineExceeded
		stopped *serviceerror.Canceled
	)
	return errors.Is(err, errNoWorker) || errors.As(err, &away) || errors.As(err, &busy) || errors.As(err, &late) || errors.As(err, &stopped) ||
		errors.Is(err, context.DeadlineExceeded)
}
