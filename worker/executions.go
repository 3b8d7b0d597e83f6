package main

import (
	"context"
	"errors"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// leaveWithin bounds the question whether a unit may raise.
const leaveWithin = 5 * time.Second

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

// Leave asks a fleet by a query: Temporal answers it when the run has taken in
// whatever had come by then. A fleet that a worker of an older release runs knows
// no such query, and its units do not wait for it.
func (e executions) Leave(ctx context.Context, fleet activities.Unit, target string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, leaveWithin)
	defer cancel()
	answer, err := e.server.QueryWorkflow(ctx, fleet.WorkflowID, fleet.RunID, rollout.LeaveQuery, target)
	var failed *serviceerror.QueryFailed
	if errors.As(err, &failed) && strings.HasPrefix(failed.Error(), "unknown queryType") {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var why string
	return why, answer.Get(&why)
}
