package main

import (
	"context"
	"errors"
	"iter"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"bakeoff/rollout"
)

func (s *server) Describe(ctx context.Context, r run) (execution, error) {
	d, err := s.client.DescribeWorkflowExecution(ctx, r.WorkflowID, r.RunID)
	if err != nil {
		return execution{}, classify(err)
	}
	e := executionOf(d.GetWorkflowExecutionInfo())
	e.TaskAttempts = int(d.GetPendingWorkflowTask().GetAttempt())
	for _, p := range d.GetPendingActivities() {
		if p.GetActivityType().GetName() == "Observe" {
			e.Checks = s.beat(p.GetHeartbeatDetails())
		}
		if p.GetAttempt() > 1 {
			e.Retrying = append(e.Retrying, rollout.Retrying{
				Act: p.GetActivityId(), Attempt: int(p.GetAttempt()), Failure: innermost(p.GetLastFailure())})
		}
	}
	return e, nil
}

// pollSeen is how long ago a living worker may have begun its last poll, which
// lasts a minute. The server remembers dead ones for longer.
const pollSeen = 90 * time.Second

// Pollers is how many workers poll a queue for activities.
func (s *server) Pollers(ctx context.Context, queue string) (int, error) {
	d, err := s.client.DescribeTaskQueue(ctx, queue, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	n := 0
	for _, p := range d.GetPollers() {
		if time.Since(p.GetLastAccessTime().AsTime()) < pollSeen {
			n++
		}
	}
	return n, err
}

// beat is what a window that is being watched last said of its checks.
func (s *server) beat(details *commonpb.Payloads) []rollout.CheckResult {
	var beat struct {
		Checks []rollout.CheckResult `json:"checks"`
	}
	if len(details.GetPayloads()) == 0 || decode(s.converter, details, &beat) != nil {
		return nil // not yet, or not ours: the last window's end is what is known
	}
	return beat.Checks
}

// innermost is the message at the root of a failure.
func innermost(f *failurepb.Failure) string {
	for f.GetCause() != nil {
		f = f.GetCause()
	}
	return f.GetMessage()
}

func (s *server) Query(ctx context.Context, r run) (rollout.Status, error) {
	var status rollout.Status
	answer, err := s.client.QueryWorkflow(ctx, r.WorkflowID, r.RunID, rollout.StatusQuery)
	if err != nil {
		return status, classify(err)
	}
	return status, answer.Get(&status)
}

func (s *server) End(ctx context.Context, r run) (*historypb.HistoryEvent, error) {
	events := s.client.GetWorkflowHistory(ctx, r.WorkflowID, r.RunID, true, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
	if !events.HasNext() {
		return nil, errors.New("the end of the history is missing")
	}
	e, err := events.Next()
	return e, classify(err)
}

func (s *server) Events(ctx context.Context, r run) iter.Seq2[*historypb.HistoryEvent, error] {
	return func(yield func(*historypb.HistoryEvent, error) bool) {
		events := s.client.GetWorkflowHistory(ctx, r.WorkflowID, r.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			e, err := events.Next()
			if !yield(e, classify(err)) || err != nil {
				return
			}
		}
	}
}

func (s *server) List(ctx context.Context, query string) iter.Seq2[execution, error] {
	return func(yield func(execution, error) bool) {
		for token := []byte(nil); ; {
			page, err := s.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, NextPageToken: token})
			if err != nil {
				yield(execution{}, err)
				return
			}
			for _, info := range page.GetExecutions() {
				if !yield(executionOf(info), nil) {
					return
				}
			}
			if token = page.GetNextPageToken(); len(token) == 0 {
				return
			}
		}
	}
}
