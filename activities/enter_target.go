package activities

import (
	"context"
	"errors"
	"fmt"

	"bakeoff/rollout"
)

// EnterTargetInput is a rollout that was not started through its Target.
type EnterTargetInput struct {
	Course rollout.Course `json:"course"`
}

// EnterTargetOutput is empty.
type EnterTargetOutput struct{}

// EnterTarget tells a Target of a rollout that is about to end: from its end the
// Target learns what was good, and what was refused.
func (a *Activities) EnterTarget(ctx context.Context, in EnterTargetInput) (EnterTargetOutput, error) {
	if a.Executions == nil {
		return EnterTargetOutput{}, errors.New("enter a rollout with its Target: this worker reaches no workflows")
	}
	if err := a.Executions.Enter(ctx, in.Course); err != nil {
		return EnterTargetOutput{}, fmt.Errorf("enter the rollout of %s with its Target: %w", in.Course.Submit.Order.Spec.Key(), err)
	}
	return EnterTargetOutput{}, nil
}
