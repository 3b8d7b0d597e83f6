package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// lineWithin bounds one question to the server.
const lineWithin = 2 * time.Second

// lines asks the server which lines are stopped. Every window of a worker shares
// an answer, where that is new enough for it. Safe for concurrent use.
type lines struct {
	server interface {
		DescribeWorkflowExecution(ctx context.Context, id, run string) (*workflowservice.DescribeWorkflowExecutionResponse, error)
	}
	now func() time.Time

	mu    sync.Mutex
	known map[string]knownLine // by environment
}

type knownLine struct {
	closures []rollout.Closure // one at most
	err      error             // it could not be found out
	at       time.Time         // the question was about to be asked: a stop of before is in the answer
}

var _ activities.Lines = (*lines)(nil)

// Stopped implements [activities.Lines].
func (l *lines) Stopped(ctx context.Context, environment string, since time.Time) ([]rollout.Closure, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []rollout.Closure
	for _, name := range []string{rollout.EveryEnvironment, environment} {
		known, there := l.known[name]
		if !there || !known.at.After(since) {
			at := l.now()
			closures, err := l.ask(ctx, name)
			known = knownLine{closures, err, at}
			if ctx.Err() == nil { // else only this caller is gone
				l.known[name] = known
			}
		}
		if known.err != nil {
			return nil, known.err
		}
		all = append(all, known.closures...)
	}
	return all, nil
}

func (l *lines) ask(ctx context.Context, environment string) ([]rollout.Closure, error) {
	ctx, cancel := context.WithTimeout(ctx, lineWithin)
	defer cancel()
	d, err := l.server.DescribeWorkflowExecution(ctx, rollout.StopID(environment), "")
	var none *serviceerror.NotFound
	if errors.As(err, &none) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for %s: %w", rollout.StopID(environment), err)
	}
	if d.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return nil, nil
	}
	return []rollout.Closure{stopClosure(environment, d.GetWorkflowExecutionInfo())}, nil
}

// stopClosure is that of a stop that is open. One that is not decided yet, as no
// worker ran when it came, counts too: whoever waits for the answer must not be
// overtaken by a raise. Its keys hold those that it has once it is in force, so that an
// override of the one passes the other.
func stopClosure(environment string, info *workflowpb.WorkflowExecutionInfo) rollout.Closure {
	c := rollout.Closure{Gate: rollout.GateStop, Name: environment, Exposure: rollout.ExposureHold,
		Keys: []string{fmt.Sprintf("%s@%s", rollout.StopID(environment), info.GetExecution().GetRunId())}}
	memo, inForce := info.GetMemo().GetFields()[rollout.StopMemo]
	if !inForce {
		c.Keys = append(c.Keys, c.Keys[0]+" asked for")
		c.Reason = fmt.Sprintf("somebody asks to stop the line of %s, and whether they may is not decided yet", lineName(environment))
		return c
	}
	var s rollout.StoppedLine
	if err := converter.GetDefaultDataConverter().FromPayload(memo, &s); err != nil { // that it is stopped is known all the same
		s.By, s.Reason = "somebody", "its memo cannot be read"
	}
	c.Reason = fmt.Sprintf("the line of %s is stopped by %s: %s", lineName(environment), s.By, s.Reason)
	return c
}

func lineName(environment string) string {
	if environment == rollout.EveryEnvironment {
		return "every environment"
	}
	return environment
}
