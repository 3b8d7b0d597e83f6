package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	updatepb "go.temporal.io/api/update/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// oneAct runs a single activity: a stand-in for the real workflow, whose own
// histories testsuite/histories has.
func oneAct(activity string) func(worker.WorkflowRegistry) {
	return func(r worker.WorkflowRegistry) {
		r.RegisterWorkflowWithOptions(func(ctx workflow.Context, o rollout.Order) (rollout.Status, error) {
			ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Second, TaskQueue: rollout.QueueInfra})
			var out activities.AdmitOutput
			err := workflow.ExecuteActivity(ctx, activity, activities.AdmitInput{Order: o}).Get(ctx, &out)
			return rollout.Status{Reason: string(out.Cause)}, err
		}, workflow.RegisterOptions{Name: rollout.WorkflowType})
	}
}

// story is a history in the making.
type story struct {
	t      *testing.T
	events []*historypb.HistoryEvent
}

func (s *story) add(kind enumspb.EventType, fill func(*historypb.HistoryEvent)) int64 {
	e := &historypb.HistoryEvent{EventId: int64(len(s.events) + 1), EventType: kind}
	fill(e)
	s.events = append(s.events, e)
	return e.EventId
}

func (s *story) task() int64 {
	scheduled := s.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, func(e *historypb.HistoryEvent) {
		e.Attributes = &historypb.HistoryEvent_WorkflowTaskScheduledEventAttributes{WorkflowTaskScheduledEventAttributes: &historypb.WorkflowTaskScheduledEventAttributes{}}
	})
	started := s.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, func(e *historypb.HistoryEvent) {
		e.Attributes = &historypb.HistoryEvent_WorkflowTaskStartedEventAttributes{WorkflowTaskStartedEventAttributes: &historypb.WorkflowTaskStartedEventAttributes{ScheduledEventId: scheduled}}
	})
	return s.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, func(e *historypb.HistoryEvent) {
		e.Attributes = &historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes{WorkflowTaskCompletedEventAttributes: &historypb.WorkflowTaskCompletedEventAttributes{ScheduledEventId: scheduled, StartedEventId: started}}
	})
}

func (s *story) start(input string) {
	s.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, func(e *historypb.HistoryEvent) {
		e.Attributes = &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
			WorkflowType: &commonpb.WorkflowType{Name: rollout.WorkflowType}, WorkflowId: "rollout/production/checkout",
			TaskQueue: &taskqueuepb.TaskQueue{Name: rollout.QueueControl}, Input: payloads(input), OriginalExecutionRunId: "run", FirstExecutionRunId: "run"}}
	})
}

func (s *story) act(name, input, result string) {
	task := s.task()
	scheduled := s.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, func(e *historypb.HistoryEvent) {
		e.Attributes = &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{
			ActivityId: "5", ActivityType: &commonpb.ActivityType{Name: name}, TaskQueue: &taskqueuepb.TaskQueue{Name: rollout.QueueInfra}, Input: payloads(input), WorkflowTaskCompletedEventId: task}}
	})
	started := s.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED, func(e *historypb.HistoryEvent) {
		e.Attributes = &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{ActivityTaskStartedEventAttributes: &historypb.ActivityTaskStartedEventAttributes{ScheduledEventId: scheduled}}
	})
	s.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, func(e *historypb.HistoryEvent) {
		e.Attributes = &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{ScheduledEventId: scheduled, StartedEventId: started, Result: payloads(result)}}
	})
}

func (s *story) complete(result string) {
	task := s.task()
	s.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, func(e *historypb.HistoryEvent) {
		e.Attributes = &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{Result: payloads(result), WorkflowTaskCompletedEventId: task}}
	})
}

func (s *story) history() *historypb.History { return &historypb.History{Events: s.events} }

func (s *story) json() *fstest.MapFile {
	body, err := protojson.Marshal(s.history())
	require.NoError(s.t, err)
	return &fstest.MapFile{Data: body}
}

func payloads(json string) *commonpb.Payloads {
	return &commonpb.Payloads{Payloads: []*commonpb.Payload{{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte(converter.MetadataEncodingJSON)}, Data: []byte(json)}}}
}

// finished is a rollout of the stand-in, from start to end.
func finished(t *testing.T) *story {
	s := &story{t: t}
	s.start(`{"spec":{"kind":"Rollout","service":"checkout"}}`)
	s.act("Admit", `{"order":{"spec":{"kind":"Rollout"}}}`, `{"cause":"spec"}`)
	s.complete(`{"reason":"spec"}`)
	return s
}

func TestVerifyGolden(t *testing.T) {
	var out bytes.Buffer
	v := verifier{out: &out, register: oneAct("Admit")}
	dir := fstest.MapFS{"v1/refused.json": finished(t).json(), "v2/refused.json": finished(t).json(), "v1/README.md": {Data: []byte("no history")}}
	require.NoError(t, v.golden(dir, "histories"))
	require.Equal(t, "ok        rollout/production/checkout  (v1/refused.json, 11 events)\nok        rollout/production/checkout  (v2/refused.json, 11 events)\n", out.String())
}

func TestVerifyStopsAtTheFirstMismatch(t *testing.T) {
	var out bytes.Buffer
	v := verifier{out: &out, register: oneAct("Deploy")}
	dir := fstest.MapFS{"a.json": finished(t).json(), "b.json": finished(t).json()}
	err := v.golden(dir, "histories")
	require.ErrorIs(t, err, errMismatch)
	require.ErrorContains(t, err, "workflow rollout/production/checkout (a.json): ")
	require.NotContains(t, err.Error(), "\n")
	require.Equal(t, "MISMATCH  rollout/production/checkout  (a.json)\n", out.String())
	require.Equal(t, 1, exitCode(err))
}

func TestVerifyGoldenProvesSomething(t *testing.T) {
	v := verifier{out: &bytes.Buffer{}, register: oneAct("Admit")}
	require.EqualError(t, v.golden(fstest.MapFS{}, "histories"), "no histories (*.json) in histories")
	require.ErrorContains(t, v.golden(fstest.MapFS{"x.json": {Data: []byte("{")}}, "histories"), "histories/x.json")
	require.ErrorIs(t, v.golden(fstest.MapFS{"x.json": {Data: []byte("{}")}}, "histories"), errMismatch)
}

// TestStrictDecode: what replay alone misses.
func TestStrictDecode(t *testing.T) {
	signalled := func(name, input string) func(*story) {
		return func(s *story) {
			s.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, func(e *historypb.HistoryEvent) {
				e.Attributes = &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{SignalName: name, Input: payloads(input)}}
			})
		}
	}
	updated := func(input string) func(*story) {
		return func(s *story) {
			s.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED, func(e *historypb.HistoryEvent) {
				e.Attributes = &historypb.HistoryEvent_WorkflowExecutionUpdateAcceptedEventAttributes{WorkflowExecutionUpdateAcceptedEventAttributes: &historypb.WorkflowExecutionUpdateAcceptedEventAttributes{
					AcceptedRequest: &updatepb.Request{Input: &updatepb.Input{Name: "pause", Args: payloads(input)}}}}
			})
		}
	}
	answered := func(result string) func(*story) {
		return func(s *story) {
			s.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED, func(e *historypb.HistoryEvent) {
				e.Attributes = &historypb.HistoryEvent_WorkflowExecutionUpdateCompletedEventAttributes{WorkflowExecutionUpdateCompletedEventAttributes: &historypb.WorkflowExecutionUpdateCompletedEventAttributes{
					Outcome: &updatepb.Outcome{Value: &updatepb.Outcome_Success{Success: payloads(result)}}}}
			})
		}
	}
	act := func(name, in, out string) func(*story) { return func(s *story) { s.act(name, in, out) } }
	tests := []struct {
		name string
		more func(*story)
		want string // "": known
	}{
		{"known", act("SetTraffic", `{"target":"a/b","split":{"1":"5%"}}`, `{"split":{"1":"5%"}}`), ""},
		{"input", act("SetTraffic", `{"targett":"a/b"}`, `{}`), `event 5, input of SetTraffic: json: unknown field "targett"`},
		{"result", act("SetTraffic", `{}`, `{"splitt":{}}`), `result of SetTraffic: json: unknown field "splitt"`},
		{"value", act("SetTraffic", `{"split":{"1":5}}`, `{}`), "input of SetTraffic"},
		{"more than one value", act("SetTraffic", `{}{}`, `{}`), "more than one value"},
		{"activity of another worker", act("TheirDeploy", `{"x":1}`, `{"y":2}`), ""},
		{"signal", signalled("abort", `{"id":"1","reasonn":"x"}`), `signal abort: json: unknown field "reasonn"`},
		{"known signal", signalled("abort", `{"id":"1","reason":"x"}`), ""},
		{"abort that nobody can read", signalled("abort", `"stop it"`), ""},
		{"foreign signal", signalled("note", `{"any":"thing"}`), ""},
		{"update", updated(`{"idd":"1"}`), `update pause: json: unknown field "idd"`},
		{"answer", answered(`{"answerr":"noop"}`), `answer to a command: json: unknown field "answerr"`},
		{"completion", func(s *story) { s.complete(`{"outcomee":"Promoted"}`) }, `the result: json: unknown field "outcomee"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &story{t: t}
			s.start(`{"spec":{}}`)
			tt.more(s)
			err := strictDecode(s.history())
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
}

// What a stopped line recorded is read as strictly.
func TestUnknownFieldOfAStopIsAMismatch(t *testing.T) {
	for input, want := range map[string]string{
		`{"environment":"production","command":{"id":"1","name":"","actor":"ana","reason":"x","at":"2026-11-21T12:00:00Z"}}`: "",
		`{"environmentt":"production"}`: `the order: json: unknown field "environmentt"`,
	} {
		s := &story{t: t}
		s.start(input)
		s.events[0].GetWorkflowExecutionStartedEventAttributes().WorkflowType.Name = rollout.StopType
		if err := strictDecode(s.history()); want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, want)
		}
	}
}

func TestUnknownFieldOfTheOrderIsAMismatch(t *testing.T) {
	var out bytes.Buffer
	v := verifier{out: &out, register: oneAct("Admit")}
	s := finished(t)
	s.events[0].GetWorkflowExecutionStartedEventAttributes().Input = payloads(`{"spec":{"kind":"Rollout"},"whoo":"ana"}`)
	err := v.one("a.json", s.history())
	require.ErrorIs(t, err, errMismatch)
	require.ErrorContains(t, err, `the order: json: unknown field "whoo"`)
}

func TestEncryptedPayloadsArePassedOver(t *testing.T) {
	s := &story{t: t}
	s.start(`{}`)
	p := s.events[0].GetWorkflowExecutionStartedEventAttributes().Input.Payloads[0]
	p.Metadata[converter.MetadataEncoding], p.Data = []byte("binary/encrypted"), []byte{1, 2, 3}
	require.NoError(t, strictDecode(s.history()))
}

// archive is a server with running workflows.
type archive struct {
	visibility
	histories map[string]*historypb.History
	err       error
}

func (a *archive) GetWorkflowHistory(_ context.Context, id, _ string, _ bool, _ enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	return &eventIterator{events: a.histories[id].GetEvents(), err: a.err}
}

type eventIterator struct {
	events []*historypb.HistoryEvent
	err    error
}

func (i *eventIterator) HasNext() bool { return i.err != nil || len(i.events) > 0 }
func (i *eventIterator) Next() (*historypb.HistoryEvent, error) {
	if i.err != nil {
		return nil, i.err
	}
	e := i.events[0]
	i.events = i.events[1:]
	return e, nil
}

func TestVerifyOpen(t *testing.T) {
	half := &story{t: t} // an open rollout: its last activity is still running
	half.start(`{"spec":{}}`)
	half.act("Admit", `{}`, `{}`)
	half.events = half.events[:len(half.events)-1]
	a := &archive{histories: map[string]*historypb.History{"a": finished(t).history(), "b": half.history()}}
	for id := range a.histories {
		a.running = append(a.running, &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{WorkflowId: id}})
	}
	var out bytes.Buffer
	v := verifier{out: &out, register: oneAct("Admit")}
	require.NoError(t, v.open(t.Context(), a))
	require.Equal(t, 2, strings.Count(out.String(), "ok  "))

	v.register = oneAct("Deploy")
	require.ErrorIs(t, v.open(t.Context(), a), errMismatch)

	a.err = errors.New("gone")
	require.ErrorContains(t, v.open(t.Context(), a), "read the history of ")
	a.visibility.err = errors.New("unavailable")
	require.ErrorContains(t, v.open(t.Context(), a), "list running rollouts: unavailable")
}
