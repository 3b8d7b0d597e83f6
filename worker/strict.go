package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"regexp"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"

	"bakeoff/activities"
	"bakeoff/rehearsal"
	"bakeoff/rollout"
)

// strictDecode decodes everything that a rollout's history recorded into the
// types of this binary and refuses fields that they do not know. Replay alone
// misses a renamed field: it compares commands, not what is in them. Payloads
// that are no plain JSON (encrypted ones, for instance) are passed over, and
// so are workflows of other types.
func strictDecode(history *historypb.History) error {
	own, ours := storedBy[history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()]
	if !ours {
		return nil
	}
	d := strictDecoder{own: own, scheduled: map[int64]string{}, updates: map[int64]string{}}
	for _, event := range history.GetEvents() {
		what, payloads, into := d.recorded(event)
		if into == nil {
			continue
		}
		for _, p := range payloads.GetPayloads() {
			if err := strictJSON(p, into); err != nil {
				return fmt.Errorf("event %d, %s: %w", event.GetEventId(), what, err)
			}
		}
	}
	return nil
}

// exchange is what something takes and gives; nil for what is not looked at.
type exchange struct{ in, out reflect.Type }

// storedBy is what workflows take and give, by their type.
var storedBy = map[string]exchange{
	rollout.WorkflowType:       {reflect.TypeFor[rollout.Order](), reflect.TypeFor[rollout.Status]()},
	rollout.FleetType:          {reflect.TypeFor[rollout.FleetOrder](), reflect.TypeFor[rollout.Status]()},
	rollout.TargetType:         {reflect.TypeFor[rollout.TargetStatus](), nil},
	rollout.StopType:           {reflect.TypeFor[rollout.StopOrder](), reflect.TypeFor[rollout.StoppedLine]()},
	rehearsal.WorkflowType:     {reflect.TypeFor[rehearsal.Order](), reflect.TypeFor[rehearsal.Status]()},
	rehearsal.SuiteType:        {reflect.TypeFor[rehearsal.SuiteOrder](), reflect.TypeFor[rehearsal.SuiteStatus]()},
	rehearsal.RolloutType:      {reflect.TypeFor[rehearsal.RolloutOrder](), reflect.TypeFor[rehearsal.RolloutResult]()},
	rehearsal.WatchType:        {reflect.TypeFor[rollout.Telling](), nil},
	rollout.NotifyWorkflowType: {reflect.TypeFor[rollout.Telling](), reflect.TypeFor[rollout.Told]()},
}

// carried is what signals carry. Others are somebody else's.
var carried = map[string]reflect.Type{
	rollout.CommandAbort:     reflect.TypeFor[rollout.Command](),
	rollout.CommandSupersede: reflect.TypeFor[rollout.Command](),
	rollout.CommandSubmit:    reflect.TypeFor[rollout.Submit](),
	rollout.CommandAdopt:     reflect.TypeFor[rollout.Course](),
	rollout.SignalBreach:     reflect.TypeFor[rollout.Breach](),
	rollout.SignalFleet:      reflect.TypeFor[rollout.Word](),
	rollout.SignalUnit:       reflect.TypeFor[rollout.UnitReport](),
	rollout.SignalWitness:    reflect.TypeFor[rollout.Witness](),
}

// updated is what updates take and give, apart from commands.
var updated = map[string]exchange{
	rollout.CommandSubmit: {reflect.TypeFor[rollout.Submit](), reflect.TypeFor[rollout.Submission]()},
}

// hookID matches the ids of calls of hooks.
var hookID = regexp.MustCompile(`(^|\.)hook\d+\.`)

// strictDecoder remembers which activity, and which update, each result belongs
// to.
type strictDecoder struct {
	own       exchange
	scheduled map[int64]string // event id → activity type
	updates   map[int64]string // event id → name
}

// recorded says what an event holds and as what it is read; a nil type when it
// holds nothing of ours.
func (d strictDecoder) recorded(event *historypb.HistoryEvent) (string, *commonpb.Payloads, reflect.Type) {
	switch a := event.GetAttributes().(type) {
	case *historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes:
		return "the order", a.WorkflowExecutionStartedEventAttributes.GetInput(), d.own.in
	case *historypb.HistoryEvent_WorkflowExecutionContinuedAsNewEventAttributes:
		return "what it hands on", a.WorkflowExecutionContinuedAsNewEventAttributes.GetInput(), d.own.in
	case *historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes:
		return "the result", a.WorkflowExecutionCompletedEventAttributes.GetResult(), d.own.out
	case *historypb.HistoryEvent_ActivityTaskScheduledEventAttributes:
		return d.asked(event.GetEventId(), a.ActivityTaskScheduledEventAttributes)
	case *historypb.HistoryEvent_ActivityTaskCompletedEventAttributes:
		name := d.scheduled[a.ActivityTaskCompletedEventAttributes.GetScheduledEventId()]
		_, out := activityTypes(name)
		return "result of " + name, a.ActivityTaskCompletedEventAttributes.GetResult(), out
	case *historypb.HistoryEvent_StartChildWorkflowExecutionInitiatedEventAttributes:
		child := a.StartChildWorkflowExecutionInitiatedEventAttributes
		return "what " + child.GetWorkflowId() + " is told", child.GetInput(), storedBy[child.GetWorkflowType().GetName()].in
	case *historypb.HistoryEvent_ChildWorkflowExecutionCompletedEventAttributes:
		child := a.ChildWorkflowExecutionCompletedEventAttributes
		return "the result of " + child.GetWorkflowExecution().GetWorkflowId(), child.GetResult(), storedBy[child.GetWorkflowType().GetName()].out
	}
	return d.message(event)
}

// asked is what an activity was given.
func (d strictDecoder) asked(id int64, a *historypb.ActivityTaskScheduledEventAttributes) (string, *commonpb.Payloads, reflect.Type) {
	name := a.GetActivityType().GetName()
	if name != "Hook" && hookID.MatchString(a.GetActivityId()) {
		return "", nil, nil // an activity of somebody else, whatever it is called
	}
	d.scheduled[id] = name
	in, _ := activityTypes(name)
	return "input of " + name, a.GetInput(), in
}

// message is what a signal or an update holds.
func (d strictDecoder) message(event *historypb.HistoryEvent) (string, *commonpb.Payloads, reflect.Type) {
	command, answer := reflect.TypeFor[rollout.Command](), reflect.TypeFor[rollout.Answer]()
	if a := event.GetWorkflowExecutionSignaledEventAttributes(); a != nil {
		if a.GetSignalName() == rollout.CommandAbort && converter.GetDefaultDataConverter().FromPayloads(a.GetInput(), &rollout.Command{}) != nil {
			return "", nil, nil // somebody typed it into the Temporal UI: it is an abort whatever it says
		}
		return "signal " + a.GetSignalName(), a.GetInput(), carried[a.GetSignalName()]
	}
	if a := event.GetWorkflowExecutionUpdateAcceptedEventAttributes(); a != nil {
		name := a.GetAcceptedRequest().GetInput().GetName()
		d.updates[event.GetEventId()] = name
		if other, named := updated[name]; named {
			command = other.in
		}
		return "update " + name, a.GetAcceptedRequest().GetInput().GetArgs(), command
	}
	if a := event.GetWorkflowExecutionUpdateCompletedEventAttributes(); a != nil {
		if other, named := updated[d.updates[a.GetAcceptedEventId()]]; named {
			answer = other.out
		}
		return "answer to a command", a.GetOutcome().GetSuccess(), answer
	}
	return "", nil, nil
}

// activityTypes returns what the named activity takes and gives; nil for one
// that this binary does not have, which replay will not miss either.
func activityTypes(name string) (in, out reflect.Type) {
	method, there := reflect.TypeFor[*activities.Activities]().MethodByName(name)
	if !there || method.Type.NumIn() != 3 || method.Type.NumOut() != 2 {
		return nil, nil
	}
	return method.Type.In(2), method.Type.Out(0)
}

func strictJSON(p *commonpb.Payload, into reflect.Type) error {
	if string(p.GetMetadata()[converter.MetadataEncoding]) != converter.MetadataEncodingJSON {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(p.GetData()))
	dec.DisallowUnknownFields()
	if err := dec.Decode(reflect.New(into).Interface()); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("more than one value")
	}
	return nil
}
