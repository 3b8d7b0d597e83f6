package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// lives are the workflows whose histories are decoded: what each takes and gives.
var lives = map[string]struct{ order, result reflect.Type }{
	rollout.WorkflowType: {reflect.TypeFor[rollout.Order](), reflect.TypeFor[rollout.Status]()},
	rollout.StopType:     {reflect.TypeFor[rollout.StopOrder](), reflect.TypeFor[rollout.StoppedLine]()},
}

// strictDecode decodes everything that a rollout's history recorded, or that of a
// stopped line, into the
// types of this binary and refuses fields that they do not know. Replay alone
// misses a renamed field: it compares commands, not what is in them. Payloads
// that are no plain JSON (encrypted ones, for instance) are passed over, and
// so are workflows of other types.
func strictDecode(history *historypb.History) error {
	life, ours := lives[history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()]
	if !ours {
		return nil
	}
	d := strictDecoder{order: life.order, result: life.result, scheduled: map[int64]string{}}
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

// hookID matches the ids of calls of hooks.
var hookID = regexp.MustCompile(`(^|\.)hook\d+\.`)

// strictDecoder remembers which activity each result belongs to.
type strictDecoder struct {
	order, result reflect.Type
	scheduled     map[int64]string // event id → activity type
}

// recorded says what an event holds and as what it is read; a nil type when it
// holds nothing of ours.
func (d strictDecoder) recorded(event *historypb.HistoryEvent) (string, *commonpb.Payloads, reflect.Type) {
	command, answer := reflect.TypeFor[rollout.Command](), reflect.TypeFor[rollout.Answer]()
	if a := event.GetWorkflowExecutionStartedEventAttributes(); a != nil {
		return "the order", a.GetInput(), d.order
	}
	if a := event.GetWorkflowExecutionCompletedEventAttributes(); a != nil {
		return "the result", a.GetResult(), d.result
	}
	if a := event.GetActivityTaskScheduledEventAttributes(); a != nil {
		name := a.GetActivityType().GetName()
		if name != "Hook" && hookID.MatchString(a.GetActivityId()) {
			return "", nil, nil // an activity of somebody else, whatever it is called
		}
		d.scheduled[event.GetEventId()] = name
		in, _ := activityTypes(name)
		return "input of " + name, a.GetInput(), in
	}
	if a := event.GetActivityTaskCompletedEventAttributes(); a != nil {
		name := d.scheduled[a.GetScheduledEventId()]
		_, out := activityTypes(name)
		return "result of " + name, a.GetResult(), out
	}
	if a := event.GetWorkflowExecutionSignaledEventAttributes(); a != nil && slices.Contains(rollout.Commands(), a.GetSignalName()) {
		return "signal " + a.GetSignalName(), a.GetInput(), command
	}
	if a := event.GetWorkflowExecutionSignaledEventAttributes(); a != nil && a.GetSignalName() == rollout.SignalBreach {
		return "signal " + a.GetSignalName(), a.GetInput(), reflect.TypeFor[rollout.Breach]()
	}
	if a := event.GetStartChildWorkflowExecutionInitiatedEventAttributes(); a != nil && a.GetWorkflowType().GetName() == rollout.NotifyWorkflowType {
		return "what is told", a.GetInput(), reflect.TypeFor[rollout.Telling]()
	}
	if a := event.GetChildWorkflowExecutionCompletedEventAttributes(); a != nil && a.GetWorkflowType().GetName() == rollout.NotifyWorkflowType {
		return "who was told", a.GetResult(), reflect.TypeFor[rollout.Told]()
	}
	if a := event.GetWorkflowExecutionUpdateAcceptedEventAttributes(); a != nil {
		return "update " + a.GetAcceptedRequest().GetInput().GetName(), a.GetAcceptedRequest().GetInput().GetArgs(), command
	}
	if a := event.GetWorkflowExecutionUpdateCompletedEventAttributes(); a != nil {
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
