package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// targets asks the workflows that stand above targets.
type targets struct{ server client.Client }

var _ activities.Targets = targets{}

// targetWithin bounds one question, and targetPoll is the time between two.
const (
	targetWithin = 5 * time.Second
	targetPoll   = 100 * time.Millisecond
)

// Good implements [activities.Targets].
func (t targets) Good(ctx context.Context, of rollout.Target) ([]rollout.Known, error) {
	ctx, cancel := context.WithTimeout(ctx, targetWithin)
	defer cancel()
	status, err := t.ask(ctx, of)
	return status.Good, err
}

// Quarantined implements [activities.Targets]. A Target learns of an end a moment
// after it: that is waited for.
func (t targets) Quarantined(ctx context.Context, of rollout.Target, r rollout.Release) (*rollout.Quarantined, error) {
	ctx, cancel := context.WithTimeout(ctx, targetWithin)
	defer cancel()
	for {
		status, err := t.ask(ctx, of)
		if err != nil {
			return nil, err
		}
		if q, held := status.Holds(r); held {
			return &q, nil
		}
		if !t.isBehind(ctx, status) {
			return nil, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait until %s knows how its last rollout ended: %w", rollout.TargetID(of), ctx.Err())
		case <-time.After(targetPoll):
		}
	}
}

// isBehind reports whether the rollout that a Target follows is over.
func (t targets) isBehind(ctx context.Context, s rollout.TargetStatus) bool {
	if s.Running == nil || s.Running.RunID == "" {
		return false
	}
	d, err := t.server.DescribeWorkflowExecution(ctx, rollout.WorkflowID(s.Target), s.Running.RunID)
	return err == nil && d.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
}

// ask asks a Target what it knows: nothing, where there is none.
func (t targets) ask(ctx context.Context, of rollout.Target) (status rollout.TargetStatus, err error) {
	answer, err := t.server.QueryWorkflow(ctx, rollout.TargetID(of), "", rollout.StatusQuery)
	var none *serviceerror.NotFound
	if errors.As(err, &none) {
		return status, nil
	}
	if err != nil {
		return status, fmt.Errorf("query %s: %w", rollout.TargetID(of), err)
	}
	if err := answer.Get(&status); err != nil {
		return status, fmt.Errorf("read the answer of %s: %w", rollout.TargetID(of), err)
	}
	return status, nil
}
