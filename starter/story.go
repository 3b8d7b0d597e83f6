package main

import (
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strconv"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"

	"bakeoff/rollout"
)

// story turns the Temporal history of one rollout into the lines that an
// auditor reads, and along the way into where the rollout stands. Tell is the
// fold; docs/history.md has the table of what becomes what.
type story struct {
	converter converter.DataConverter
	lines     []rollout.Event
	status    rollout.Status // as far as history tells
	plan      rollout.Plan
	aborters  []string // who may abort; empty: anyone

	acts     map[int64]act              // by the id of their scheduled event
	commands map[string]int             // line of each command, by its id
	given    map[string]rollout.Command // by id
	updates  map[int64]acceptedCall     // by the id of their accepted event
	accepted map[string]bool            // ids of the commands that were obeyed: the same id is the same order
	restored map[string]bool            // ids of RestoreTraffic told of
	tellings map[int64]rollout.Telling  // by the id of the event that began them
	notices  map[int64]int              // line of each of them
	aborted  bool                       // an abort was obeyed
	reused   []int                      // lines of aborts with the id of another command, while it is not known that they count
	unread   []int                      // lines of aborts that could not be read, while it is not known that they count
	breaches map[string]bool            // heard of, by their ids
	served   bool                       // the candidate may have traffic
	beyond   bool                       // the baseline is being removed
	back     bool                       // it is going back: told already why
	human    bool                       // a person is needed
	drifted  rollout.Split              // that kept a version from being removed, told already
	primary  string                     // that did the same, where it is not the promoted one
	inForce  rollout.Split              // seen last, and nobody else has changed it since; nil: not known
	held     bool                       // the last window decided to hold
	passed   int                        // the last step that was passed
	passing  *passing                   // the step that seems to be

	order     string    // the id of the order to start
	parent    run       // the Target, or fleet, that started it, if one did
	witnesses witnesses // who stands behind commands

	points turningPoints

	above        bool // it is that of a Target
	unreadCounts bool // an abort counts that cannot be read
	reusedCounts bool // an abort counts whose id was that of another command

	fleet    bool // it is that of a fleet
	cutOff   bool // the fleet was ended from outside
	recovers bool // it is that of a fleet that puts back what a unit left that was cut off
	patient  bool // its units wait for orders that hold their ids and are refused

	gate         *gate                   // the open one
	gated        int                     // the step of the last one that a step or the promotion had
	policyPassed bool                    // what the environment asks is behind
	votes        map[string]rollout.Vote // by the id of the command

	closure *rollout.Closure // what closes the target
}

// act is one scheduled activity.
type act struct {
	ID, Type, Summary string
	Input             *commonpb.Payloads
	First             bool // of two tries at a write: one that runs out of time leads nowhere yet
}

// newStory returns a story of which nothing is told yet.
func newStory(dc converter.DataConverter, r run) *story {
	return &story{
		converter: dc,
		status:    rollout.Status{WorkflowID: r.WorkflowID, RunID: r.RunID, Phase: rollout.PhasePending, Stale: true},
		acts:      map[int64]act{}, commands: map[string]int{}, given: map[string]rollout.Command{}, updates: map[int64]acceptedCall{}, accepted: map[string]bool{},
		restored: map[string]bool{}, votes: map[string]rollout.Vote{},
		witnesses: witnesses{},
		breaches:  map[string]bool{}, tellings: map[int64]rollout.Telling{}, notices: map[int64]int{},
	}
}

// readStory tells all events of a run.
func readStory(dc converter.DataConverter, r run, events iter.Seq2[*historypb.HistoryEvent, error]) (*story, error) {
	s := newStory(dc, r)
	for e, err := range events {
		if err != nil {
			return nil, fmt.Errorf("read the history of %s: %w", r.WorkflowID, err)
		}
		if err := s.tell(e); err != nil {
			return nil, fmt.Errorf("read event %d of %s: %w", e.GetEventId(), r.WorkflowID, err)
		}
	}
	for i := range s.lines {
		s.lines[i].Seq = i + 1
	}
	return s, nil
}

// tell adds what one Temporal event means. Events that mean nothing to an
// auditor add no line.
func (s *story) tell(e *historypb.HistoryEvent) error {
	switch a := e.GetAttributes().(type) {
	case *historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes:
		return s.submitted(e, a.WorkflowExecutionStartedEventAttributes)
	case *historypb.HistoryEvent_ActivityTaskScheduledEventAttributes:
		return s.scheduled(e, a.ActivityTaskScheduledEventAttributes)
	case *historypb.HistoryEvent_ActivityTaskCompletedEventAttributes:
		done := a.ActivityTaskCompletedEventAttributes
		return s.completed(e, s.acts[done.GetScheduledEventId()], done.GetResult())
	case *historypb.HistoryEvent_ActivityTaskCanceledEventAttributes:
		done := a.ActivityTaskCanceledEventAttributes
		return s.canceled(e, s.acts[done.GetScheduledEventId()], done.GetDetails())
	case *historypb.HistoryEvent_ActivityTaskFailedEventAttributes:
		s.lost(e, s.acts[a.ActivityTaskFailedEventAttributes.GetScheduledEventId()], a.ActivityTaskFailedEventAttributes.GetFailure())
	case *historypb.HistoryEvent_ActivityTaskTimedOutEventAttributes:
		s.lost(e, s.acts[a.ActivityTaskTimedOutEventAttributes.GetScheduledEventId()], a.ActivityTaskTimedOutEventAttributes.GetFailure())
	case *historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes:
		s.signaled(e, a.WorkflowExecutionSignaledEventAttributes)
	case *historypb.HistoryEvent_MarkerRecordedEventAttributes:
		s.marked(a.MarkerRecordedEventAttributes)
	case *historypb.HistoryEvent_WorkflowExecutionCancelRequestedEventAttributes:
		s.cancelRequested(e, a.WorkflowExecutionCancelRequestedEventAttributes)
	case *historypb.HistoryEvent_WorkflowExecutionUpdateAcceptedEventAttributes:
		return s.updateAccepted(e, a.WorkflowExecutionUpdateAcceptedEventAttributes)
	case *historypb.HistoryEvent_WorkflowExecutionUpdateCompletedEventAttributes:
		return s.updateCompleted(e, a.WorkflowExecutionUpdateCompletedEventAttributes)
	case *historypb.HistoryEvent_UpsertWorkflowSearchAttributesEventAttributes:
		s.moved(e, a.UpsertWorkflowSearchAttributesEventAttributes.GetSearchAttributes())
	case *historypb.HistoryEvent_StartChildWorkflowExecutionInitiatedEventAttributes:
		return s.telling(e, a.StartChildWorkflowExecutionInitiatedEventAttributes)
	case *historypb.HistoryEvent_ChildWorkflowExecutionStartedEventAttributes:
		s.notified(e, a.ChildWorkflowExecutionStartedEventAttributes)
		return s.tellUnits(e)
	case *historypb.HistoryEvent_ChildWorkflowExecutionCompletedEventAttributes:
		return errors.Join(s.told(a.ChildWorkflowExecutionCompletedEventAttributes), s.tellUnits(e))
	case *historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes,
		*historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes,
		*historypb.HistoryEvent_WorkflowExecutionTerminatedEventAttributes,
		*historypb.HistoryEvent_WorkflowExecutionTimedOutEventAttributes,
		*historypb.HistoryEvent_WorkflowExecutionCanceledEventAttributes:
		return s.ended(e)
	case *historypb.HistoryEvent_TimerStartedEventAttributes:
		s.waited(e)
	default:
		return s.tellUnits(e)
	}
	return nil
}

// add tells one line; the pointer to it is good until the next add.
func (s *story) add(e *historypb.HistoryEvent, kind rollout.EventKind, step int, text string, data map[string]any) *rollout.Event {
	if data == nil {
		data = map[string]any{}
	}
	s.lines = append(s.lines, rollout.Event{Time: e.GetEventTime().AsTime(), Kind: kind, Step: step, Text: text, Data: data})
	return &s.lines[len(s.lines)-1]
}

func (s *story) decode(from *commonpb.Payloads, into any) error {
	return decode(s.converter, from, into)
}

func (s *story) submitted(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionStartedEventAttributes) error {
	if a.GetWorkflowType().GetName() == rollout.FleetType {
		return s.fleetSubmitted(e, a)
	}
	var order rollout.Order
	if err := s.decode(a.GetInput(), &order); err != nil {
		return err
	}
	spec := order.Spec
	s.status.Target, s.status.Candidate = spec.Key().String(), spec.Release.Version
	s.status.StartedBy, s.status.StartedAt = order.Actor, e.GetEventTime().AsTime()
	s.status.StartReason, s.status.Back = order.Reason, order.Back
	s.order = order.ID
	s.parent = run{a.GetParentWorkflowExecution().GetWorkflowId(), a.GetParentWorkflowExecution().GetRunId()}
	text := askedFor(order)
	data := map[string]any{"version": spec.Release.Version, "reason": order.Reason}
	for name, value := range map[string]string{
		"artifact": spec.Release.Artifact, "purpose": spec.Purpose, "owner": spec.Owner,
	} {
		if value != "" {
			data[name] = value
		}
	}
	if order.Override {
		text, data["override"] = text+" (break-glass override)", true
	}
	noteSignature(data, order.Statement, order.Signature)
	line := s.add(e, rollout.EventSubmitted, 0, text, data)
	line.Actor = order.Actor
	if s.parent.RunID == "" { // else the worker started it, for whom asked says
		starterOf(e, a).note(line)
	}
	return nil
}

func (s *story) scheduled(e *historypb.HistoryEvent, a *historypb.ActivityTaskScheduledEventAttributes) error {
	one := act{ID: a.GetActivityId(), Type: a.GetActivityType().GetName(), Input: a.GetInput()}
	if summary := e.GetUserMetadata().GetSummary(); summary != nil {
		_ = s.converter.FromPayload(summary, &one.Summary) // a sentence that cannot be read is only missing
	}
	one.First = a.GetScheduleToCloseTimeout().AsDuration() <= s.plan.Spec.SettleWithin.Std()/4 && (one.Type == "SetTraffic" || one.Type == "SetCohort")
	s.acts[e.GetEventId()] = one
	if err := s.begins(e, one); err != nil {
		return err
	}
	switch one.Type {
	case "SetTraffic":
		s.served = true
		s.raised(e)
	case "Remove":
		s.beyond = true
	}
	if one.Type == string(rollout.RestoreTraffic) && !s.restored[one.ID] {
		s.restored[one.ID] = true
		s.status.Phase = rollout.PhaseRollingBack
		s.turned(e)
		if s.points.restoring.IsZero() {
			s.points.restoring = e.GetEventTime().AsTime()
		}
		s.add(e, rollout.EventRestoring, 0, orElse(one.Summary, "put the baseline back"), map[string]any{"act": one.ID})
	}
	return nil
}

// moved follows the search attributes, which the workflow upserts whenever its
// phase changes.
func (s *story) moved(e *historypb.HistoryEvent, a *commonpb.SearchAttributes) {
	decodeAttribute(a, rollout.AttributePhase, (*string)(&s.status.Phase))
	decodeAttribute(a, rollout.AttributeStep, &s.status.Step)
	decodeAttribute(a, rollout.AttributeWeight, (*int)(&s.status.Weight))
	decodeAttribute(a, rollout.AttributeWaitingFor, &s.status.WaitingFor)
	if s.status.Phase == rollout.PhaseRollingBack {
		s.turned(e)
	}
	s.waitsFor(e, s.status.WaitingFor)
	before := s.human
	decodeAttribute(a, rollout.AttributeNeedsHuman, &s.human)
	if s.human && !before {
		s.add(e, rollout.EventNeedsHuman, 0, "a person must look: something could not be put back; retry or acknowledge", nil)
	}
	if s.human {
		s.status.NeededHuman = true
		s.status.Phase = rollout.PhaseNeedsHuman
	}
}

var stepInID = regexp.MustCompile(`^s(\d+)\.`)

// stepOf reads the step from an activity's id; 0 for ids that belong to none.
func stepOf(id string) int {
	found := stepInID.FindStringSubmatch(id)
	if found == nil {
		return 0
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		return 0
	}
	return n
}

// askedFor is the sentence of who asked for a rollout. One that takes over from a
// run that was cut off was asked for by nobody.
func askedFor(o rollout.Order) string {
	who, version, target := rollout.NameOf(o.Actor), o.Spec.Release.Version, o.Spec.Key()
	text := fmt.Sprintf("%s asked for %s in %s", who, version, target)
	switch {
	case o.Recover != "":
		return fmt.Sprintf("takes over from run %s of %s in %s, which %s asked for: %s", o.Recover, version, target, who, o.Reason)
	case o.Back:
		text = fmt.Sprintf("%s asked to go back to %s in %s", who, version, target)
	}
	if o.Reason != "" {
		text += ": " + o.Reason
	}
	return text
}
