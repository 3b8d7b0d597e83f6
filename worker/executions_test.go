package main

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// asked is a server that answers queries.
type asked struct {
	client.Client
	why string
	err error
}

func (a asked) QueryWorkflow(_ context.Context, id, run, query string, args ...any) (converter.EncodedValue, error) {
	if id != "fleet/production/checkout" || run != "r1" || query != rollout.LeaveQuery || args[0] != "production/checkout/a" {
		return nil, errors.New("not what was asked")
	}
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(a.why)
	if err != nil {
		return nil, err
	}
	return client.NewValue(payloads), a.err
}

func TestLeave(t *testing.T) {
	for name, tt := range map[string]struct {
		server  asked
		why     string
		unknown bool
	}{
		"it goes forward":           {},
		"it goes back":              {server: asked{why: "it goes back"}, why: "it goes back"},
		"it is run by an older one": {server: asked{err: serviceerror.NewQueryFailed("unknown queryType leave. KnownQueryTypes=[status plan]")}},
		"it is broken":              {server: asked{err: serviceerror.NewQueryFailed("a panic")}, unknown: true},
		"no worker answers":         {server: asked{err: context.DeadlineExceeded}, unknown: true},
	} {
		t.Run(name, func(t *testing.T) {
			why, err := executions{tt.server}.Leave(t.Context(), activities.Unit{WorkflowID: "fleet/production/checkout", RunID: "r1"}, "production/checkout/a")
			require.Equal(t, tt.unknown, err != nil, "%v", err)
			require.Equal(t, tt.why, why)
		})
	}
}

// described is a server that describes one workflow.
type described struct {
	client.Client
	status enumspb.WorkflowExecutionStatus
	phase  string
	err    error
}

func (d described) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	info := &workflowpb.WorkflowExecutionInfo{Status: d.status, Execution: &commonpb.WorkflowExecution{RunId: "r1"}}
	if d.phase != "" {
		said, err := converter.GetDefaultDataConverter().ToPayload(d.phase)
		if err != nil {
			return nil, err
		}
		info.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{rollout.AttributePhase: said}}
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: info}, d.err
}

func TestHolder(t *testing.T) {
	const running, completed = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	for name, tt := range map[string]struct {
		server described
		runID  string
		begun  bool
	}{
		"a rollout that bakes":       {described{status: running, phase: "Running"}, "r1", true},
		"one that waits to start":    {described{status: running, phase: "Waiting"}, "r1", true},
		"an order that is looked at": {described{status: running, phase: "Pending"}, "r1", false},
		"one that nobody looked at":  {described{status: running}, "r1", false},
		"one that was refused":       {described{status: running, phase: "Completed"}, "r1", false},
		"a rollout that is over":     {described{status: completed, phase: "Completed"}, "", false},
		"there never was one":        {described{err: serviceerror.NewNotFound("no such workflow")}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			runID, begun, err := executions{tt.server}.Holder(t.Context(), "rollout/production/checkout/a")
			require.NoError(t, err)
			require.Equal(t, tt.runID, runID)
			require.Equal(t, tt.begun, begun)
		})
	}
	_, _, err := executions{described{err: context.DeadlineExceeded}}.Holder(t.Context(), "rollout/production/checkout/a")
	require.Error(t, err)
}
