package main

import (
	"errors"
	"fmt"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

// fleetSubmitted begins the story of a fleet.
func (s *story) fleetSubmitted(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionStartedEventAttributes) error {
	var order rollout.FleetOrder
	if err := s.decode(a.GetInput(), &order); err != nil {
		return err
	}
	spec := order.Spec
	version := spec.Rollout.Release.Version
	s.fleet = true
	s.status.Target, s.status.Candidate = spec.Key().String(), version
	s.status.StartedBy, s.status.StartedAt = order.Actor, e.GetEventTime().AsTime()
	text := fmt.Sprintf("%s asked for %s in %s of %s", rollout.NameOf(order.Actor), orElse(version, "releases"), count(len(spec.Units), "unit"), s.status.Target)
	if order.Reason != "" {
		text += ": " + order.Reason
	}
	data := map[string]any{"version": version, "reason": order.Reason, "units": len(spec.Units)}
	if order.Override {
		text, data["override"] = text+" (break-glass override)", true
	}
	noteSignature(data, order.Statement, order.Signature)
	line := s.add(e, rollout.EventSubmitted, 0, text, data)
	line.Actor = order.Actor
	starterOf(e, a).note(line)
	return nil
}

// fleetAdmitted tells of the fleet's plan.
func (s *story) fleetAdmitted(e *historypb.HistoryEvent, result *commonpb.Payloads) error {
	var out fleetAdmission
	if err := s.decode(result, &out); err != nil {
		return err
	}
	if out.Cause != "" {
		problems := rollout.Texts(out.Problems)
		notePolicy(s.refused(e, out.Cause, strings.Join(problems, "; "), problems).Data, out.Policy)
		return nil
	}
	noteSigner(s.lines[0].Data, out.Signer)
	p := out.Plan
	s.recovers, s.patient, s.aborters = p.Recovers, p.Patient, p.Abort
	s.status.Waves, s.status.Steps, s.status.PlanDigest, s.status.Warnings = len(p.Waves), len(p.Waves), p.Digest, p.Warnings
	for _, u := range p.Units {
		s.status.Units = append(s.status.Units, rollout.UnitStatus{Unit: u.Unit, Target: u.Target, Wave: u.Wave, Phase: rollout.PhasePending})
	}
	line := s.add(e, rollout.EventAdmitted, 0, fmt.Sprintf("plan with %s in %s admitted", count(len(p.Units), "unit"), count(len(p.Waves), "wave")),
		map[string]any{"planDigest": p.Digest, "units": len(p.Units), "waves": p.Waves, "events": p.Events, "warnings": list(p.Warnings)})
	notePolicy(line.Data, out.Policy)
	return nil
}

// tellUnits tells of the rollouts of units, as a fleet's history has them.
func (s *story) tellUnits(e *historypb.HistoryEvent) error {
	if !s.fleet {
		return nil
	}
	switch a := e.GetAttributes().(type) {
	case *historypb.HistoryEvent_ChildWorkflowExecutionStartedEventAttributes:
		run := a.ChildWorkflowExecutionStartedEventAttributes.GetWorkflowExecution()
		s.unitStarted(e, s.unit(run), run.GetRunId())
	case *historypb.HistoryEvent_ChildWorkflowExecutionCompletedEventAttributes:
		done := a.ChildWorkflowExecutionCompletedEventAttributes
		var result rollout.Status
		if err := s.decode(done.GetResult(), &result); err != nil {
			return err
		}
		s.unitEnded(e, s.unit(done.GetWorkflowExecution()), result)
	case *historypb.HistoryEvent_ChildWorkflowExecutionFailedEventAttributes:
		failed := a.ChildWorkflowExecutionFailedEventAttributes
		result, err := failedStatus(s.converter, failed.GetFailure())
		if err != nil {
			return err
		}
		s.unitEnded(e, s.unit(failed.GetWorkflowExecution()), s.cutOffUnit(result, failed.GetFailure()))
	case *historypb.HistoryEvent_ChildWorkflowExecutionTerminatedEventAttributes:
		s.unitEnded(e, s.unit(a.ChildWorkflowExecutionTerminatedEventAttributes.GetWorkflowExecution()), s.cutOffUnit(rollout.Status{}, nil))
	case *historypb.HistoryEvent_ChildWorkflowExecutionTimedOutEventAttributes:
		s.unitEnded(e, s.unit(a.ChildWorkflowExecutionTimedOutEventAttributes.GetWorkflowExecution()), s.cutOffUnit(rollout.Status{}, nil))
	case *historypb.HistoryEvent_ChildWorkflowExecutionCanceledEventAttributes:
		s.unitEnded(e, s.unit(a.ChildWorkflowExecutionCanceledEventAttributes.GetWorkflowExecution()), s.cutOffUnit(rollout.Status{}, nil))
	case *historypb.HistoryEvent_StartChildWorkflowExecutionFailedEventAttributes:
		s.unitHeld(e, a.StartChildWorkflowExecutionFailedEventAttributes.GetWorkflowId(), s.patient)
	}
	return nil
}

// unitHeld tells that somebody else's rollout holds the id of a unit: one that may
// still be refused, or one that the unit does not wait for.
func (s *story) unitHeld(e *historypb.HistoryEvent, workflowID string, waits bool) {
	u := s.unit(&commonpb.WorkflowExecution{WorkflowId: workflowID})
	switch {
	case u == nil:
	case waits:
		s.add(e, rollout.EventGateWaiting, u.Wave, u.Target+" waits: an order that was started beside the fleet holds its id",
			map[string]any{"unit": u.Unit, "wave": u.Wave})
	default:
		s.unitEnded(e, u, rollout.Status{Outcome: rollout.Refused, Cause: rollout.CauseRunning, Reason: "it has a running rollout already"})
	}
}

// unitTurned tells of a unit that waited in vain for its id.
func (s *story) unitTurned(e *historypb.HistoryEvent, one act, result *commonpb.Payloads) error {
	var in struct {
		WorkflowID string `json:"workflowId"`
	}
	var out struct {
		HeldBy string `json:"heldBy"`
	}
	if err := errors.Join(s.decode(one.Input, &in), s.decode(result, &out)); err != nil {
		return err
	}
	if out.HeldBy != "" {
		s.unitHeld(e, in.WorkflowID, false)
	}
	return nil
}

// unitStarted tells that a unit begins, or that what it had changed before it
// was cut off is being put back.
func (s *story) unitStarted(e *historypb.HistoryEvent, u *rollout.UnitStatus, runID string) {
	if u == nil {
		return
	}
	text, data := u.Target+" begins", map[string]any{"unit": u.Unit, "wave": u.Wave, "runId": runID}
	u.Phase = rollout.PhaseRunning
	if u.Outcome != "" {
		text, data["recovers"] = u.Target+" is put back", u.RunID
		u.Phase, u.Outcome = rollout.PhaseRollingBack, ""
	}
	u.RunID = runID
	s.status.Wave = max(s.status.Wave, u.Wave)
	s.add(e, rollout.EventUnitStarted, u.Wave, text, data)
}

// cutOffUnit is the end of a unit's rollout that failed, or was ended from outside.
func (s *story) cutOffUnit(result rollout.Status, f *failurepb.Failure) rollout.Status {
	if result.Outcome != "" {
		return result
	}
	result.Outcome, result.Reason = rollout.Failed, "ended from outside"
	if f != nil {
		result.Reason = "its workflow failed (" + f.GetMessage() + ")"
	}
	if !s.recovers {
		result.Reason += ": nothing was put back"
	}
	return result
}

func (s *story) unitEnded(e *historypb.HistoryEvent, u *rollout.UnitStatus, result rollout.Status) {
	if u == nil {
		return
	}
	u.Phase, u.Outcome, u.Cause, u.Reason, u.Weight, u.Kept = rollout.PhaseCompleted, result.Outcome, result.Cause, result.Reason, result.Weight, false
	line := unitEndedLine(*u)
	s.add(e, line.Kind, line.Step, line.Text, line.Data)
}

// unitEndedLine tells how a unit ended; the time of it is still missing.
func unitEndedLine(u rollout.UnitStatus) rollout.Event {
	data := map[string]any{"unit": u.Unit, "wave": u.Wave, "outcome": u.Outcome, "reason": u.Reason, "runId": u.RunID}
	if u.Cause != "" {
		data["cause"] = u.Cause
	}
	return rollout.Event{Kind: rollout.EventUnitEnded, Step: u.Wave, Text: fmt.Sprintf("%s %s: %s", u.Target, u.Outcome, u.Reason), Data: data}
}

// unit finds the unit whose rollout an execution is; nil: of none, such as the
// workflows that tell people.
func (s *story) unit(of *commonpb.WorkflowExecution) *rollout.UnitStatus {
	target := targetOf(run{of.GetWorkflowId(), of.GetRunId()})
	for i := range s.status.Units {
		if s.status.Units[i].Target == target {
			return &s.status.Units[i]
		}
	}
	return nil
}

// reported takes in what a unit told its fleet.
func (s *story) reported(e *historypb.HistoryEvent, input *commonpb.Payloads) error {
	var report rollout.UnitReport
	if err := s.decode(input, &report); err != nil {
		return err
	}
	u := s.unit(&commonpb.WorkflowExecution{WorkflowId: rollout.WorkflowIDOf(report.Target)})
	if u == nil {
		return nil
	}
	u.Phase, u.Kept, u.Reason = report.Phase, report.Kept, report.Reason
	if report.Kept {
		u.Weight = rollout.All
		s.add(e, rollout.EventUnitKept, u.Wave, u.Target+" "+report.Reason, map[string]any{"unit": u.Unit, "wave": u.Wave, "runId": report.RunID})
	}
	return nil
}

// heard tells of an order that a fleet gave to this unit.
func (s *story) heard(e *historypb.HistoryEvent, input *commonpb.Payloads) error {
	var w rollout.Word
	if err := s.decode(input, &w); err != nil {
		return err
	}
	switch w.Say {
	case rollout.SayAbort:
		s.command(e, w.Command, sender{})
		s.obeyAbort(len(s.lines) - 1)
	case rollout.SayPause, rollout.SayResume:
		s.command(e, w.Command, sender{})
		s.answer(len(s.lines)-1, rollout.Answer{Answer: rollout.Accepted})
		s.obeyed(e, w.Command)
	}
	return nil
}

// waited tells of the time between two waves, or before one unit.
func (s *story) waited(e *historypb.HistoryEvent) {
	text := ""
	if summary := e.GetUserMetadata().GetSummary(); summary != nil {
		_ = s.converter.FromPayload(summary, &text) // a sentence that cannot be read is only missing
	}
	if !s.fleet || !strings.HasPrefix(text, "wait ") {
		return
	}
	wave := s.status.Wave + 1
	for _, u := range s.status.Units {
		if strings.Contains(text, " before "+u.Unit+", ") {
			wave = u.Wave
		}
	}
	s.add(e, rollout.EventGateWaiting, wave, text, map[string]any{"wave": wave})
}
