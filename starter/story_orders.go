package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"

	"bakeoff/rollout"
)

// orderStory tells what a Target was asked for and commanded: one line for each
// order and for each command, over all of its runs. Most of these are of no
// rollout: they were refused, or nothing ran.
type orderStory struct {
	*story
	orders map[string]*request // by the id of the order
	all    []*request
	back   map[string]rollout.Event // break-glass restores that were seen to be in force, by the run of the rollout
	cut    bool                     // runs before the first that was read are not kept any more

	// Of the run that is being read, by the id of the event that began them.
	calls map[int64]*request // updates
	begun map[int64]string   // rollouts: the id of the order
}

// request is one order and what became of it.
type request struct {
	line   int
	text   string // who asked for what
	spec   string // its digest
	waited string // why it was in the queue, when it is no more
	denied bool   // its id was that of another order, and is not to be changed by what becomes of that
	lost   bool   // the Target was ended before it was known what becomes of it
	fate   rollout.Submission
}

// become takes in what is known of the order from now on.
func (r *request) become(f rollout.Submission) {
	if r.denied {
		return
	}
	if r.fate.Fate == rollout.FateQueued {
		r.waited = r.fate.Why
	}
	r.fate, r.lost = f, false
}

// outcome says what became of the order.
func (r *request) outcome() string {
	text := orElse(string(r.fate.Fate), "not answered")
	switch {
	case r.fate.Fate == rollout.FateSuperseded:
		text = "dropped, " + r.fate.Why
	case r.fate.Why != "":
		text += ", " + r.fate.Why
	}
	if r.waited != "" && r.fate.Fate != rollout.FateQueued {
		text = fmt.Sprintf("queued, %s; then %s", r.waited, text)
	}
	if r.lost {
		text += "; lost when the Target was ended"
	}
	return text
}

// readOrders tells the orders of a Target up to one of its runs, from the first
// run that is kept.
func readOrders(ctx context.Context, svc archives, dc converter.DataConverter, last run) (*orderStory, error) {
	runs, cut, err := runsUpTo(ctx, svc, last)
	if err != nil {
		return nil, fmt.Errorf("read the history of %s: %w", last.WorkflowID, err)
	}
	s := &orderStory{story: newStory(dc, last), orders: map[string]*request{}, back: map[string]rollout.Event{}, cut: cut}
	s.above = true
	for _, r := range runs {
		for e, err := range svc.Events(ctx, r) {
			if err == nil {
				err = s.tell(e)
			}
			if err != nil {
				return nil, fmt.Errorf("read event %d of %s, run %s: %w", e.GetEventId(), r.WorkflowID, r.RunID, err)
			}
		}
	}
	s.tellFates()
	return s, nil
}

// runsUpTo lists the runs of a Target up to one, oldest first: it goes on as a new
// run before its history gets long, and begins anew after somebody ended it. It
// reports whether older ones are gone.
func runsUpTo(ctx context.Context, svc archives, last run) (runs []run, cut bool, err error) {
	for r := last; r.RunID != ""; {
		before, err := runBefore(ctx, svc, r)
		if errors.Is(err, errNotFound) && len(runs) > 0 {
			cut = true
			break
		}
		if err != nil {
			return nil, false, err
		}
		runs = append(runs, r)
		r.RunID = before
	}
	slices.Reverse(runs)
	return runs, cut, nil
}

// runBefore is the id of the run that one goes on from or, where that was ended,
// that one came after; "" for the first.
func runBefore(ctx context.Context, svc archives, r run) (string, error) {
	for e, err := range svc.Events(ctx, r) {
		if before := e.GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId(); before != "" || err != nil {
			return before, err
		}
		return runEndedBefore(ctx, svc, r, e.GetEventTime().AsTime())
	}
	return "", errors.New("the history is empty")
}

// runEndedBefore is the id of the last other run of a workflow that began before
// one did; "" where none did. Lists know times less exactly than histories.
func runEndedBefore(ctx context.Context, svc archives, r run, began time.Time) (string, error) {
	var last execution
	for e, err := range svc.List(ctx, "WorkflowId = '"+r.WorkflowID+"'") {
		if err != nil {
			return "", fmt.Errorf("list the runs of %s: %w", r.WorkflowID, err)
		}
		if e.WorkflowID == r.WorkflowID && e.RunID != r.RunID && e.Started.Before(began) && e.Started.After(last.Started) {
			last = e
		}
	}
	return last.RunID, nil
}

// tell adds what one event means.
func (s *orderStory) tell(e *historypb.HistoryEvent) error {
	switch a := e.GetAttributes().(type) {
	case *historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes:
		return s.remembered(e, a.WorkflowExecutionStartedEventAttributes)
	case *historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes:
		s.signaled(e, a.WorkflowExecutionSignaledEventAttributes)
	case *historypb.HistoryEvent_MarkerRecordedEventAttributes:
		s.marked(a.MarkerRecordedEventAttributes)
	case *historypb.HistoryEvent_WorkflowExecutionUpdateAcceptedEventAttributes:
		return s.accepted(e, a.WorkflowExecutionUpdateAcceptedEventAttributes)
	case *historypb.HistoryEvent_WorkflowExecutionUpdateCompletedEventAttributes:
		return s.answered(a.WorkflowExecutionUpdateCompletedEventAttributes)
	case *historypb.HistoryEvent_ActivityTaskScheduledEventAttributes:
		one := a.ActivityTaskScheduledEventAttributes
		s.acts[e.GetEventId()] = act{ID: one.GetActivityId(), Type: one.GetActivityType().GetName(), Input: one.GetInput()}
	case *historypb.HistoryEvent_ActivityTaskCompletedEventAttributes:
		done := a.ActivityTaskCompletedEventAttributes
		return s.found(s.acts[done.GetScheduledEventId()], done.GetResult())
	case *historypb.HistoryEvent_StartChildWorkflowExecutionInitiatedEventAttributes:
		return s.beginning(e, a.StartChildWorkflowExecutionInitiatedEventAttributes)
	case *historypb.HistoryEvent_ChildWorkflowExecutionStartedEventAttributes:
		started := a.ChildWorkflowExecutionStartedEventAttributes
		s.started(s.begun[started.GetInitiatedEventId()], started.GetWorkflowExecution().GetRunId())
	case *historypb.HistoryEvent_WorkflowExecutionTerminatedEventAttributes, *historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes,
		*historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes, *historypb.HistoryEvent_WorkflowExecutionTimedOutEventAttributes:
		return s.lose(e)
	}
	return nil
}

// lose tells that the Target was ended. What waited in its queue is known to
// nobody any more.
func (s *orderStory) lose(e *historypb.HistoryEvent) error {
	result, _, err := resultOf(s.converter, e)
	if err != nil {
		return err
	}
	how := orElse(strings.TrimSuffix(result.Reason, nothingPutBack), "canceled from outside")
	for _, r := range s.all {
		r.lost = r.fate.Fate == "" || !r.fate.Fate.IsFinal()
	}
	s.add(e, rollout.EventEnded, 0, "the Target was "+how, map[string]any{"reason": how})
	return nil
}

// remembered begins a run with what the one before handed on: what became of
// orders since they were answered, and orders of runs that are not kept.
func (s *orderStory) remembered(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionStartedEventAttributes) error {
	s.acts, s.updates = map[int64]act{}, map[int64]acceptedCall{}
	s.calls, s.begun = map[int64]*request{}, map[int64]string{}
	s.unread, s.unreadCounts = nil, false
	var known rollout.TargetStatus
	if err := s.decode(a.GetInput(), &known); err != nil {
		return err
	}
	for _, f := range known.Fates {
		if _, command := s.commands[f.ID]; command {
			continue // a way back, which has a line of its own
		}
		r, told := s.orders[f.ID]
		if !told {
			o := rollout.Order{ID: f.ID, Actor: f.Actor, SpecDigest: f.SpecDigest, Spec: rollout.Spec{Release: rollout.Release{Version: f.Version}}}
			r = s.ask(e, o, sender{})
			s.lines[r.line].Time, s.lines[r.line].Data["remembered"] = f.At, true
		}
		r.become(f)
	}
	return nil
}

// tellFates completes the lines of orders, and numbers all.
func (s *orderStory) tellFates() {
	for _, r := range s.all {
		line := &s.lines[r.line]
		line.Text = r.text + ": " + r.outcome() + line.Text // which has at most who did not send it
		for name, value := range map[string]string{
			"fate": string(r.fate.Fate), "cause": string(r.fate.Cause), "why": orElse(r.fate.Why, r.waited), "runId": r.fate.RunID,
		} {
			if value != "" {
				line.Data[name] = value
			}
		}
		if r.lost {
			line.Data["lost"] = true
		}
	}
	for i := range s.lines {
		s.lines[i].Seq = i + 1
	}
}
