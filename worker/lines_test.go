package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"bakeoff/rollout"
)

// stops is a server that knows stops by their id.
type stops struct {
	known map[string]*workflowpb.WorkflowExecutionInfo
	err   error
	asked int

	during func() // between an answer and its arrival
}

func (s *stops) DescribeWorkflowExecution(_ context.Context, id, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	s.asked++
	info, there := s.known[id]
	if s.during != nil && id == "stop/production" {
		s.during()
	}
	switch {
	case s.err != nil:
		return nil, s.err
	case !there:
		return nil, serviceerror.NewNotFound("no such workflow")
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: info}, nil
}

func TestLines(t *testing.T) {
	memo, err := converter.GetDefaultDataConverter().ToPayload(rollout.StoppedLine{By: "ana@example.com", Reason: "INC-12"})
	require.NoError(t, err)
	stop := func(status enumspb.WorkflowExecutionStatus, fields map[string]*commonpb.Payload) *workflowpb.WorkflowExecutionInfo {
		return &workflowpb.WorkflowExecutionInfo{Status: status, Memo: &commonpb.Memo{Fields: fields},
			Execution: &commonpb.WorkflowExecution{RunId: "r1"}}
	}
	inForce := map[string]*commonpb.Payload{rollout.StopMemo: memo}
	running, completed := enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	server := &stops{}
	now := time.Unix(0, 0)
	l := &lines{server: server, now: func() time.Time { return now }, known: map[string]knownLine{}}
	stopped := func(ctx context.Context) ([]rollout.Closure, error) {
		return l.Stopped(ctx, "production", now.Add(-time.Second))
	}
	ask := func(known map[string]*workflowpb.WorkflowExecutionInfo) []rollout.Closure {
		server.known = known
		now = now.Add(2 * time.Second)
		closures, err := stopped(t.Context())
		require.NoError(t, err)
		return closures
	}
	require.Empty(t, ask(nil))
	require.Empty(t, ask(map[string]*workflowpb.WorkflowExecutionInfo{"stop/staging": stop(running, inForce)}), "another line")
	require.Empty(t, ask(map[string]*workflowpb.WorkflowExecutionInfo{"stop/production": stop(completed, inForce)}), "it runs again")
	require.Empty(t, ask(map[string]*workflowpb.WorkflowExecutionInfo{"stop/production": stop(completed, nil)}), "who asked for it may not")
	asked := ask(map[string]*workflowpb.WorkflowExecutionInfo{"stop/production": stop(running, nil)})
	require.Len(t, asked, 1, "nobody has said yet that it may not be")
	require.Equal(t, "somebody asks to stop the line of production, and whether they may is not decided yet", asked[0].Reason)
	got := ask(map[string]*workflowpb.WorkflowExecutionInfo{"stop/production": stop(running, inForce), "stop/*": stop(running, inForce)})
	require.Len(t, got, 2)
	require.Equal(t, "the line of every environment is stopped by ana@example.com: INC-12", got[0].Reason)
	require.Equal(t, []string{"stop/production@r1"}, got[1].Keys)
	require.False(t, asked[0].Same(&got[1]), "that it was decided is told")
	require.Nil(t, rollout.Merge(got[1:], asked[0].Keys), "whoever overrode it before it was decided has overridden it")

	questions := server.asked
	_, err = stopped(t.Context())
	require.NoError(t, err)
	require.Equal(t, questions, server.asked, "every window of the worker shares an answer")
	server.err = errors.New("away")
	now = now.Add(2 * time.Second)
	_, err = stopped(t.Context())
	require.ErrorContains(t, err, "away", "what is not known is no line that runs")
	questions = server.asked
	_, err = stopped(t.Context())
	require.ErrorContains(t, err, "away")
	require.Equal(t, questions, server.asked, "a server that does not answer is not asked by every window")
	server.err = nil
	now = now.Add(2 * time.Second)
	got, err = stopped(t.Context())
	require.NoError(t, err)
	require.Len(t, got, 2)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	server.err, now = gone.Err(), now.Add(2*time.Second)
	_, err = stopped(gone)
	require.Error(t, err)
	server.err = nil
	_, err = stopped(t.Context())
	require.NoError(t, err, "a caller that is gone is no answer for others")
}

// TestLinesAreReadAgain holds that whoever acts shares no reading that was begun
// before: not one that is a moment old, and not one that is under way.
func TestLinesAreReadAgain(t *testing.T) {
	server := &stops{}
	now := time.Unix(0, 0)
	l := &lines{server: server, now: func() time.Time { return now }, known: map[string]knownLine{}}
	server.during = func() { // the server has answered that it runs, and the answer is on its way
		server.during = nil
		now = now.Add(time.Millisecond)
		server.known = map[string]*workflowpb.WorkflowExecutionInfo{"stop/production": {Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}}
	}
	polled, err := l.Stopped(t.Context(), "production", now.Add(-time.Second))
	require.NoError(t, err)
	require.Empty(t, polled)
	shared, err := l.Stopped(t.Context(), "production", now.Add(-time.Second))
	require.NoError(t, err)
	require.Empty(t, shared, "whoever polls sees it a moment later")
	for _, since := range []time.Time{now, now.Add(-time.Millisecond)} {
		fresh, err := l.Stopped(t.Context(), "production", since)
		require.NoError(t, err)
		require.Len(t, fresh, 1, "it was stopped before the question")
	}
}
