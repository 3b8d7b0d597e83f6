package main

import (
	"fmt"
	"strings"

	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

// telling remembers what a workflow that tells people was given.
func (s *story) telling(e *historypb.HistoryEvent, a *historypb.StartChildWorkflowExecutionInitiatedEventAttributes) error {
	if a.GetWorkflowType().GetName() != rollout.NotifyWorkflowType {
		return nil
	}
	var t rollout.Telling
	if err := s.decode(a.GetInput(), &t); err != nil {
		return err
	}
	s.tellings[e.GetEventId()] = t
	return nil
}

// notified tells that a workflow has taken over to tell people.
func (s *story) notified(e *historypb.HistoryEvent, a *historypb.ChildWorkflowExecutionStartedEventAttributes) {
	t, known := s.tellings[a.GetInitiatedEventId()]
	if !known {
		return
	}
	n := t.Notice
	named := []rollout.Recipient{}
	for _, to := range t.To {
		if n.IsFor(to.Events) {
			named = append(named, rollout.Recipient{To: to.To, Channel: to.Channel})
		}
	}
	s.add(e, rollout.EventNotified, 0, fmt.Sprintf("telling people (%s): %s", n.Event, n.Text),
		map[string]any{"event": n.Event, "id": n.ID, "to": named})
	s.notices[a.GetInitiatedEventId()] = len(s.lines) - 1
}

// told adds to its line who was told, where that was done before the end.
func (s *story) told(a *historypb.ChildWorkflowExecutionCompletedEventAttributes) error {
	line, known := s.notices[a.GetInitiatedEventId()]
	if !known {
		return nil
	}
	var out rollout.Told
	if err := s.decode(a.GetResult(), &out); err != nil {
		return err
	}
	one := &s.lines[line]
	one.Data["told"], one.Data["untold"] = append([]rollout.Recipient{}, out.Told...), append([]rollout.Untold{}, out.Untold...)
	var parts []string
	for _, to := range out.Told {
		parts = append(parts, "told "+to.String())
	}
	for _, to := range out.Untold {
		parts = append(parts, fmt.Sprintf("could not tell %s: %s", to.Recipient, to.Why))
	}
	if len(parts) > 0 {
		one.Text += " (" + strings.Join(parts, "; ") + ")"
	}
	return nil
}
