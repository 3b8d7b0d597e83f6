package main

import (
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"

	"bakeoff/rollout"
)

// executionOf reads what Temporal tells of a run. Attributes that are missing
// or of another type stay empty.
func executionOf(info *workflowpb.WorkflowExecutionInfo) execution {
	e := execution{
		run:     run{info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId()},
		Status:  info.GetStatus(),
		Parent:  run{info.GetParentExecution().GetWorkflowId(), info.GetParentExecution().GetRunId()},
		Started: info.GetStartTime().AsTime(),
	}
	if info.GetCloseTime() != nil {
		at := info.GetCloseTime().AsTime()
		e.Closed = &at
	}
	e.attributes(info.GetSearchAttributes())
	e.Broken = e.Status == enumspb.WORKFLOW_EXECUTION_STATUS_FAILED && e.Outcome != rollout.Failed
	if !e.open() && e.Status != enumspb.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED {
		e.Phase = rollout.PhaseCompleted
		if e.cutOff() {
			e.Outcome = rollout.Failed
		}
	}
	return e
}

// cutOff reports whether the run was ended from outside, so that it could not
// put anything back.
func (e execution) cutOff() bool {
	switch e.Status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return true
	}
	return e.Broken
}

func (e *execution) attributes(from *commonpb.SearchAttributes) {
	for name, into := range map[string]any{
		rollout.AttributeTarget:      &e.Target,
		rollout.AttributeService:     &e.Service,
		rollout.AttributeEnvironment: &e.Environment,
		rollout.AttributeCandidate:   &e.Candidate,
		rollout.AttributePhase:       (*string)(&e.Phase),
		rollout.AttributeOutcome:     (*string)(&e.Outcome),
		rollout.AttributeWaitingFor:  &e.WaitingFor,
		rollout.AttributeStep:        &e.Step,
		rollout.AttributeWeight:      (*int)(&e.Weight),
		rollout.AttributeNeedsHuman:  &e.NeedsHuman,
	} {
		decodeAttribute(from, name, into)
	}
}

// decodeAttribute reads one attribute. What is missing leaves the value as it
// is; what was removed makes it zero.
func decodeAttribute(from *commonpb.SearchAttributes, name string, into any) {
	if payload, found := from.GetIndexedFields()[name]; found {
		// Attributes are never encoded by a codec; what does not fit stays zero.
		_ = converter.GetDefaultDataConverter().FromPayload(payload, into)
	}
}

// status is what can be said of the run without any worker.
func (e execution) status() rollout.Status {
	s := rollout.Status{
		Target: e.Target, WorkflowID: e.WorkflowID, RunID: e.RunID,
		Phase: e.Phase, Outcome: e.Outcome, Candidate: e.Candidate,
		Weight: e.Weight, Step: e.Step, WaitingFor: e.WaitingFor,
		Paused:    e.WaitingFor == rollout.WaitingForPause,
		StartedAt: e.Started, EndedAt: e.Closed, Stale: true,
	}
	if !e.open() {
		return s
	}
	s.Outcome = "" // what is decided is reached only at its end
	if e.NeedsHuman {
		s.Phase = rollout.PhaseNeedsHuman
	}
	return s
}
