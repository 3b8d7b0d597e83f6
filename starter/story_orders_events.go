package main

import (
	"errors"
	"fmt"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

// ask tells of an order when it arrives. The same id is the same order, unless
// somebody else has given it, or it is of another spec: that is refused.
func (s *orderStory) ask(e *historypb.HistoryEvent, o rollout.Order, from sender) *request {
	key, denied := o.ID, ""
	if r, told := s.orders[key]; told && o.ID != "" {
		line := s.lines[r.line]
		known := rollout.Submission{ID: o.ID, Version: fmt.Sprint(line.Data["version"]), Actor: line.Actor, SpecDigest: r.spec}
		if known.IsOf(o) {
			return r
		}
		key, denied = fmt.Sprintf("%s\x00%s\x00%s\x00%s", o.ID, o.Actor, o.Spec.Release.Version, o.SpecDigest), known.Foreign(o)
		if r, told := s.orders[key]; told {
			return r
		}
	}
	r := &request{line: len(s.lines), spec: o.SpecDigest, text: fmt.Sprintf("%s asked for %s", rollout.NameOf(o.Actor), o.Spec.Release.Version)}
	data := map[string]any{"id": o.ID, "version": o.Spec.Release.Version}
	if o.Reason != "" {
		data["reason"] = o.Reason
	}
	if o.Supersede {
		r.text, data["supersede"] = r.text+" in place of what runs", true
	}
	if o.Override {
		r.text, data["override"] = r.text+" (break-glass override)", true
	}
	noteSignature(data, o.Statement, o.Signature)
	line := s.add(e, rollout.EventSubmitted, 0, "", data)
	line.Actor = o.Actor
	from.note(line)
	if denied != "" {
		r.become(rollout.Submission{Fate: rollout.FateRefused, Cause: rollout.CausePolicy, Why: denied})
		r.denied = true
	}
	s.orders[key], s.all = r, append(s.all, r)
	return r
}

// signaled takes what came without an answer.
func (s *orderStory) signaled(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionSignaledEventAttributes) {
	if err := s.signal(e, a); err != nil {
		s.unreadable(e, a, err)
	}
}

func (s *orderStory) signal(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionSignaledEventAttributes) error {
	switch a.GetSignalName() {
	case rollout.SignalWitness:
		return s.witnesses.hear(s.converter, e, a)
	case rollout.CommandSubmit:
		var said rollout.Submit
		if err := s.decode(a.GetInput(), &said); err != nil {
			return err
		}
		s.ask(e, said.Order, senderOf(e, a))
	case rollout.CommandAdopt:
		var course rollout.Course
		if err := s.decode(a.GetInput(), &course); err != nil {
			return err
		}
		from, beside := senderOf(e, a), "beside the Target"
		if fleet := course.Submit.Order.Fleet; fleet != "" { // a worker tells of it, for the fleet that somebody asked for
			from, beside = sender{identity: from.identity}, "by "+fleet
		}
		r := s.ask(e, course.Submit.Order, from)
		r.become(rollout.Submission{Fate: rollout.FateStarted, Why: beside, RunID: course.RunID})
	case rollout.CommandWithdraw:
		return s.withdrawn(e, a)
	case rollout.SignalRestored:
		return s.restoredBy(e, a)
	case rollout.CommandAbort:
		var c rollout.Command
		if err := s.decode(a.GetInput(), &c); err != nil {
			return err
		}
		if _, told := s.commands[c.ID]; !told || c.ID == "" {
			c.Name = rollout.CommandAbort
			s.command(e, c, senderOf(e, a))
		}
	}
	return nil
}

// withdrawn takes an order back that nobody took in for too long.
func (s *orderStory) withdrawn(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionSignaledEventAttributes) error {
	var w rollout.Withdrawal
	if err := s.decode(a.GetInput(), &w); err != nil {
		return err
	}
	r := s.ask(e, w.Order(), senderOf(e, a))
	if !r.fate.Fate.IsFinal() || r.fate.Fate == "" {
		r.become(rollout.Submission{Fate: rollout.FateRefused, Cause: rollout.CauseWithdrawn, Why: "withdrawn: no worker had accepted it when its sender stopped waiting"})
	}
	return nil
}

// accepted takes an order or a command that waits for its answer.
func (s *orderStory) accepted(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionUpdateAcceptedEventAttributes) error {
	request := a.GetAcceptedRequest()
	id := request.GetMeta().GetUpdateId()
	if request.GetInput().GetName() != rollout.CommandSubmit {
		if line, told := s.commands[id]; told && s.lines[line].Data["answer"] != nil {
			return nil // the same command again, in a later run: it has its answer
		}
		return s.updateAccepted(e, a)
	}
	var said rollout.Submit
	if err := s.decode(request.GetInput().GetArgs(), &said); err != nil {
		return err
	}
	from, err := s.witnesses.of(s.converter, e)
	if err != nil {
		return err
	}
	said.Order.ID = orElse(said.Order.ID, id)
	s.calls[e.GetEventId()] = s.ask(e, said.Order, from)
	return nil
}

// answered takes the answer to an order, or to a command.
func (s *orderStory) answered(a *historypb.WorkflowExecutionUpdateCompletedEventAttributes) error {
	r, known := s.calls[a.GetAcceptedEventId()]
	if !known {
		c, answer, err := s.answerTo(a)
		if err == nil && c.Name == rollout.CommandDrop && answer.Answer == rollout.Accepted {
			s.drop(c)
		}
		return err
	}
	var fate rollout.Submission
	if failure := a.GetOutcome().GetFailure(); failure != nil {
		fate.Why = failure.GetMessage()
	} else if err := s.decode(a.GetOutcome().GetSuccess(), &fate); err != nil {
		return err
	}
	r.become(fate)
	return nil
}

// drop tells what becomes of the order that a command took out of the queue: the one
// of that id or else, as only one does, of that version, that waited.
func (s *orderStory) drop(c rollout.Command) {
	var dropped *request
	for _, r := range s.all {
		order := s.lines[r.line].Data
		switch {
		case r.fate.Fate.IsFinal() && r.fate.Fate != "":
		case order["id"] == c.Order:
			dropped = r
		case order["version"] == c.Order && dropped == nil:
			dropped = r
		}
	}
	if dropped != nil {
		dropped.become(rollout.Submission{Fate: rollout.FateAborted, Why: fmt.Sprintf("taken out of the queue by %s: %s", c.Actor, c.Reason)})
	}
}

// found takes what a worker found of a command, and of an order that is to take
// the place of a rollout: whether it may be given, and whose signature it has.
func (s *orderStory) found(one act, result *commonpb.Payloads) error {
	switch one.Type {
	case "Authorize":
		return s.allowed(one, result)
	case "Admit":
		var (
			in  admitInput
			out admission
		)
		if err := errors.Join(s.decode(one.Input, &in), s.decode(result, &out)); err != nil {
			return err
		}
		if r, told := s.orders[in.Order.ID]; told {
			noteSigner(s.lines[r.line].Data, out.Signer)
		}
		if out.Cause == "" {
			s.dropQueue(in.Order)
		}
	}
	return nil
}

// dropQueue tells what becomes of whatever waits when a newer order may take its
// place: the Target looks at an order before its turn for nothing else. What came
// after that order stays.
func (s *orderStory) dropQueue(newer rollout.Order) {
	by, told := s.orders[newer.ID]
	why := fmt.Sprintf("superseded by %s, which came while it waited", newer.Spec.Release.Version)
	for _, r := range s.all {
		if r.fate.Fate == rollout.FateQueued && (!told || r.line < by.line) {
			r.become(rollout.Submission{Fate: rollout.FateSuperseded, Why: why})
		}
	}
}

// allowed answers a command that nobody waits for where it is not allowed.
func (s *orderStory) allowed(one act, result *commonpb.Payloads) error {
	var (
		in  authorizeInput
		out authorizeOutput
	)
	if err := errors.Join(s.decode(one.Input, &in), s.decode(result, &out)); err != nil {
		return err
	}
	line, told := s.commands[in.ID]
	if strings.HasPrefix(in.ID, rollout.UnnamedID) { // it has none in its signal
		line, told = s.commands[""]
	}
	if !told {
		return nil
	}
	noteSigner(s.lines[line].Data, out.Signer)
	notePolicy(s.lines[line].Data, out.Policy)
	if !out.Allowed {
		s.answer(line, rollout.Answer{Answer: rollout.Denied, Why: out.Why})
	}
	return nil
}

// beginning remembers for which order a rollout is being started.
func (s *orderStory) beginning(e *historypb.HistoryEvent, a *historypb.StartChildWorkflowExecutionInitiatedEventAttributes) error {
	if a.GetWorkflowType().GetName() != rollout.WorkflowType {
		return nil
	}
	var o rollout.Order
	err := s.decode(a.GetInput(), &o)
	s.begun[e.GetEventId()] = o.ID
	return err
}

// started adds the rollout to what it was started for.
func (s *orderStory) started(id, runID string) {
	if line, told := s.commands[id]; told {
		s.lines[line].Data["runId"] = runID
	}
	if r, told := s.orders[id]; told {
		r.become(rollout.Submission{Fate: rollout.FateStarted, RunID: runID})
	}
}
