package main

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"

	"bakeoff/rollout"
)

// nothingPutBack ends the reason of a run that was cut off.
const nothingPutBack = ": nothing was put back"

// resultOf reads how a run ended from the last event of its history. A run
// that was cut off from outside could not put anything back: that is Failed,
// whatever it was doing. next names the run that went on, if one did.
func resultOf(dc converter.DataConverter, last *historypb.HistoryEvent) (result rollout.Status, next string, err error) {
	at := last.GetEventTime().AsTime()
	cutOff := func(how string) rollout.Status {
		return rollout.Status{
			Phase: rollout.PhaseCompleted, Outcome: rollout.Failed, EndedAt: &at,
			Reason: how + nothingPutBack,
		}
	}
	switch a := last.GetAttributes().(type) {
	case *historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes:
		err = decode(dc, a.WorkflowExecutionCompletedEventAttributes.GetResult(), &result)
	case *historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes:
		result, err = failedStatus(dc, a.WorkflowExecutionFailedEventAttributes.GetFailure())
		if err == nil && result.Outcome == "" {
			result = cutOff("the workflow failed (" + a.WorkflowExecutionFailedEventAttributes.GetFailure().GetMessage() + ")")
		}
	case *historypb.HistoryEvent_WorkflowExecutionTerminatedEventAttributes:
		t := a.WorkflowExecutionTerminatedEventAttributes
		result = cutOff(fmt.Sprintf("terminated from outside by %s (%s)", orElse(t.GetIdentity(), "unknown"), orElse(t.GetReason(), "no reason given")))
	case *historypb.HistoryEvent_WorkflowExecutionTimedOutEventAttributes:
		result = cutOff("timed out from outside")
	case *historypb.HistoryEvent_WorkflowExecutionCanceledEventAttributes:
		result = cutOff("canceled from outside")
	case *historypb.HistoryEvent_WorkflowExecutionContinuedAsNewEventAttributes:
		return result, a.WorkflowExecutionContinuedAsNewEventAttributes.GetNewExecutionRunId(), nil
	default:
		return result, "", fmt.Errorf("read the result: the last event is a %s", last.GetEventType())
	}
	if err != nil {
		return result, "", fmt.Errorf("read the result: %w", err)
	}
	if result.EndedAt == nil {
		result.EndedAt = &at
	}
	return result, "", nil
}

// failedStatus reads the status that a failed workflow carries in its failure;
// without one it is zero.
func failedStatus(dc converter.DataConverter, f *failurepb.Failure) (rollout.Status, error) {
	var s rollout.Status
	details := f.GetApplicationFailureInfo().GetDetails()
	if len(details.GetPayloads()) == 0 {
		return s, nil
	}
	return s, decode(dc, details, &s)
}

// decode reads the first of the payloads; none leaves into as it is.
func decode(dc converter.DataConverter, from *commonpb.Payloads, into any) error {
	if len(from.GetPayloads()) == 0 {
		return nil
	}
	return dc.FromPayload(from.GetPayloads()[0], into)
}
