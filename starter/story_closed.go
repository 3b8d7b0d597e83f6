package main

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

// gateWaited tells what an act that asked the gates until its end was told last.
func (s *story) gateWaited(e *historypb.HistoryEvent, one act, result *commonpb.Payloads) error {
	var out gateOutput
	if err := s.decode(result, &out); err != nil {
		return err
	}
	s.closes(e, stepOf(one.ID), out.Closed)
	return nil
}

// closes tells that something closes the target, or that nothing does any more;
// once, however often it is asked.
func (s *story) closes(e *historypb.HistoryEvent, step int, c *rollout.Closure) {
	was := s.closure
	if s.closure = c; c.Same(was) {
		return
	}
	if c == nil {
		s.add(e, rollout.EventGatePassed, step, was.Over(), map[string]any{"gate": was.Gate})
		return
	}
	data := map[string]any{"gate": c.Gate, "name": c.Name, "exposure": c.Exposure, "reason": c.Reason}
	if c.Until != nil {
		data["until"] = c.Until
	}
	if c.Exposure == rollout.ExposureRollback && s.status.Weight > 0 {
		s.back = true
		s.points.turn(e.GetEventTime().AsTime())
		s.add(e, rollout.EventGateRefused, step, "go back: "+c.Reason, data)
		return
	}
	s.add(e, rollout.EventGateWaiting, step, "waiting: "+c.Reason, data)
}

// overridden tells that somebody passed what closed the target.
func (s *story) overridden(e *historypb.HistoryEvent, c rollout.Command) {
	if s.closure == nil || !c.Override {
		return
	}
	text := fmt.Sprintf("%s overridden by %s: %s", s.closure.Gate, rollout.NameOf(c.Actor), c.Reason)
	s.add(e, rollout.EventGatePassed, s.status.Step, text, map[string]any{"gate": s.closure.Gate, "override": true}).Actor = c.Actor
	s.closure = nil
}
