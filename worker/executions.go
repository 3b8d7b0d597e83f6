package main

import (
	"context"
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// executions asks Temporal which workflows run, and signals to them.
type executions struct{ server client.Client }

// Running returns the open run of a workflow; "" when none is open.
func (e executions) Running(ctx context.Context, workflowID string) (string, error) {
	d, err := e.server.DescribeWorkflowExecution(ctx, workflowID, "")
	var unknown *serviceerror.NotFound
	if errors.As(err, &unknown) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	info := d.GetWorkflowExecutionInfo()
	if info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return "", nil
	}
	return info.GetExecution().GetRunId(), nil
}

// Tell signals a word to the rollout of a unit. One that is over needs none.
func (e executions) Tell(ctx context.Context, to activities.Unit, w rollout.Word) error {
	err := e.server.SignalWorkflow(ctx, to.WorkflowID, to.RunID, rollout.SignalFleet, w)
	var over *serviceerror.NotFound
	if errors.As(err, &over) {
		return nil
	}
	return err
}
