package main

import (
	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

// breached tells of harm that something outside has seen, and whether it turned
// the rollout back.
func (s *story) breached(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionSignaledEventAttributes) error {
	var b rollout.Breach
	if err := s.decode(a.GetInput(), &b); err != nil {
		return err
	}
	why := ""
	switch {
	case s.breaches[b.ID]:
		why = "it was heard before"
	case s.back || s.aborted:
		why = "already going back"
	case s.beyond:
		why = "already promoted"
	case !s.served:
		why = "the candidate has no traffic"
	default:
		s.back, s.gate = true, nil
		s.points.turn(e.GetEventTime().AsTime())
	}
	s.breaches[b.ID] = true
	data := map[string]any{"name": b.Name, "id": b.ID, "reason": b.Reason, "source": b.Source, "since": b.At, "obeyed": why == ""}
	text := b.String()
	if why != "" {
		data["why"] = why
		text += " (" + why + ": nothing to do)"
	}
	s.add(e, rollout.EventBreach, s.status.Step, text, data)
	return nil
}
