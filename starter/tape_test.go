package main

import (
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"bakeoff/rollout"
)

// noon is when everything in these tests begins.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// tape is a Temporal history that is written by hand; each event comes a
// second after the one before.
type tape struct {
	t      *testing.T
	events []*historypb.HistoryEvent
}

func (p *tape) payloads(v any) *commonpb.Payloads {
	p.t.Helper()
	if v == nil {
		return nil
	}
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(v)
	require.NoError(p.t, err)
	return payloads
}

func (p *tape) payload(v any) *commonpb.Payload { return p.payloads(v).GetPayloads()[0] }

// add appends an event and returns it, to be given its attributes.
func (p *tape) add(kind enumspb.EventType) *historypb.HistoryEvent {
	e := &historypb.HistoryEvent{
		EventId: int64(len(p.events) + 1), EventType: kind,
		EventTime: timestamppb.New(noon.Add(time.Duration(len(p.events)) * time.Second)),
	}
	p.events = append(p.events, e)
	return e
}

func (p *tape) started(o rollout.Order) {
	p.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED).Attributes = &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{Input: p.payloads(o)}}
}

func (p *tape) schedule(id, kind, summary string, in any) int64 {
	e := p.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
	e.Attributes = &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{
		ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{
			ActivityId: id, ActivityType: &commonpb.ActivityType{Name: kind}, Input: p.payloads(in)}}
	if summary != "" {
		e.UserMetadata = &sdkpb.UserMetadata{Summary: p.payload(summary)}
	}
	return e.EventId
}

func (p *tape) complete(scheduled int64, out any) {
	p.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED).Attributes = &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{
		ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{ScheduledEventId: scheduled, Result: p.payloads(out)}}
}

func (p *tape) cancel(scheduled int64, details any) {
	p.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED).Attributes = &historypb.HistoryEvent_ActivityTaskCanceledEventAttributes{
		ActivityTaskCanceledEventAttributes: &historypb.ActivityTaskCanceledEventAttributes{ScheduledEventId: scheduled, Details: p.payloads(details)}}
}

func (p *tape) timeOut(scheduled int64, message string) {
	p.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT).Attributes = &historypb.HistoryEvent_ActivityTaskTimedOutEventAttributes{
		ActivityTaskTimedOutEventAttributes: &historypb.ActivityTaskTimedOutEventAttributes{ScheduledEventId: scheduled, Failure: &failurepb.Failure{Message: message}}}
}

func (p *tape) fail(scheduled int64, message string) {
	p.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED).Attributes = &historypb.HistoryEvent_ActivityTaskFailedEventAttributes{
		ActivityTaskFailedEventAttributes: &historypb.ActivityTaskFailedEventAttributes{ScheduledEventId: scheduled, Failure: &failurepb.Failure{Message: message}}}
}

// act is an activity that answered.
func (p *tape) act(id, kind string, in, out any) {
	p.complete(p.schedule(id, kind, "", in), out)
}

func (p *tape) signal(c rollout.Command) { p.signalled(c.Name, c) }

func (p *tape) accept(c rollout.Command) int64 { return p.updated(c.ID, c.Name, c) }

// by puts a caller's name, and that of the client, on the last event.
func (p *tape) by(name, identity string) {
	e := p.events[len(p.events)-1]
	if name != "" {
		e.Principal = &commonpb.Principal{Type: "jwt", Name: name}
	}
	switch a := e.Attributes.(type) {
	case *historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes:
		a.WorkflowExecutionStartedEventAttributes.Identity = identity
	case *historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes:
		a.WorkflowExecutionSignaledEventAttributes.Identity = identity
	case *historypb.HistoryEvent_WorkflowExecutionUpdateAcceptedEventAttributes:
		a.WorkflowExecutionUpdateAcceptedEventAttributes.AcceptedRequest.Meta.Identity = identity
	}
}

// signalled is any signal.
func (p *tape) signalled(name string, argument any) {
	p.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED).Attributes = &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{
		WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{SignalName: name, Input: p.payloads(argument)}}
}

// marks is a change of workflows that a run took up, as the SDK records it.
func (p *tape) marks(change string) {
	p.add(enumspb.EVENT_TYPE_MARKER_RECORDED).Attributes = &historypb.HistoryEvent_MarkerRecordedEventAttributes{
		MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{MarkerName: "Version", Details: map[string]*commonpb.Payloads{"change-id": p.payloads(change)}}}
}

// updated is any update that was accepted.
func (p *tape) updated(id, name string, argument any) int64 {
	e := p.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)
	e.Attributes = &historypb.HistoryEvent_WorkflowExecutionUpdateAcceptedEventAttributes{
		WorkflowExecutionUpdateAcceptedEventAttributes: &historypb.WorkflowExecutionUpdateAcceptedEventAttributes{
			AcceptedRequest: &updatepb.Request{Meta: &updatepb.Meta{UpdateId: id}, Input: &updatepb.Input{Name: name, Args: p.payloads(argument)}}}}
	return e.EventId
}

func (p *tape) answer(accepted int64, a rollout.Answer) {
	p.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED).Attributes = &historypb.HistoryEvent_WorkflowExecutionUpdateCompletedEventAttributes{
		WorkflowExecutionUpdateCompletedEventAttributes: &historypb.WorkflowExecutionUpdateCompletedEventAttributes{
			AcceptedEventId: accepted, Outcome: &updatepb.Outcome{Value: &updatepb.Outcome_Success{Success: p.payloads(a)}}}}
}

// command is an update that was answered at once.
func (p *tape) command(c rollout.Command, answer, why string) {
	p.answer(p.accept(c), rollout.Answer{Answer: answer, Why: why})
}

func (p *tape) cancelRequest(cause string) {
	p.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED).Attributes = &historypb.HistoryEvent_WorkflowExecutionCancelRequestedEventAttributes{
		WorkflowExecutionCancelRequestedEventAttributes: &historypb.WorkflowExecutionCancelRequestedEventAttributes{Cause: cause, Identity: "ui"}}
}

func (p *tape) upsert(attributes map[string]any) {
	p.add(enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES).Attributes = &historypb.HistoryEvent_UpsertWorkflowSearchAttributesEventAttributes{
		UpsertWorkflowSearchAttributesEventAttributes: &historypb.UpsertWorkflowSearchAttributesEventAttributes{SearchAttributes: p.attributes(attributes)}}
}

func (p *tape) attributes(values map[string]any) *commonpb.SearchAttributes {
	fields := map[string]*commonpb.Payload{}
	for name, value := range values {
		fields[name] = p.payload(value)
	}
	return &commonpb.SearchAttributes{IndexedFields: fields}
}

func (p *tape) completed(s rollout.Status) {
	p.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED).Attributes = &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
		WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{Result: p.payloads(s)}}
}

func (p *tape) failed(message string, details any) {
	p.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED).Attributes = &historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes{
		WorkflowExecutionFailedEventAttributes: &historypb.WorkflowExecutionFailedEventAttributes{Failure: &failurepb.Failure{Message: message,
			FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: "Failed", Details: p.payloads(details)}}}}}
}

func (p *tape) terminated(identity, why string) {
	p.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED).Attributes = &historypb.HistoryEvent_WorkflowExecutionTerminatedEventAttributes{
		WorkflowExecutionTerminatedEventAttributes: &historypb.WorkflowExecutionTerminatedEventAttributes{Identity: identity, Reason: why}}
}

func (p *tape) play() iter.Seq2[*historypb.HistoryEvent, error] {
	return func(yield func(*historypb.HistoryEvent, error) bool) {
		for _, e := range p.events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (p *tape) last() *historypb.HistoryEvent { return p.events[len(p.events)-1] }

// checkout is the run that these tests are about.
var checkout = run{"rollout/production/checkout", "run-1"}

func spec() rollout.Spec {
	return rollout.Spec{
		Kind: "Rollout", Service: "checkout", Environment: "production",
		Release:  rollout.Release{Version: "2.5.0", Artifact: "registry.example/checkout@sha256:9f"},
		Target:   rollout.Drivers{Deploy: rollout.Driver{Driver: "http"}, Traffic: rollout.Driver{Driver: "http"}, Metrics: &rollout.Driver{Driver: "prometheus"}},
		Strategy: rollout.Strategy{Canary: []rollout.Step{{Weight: 500, Bake: rollout.Duration(10 * time.Minute)}, {Weight: 5000, Bake: rollout.Duration(time.Hour), Approve: &rollout.Approval{From: []string{"release-managers"}, Quorum: 2}}}},
		Checks:   []rollout.Check{{Name: "errors", Failures: "f", Requests: "r"}},
	}
}

func anOrder() rollout.Order {
	return rollout.Order{Spec: spec(), Actor: "ana", Reason: "faster checkout"}
}

// opening is a history up to 5 % observed.
func opening(t *testing.T) *tape {
	p := &tape{t: t}
	p.started(anOrder())
	p.act("admit", "Admit", map[string]any{"order": anOrder()}, admission{Plan: rollout.NewPlan(spec())})
	p.act("snapshot", "Snapshot", nil, map[string]any{"snapshot": map[string]any{"baseline": "2.4.1", "split": rollout.Split{"2.4.1": rollout.All}, "replicas": 3}})
	p.act("preflight", "Preflight", nil, map[string]any{"warnings": []string{"little traffic"}})
	p.upsert(map[string]any{rollout.AttributePhase: "Running", rollout.AttributeWaitingFor: "", rollout.AttributeStep: 0, rollout.AttributeNeedsHuman: false})
	p.act("deploy", "Deploy", nil, map[string]any{"ready": 3, "endpoints": []string{"http://a"}})
	p.raise("s01", 1, 500)
	return p
}

func split(w rollout.Weight) rollout.Split {
	return rollout.Split{"2.4.1": rollout.All - w, "2.5.0": w}
}

// raise sets and observes a weight.
func (p *tape) raise(id string, step int, w rollout.Weight) {
	p.act(id+".traffic", "SetTraffic", map[string]any{"step": step, "split": split(w)}, map[string]any{"split": split(w)})
	p.act(id+".verify", "VerifyTraffic", map[string]any{"step": step, "split": split(w)}, map[string]any{"verified": true, "observed": split(w)})
	p.upsert(map[string]any{rollout.AttributePhase: "Running", rollout.AttributeWaitingFor: "", rollout.AttributeStep: step, rollout.AttributeWeight: int(w), rollout.AttributeNeedsHuman: false})
}

// window is a window of a minute with one check.
func window(step, number int, action rollout.Action, verdict rollout.Verdict) (in, out map[string]any) {
	ratio := 1.02
	if verdict == rollout.Fail {
		ratio = 3.1
	}
	low, high := ratio/2, ratio*2
	in = map[string]any{"step": step, "window": number, "start": noon, "weight": "5%"}
	out = map[string]any{
		"decision": rollout.Decision{Action: action, Verdict: verdict, Reason: "errors ×3.1"}, "end": noon.Add(time.Minute), "digest": "sha256:aa", "polls": 12,
		"checks": []rollout.CheckResult{{Name: "errors", Verdict: verdict, Ratio: ratio, Interval: []*float64{&low, &high}}},
	}
	return in, out
}
