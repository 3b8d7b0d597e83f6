package main

import (
	"fmt"
	"strings"

	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

// cancelActor is who gave an order through Temporal's own cancel.
const cancelActor = "temporal:cancel"

// acceptedCall is an update whose answer is still to come.
type acceptedCall struct {
	command rollout.Command
	name    string
}

// command tells of an order when it arrives, and returns its line; the answer
// is filled in when it comes.
func (s *story) command(e *historypb.HistoryEvent, c rollout.Command, from sender) {
	data := map[string]any{"name": c.Name, "id": c.ID, "reason": c.Reason}
	switch {
	case c.By > 0:
		data["by"] = c.By
	case c.Full:
		data["full"] = true
	case c.Override:
		data["override"] = true
	case c.Digest != "":
		data["step"], data["digest"] = c.Step, c.Digest
	}
	if c.AskedBy != "" {
		data["askedBy"] = c.AskedBy
	}
	name := c.Name
	if c.Withdraw {
		name, data["withdraw"] = name+" withdrawn", true
	}
	if c.Override {
		name, data["override"] = name+" (break-glass override)", true
	}
	if c.To != "" {
		name, data["to"] = name+" to "+c.To, c.To
	}
	if c.Order != "" {
		name, data["order"] = name+" "+c.Order, c.Order
	}
	noteSignature(data, c.Statement, c.Signature)
	line := s.add(e, rollout.EventCommand, 0, fmt.Sprintf("%s: %s: %s", rollout.NameOf(c.Actor), name, orElse(strings.TrimSpace(c.Reason), rollout.Unexplained)), data)
	line.Actor = c.Actor
	from.note(line)
	s.commands[c.ID], s.given[c.ID] = len(s.lines)-1, c
}

// signaled takes what came without an answer: words between fleets and units,
// alerts, who stands behind an update, and aborts.
func (s *story) signaled(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionSignaledEventAttributes) {
	if err := s.signal(e, a); err != nil {
		s.unreadable(e, a, err)
	}
}

func (s *story) signal(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionSignaledEventAttributes) error {
	switch a.GetSignalName() {
	case rollout.SignalUnit:
		return s.reported(e, a.GetInput())
	case rollout.SignalFleet:
		return s.heard(e, a.GetInput())
	case rollout.SignalBreach:
		return s.breached(e, a)
	case rollout.SignalWitness:
		return s.witnesses.hear(s.converter, e, a)
	case rollout.CommandAbort:
		return s.abortStored(e, a)
	}
	return nil
}

func (s *story) answer(line int, a rollout.Answer) {
	data := s.lines[line].Data
	data["answer"] = a.Answer
	delete(data, "why")
	if a.Why != "" {
		data["why"] = a.Why
	}
}

func (s *story) updateAccepted(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionUpdateAcceptedEventAttributes) error {
	call := acceptedCall{name: a.GetAcceptedRequest().GetInput().GetName()}
	if err := s.decode(a.GetAcceptedRequest().GetInput().GetArgs(), &call.command); err != nil {
		return err
	}
	updateID := a.GetAcceptedRequest().GetMeta().GetUpdateId()
	call.command.ID = orElse(call.command.ID, updateID)
	call.command.Name = orElse(call.name, call.command.Name) // what it says of itself decides nothing
	if id := call.command.ID; s.isAnother(call.command) {
		call.command.ID = updateID                     // of another command: on a line of its own
		if call.command.Name == rollout.CommandAbort { // that of its signal
			call.command.ID = reusedID(id, call.command.Actor)
		}
	}
	s.updates[e.GetEventId()] = call
	if _, told := s.commands[call.command.ID]; !told {
		from, err := s.witnesses.of(s.converter, e)
		if err != nil {
			return err
		}
		s.command(e, call.command, from)
	}
	return nil
}

func (s *story) updateCompleted(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionUpdateCompletedEventAttributes) error {
	c, answer, err := s.answerTo(a)
	if err == nil && answer.Answer == rollout.Accepted && !s.accepted[c.ID] {
		s.accepted[c.ID] = true
		s.obeyed(e, c)
	}
	return err
}

// answerTo fills in the answer to a command, and returns both; zero values for an
// update that is not known.
func (s *story) answerTo(a *historypb.WorkflowExecutionUpdateCompletedEventAttributes) (rollout.Command, rollout.Answer, error) {
	var answer rollout.Answer
	call, known := s.updates[a.GetAcceptedEventId()]
	if !known {
		return call.command, answer, nil
	}
	if failure := a.GetOutcome().GetFailure(); failure != nil {
		answer = rollout.Answer{Answer: rollout.Denied, Why: failure.GetMessage()}
	} else if err := s.decode(a.GetOutcome().GetSuccess(), &answer); err != nil {
		return call.command, answer, err
	}
	if !s.accepted[call.command.ID] { // sent again it changes nothing, whatever it is answered
		s.answer(s.commands[call.command.ID], answer)
	}
	return call.command, answer, nil
}

// obeyed tells what an accepted command changed at once.
func (s *story) obeyed(e *historypb.HistoryEvent, c rollout.Command) {
	by := func(text string) string { return text + " by " + rollout.NameOf(c.Actor) + ": " + c.Reason }
	if c.Override {
		s.status.Overrides = append(s.status.Overrides, rollout.Override{Command: c.Name, Actor: c.Actor, Reason: c.Reason, At: e.GetEventTime().AsTime()})
	}
	switch c.Name {
	case rollout.CommandAbort:
		s.points.turn(s.lines[s.commands[c.ID]].Time)
		s.aborted = true
	case rollout.CommandPause:
		s.status.Paused = true
		s.add(e, rollout.EventPaused, s.status.Step, by("paused"), nil).Actor = c.Actor
	case rollout.CommandResume:
		s.status.Paused = false
		s.add(e, rollout.EventResumed, s.status.Step, by("resumed"), nil).Actor = c.Actor
	case rollout.CommandPromote:
		s.overridden(e, c)
	case rollout.CommandApprove:
		s.voted(e, c)
	case rollout.CommandConcern:
		s.concerned(e, c)
	case rollout.CommandReject:
		if s.gate != nil {
			s.add(e, rollout.EventGateRefused, s.gate.step, by("refused"), s.gate.data()).Actor = c.Actor
		}
		s.back, s.gate = true, nil
		s.points.turn(s.lines[s.commands[c.ID]].Time)
	}
}
