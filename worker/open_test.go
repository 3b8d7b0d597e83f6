package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"bakeoff/rollout"
)

// visibility answers one page a workflow.
type visibility struct {
	running []*workflowpb.WorkflowExecutionInfo
	asked   int
	err     error
}

func (v *visibility) ListWorkflow(_ context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	if len(r.NextPageToken) == 0 {
		v.asked++
	}
	known := r.Query == "WorkflowType = 'Rollout' AND ExecutionStatus = 'Running'" || r.Query == replayedQuery
	if v.err != nil || len(v.running) == 0 || !known {
		return &workflowservice.ListWorkflowExecutionsResponse{}, v.err
	}
	page := 0
	if len(r.NextPageToken) > 0 {
		page = int(r.NextPageToken[0])
	}
	answer := &workflowservice.ListWorkflowExecutionsResponse{Executions: v.running[page : page+1]}
	if page+1 < len(v.running) {
		answer.NextPageToken = []byte{byte(page + 1)}
	}
	return answer, nil
}

func running(t *testing.T, id string, attributes map[string]any) *workflowpb.WorkflowExecutionInfo {
	t.Helper()
	fields := map[string]*commonpb.Payload{}
	for name, value := range attributes {
		p, err := converter.GetDefaultDataConverter().ToPayload(value)
		require.NoError(t, err)
		fields[name] = p
	}
	return &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: "r"},
		SearchAttributes: &commonpb.SearchAttributes{IndexedFields: fields}}
}

func at(service, phase string, weight int) map[string]any {
	return map[string]any{rollout.AttributeEnvironment: "production", rollout.AttributeService: service,
		rollout.AttributePhase: phase, rollout.AttributeWeight: weight}
}

func TestOpenRollouts(t *testing.T) {
	v := &visibility{running: []*workflowpb.WorkflowExecutionInfo{
		running(t, "rollout/production/checkout/eu", at("checkout", "Running", 500)),
		running(t, "rollout/production/checkout/us", at("checkout", "Running", 2500)),
		running(t, "rollout/production/checkout/asia", at("checkout", "Waiting", 0)),
		running(t, "rollout/production/cart", at("cart", "RollingBack", 10000)),
		running(t, "rollout/staging/young", nil),
		running(t, "rollout/production/drill", at("drill", "RollingBack", 500)),
		running(t, "rollout/production/stuck", at("stuck", "NeedsHuman", 500)),
	}}
	for _, practice := range v.running[5:] {
		practice.ParentExecution = &commonpb.WorkflowExecution{WorkflowId: "rehearsal/production/weekly/rollout"}
	}
	now := time.Unix(1700000000, 0)
	o := &openRollouts{server: v, log: slog.New(slog.DiscardHandler), now: func() time.Time { return now }}
	text := exposition(t, o)
	for _, want := range []string{
		`bakeoff_rollouts_open{environment="production",phase="Running",service="checkout"} 2`,
		`bakeoff_rollouts_open{environment="production",phase="Waiting",service="checkout"} 1`,
		`bakeoff_rollouts_open{environment="production",phase="RollingBack",service="cart"} 1`,
		`bakeoff_rollouts_open{environment="staging",phase="Pending",service="young"} 1`,
		`bakeoff_candidate_weight_ratio{environment="production",service="checkout"} 0.25`,
		`bakeoff_candidate_weight_ratio{environment="production",service="cart"} 1`,
		`bakeoff_candidate_weight_ratio{environment="staging",service="young"} 0`,
		`bakeoff_rollouts_open{environment="production",phase="NeedsHuman",service="stuck"} 1`,
		"bakeoff_visibility_up 1",
	} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, `"drill"`, "practice counts where it needs a person")
	asked := v.asked
	now = now.Add(4 * time.Second)
	exposition(t, o)
	require.Equal(t, asked, v.asked, "an answer is used again for 5 s")

	v.running, now = nil, now.Add(time.Second)
	require.NotContains(t, exposition(t, o), "bakeoff_rollouts_open{", "what has ended is gone")

	v.err, now = errors.New("unavailable"), now.Add(5*time.Second)
	text = exposition(t, o)
	require.Contains(t, text, "bakeoff_visibility_up 0")
	require.NotContains(t, text, "bakeoff_candidate_weight_ratio{", "nothing is better than something old")
}
