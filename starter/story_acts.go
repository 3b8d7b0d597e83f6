package main

import (
	"fmt"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

// completed tells of an activity that answered.
func (s *story) completed(e *historypb.HistoryEvent, one act, result *commonpb.Payloads) error {
	if hookID.MatchString(one.ID) {
		return s.hooked(e, one, result)
	}
	switch one.Type {
	case "Admit":
		return s.admitted(e, result)
	case "AdmitFleet":
		return s.fleetAdmitted(e, result)
	case "AwaitTurn":
		return s.unitTurned(e, one, result)
	case "Authorize":
		return s.authorized(one, result)
	case "Snapshot":
		return s.snapshot(e, result)
	case "Gate":
		return s.gateWaited(e, one, result)
	case "Preflight":
		return s.preflight(e, result)
	case "Deploy":
		return s.deployed(e, one, result)
	case "SetTraffic":
		return s.weightSet(e, one, result)
	case "VerifyTraffic":
		return s.weightObserved(e, one, result)
	case "Observe":
		if err := s.window(e, one, result); err != nil {
			return err
		}
		return s.gateWaited(e, one, result)
	case "Promote":
		return s.promoted(e, result)
	case "SetFlags", "SetCohort":
		if err := s.gateWaited(e, one, result); err != nil || s.closure != nil {
			return err
		}
		return s.switched(e, one)
	case "RestoreFlags":
		return s.flagged(e, one)
	case "RestoreCohorts":
		return s.sentCohorts(e, one)
	case "VerifyHealth":
		return s.healthRestored(e, result)
	case "Compare":
		return s.compared(e, result)
	case "Remove":
		return s.cleanedUp(e, one, result)
	}
	return nil
}

// canceled tells of an activity that was stopped: a window hands over what it had
// seen. One that no worker had begun saw nothing: the server says so, in a text.
func (s *story) canceled(e *historypb.HistoryEvent, one act, details *commonpb.Payloads) error {
	var text string
	if one.Type != "Observe" || len(details.GetPayloads()) == 0 || s.decode(details, &text) == nil {
		return nil
	}
	return s.window(e, one, details)
}

func (s *story) admitted(e *historypb.HistoryEvent, result *commonpb.Payloads) error {
	var out admission
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
	s.aborters = p.Abort
	s.plan, s.status.Steps, s.status.PlanDigest, s.status.Warnings = p, len(p.Steps), p.Digest, p.Warnings
	text := fmt.Sprintf("plan with %s admitted", count(len(p.Steps), "step"))
	line := s.add(e, rollout.EventAdmitted, 0, text, map[string]any{"planDigest": p.Digest, "steps": len(p.Steps), "events": p.Events, "warnings": list(p.Warnings)})
	notePolicy(line.Data, out.Policy)
	s.closes(e, 0, out.Closed)
	return nil
}

func (s *story) refused(e *historypb.HistoryEvent, cause rollout.Cause, reason string, problems []string) *rollout.Event {
	return s.add(e, rollout.EventRefused, 0, fmt.Sprintf("refused (%s): %s", cause, reason),
		map[string]any{"cause": cause, "problems": list(problems), "reason": reason})
}

func (s *story) snapshot(e *historypb.HistoryEvent, result *commonpb.Payloads) error {
	var out snapshotOutput
	if err := s.decode(result, &out); err != nil {
		return err
	}
	if out.Cause != "" {
		s.refused(e, out.Cause, out.Reason, []string{out.Reason})
		return nil
	}
	s.status.Baseline = out.Snapshot.Baseline
	text := out.Snapshot.Baseline + " serves everything"
	if out.Snapshot.Baseline == "" {
		text = "nothing serves yet: this is a first release"
		s.firstRelease()
	}
	s.add(e, rollout.EventSnapshot, 0, text, map[string]any{"baseline": out.Snapshot.Baseline, "split": out.Snapshot.Split, "replicas": out.Snapshot.Replicas})
	return nil
}

// firstRelease takes the one-step plan that a service without a baseline gets.
func (s *story) firstRelease() {
	if len(s.plan.Steps) > 0 {
		s.plan = s.plan.FirstRelease()
		s.status.Steps = len(s.plan.Steps)
	}
}

func (s *story) preflight(e *historypb.HistoryEvent, result *commonpb.Payloads) error {
	var out preflightOutput
	if err := s.decode(result, &out); err != nil {
		return err
	}
	text := "going back is possible"
	if len(out.Problems) > 0 {
		text = "going back may not be possible: " + strings.Join(out.Problems, "; ")
	}
	if out.Cause == rollout.CausePolicy {
		text = "going back is possible, but the checks may not come to a verdict: " + strings.Join(out.Problems, "; ")
	}
	s.status.Warnings = append(s.status.Warnings, out.Warnings...)
	s.add(e, rollout.EventPreflight, 0, text, map[string]any{"problems": list(out.Problems), "warnings": list(out.Warnings)})
	if len(out.Problems) > 0 {
		s.refused(e, orElse(out.Cause, rollout.CauseDirty), strings.Join(out.Problems, "; "), out.Problems)
	}
	return nil
}

func (s *story) deployed(e *historypb.HistoryEvent, one act, result *commonpb.Payloads) error {
	var (
		in  deployInput
		out deployOutput
	)
	if err := s.decode(one.Input, &in); err != nil {
		return err
	}
	if err := s.decode(result, &out); err != nil {
		return err
	}
	if out.Platform != "" {
		s.add(e, rollout.EventDrift, 0, "the platform acted by itself: "+out.Platform, map[string]any{"platform": out.Platform})
		return nil
	}
	version := orElse(in.Candidate, s.status.Candidate)
	text := version + " deployed and ready"
	if out.Ready > 0 {
		text += fmt.Sprintf(", %d of it", out.Ready)
	}
	s.add(e, rollout.EventDeployed, 0, text, map[string]any{"version": version, "ready": out.Ready, "endpoints": list(out.Endpoints)})
	return nil
}

func (s *story) promoted(e *historypb.HistoryEvent, result *commonpb.Payloads) error {
	var out promoteOutput
	if err := s.decode(result, &out); err != nil {
		return err
	}
	if out.PlatformRolledBack {
		s.add(e, rollout.EventDrift, 0, "the platform went back to "+out.Primary+" by itself: "+out.Reason, map[string]any{"primary": out.Primary, "reason": out.Reason})
		return nil
	}
	s.primary = ""
	s.add(e, rollout.EventPromoted, 0, out.Primary+" is the primary version", map[string]any{"version": out.Primary})
	return nil
}

func (s *story) healthRestored(e *historypb.HistoryEvent, result *commonpb.Payloads) error {
	var out reasonOutput
	if err := s.decode(result, &out); err != nil {
		return err
	}
	if len(out.Drift) > 0 {
		s.splitLost(e, out.Drift, out.Reason)
		return nil
	}
	s.points.health = e.GetEventTime().AsTime()
	text := "the baseline is healthy"
	if out.Reason != "" {
		text += ": " + out.Reason
	}
	s.add(e, rollout.EventHealthRestored, 0, text, map[string]any{"reason": out.Reason})
	return nil
}

func (s *story) compared(e *historypb.HistoryEvent, result *commonpb.Payloads) error {
	var out compareOutput
	if err := s.decode(result, &out); err != nil {
		return err
	}
	if len(out.Split) > 0 {
		s.status.Weight, s.drifted = out.Split[s.status.Candidate], out.Split
	}
	text := "everything is as before the rollout"
	if len(out.Differences) > 0 {
		text = "not as before the rollout: " + strings.Join(out.Differences, "; ")
	}
	s.add(e, rollout.EventCompared, 0, text, map[string]any{"differences": list(out.Differences)})
	return nil
}

func (s *story) cleanedUp(e *historypb.HistoryEvent, one act, result *commonpb.Payloads) error {
	var (
		in  removeInput
		out removeOutput
	)
	if err := s.decode(one.Input, &in); err != nil {
		return err
	}
	if err := s.decode(result, &out); err != nil {
		return err
	}
	switch {
	case out.Busy:
		return nil // what comes of it is told
	case out.Primary != "":
		s.primaryLost(e, out)
		return nil
	case len(out.Drift) > 0:
		s.splitLost(e, out.Drift, out.Reason)
		return nil
	case len(out.Differences) > 0:
		s.add(e, rollout.EventCompared, 0, out.Reason, map[string]any{"differences": out.Differences})
		return nil
	}
	text := in.Version + " removed"
	if out.Reason != "" {
		text += ": " + out.Reason
	}
	s.add(e, rollout.EventCleanedUp, 0, text, map[string]any{"version": in.Version, "reason": out.Reason})
	return nil
}

// splitLost tells of a split that is not the one that was put back, or promoted: once for
// as long as it stays the same.
func (s *story) splitLost(e *historypb.HistoryEvent, split rollout.Split, why string) {
	s.status.Weight = split[s.status.Candidate]
	if !split.Equal(s.drifted) {
		s.drift(e, 0, why, split)
	}
	s.drifted = split
}

// primaryLost tells of another primary version than the promoted one in the same way,
// and of a split that was lost with it.
func (s *story) primaryLost(e *historypb.HistoryEvent, out removeOutput) {
	data := map[string]any{"primary": out.Primary}
	news := out.Primary != s.primary
	if len(out.Drift) > 0 {
		data["observed"] = out.Drift
		news = news || !out.Drift.Equal(s.drifted)
		s.status.Weight, s.drifted = out.Drift[s.status.Candidate], out.Drift
	}
	if news {
		s.add(e, rollout.EventDrift, 0, out.Reason, data)
	}
	s.primary = out.Primary
}

// list is never null in JSON.
func list(items []string) []string { return append([]string{}, items...) }

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
