package main

import (
	"slices"
	"strings"

	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

// concerned notes a concern, or that it was withdrawn; so many as the policy says
// turn the rollout back.
func (s *story) concerned(e *historypb.HistoryEvent, c rollout.Command) {
	member := orElse(s.votes[c.ID].Member, strings.ToLower(c.Actor))
	s.status.Concerns = slices.DeleteFunc(slices.Clone(s.status.Concerns), func(one rollout.Concern) bool { return one.Member == member })
	if c.Withdraw {
		return
	}
	at := e.GetEventTime().AsTime()
	s.status.Concerns = append(s.status.Concerns, rollout.Concern{Member: member, Actor: c.Actor, Reason: c.Reason, At: at})
	if !s.plan.Spec.Policy.Concerns.TakesBack(s.status.Concerns) {
		return
	}
	s.back, s.gate = true, nil
	s.points.turn(at)
	reason := rollout.ConcernsText(s.status.Concerns)
	s.add(e, rollout.EventBreach, s.status.Step, "go back: "+reason, map[string]any{"cause": rollout.CauseConcern, "reason": reason})
}
