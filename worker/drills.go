package main

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"bakeoff/activities"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// practice knows what rehearsals have shown of ways back. Temporal's visibility lists
// them; a rehearsal that passed says so there, and of those that did not the result is
// read, once: what they failed for may be something else than the way back.
type practice struct {
	server interface {
		lister
		GetWorkflow(ctx context.Context, workflowID, runID string) client.WorkflowRun
	}
	read sync.Map // of those that did not pass, by run id: whether they show the way back
}

// practiceQuery finds the rehearsals that ended, with drills. Negative controls prove
// nothing.
var practiceQuery = fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Completed' AND %s != '%s' AND %s > 0",
	rehearsal.WorkflowType, rollout.AttributeOutcome, rehearsal.OutcomeOfControl, rollout.AttributeStep)

// ended are the rehearsals that a query finds, the one that ended last first, as
// visibility lists them.
func (p *practice) ended(ctx context.Context, query string) iter.Seq2[*workflowpb.WorkflowExecutionInfo, error] {
	return func(yield func(*workflowpb.WorkflowExecutionInfo, error) bool) {
		for page := []byte(nil); ; {
			answer, err := p.server.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: 1000, NextPageToken: page})
			if err != nil {
				yield(nil, err)
				return
			}
			for _, e := range answer.GetExecutions() {
				if !yield(e, nil) {
					return
				}
			}
			if page = answer.GetNextPageToken(); len(page) == 0 {
				return
			}
		}
	}
}

// passed reports whether a rehearsal passed as a whole.
func passed(e *workflowpb.WorkflowExecutionInfo) bool {
	return attribute[string](e.GetSearchAttributes().GetIndexedFields(), rollout.AttributeOutcome) == string(evidence.Passed)
}

// shows reports whether a rehearsal shows that its target can go back.
func (p *practice) shows(ctx context.Context, e *workflowpb.WorkflowExecutionInfo) (bool, error) {
	if passed(e) {
		return true, nil
	}
	run := e.GetExecution()
	if known, is := p.read.Load(run.GetRunId()); is {
		return known.(bool), nil
	}
	var status rehearsal.Status
	if err := p.server.GetWorkflow(ctx, run.GetWorkflowId(), run.GetRunId()).Get(ctx, &status); err != nil {
		return false, fmt.Errorf("read how %s ended: %w", run.GetWorkflowId(), err)
	}
	p.read.Store(run.GetRunId(), status.ShowsWayBack())
	return status.ShowsWayBack(), nil
}

// drills looks at the practice of one service. How old it may be is what the
// configuration in force says.
type drills struct {
	live     *live
	practice *practice
}

var _ activities.Drills = drills{}

// drillsWithin bounds one question.
const drillsWithin = 5 * time.Second

// mostRead is how many rehearsals are read for one question: one that did not pass,
// and is older than so many others that did not, is not found.
const mostRead = 50

// Required implements [activities.Drills].
func (d drills) Required(environment string) time.Duration {
	require := d.live.config().Rehearsals.Require
	most, named := require[environment]
	if !named {
		most = require["default"]
	}
	return most.Std()
}

// Practised implements [activities.Drills].
func (d drills) Practised(ctx context.Context, service string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, drillsWithin)
	defer cancel()
	red := 0
	for e, err := range d.practice.ended(ctx, fmt.Sprintf("%s AND %s = '%s'", practiceQuery, rollout.AttributeService, service)) {
		if err != nil {
			return time.Time{}, fmt.Errorf("look for rehearsals of %s: %w", service, err)
		}
		if !passed(e) {
			if red++; red > mostRead {
				continue
			}
		}
		is, err := d.practice.shows(ctx, e)
		if err != nil {
			return time.Time{}, err
		}
		if is {
			return e.GetCloseTime().AsTime(), nil
		}
	}
	return time.Time{}, nil
}
