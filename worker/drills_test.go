package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// visible is a visibility that lists one execution, or none.
type visible struct {
	closed time.Time // zero: none
	err    error
	query  string
	bound  bool // the question has an end
}

func (v *visible) ListWorkflow(ctx context.Context, in *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	v.query = in.GetQuery()
	_, v.bound = ctx.Deadline()
	out := &workflowservice.ListWorkflowExecutionsResponse{}
	if !v.closed.IsZero() {
		out.Executions = []*workflowpb.WorkflowExecutionInfo{{CloseTime: timestamppb.New(v.closed)}}
	}
	return out, v.err
}

func TestDrills(t *testing.T) {
	l := loaded(t, "rehearsals: {require: {production: 30d, lab: 0s, default: 90d}}")
	at := time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC)
	server := &visible{closed: at}
	d := drills{l, server}
	require.Equal(t, 30*24*time.Hour, d.Required("production"))
	require.Equal(t, 90*24*time.Hour, d.Required("staging"))
	require.Zero(t, d.Required("lab"))
	require.Zero(t, drills{loaded(t, ""), server}.Required("production"))

	last, err := d.Practised(t.Context(), "checkout")
	require.NoError(t, err)
	require.Equal(t, at, last)
	require.True(t, server.bound)
	require.Equal(t, "WorkflowType = 'Rehearsal' AND ExecutionStatus = 'Completed' AND RolloutService = 'checkout' AND RolloutOutcome = 'Passed' AND RolloutStep > 0", server.query)

	last, err = drills{l, &visible{}}.Practised(t.Context(), "checkout")
	require.NoError(t, err)
	require.Zero(t, last)
	_, err = drills{l, &visible{err: errors.New("away")}}.Practised(t.Context(), "checkout")
	require.EqualError(t, err, "look for rehearsals of checkout: away")
}
