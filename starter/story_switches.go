package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

// flagged tells of flags that were moved with the release, or back with it.
func (s *story) flagged(e *historypb.HistoryEvent, one act) error {
	var in flagsInput
	if err := s.decode(one.Input, &in); err != nil {
		return err
	}
	names := strings.Join(slices.Sorted(maps.Keys(in.Flags)), ", ")
	kind, text := rollout.EventDeployed, "flags of "+s.status.Candidate+" set: "+names
	if strings.HasPrefix(one.ID, "restore") {
		kind, text = rollout.EventRestoring, "flags are back: "+names
	}
	s.add(e, kind, 0, text, map[string]any{"flags": in.Flags})
	return nil
}

// switched tells of flags, or of a cohort, that the candidate brought.
func (s *story) switched(e *historypb.HistoryEvent, one act) error {
	if one.Type == "SetFlags" {
		return s.flagged(e, one)
	}
	return s.sentCohorts(e, one)
}

// sentCohorts tells of a cohort that was given the candidate, and of rules that
// are gone again.
func (s *story) sentCohorts(e *historypb.HistoryEvent, one act) error {
	var in cohortsInput
	if err := s.decode(one.Input, &in); err != nil {
		return err
	}
	if one.Type == "SetCohort" {
		data := map[string]any{"cohort": in.Cohort}
		if s.status.StepOwner != "" {
			data["owner"] = s.status.StepOwner
		}
		s.add(e, rollout.EventCohortSet, in.Step, fmt.Sprintf("cohort %s sent to %s%s", in.Cohort, s.status.Candidate, ownedBy(s.status.StepOwner)), data)
		return nil
	}
	kind := rollout.EventCleanedUp
	if strings.HasPrefix(one.ID, "restore") {
		kind = rollout.EventRestoring
	}
	s.add(e, kind, 0, "no rule of these cohorts is left: "+strings.Join(in.Cohorts, ", "), map[string]any{"cohorts": list(in.Cohorts)})
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
