package main

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/timestamppb"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
)

// visible is a visibility that lists what passed, and what did not.
type visible struct {
	closed  time.Time // of what passed; zero: nothing did
	red     []rehearsal.Status
	err     error
	queries []string
	bound   bool // the question has an end
}

func (v *visible) ListWorkflow(ctx context.Context, in *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	v.queries = append(v.queries, in.GetQuery())
	_, v.bound = ctx.Deadline()
	out := &workflowservice.ListWorkflowExecutionsResponse{}
	if strings.Contains(in.GetQuery(), "= 'Passed'") {
		if !v.closed.IsZero() {
			out.Executions = []*workflowpb.WorkflowExecutionInfo{{CloseTime: timestamppb.New(v.closed)}}
		}
		return out, v.err
	}
	for i := range v.red {
		out.Executions = append(out.Executions, &workflowpb.WorkflowExecutionInfo{CloseTime: timestamppb.New(noon.Add(-time.Duration(i) * time.Minute)),
			Execution: &commonpb.WorkflowExecution{WorkflowId: "rehearsal/staging/checkout", RunId: strconv.Itoa(i)}})
	}
	return out, v.err
}

// ended is one rehearsal that ended.
type ended struct {
	client.WorkflowRun
	status rehearsal.Status
}

func (e ended) Get(_ context.Context, to any) error {
	*to.(*rehearsal.Status) = e.status
	return nil
}

func (v *visible) GetWorkflow(_ context.Context, _, runID string) client.WorkflowRun {
	i, _ := strconv.Atoi(runID)
	return ended{status: v.red[i]}
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

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
	const of = "WorkflowType = 'Rehearsal' AND ExecutionStatus = 'Completed' AND RolloutService = 'checkout' AND "
	require.Equal(t, []string{of + "RolloutOutcome = 'Passed' AND RolloutStep > 0",
		of + "RolloutOutcome NOT IN ('Passed', 'Control') AND CloseTime > '2026-11-01T06:00:00Z' AND RolloutStep > 0"}, server.queries)

	last, err = drills{l, &visible{}}.Practised(t.Context(), "checkout")
	require.NoError(t, err)
	require.Zero(t, last)
	_, err = drills{l, &visible{err: errors.New("away")}}.Practised(t.Context(), "checkout")
	require.EqualError(t, err, "look for rehearsals of checkout: away")
}

// A rehearsal that failed for something else than the way back shows that all the
// same.
func TestDrillsOfRunsThatFailed(t *testing.T) {
	held := []evidence.Criterion{{Name: "drill from step 1: restored within 10s", Outcome: evidence.Passed}, {Name: evidence.NothingIsLeft, Outcome: evidence.Passed}}
	late := rehearsal.Status{Criteria: append(slices.Clone(held), evidence.Criterion{Name: evidence.ActionsInTime, Outcome: evidence.Failed})}
	broken := rehearsal.Status{Criteria: append(slices.Clone(held), evidence.Criterion{Name: "drill from step 1: as before", Outcome: evidence.Failed})}
	control := late
	control.Negative = true
	at := noon.Add(-time.Hour)
	for name, tt := range map[string]struct {
		red  []rehearsal.Status
		want time.Time
	}{
		"an action is overdue":        {[]rehearsal.Status{late}, noon},
		"the way back did not work":   {[]rehearsal.Status{broken}, at},
		"it did not, and did before":  {[]rehearsal.Status{broken, late}, noon.Add(-time.Minute)},
		"a control proves nothing":    {[]rehearsal.Status{control}, at},
		"nothing is known of its end": {[]rehearsal.Status{{}}, at},
	} {
		t.Run(name, func(t *testing.T) {
			last, err := drills{nil, &visible{closed: at, red: tt.red}}.Practised(t.Context(), "checkout")
			require.NoError(t, err)
			require.Equal(t, tt.want, last)
		})
	}
}
