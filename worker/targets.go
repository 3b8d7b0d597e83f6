package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// targets asks the workflows that stand above targets.
type targets struct{ server client.Client }

var _ activities.Targets = targets{}

// targetWithin bounds one question.
const targetWithin = 5 * time.Second

// Good implements [activities.Targets].
func (t targets) Good(ctx context.Context, of rollout.Target) ([]rollout.Known, error) {
	ctx, cancel := context.WithTimeout(ctx, targetWithin)
	defer cancel()
	answer, err := t.server.QueryWorkflow(ctx, rollout.TargetID(of), "", rollout.StatusQuery)
	var none *serviceerror.NotFound
	if errors.As(err, &none) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", rollout.TargetID(of), err)
	}
	var status rollout.TargetStatus
	if err := answer.Get(&status); err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", rollout.TargetID(of), err)
	}
	return status.Good, nil
}
