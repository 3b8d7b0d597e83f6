package main

import (
	"fmt"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

func (s *story) weightSet(e *historypb.HistoryEvent, one act, result *commonpb.Payloads) error {
	var (
		in  trafficInput
		out setTrafficOutput
	)
	if err := s.decode(one.Input, &in); err != nil {
		return err
	}
	if err := s.decode(result, &out); err != nil {
		return err
	}
	step := orElse(in.Step, stepOf(one.ID))
	if s.closes(e, step, out.Closed); out.Closed != nil || out.Unready != "" {
		return nil // nothing was written
	}
	if out.Refused != "" {
		s.add(e, rollout.EventHeld, step, "nothing was written: "+out.Decision.Reason, map[string]any{"reason": out.Decision.Reason})
		return nil
	}
	if out.Conflict {
		s.drift(e, step, "a foreign split is in force, nothing was written: "+out.Observed.String(), out.Observed)
		return nil
	}
	s.owned(one.ID, step)
	weight := out.Split[s.status.Candidate]
	if weight == 0 && out.Observed.Equal(out.Split) {
		return nil // a ring of a cohort: no weight was written
	}
	if s.inForce.Equal(out.Split) && out.Observed.Equal(out.Split) {
		return nil // the promotion of what has everything already
	}
	text, data := fmt.Sprintf("%s to %s set", weight, s.status.Candidate), map[string]any{"weight": weight, "split": out.Split}
	if in.Why != "" {
		text += ": " + in.Why
		data["why"] = in.Why
	}
	text += ownedBy(s.status.StepOwner)
	if s.status.StepOwner != "" {
		data["owner"] = s.status.StepOwner
	}
	s.add(e, rollout.EventWeightSet, step, text, data)
	return nil
}

// owned notes who answers for what a write is for.
func (s *story) owned(id string, step int) {
	switch {
	case step > 0 && step <= len(s.plan.Steps):
		s.status.StepOwner = s.plan.Steps[step-1].Owner
	case strings.HasPrefix(id, "promote.traffic"):
		s.status.StepOwner = orElse(s.plan.PromoteOwner, s.status.StepOwner)
	}
}

func (s *story) drift(e *historypb.HistoryEvent, step int, text string, observed rollout.Split) {
	s.inForce = nil
	s.add(e, rollout.EventDrift, step, text, map[string]any{"observed": observed})
}

// weightObserved tells that a split is in force; one that did not come into
// force in time is told by what the rollout does next.
func (s *story) weightObserved(e *historypb.HistoryEvent, one act, result *commonpb.Payloads) error {
	var (
		in  trafficInput
		out verifyTrafficOutput
	)
	if err := s.decode(one.Input, &in); err != nil {
		return err
	}
	if err := s.decode(result, &out); err != nil || !out.Verified {
		return err
	}
	weight := out.Observed[s.status.Candidate]
	s.status.Weight, s.drifted, s.inForce = weight, nil, out.Observed
	data := map[string]any{"weight": weight, "observed": out.Observed}
	if strings.HasPrefix(one.ID, "restore") {
		s.points.traffic = e.GetEventTime().AsTime()
		s.add(e, rollout.EventTrafficRestored, 0, "traffic is back: "+out.Observed.String(), data)
		return nil
	}
	s.status.Step = max(s.status.Step, stepOf(one.ID))
	s.status.Steps = max(s.status.Steps, s.status.Step)
	s.add(e, rollout.EventWeightObserved, orElse(in.Step, stepOf(one.ID)), fmt.Sprintf("%s to %s observed", weight, s.status.Candidate), data)
	return nil
}
