package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

// tells is a workflow that was begun to tell people; it returns its first event.
func (p *tape) tells(kind string, t rollout.Telling) int64 {
	e := p.add(enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED)
	e.Attributes = &historypb.HistoryEvent_StartChildWorkflowExecutionInitiatedEventAttributes{
		StartChildWorkflowExecutionInitiatedEventAttributes: &historypb.StartChildWorkflowExecutionInitiatedEventAttributes{
			WorkflowType: &commonpb.WorkflowType{Name: kind}, Input: p.payloads(t)}}
	p.add(enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED).Attributes = &historypb.HistoryEvent_ChildWorkflowExecutionStartedEventAttributes{
		ChildWorkflowExecutionStartedEventAttributes: &historypb.ChildWorkflowExecutionStartedEventAttributes{InitiatedEventId: e.EventId}}
	return e.EventId
}

func (p *tape) told(initiated int64, t rollout.Told) {
	p.add(enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED).Attributes = &historypb.HistoryEvent_ChildWorkflowExecutionCompletedEventAttributes{
		ChildWorkflowExecutionCompletedEventAttributes: &historypb.ChildWorkflowExecutionCompletedEventAttributes{InitiatedEventId: initiated, Result: p.payloads(t)}}
}

func TestStoryOfNotices(t *testing.T) {
	p := opening(t)
	slack, mail := rollout.Recipient{To: "slack", Channel: "#ops"}, rollout.Recipient{To: "email", Channel: "a@b.c"}
	telling := rollout.Telling{Notice: rollout.Notice{ID: "notify/x/1-waiting", Event: rollout.OnWaiting, Text: "it waits"},
		To: []rollout.Notification{{To: "slack", Channel: "#ops"}, {To: "webhook", Events: []rollout.Occasion{"promoted"}}}}
	first := p.tells(rollout.NotifyWorkflowType, telling)
	p.tells("Other", telling)
	p.tells(rollout.NotifyWorkflowType, telling)
	p.told(first, rollout.Told{Told: []rollout.Recipient{slack}, Untold: []rollout.Untold{{Recipient: mail, Why: "no such mailbox"}}})
	s := told(t, p)
	require.Equal(t, []string{"Notified", "Notified"}, kinds(s, rollout.EventNotified))
	line := find(t, s, rollout.EventNotified)
	require.Equal(t, "telling people (waiting): it waits (told slack #ops; could not tell email a@b.c: no such mailbox)", line.Text)
	require.Equal(t, "notify/x/1-waiting", line.Data["id"])
	require.Equal(t, []rollout.Recipient{slack}, line.Data["to"])
	require.Equal(t, []rollout.Recipient{slack}, line.Data["told"])
	require.NotContains(t, s.lines[len(s.lines)-1].Data, "told")
}

func TestStoryOfBreaches(t *testing.T) {
	signal := func(p *tape, id string) {
		p.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED).Attributes = &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{
			WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{SignalName: rollout.SignalBreach,
				Input: p.payloads(rollout.Breach{ID: id, Name: "Errors", Reason: "too many"})}}
	}
	for name, tt := range map[string]struct {
		play func(p *tape)
		want string
	}{
		"obeyed":      {func(p *tape) { signal(p, "1") }, "alert Errors: too many"},
		"twice":       {func(p *tape) { signal(p, "1"); signal(p, "1") }, "alert Errors: too many (it was heard before: nothing to do)"},
		"while back":  {func(p *tape) { p.signal(order1(rollout.CommandAbort, "c1")); signal(p, "1") }, "alert Errors: too many (already going back: nothing to do)"},
		"another one": {func(p *tape) { signal(p, "1"); signal(p, "2") }, "alert Errors: too many (already going back: nothing to do)"},
		"too late": {func(p *tape) {
			p.schedule("cleanup.remove", "Remove", "", map[string]any{"version": "2.4.1"})
			signal(p, "1")
		}, "alert Errors: too many (already promoted: nothing to do)"},
	} {
		t.Run(name, func(t *testing.T) {
			p := opening(t)
			tt.play(p)
			s := told(t, p)
			last := s.lines[len(s.lines)-1]
			require.Equal(t, rollout.EventBreach, last.Kind)
			require.Equal(t, tt.want, last.Text)
		})
	}
	p := &tape{t: t}
	p.started(anOrder())
	signal(p, "1")
	require.Equal(t, "the candidate has no traffic", find(t, told(t, p), rollout.EventBreach).Data["why"])
}
