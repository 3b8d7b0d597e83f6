package main

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/workflowservice/v1"

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

// Practised implements [activities.Drills]. Visibility lists what ended last
// first.
func (d drills) Practised(ctx context.Context, service string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, drillsWithin)
	defer cancel()
	query := fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Completed' AND %s = '%s' AND %s = '%s' AND %s > 0",
		rehearsal.WorkflowType, rollout.AttributeService, service, rollout.AttributeOutcome, evidence.Passed, rollout.AttributeStep)
	page, err := d.server.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: 1})
	if err != nil {
		return time.Time{}, fmt.Errorf("look for rehearsals of %s: %w", service, err)
	}
	for _, last := range page.GetExecutions() {
		return last.GetCloseTime().AsTime(), nil
	}
	return time.Time{}, nil
}
