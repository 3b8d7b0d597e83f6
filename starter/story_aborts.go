package main

import (
	"fmt"
	"strings"

	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

// abortStored tells of the abort that goes ahead of its update. Without an update
// the first abort is obeyed and a later one changes nothing.
func (s *story) abortStored(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionSignaledEventAttributes) error {
	var c rollout.Command
	if err := s.decode(a.GetInput(), &c); err != nil {
		return err
	}
	c.Name = rollout.CommandAbort // what it says of itself decides nothing
	if _, told := s.commands[c.ID]; told && c.ID != "" {
		s.abortReused(e, c, senderOf(e, a))
		return nil
	}
	s.command(e, c, senderOf(e, a))
	s.decideAbort(len(s.lines) - 1)
	return nil
}

// decideAbort answers an abort that nobody waits for, as the plan says who may.
func (s *story) decideAbort(line int) {
	actor := s.lines[line].Actor
	if !rollout.MayAbort(s.aborters, actor) {
		s.answer(line, rollout.Answer{Answer: rollout.Denied, Why: fmt.Sprintf("%s may not abort: that is for %s", rollout.NameOf(actor), strings.Join(s.aborters, ", "))})
		return
	}
	s.obeyAbort(line)
}

func (s *story) cancelRequested(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionCancelRequestedEventAttributes) {
	c := rollout.Command{ID: cancelActor, Name: rollout.CommandAbort, Actor: cancelActor, Reason: whyCancelled(a)}
	s.command(e, c, sender{identity: a.GetIdentity(), principal: e.GetPrincipal()})
	s.obeyAbort(len(s.lines) - 1)
}

// whyCancelled says why a workflow was cancelled, as far as its history has it.
func whyCancelled(a *historypb.WorkflowExecutionCancelRequestedEventAttributes) string {
	of := a.GetExternalWorkflowExecution().GetWorkflowId()
	switch {
	case a.GetCause() != "":
		return a.GetCause()
	case of == "":
		return "the workflow was cancelled"
	case a.GetExternalInitiatedEventId() == 0: // nobody asked for it: so the server does with the children of who ended
		return of + ", which had started it, has ended"
	}
	return of + " cancelled it"
}

// abortReused tells, on a line of its own, of an abort with the id of another command:
// older workers denied it. The same one, given again, is told already.
func (s *story) abortReused(e *historypb.HistoryEvent, c rollout.Command, from sender) {
	before := s.given[c.ID]
	if before.IsSame(c) {
		return
	}
	c.ID = reusedID(c.ID, c.Actor)
	if _, told := s.commands[c.ID]; told {
		return
	}
	s.command(e, c, from)
	s.answer(len(s.lines)-1, rollout.Answer{Answer: rollout.Denied, Why: "its id was that of another command, by " + rollout.NameOf(before.Actor)})
	s.reused = append(s.reused, len(s.lines)-1)
	s.obeyReused()
}

// reusedID is the key of the line of an abort with the id of another command.
func reusedID(id, actor string) string { return id + "/" + actor }

// isAnother reports whether a command has the id of another one.
func (s *story) isAnother(c rollout.Command) bool {
	before, told := s.given[c.ID]
	return told && !before.IsSame(c)
}

// obeyAbort answers the abort of a line.
func (s *story) obeyAbort(line int) {
	answer := rollout.Answer{Answer: rollout.Accepted}
	s.points.turn(s.lines[line].Time)
	if s.aborted || s.back {
		answer = rollout.Answer{Answer: rollout.Noop, Why: "already going back"}
	}
	s.aborted = true
	s.answer(line, answer)
}

// unreadable tells of a signal that somebody sent past the command line and that no
// workflow could read: unless it is an abort nothing followed from it, and it does not
// hide the rest.
func (s *story) unreadable(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionSignaledEventAttributes, err error) {
	line := s.add(e, rollout.EventCommand, 0, fmt.Sprintf("%s: %s: it cannot be read", rollout.Unnamed, a.GetSignalName()), map[string]any{
		"name": a.GetSignalName(), "id": "", "reason": "", "answer": rollout.Noop, "why": "it cannot be read: " + err.Error()})
	senderOf(e, a).note(line)
	if a.GetSignalName() == rollout.CommandAbort {
		s.unread = append(s.unread, len(s.lines)-1)
		s.obeyUnread()
	}
}

// The changes of workflows by which an abort counts that cannot be read, and one whose
// id was that of another command. A history has them from the first such abort on,
// unless older workers took it.
const (
	unreadCounts = "unread-abort-counts"
	reusedCounts = "abort-counts-whatever-its-id"
)

// marked looks for these changes.
func (s *story) marked(a *historypb.MarkerRecordedEventAttributes) {
	for _, change := range a.GetDetails()["change-id"].GetPayloads() {
		var id string
		if err := s.converter.FromPayload(change, &id); err != nil {
			continue
		}
		switch id {
		case unreadCounts:
			s.unreadCounts = true
			s.obeyUnread()
		case reusedCounts:
			s.reusedCounts = true
			s.obeyReused()
		}
	}
}

// obeyReused answers the aborts with the id of another command, where they count.
func (s *story) obeyReused() {
	for s.reusedCounts && len(s.reused) > 0 {
		line := s.reused[0]
		s.reused = s.reused[1:]
		if !s.above {
			s.decideAbort(line)
		}
	}
}

// obeyUnread answers the aborts that could not be read, where they count.
func (s *story) obeyUnread() {
	for s.unreadCounts && len(s.unread) > 0 {
		line := s.unread[0]
		s.unread = s.unread[1:]
		s.commands[""] = line
		s.lines[line].Data["reason"] = rollout.Unread
		delete(s.lines[line].Data, "answer")
		delete(s.lines[line].Data, "why")
		if !s.above {
			s.decideAbort(line)
		}
	}
}
