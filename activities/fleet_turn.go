package activities

import (
	"context"
	"fmt"
	"time"

	"bakeoff/rollout"
)

// FleetHoldsInput names a target.
type FleetHoldsInput struct {
	Target rollout.Target `json:"target"`
}

// FleetHoldsOutput says which fleet holds the service of the target; "": none does.
type FleetHoldsOutput struct {
	Why string `json:"why,omitempty"`
}

// FleetHolds says whether a fleet of the target's service runs, so that an order
// for one of its units can be refused before its rollout takes the unit's id.
func (a *Activities) FleetHolds(ctx context.Context, in FleetHoldsInput) (FleetHoldsOutput, error) {
	why, err := a.lockedByFleet(ctx, in.Target, "")
	return FleetHoldsOutput{Why: why}, err
}

// AwaitTurnInput names the workflow id that a unit of a fleet is to begin under.
type AwaitTurnInput struct {
	WorkflowID string    `json:"workflowId"`
	Until      time.Time `json:"until"` // whoever holds it then is waited for no longer
}

// AwaitTurnOutput says who holds the id.
type AwaitTurnOutput struct {
	HeldBy string `json:"heldBy,omitempty"` // the run that does; "": it is free
}

// turnPoll is how often it is looked whether an id is free.
const turnPoll = 250 * time.Millisecond

// AwaitTurn waits while an order that is not admitted yet holds a workflow id: while
// a fleet runs, such an order is refused, and the id is free again. A rollout that
// has begun is not waited for.
func (a *Activities) AwaitTurn(ctx context.Context, in AwaitTurnInput) (AwaitTurnOutput, error) {
	defer keepAlive(ctx)()
	if a.Executions == nil {
		return AwaitTurnOutput{}, nil
	}
	for {
		runID, begun, err := a.Executions.Holder(ctx, in.WorkflowID)
		if err != nil {
			return AwaitTurnOutput{}, fmt.Errorf("look who holds %s: %w", in.WorkflowID, err)
		}
		if runID == "" || begun || !a.now().Before(in.Until) {
			return AwaitTurnOutput{HeldBy: runID}, nil
		}
		if err := sleep(ctx, turnPoll); err != nil {
			return AwaitTurnOutput{}, fmt.Errorf("wait for %s: %w", in.WorkflowID, err)
		}
	}
}
