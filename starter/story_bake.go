package main

import (
	"fmt"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

// window tells what one window came to: the evidence first, then what it led to.
func (s *story) window(e *historypb.HistoryEvent, one act, result *commonpb.Payloads) error {
	var (
		in  observeInput
		out observeOutput
	)
	if err := s.decode(one.Input, &in); err != nil {
		return err
	}
	if err := s.decode(result, &out); err != nil {
		return err
	}
	step := stepOf(one.ID)
	s.status.Note(out.Checks, s.plan.Spec.Checks)
	s.add(e, rollout.EventWindow, step, windowText(in, out), windowData(in, out))
	if out.Drift != nil {
		s.drift(e, step, "somebody else changed the weights: "+out.Drift.String(), out.Drift)
	}
	if out.Platform != "" {
		s.add(e, rollout.EventDrift, step, "the platform acted by itself: "+out.Platform, map[string]any{"platform": out.Platform})
	}
	s.decided(e, step, in, out)
	return nil
}

// decided tells what a decision means beyond going on watching. A hold is told
// once, and so is that a step is passed, however many windows say so again while
// the rollout waits.
func (s *story) decided(e *historypb.HistoryEvent, step int, in observeInput, out observeOutput) {
	d := out.Decision
	data := map[string]any{"verdict": d.Verdict, "reason": d.Reason}
	s.passing = nil
	switch d.Action {
	case rollout.RollBack:
		data["cause"], s.back = d.Cause, true
		s.points.turn(e.GetEventTime().AsTime())
		s.add(e, rollout.EventBreach, step, "go back: "+d.Reason, data)
	case rollout.Hold:
		if !s.held {
			s.add(e, rollout.EventHeld, step, "held: "+d.Reason, data)
		}
	case rollout.GoOn:
		if step > 0 && step != s.passed && (!in.Waiting || in.AtEnd) {
			s.passing = &passing{step: step, end: out.End, text: "passed at " + in.who() + unproved(d), data: data}
		}
	}
	s.held = d.Action == rollout.Hold
}

// unproved is why a rollout goes on that has not passed: its policy says so.
func unproved(d rollout.Decision) string {
	if d.Verdict == rollout.Pass || d.Reason == "" {
		return ""
	}
	return ", as the policy says: " + d.Reason
}

// lost tells of a window that nobody watched to its end: without workers, or
// with one that died too often.
func (s *story) lost(e *historypb.HistoryEvent, one act, why *failurepb.Failure) {
	reason := innermost(why)
	if hookID.MatchString(one.ID) {
		s.hookLost(e, one, reason)
		return
	}
	switch one.Type {
	case "Deploy", "SetFlags", "SetCohort", "SetTraffic", "VerifyTraffic", "Promote":
		if s.back || strings.HasPrefix(one.ID, "cleanup") { // it is stopped: why, was told; or it is tried again
			return
		}
		if one.First && isOutOfTime(e, why) {
			return // it is tried again, while those who have the candidate are watched
		}
		s.add(e, rollout.EventRestoring, stepOf(one.ID), fmt.Sprintf("go back: could not %s: %s", orElse(one.Summary, one.ID), reason),
			map[string]any{"act": one.ID, "reason": reason})
		return
	}
	var in observeInput
	if one.Type != "Observe" || s.decode(one.Input, &in) != nil {
		return
	}
	s.add(e, rollout.EventWindow, stepOf(one.ID), fmt.Sprintf("window %d at %s: nobody watched: %s", in.Window, in.who(), reason), map[string]any{
		"window": in.Window, "weight": in.Weight, "start": in.Start, "checks": []rollout.CheckResult{}, "error": reason,
	})
}

// isOutOfTime reports whether an act failed only because its time was up.
func isOutOfTime(e *historypb.HistoryEvent, why *failurepb.Failure) bool {
	return e.GetActivityTaskFailedEventAttributes().GetRetryState() == enumspb.RETRY_STATE_TIMEOUT ||
		e.GetActivityTaskTimedOutEventAttributes() != nil || why.GetTimeoutFailureInfo() != nil
}

func windowData(in observeInput, out observeOutput) map[string]any {
	data := map[string]any{
		"window": in.Window, "weight": in.Weight, "start": in.Start, "end": out.End,
		"checks": append([]rollout.CheckResult{}, out.Checks...), "decision": out.Decision,
		"polls": out.Polls, "digest": out.Digest,
	}
	if out.Unwatched > 0 {
		data["unwatched"] = out.Unwatched
	}
	if len(out.Noted) > 0 {
		data["noted"] = out.Noted
	}
	if out.Raw != "" {
		data["raw"] = out.Raw
	}
	if out.Next != nil {
		data["next"] = out.Next
	}
	return data
}

func windowText(in observeInput, out observeOutput) string {
	var checks []string
	for _, c := range out.Checks {
		checks = append(checks, strings.TrimSpace(c.Name+" "+string(c.Verdict)+" "+effect(c))+advisory(c.Advisory))
	}
	text := fmt.Sprintf("window %d at %s", in.Window, in.who())
	if in.Waiting {
		text = fmt.Sprintf("watched %s meanwhile", in.who())
	}
	if length := out.End.Sub(in.Start); length > 0 && !in.Start.IsZero() {
		text += ", " + brief(length)
	}
	if len(checks) > 0 {
		text += ": " + strings.Join(checks, ", ")
	}
	if out.Unwatched > 0 {
		text += fmt.Sprintf(" (%s of it unwatched)", brief(out.Unwatched.Std()))
	}
	if len(out.Noted) > 0 {
		text += "; meanwhile " + strings.Join(out.Noted, "; ")
	}
	return text
}
