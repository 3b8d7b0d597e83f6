package main

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// visible is a visibility that lists rehearsals, the one that ended last first.
type visible struct {
	runs    []ran
	err     error
	queries []string
	bound   bool // the question has an end
	read    int  // how often a result was asked for
}

// ran is a rehearsal that ended with drills.
type ran struct {
	service string
	outcome evidence.Outcome
	closed  time.Time
	status  rehearsal.Status
}

func (v *visible) ListWorkflow(ctx context.Context, in *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	v.queries = append(v.queries, in.GetQuery())
	_, v.bound = ctx.Deadline()
	out := &workflowservice.ListWorkflowExecutionsResponse{}
	for i, r := range v.runs {
		fields := map[string]*commonpb.Payload{}
		for name, value := range map[string]string{rollout.AttributeEnvironment: "staging", rollout.AttributeService: r.service, rollout.AttributeOutcome: string(r.outcome)} {
			fields[name], _ = converter.GetDefaultDataConverter().ToPayload(value)
		}
		out.Executions = append(out.Executions, &workflowpb.WorkflowExecutionInfo{CloseTime: timestamppb.New(r.closed), SearchAttributes: &commonpb.SearchAttributes{IndexedFields: fields},
			Execution: &commonpb.WorkflowExecution{WorkflowId: "rehearsal/staging/" + r.service, RunId: strconv.Itoa(i)}})
	}
	return out, v.err
}

// end is how one rehearsal ended.
type end struct {
	client.WorkflowRun
	status rehearsal.Status
}

func (e end) Get(_ context.Context, to any) error {
	*to.(*rehearsal.Status) = e.status
	return nil
}

func (v *visible) GetWorkflow(_ context.Context, _, runID string) client.WorkflowRun {
	i, _ := strconv.Atoi(runID)
	v.read++
	return end{status: v.runs[i].status}
}

// Ends of rehearsals: one that only an action failed which was late, one whose way
// back did not work, and a control whose drills were good.
var (
	held   = []evidence.Criterion{{Name: "drill from step 1: restored within 10s", Outcome: evidence.Passed}, {Name: evidence.NothingIsLeft, Outcome: evidence.Passed}}
	late   = rehearsal.Status{Criteria: append(slices.Clone(held), evidence.Criterion{Name: evidence.ActionsInTime, Outcome: evidence.Failed})}
	broken = rehearsal.Status{Criteria: append(slices.Clone(held), evidence.Criterion{Name: "drill from step 1: as before", Outcome: evidence.Failed})}
	proof  = rehearsal.Status{Criteria: late.Criteria, Negative: true}
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestDrills(t *testing.T) {
	l := loaded(t, "rehearsals: {require: {production: 30d, lab: 0s, default: 90d}}")
	at := time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC)
	server := &visible{runs: []ran{{service: "checkout", outcome: evidence.Passed, closed: at}}}
	d := drills{l, &practice{server: server}}
	require.Equal(t, 30*24*time.Hour, d.Required("production"))
	require.Equal(t, 90*24*time.Hour, d.Required("staging"))
	require.Zero(t, d.Required("lab"))
	require.Zero(t, drills{loaded(t, ""), nil}.Required("production"))

	last, err := d.Practised(t.Context(), "checkout")
	require.NoError(t, err)
	require.Equal(t, at, last)
	require.True(t, server.bound)
	require.Equal(t, []string{"WorkflowType = 'Rehearsal' AND ExecutionStatus = 'Completed' AND RolloutOutcome != 'Control' AND RolloutStep > 0 AND RolloutService = 'checkout'"}, server.queries)

	last, err = drills{l, &practice{server: &visible{}}}.Practised(t.Context(), "checkout")
	require.NoError(t, err)
	require.Zero(t, last)
	_, err = drills{l, &practice{server: &visible{err: errors.New("away")}}}.Practised(t.Context(), "checkout")
	require.EqualError(t, err, "look for rehearsals of checkout: away")
}

// A rehearsal that failed for something else than the way back shows that all the
// same. Of too many that did not pass the newest are looked into.
func TestDrillsOfRunsThatFailed(t *testing.T) {
	at := noon.Add(-time.Hour)
	for name, tt := range map[string]struct {
		red  []rehearsal.Status
		want time.Time
	}{
		"an action is overdue":        {[]rehearsal.Status{late}, noon},
		"the way back did not work":   {[]rehearsal.Status{broken}, at},
		"it did not, and did before":  {[]rehearsal.Status{broken, late}, noon.Add(-time.Minute)},
		"a control proves nothing":    {[]rehearsal.Status{proof}, at},
		"nothing is known of its end": {[]rehearsal.Status{{}}, at},
		"too many":                    {append(slices.Repeat([]rehearsal.Status{broken}, mostRead), late), at},
	} {
		t.Run(name, func(t *testing.T) {
			server := &visible{}
			for i, s := range tt.red {
				server.runs = append(server.runs, ran{"checkout", evidence.Failed, noon.Add(-time.Duration(i) * time.Minute), s})
			}
			server.runs = append(server.runs, ran{"checkout", evidence.Passed, at, rehearsal.Status{}})
			last, err := drills{nil, &practice{server: server}}.Practised(t.Context(), "checkout")
			require.NoError(t, err)
			require.Equal(t, tt.want, last)
		})
	}
}
