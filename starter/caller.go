package main

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"bakeoff/rollout"
)

// isNamed reports whether a connection may tell the server who calls: it has an
// API key, TLS, or headers of its own.
func isNamed(o client.Options) bool {
	return o.Credentials != nil || o.ConnectionOptions.TLS != nil || o.HeadersProvider != nil
}

// isDenied reports whether Temporal did not let the caller do something.
func isDenied(err error) bool {
	var denied *serviceerror.PermissionDenied
	return errors.As(err, &denied) || status.Code(err) == codes.Unauthenticated
}

// advised says what to do where Temporal did not let the caller do something.
func advised(err error) error {
	if !isDenied(err) {
		return err
	}
	return fmt.Errorf("%w\n  Temporal does not permit this to you: TEMPORAL_API_KEY, or the profile's api_key, is missing, expired,\n"+
		"  or without the permission (looking needs read in the namespace, everything else write)", err)
}

// witness sends ahead of a command's update what Temporal writes the caller's name
// on. An abort is a signal itself.
func (s *server) witness(ctx context.Context, r run, c rollout.Command) error {
	if !s.named || c.Name == rollout.CommandAbort {
		return nil
	}
	err := classify(s.client.SignalWorkflow(ctx, r.WorkflowID, r.RunID, rollout.SignalWitness, rollout.NewWitness(updateID(c), c)))
	if errors.Is(err, errNotFound) {
		return errOver
	}
	return err
}

// witnessSubmit is the same of an order to the Target, which may have to be
// started.
func (s *server) witnessSubmit(ctx context.Context, o rollout.Submit) error {
	if !s.named {
		return nil
	}
	t := o.Order.Spec.Key()
	_, err := s.client.SignalWithStartWorkflow(ctx, rollout.TargetID(t), rollout.SignalWitness, rollout.NewWitness(submitID(o.Order), o),
		targetOptions(t), rollout.TargetType, rollout.TargetStatus{Target: t})
	return classify(err)
}
