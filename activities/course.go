package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"bakeoff/rollout"
)

// WayBack is what a run knows of its way back: enough for another run to go it.
type WayBack struct {
	Plan     rollout.Plan           `json:"plan"`
	Snapshot Snapshot               `json:"snapshot"`
	Job      Job                    `json:"job"`
	Undo     []rollout.Compensation `json:"undo,omitempty"`
	Beyond   bool                   `json:"beyond,omitempty"` // the baseline's removal had begun: there is no way back
	Served   bool                   `json:"served,omitempty"` // the candidate may have traffic
	Weight   rollout.Weight         `json:"weight,omitempty"` // as it was seen last
	Step     int                    `json:"step,omitempty"`
	Unseen   rollout.Weight         `json:"unseen,omitempty"` // of a raise from nothing that was never seen in force, and may come yet
	Back     *Setback               `json:"back,omitempty"`   // it was going back already
}

// Setback is why a run goes back: the first reason that there was.
type Setback struct {
	Outcome rollout.Outcome `json:"outcome"`
	Cause   rollout.Cause   `json:"cause,omitempty"`
	Reason  string          `json:"reason"`
	Actor   string          `json:"actor,omitempty"`
	At      time.Time       `json:"at,omitzero"`
}

// ReadWayBackInput names the run that was cut off.
type ReadWayBackInput struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
}

// ReadWayBack asks a run that has ended what it would have had to put back: a
// worker replays its history for that. It fails as long as none can.
func (a *Activities) ReadWayBack(ctx context.Context, in ReadWayBackInput) (WayBack, error) {
	var back WayBack
	answer, err := activity.GetClient(ctx).QueryWorkflow(ctx, in.WorkflowID, in.RunID, rollout.WayBackQuery)
	if err == nil {
		err = answer.Get(&back)
	}
	if err != nil {
		return back, fmt.Errorf("ask run %s of %s for its way back: %w", in.RunID, in.WorkflowID, err)
	}
	return back, nil
}

// LookRolloutInput names a run.
type LookRolloutInput struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
}

// LookRolloutOutput says whether the run is open.
type LookRolloutOutput struct {
	Open bool `json:"open"`
}

// LookRollout asks the server whether a run is open.
func (a *Activities) LookRollout(ctx context.Context, in LookRolloutInput) (LookRolloutOutput, error) {
	d, err := activity.GetClient(ctx).DescribeWorkflowExecution(ctx, in.WorkflowID, in.RunID)
	if err != nil {
		return LookRolloutOutput{}, fmt.Errorf("look at run %s of %s: %w", in.RunID, in.WorkflowID, err)
	}
	return LookRolloutOutput{Open: d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}, nil
}

// LostTerminated says of a rollout that it was terminated.
const LostTerminated = "it was terminated"

// WatchRolloutInput names a run to follow; without a RunID the present one.
type WatchRolloutInput struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId,omitempty"`
}

// WatchRolloutOutput is how the run ended.
type WatchRolloutOutput struct {
	RunID  string         `json:"runId"`
	Status rollout.Status `json:"status,omitzero"`
	Lost   string         `json:"lost,omitempty"` // how it was cut off, so that it could put nothing back
}

// WatchRollout waits for the end of a run. It fails for good when the run is not
// known any more.
func (a *Activities) WatchRollout(ctx context.Context, in WatchRolloutInput) (WatchRolloutOutput, error) {
	defer keepAlive(ctx)()
	c := activity.GetClient(ctx)
	if in.RunID == "" {
		d, err := c.DescribeWorkflowExecution(ctx, in.WorkflowID, "")
		if err != nil {
			return WatchRolloutOutput{}, notFollowed(in, err)
		}
		in.RunID = d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	}
	out := WatchRolloutOutput{RunID: in.RunID}
	err := c.GetWorkflow(ctx, in.WorkflowID, in.RunID).GetWithOptions(ctx, &out.Status, client.WorkflowRunGetOptions{DisableFollowingRuns: true})
	var ended *temporal.WorkflowExecutionError
	if !errors.As(err, &ended) {
		return out, notFollowed(in, err)
	}
	var failed *temporal.ApplicationError
	switch {
	case errors.As(err, &failed) && failed.HasDetails():
		return out, failed.Details(&out.Status) // a person acknowledged what could not be put back
	case temporal.IsTerminatedError(err):
		out.Lost = LostTerminated
	default:
		out.Lost = ended.Unwrap().Error()
	}
	return out, nil
}

// notFollowed is final when there is nothing to follow.
func notFollowed(in WatchRolloutInput, err error) error {
	var unknown *serviceerror.NotFound
	if errors.As(err, &unknown) {
		err = fmt.Errorf("%w: %w", err, ErrFinal)
	}
	return asTemporal(fmt.Sprintf("follow run %s of %s", in.RunID, in.WorkflowID), err)
}
