package main

import (
	"fmt"

	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

// gate is an approval that is being waited for.
type gate struct {
	step   int    // that will be taken; steps+1 is promotion
	policy bool   // it is what the environment asks, besides the step's own
	by     string // whose it is, where both ask before the step
	ask    rollout.Approval
	votes  []rollout.Vote
}

// voted counts a vote; the one that makes the quorum opens the gate.
func (s *story) voted(e *historypb.HistoryEvent, c rollout.Command) {
	if s.gate == nil {
		return
	}
	vote := s.votes[c.ID]
	vote.Member = orElse(vote.Member, c.Actor)
	s.gate.votes = append(s.gate.votes, vote)
	if c.Override {
		s.opened(e, c, "passed by override of "+rollout.NameOf(c.Actor)+": "+c.Reason)
	} else if filled, _ := s.gate.ask.Count(s.gate.votes); filled >= s.gate.ask.Quorum {
		s.opened(e, c, fmt.Sprintf("approved by %s of %d, last by %s", count(filled, "vote"), s.gate.ask.Quorum, rollout.NameOf(c.Actor)))
	}
}

// opened tells that a gate was opened by a vote.
func (s *story) opened(e *historypb.HistoryEvent, c rollout.Command, text string) {
	data := s.gate.data()
	if c.Override {
		data["override"] = true
	}
	s.add(e, rollout.EventGatePassed, s.gate.step, text+s.gate.asker(), data).Actor = c.Actor
	s.closed()
}

// data tells two approvals of a step apart for programs, and asker for people.
func (g *gate) data() map[string]any {
	if g.by == "" {
		return map[string]any{}
	}
	return map[string]any{"askedBy": g.by}
}

func (g *gate) asker() string {
	if g.by == "" {
		return ""
	}
	return ": what the " + g.by + " asks"
}

// closed leaves the gate behind: what waits next waits for a later step, or for
// the step's own approval after that of the environment.
func (s *story) closed() {
	if s.policyPassed = s.policyPassed || s.gate.policy; !s.gate.policy {
		s.gated = s.gate.step
	}
	s.gate = nil
}

// waitsFor opens a gate. A pause or a hold in between leaves it as it is.
func (s *story) waitsFor(e *historypb.HistoryEvent, what string) {
	if what != rollout.WaitingForApproval || s.gate != nil {
		return
	}
	s.leaves(e)
	step, policy, approval := s.nextGate()
	s.gate = &gate{step: step, policy: policy, by: s.askedBy(step, policy), ask: rollout.Approval{Quorum: 1}}
	data := s.gate.data()
	data["step"] = step
	text := "waiting for an approval of " + s.raise(step)
	if approval != nil {
		s.gate.ask = approval.WithDefaults()
		if policy {
			text += ", as the environment wants"
		}
		text += ": " + asked(approval)
		data["approval"] = approval
	}
	s.add(e, rollout.EventGateWaiting, step, text, data)
}

// askedBy says whose approval it is, where the environment and the spec both ask
// before a step.
func (s *story) askedBy(step int, policy bool) string {
	switch {
	case policy:
		return rollout.AskedByEnvironment
	case step <= len(s.plan.Steps) && s.plan.Steps[step-1].PolicyApprove != nil:
		return rollout.AskedBySpec
	}
	return ""
}

// nextGate is the step that an approval is asked before: the first that asks
// for one and was neither taken nor asked for yet. Bakes that are skipped do not
// count as taken, and the weights of an adaptive plan are not known in advance.
func (s *story) nextGate() (step int, policy bool, asks *rollout.Approval) {
	for _, step := range s.plan.Steps {
		switch {
		case step.Number <= max(s.status.Step, s.gated):
		case step.PolicyApprove != nil && !s.policyPassed:
			return step.Number, true, step.PolicyApprove
		case step.Approve != nil:
			return step.Number, false, step.Approve
		}
	}
	return max(len(s.plan.Steps), s.status.Step) + 1, false, s.plan.Promote
}

// raise is what taking a step means.
func (s *story) raise(step int) string {
	if step > len(s.plan.Steps) {
		return "the promotion"
	}
	return s.plan.Steps[step-1].Raise()
}

// raised tells that the rollout goes on past a gate although the votes were not
// there: nobody answered in time, and that is what the plan says then.
func (s *story) raised(e *historypb.HistoryEvent) {
	if s.gate != nil {
		s.add(e, rollout.EventGatePassed, s.gate.step, "nobody answered in time: goes on, as the plan says"+s.gate.asker(), s.gate.data())
		s.closed()
	}
}

// turned tells why the rollout goes back where nothing else has told it: its
// schedule is over, or, where a gate is open, nobody approved in time.
func (s *story) turned(e *historypb.HistoryEvent) {
	schedule := s.plan.Spec.Schedule
	switch end := schedule.End(); {
	case s.back || s.aborted:
	case !end.IsZero() && !e.GetEventTime().AsTime().Before(end):
		s.add(e, rollout.EventGateRefused, s.status.Step, "go back: "+schedule.Ended(), map[string]any{"gate": rollout.GateSchedule, "until": end})
	case s.gate != nil:
		s.add(e, rollout.EventGateRefused, s.gate.step, "nobody approved "+s.raise(s.gate.step)+" in time"+s.gate.asker(), s.gate.data())
	}
	s.gate, s.back = nil, true
}
