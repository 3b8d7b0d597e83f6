package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// leaveWithin bounds the question whether a unit may raise.
const leaveWithin = 5 * time.Second

// executions asks Temporal which workflows run, and signals to them.
type executions struct{ server client.Client }

// Holder returns the open run of a workflow, and whether its phase says that it
// has begun. One that is completed and still open tells people of its end.
func (e executions) Holder(ctx context.Context, workflowID string) (runID string, begun bool, err error) {
	d, err := e.server.DescribeWorkflowExecution(ctx, workflowID, "")
	var unknown *serviceerror.NotFound
	if errors.As(err, &unknown) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	info := d.GetWorkflowExecutionInfo()
	if info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return "", false, nil
	}
	var phase rollout.Phase
	if said := info.GetSearchAttributes().GetIndexedFields()[rollout.AttributePhase]; said != nil {
		if err := converter.GetDefaultDataConverter().FromPayload(said, &phase); err != nil {
			return "", false, err
		}
	}
	begun = !slices.Contains([]rollout.Phase{"", rollout.PhasePending, rollout.PhaseCompleted}, phase)
	return info.GetExecution().GetRunId(), begun, nil
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

// Enter signals a Target, which is started where there is none yet.
func (e executions) Enter(ctx context.Context, c rollout.Course) error {
	t := c.Submit.Order.Spec.Key()
	_, err := e.server.SignalWithStartWorkflow(ctx, rollout.TargetID(t), rollout.CommandAdopt, c, client.StartWorkflowOptions{
		TaskQueue: rollout.QueueControl, WorkflowTaskTimeout: 2 * time.Second,
		StaticSummary: "the releases of " + t.String() + ": queue, what was good, what was refused",
	}, rollout.TargetType, rollout.TargetStatus{Target: t})
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
