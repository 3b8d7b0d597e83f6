package main

import (
	"context"
	"fmt"
	"time"

	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"bakeoff/activities"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// drills asks Temporal's visibility for rehearsals. How old they may be is what
// the configuration in force says.
type drills struct {
	live   *live
	server interface {
		ListWorkflow(ctx context.Context, in *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error)
		GetWorkflow(ctx context.Context, workflowID, runID string) client.WorkflowRun
	}
}

var _ activities.Drills = drills{}

// drillsWithin bounds one question.
const drillsWithin = 5 * time.Second

// Required implements [activities.Drills].
func (d drills) Required(environment string) time.Duration {
	require := d.live.config().Rehearsals.Require
	most, named := require[environment]
	if !named {
		most = require["default"]
	}
	return most.Std()
}

// Practised implements [activities.Drills]. Visibility lists what ended last first. A
// rehearsal that passed says so there; of those that did not, and ended later, the newest
// are read: what they failed for may be something else than the way back.
func (d drills) Practised(ctx context.Context, service string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, drillsWithin)
	defer cancel()
	passed, err := d.ended(ctx, service, fmt.Sprintf("%s = '%s'", rollout.AttributeOutcome, evidence.Passed), 1)
	if err != nil {
		return time.Time{}, err
	}
	last, others := time.Time{}, fmt.Sprintf("%s NOT IN ('%s', '%s')", rollout.AttributeOutcome, evidence.Passed, rehearsal.OutcomeOfControl)
	for _, e := range passed {
		last = e.GetCloseTime().AsTime()
		others += fmt.Sprintf(" AND CloseTime > '%s'", last.Format(time.RFC3339Nano))
	}
	red, err := d.ended(ctx, service, others, mostRead)
	if err != nil {
		return time.Time{}, err
	}
	for _, e := range red {
		var status rehearsal.Status
		if err := d.server.GetWorkflow(ctx, e.GetExecution().GetWorkflowId(), e.GetExecution().GetRunId()).Get(ctx, &status); err != nil {
			return time.Time{}, fmt.Errorf("read how %s ended: %w", e.GetExecution().GetWorkflowId(), err)
		}
		if status.ShowsWayBack() {
			return e.GetCloseTime().AsTime(), nil
		}
	}
	return last, nil
}

// mostRead is how many rehearsals are read: one that is older than so many that did
// not pass is not found.
const mostRead = 50

// ended are rehearsals of a service with drills, as a part of a query has them.
func (d drills) ended(ctx context.Context, service, which string, most int32) ([]*workflowpb.WorkflowExecutionInfo, error) {
	query := fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Completed' AND %s = '%s' AND %s AND %s > 0",
		rehearsal.WorkflowType, rollout.AttributeService, service, which, rollout.AttributeStep)
	page, err := d.server.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: most})
	if err != nil {
		return nil, fmt.Errorf("look for rehearsals of %s: %w", service, err)
	}
	return page.GetExecutions(), nil
}
