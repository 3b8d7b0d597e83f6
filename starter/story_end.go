package main

import (
	"fmt"
	"strings"

	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

func (s *story) ended(e *historypb.HistoryEvent) error {
	result, _, err := resultOf(s.converter, e)
	if err != nil {
		return err
	}
	if how, cutOff := strings.CutSuffix(result.Reason, nothingPutBack); cutOff && s.fleet {
		s.cutOff = true
		result.Reason = how + ": its units are cancelled, and go back by themselves"
	}
	s.status = complete(result, s.status)
	s.status.TimeToRestore = s.points.timed(s.status.TimeToRestore)
	text := string(s.status.Outcome)
	if s.status.Reason != "" {
		text += ": " + s.status.Reason
	}
	data := map[string]any{"outcome": s.status.Outcome, "reason": s.status.Reason}
	if s.status.Cause != "" {
		data["cause"] = s.status.Cause
	}
	if s.status.TimeToRestore != nil {
		data["timeToRestore"] = s.status.TimeToRestore
	}
	if s.status.TimeToRestore != nil && s.status.Outcome != rollout.Failed {
		text += fmt.Sprintf(" (baseline back in %s)", brief(s.status.TimeToRestore.Total.Std()))
	}
	s.add(e, rollout.EventEnded, 0, text, data).Actor = s.status.Actor
	return nil
}

// complete fills what the result leaves open, as that of a run that was cut
// off does, from where the run stood before.
func complete(result, before rollout.Status) rollout.Status {
	result.WorkflowID = orElse(result.WorkflowID, before.WorkflowID)
	result.RunID = orElse(result.RunID, before.RunID)
	result.Target = orElse(result.Target, before.Target)
	result.Phase = orElse(result.Phase, rollout.PhaseCompleted)
	result.Baseline = orElse(result.Baseline, before.Baseline)
	result.Candidate = orElse(result.Candidate, before.Candidate)
	result.PlanDigest = orElse(result.PlanDigest, before.PlanDigest)
	result.StartedBy = orElse(result.StartedBy, before.StartedBy)
	if result.StartedAt.IsZero() {
		result.StartedAt = before.StartedAt
	}
	if result.Outcome == rollout.Failed && result.Steps == 0 {
		result.Weight, result.Step, result.Steps = before.Weight, before.Step, before.Steps
	}
	if result.Units == nil {
		result.Units, result.Wave, result.Waves = before.Units, before.Wave, before.Waves
	}
	if result.Overrides == nil {
		result.Overrides = before.Overrides
	}
	if result.Checks == nil {
		result.Checks = before.Checks
	}
	return result
}
