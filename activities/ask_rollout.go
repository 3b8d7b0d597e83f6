package activities

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"

	"bakeoff/rollout"
)

// AskRolloutInput names a run; without a RunID the present one.
type AskRolloutInput struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId,omitempty"`
}

// AskRolloutOutput is where the run stands, and which rehearsal started it; "":
// none did.
type AskRolloutOutput struct {
	Status    rollout.Status `json:"status"`
	Rehearsal string         `json:"rehearsal,omitempty"`
}

// AskRollout asks a rollout where it stands.
func (a *Activities) AskRollout(ctx context.Context, in AskRolloutInput) (AskRolloutOutput, error) {
	var out AskRolloutOutput
	c := activity.GetClient(ctx)
	d, err := c.DescribeWorkflowExecution(ctx, in.WorkflowID, in.RunID)
	if err != nil {
		return out, fmt.Errorf("look at %s: %w", in.WorkflowID, err)
	}
	if parent := d.GetWorkflowExecutionInfo().GetParentExecution().GetWorkflowId(); rollout.IsRehearsalID(parent) {
		out.Rehearsal = parent
	}
	answer, err := c.QueryWorkflow(ctx, in.WorkflowID, in.RunID, rollout.StatusQuery)
	if err == nil {
		err = answer.Get(&out.Status)
	}
	if err != nil {
		return out, fmt.Errorf("ask %s where it stands: %w", in.WorkflowID, err)
	}
	return out, nil
}
