package main

import (
	"context"
	"fmt"
	"iter"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/sdk/converter"

	"bakeoff/rollout"
)

// sender is where an order came from.
type sender struct {
	identity  string              // as its client calls itself
	principal *commonpb.Principal // as the server knows the caller; nil: it does not say
	unknown   bool                // the server knows callers, and yet not this one
}

// note adds to a line who sent it, and says where that is not who it claims. Where
// nobody is named the text has all that is known of that.
func (f sender) note(line *rollout.Event) {
	name := f.principal.GetName()
	nameless := strings.TrimSpace(line.Actor) == ""
	if by := orElse(name, f.identity); by != "" && nameless {
		line.Text += "; sent by " + by
	}
	for field, value := range map[string]string{"identity": f.identity, "principal": name, "principalType": f.principal.GetType()} {
		if value != "" {
			line.Data[field] = value
		}
	}
	mismatch := ""
	switch {
	case f.unknown:
		mismatch = "who sent this is not known, though Temporal knows its callers"
	case name != "" && !nameless && line.Actor != cancelActor && !strings.EqualFold(name, line.Actor):
		mismatch = fmt.Sprintf("Temporal knows the sender as %s, not as %s", name, line.Actor)
	}
	if mismatch != "" {
		line.Data["mismatch"] = mismatch
		line.Text += "; " + mismatch
	}
}

// witnesses are the callers that stand behind updates.
type witnesses map[rollout.Witness]*commonpb.Principal

// hear takes a signal that went ahead of an update; the first one counts.
func (w witnesses) hear(dc converter.DataConverter, e *historypb.HistoryEvent, a *historypb.WorkflowExecutionSignaledEventAttributes) error {
	var said rollout.Witness
	if err := decode(dc, a.GetInput(), &said); err != nil {
		return err
	}
	if _, known := w[said]; !known && e.GetPrincipal() != nil {
		w[said] = e.GetPrincipal()
	}
	return nil
}

// of is the sender of an update. Its own event bears the worker that took it: that
// tells no more than whether the server knows callers.
func (w witnesses) of(dc converter.DataConverter, e *historypb.HistoryEvent) (sender, error) {
	request := e.GetWorkflowExecutionUpdateAcceptedEventAttributes().GetAcceptedRequest()
	var said any
	if err := decode(dc, request.GetInput().GetArgs(), &said); err != nil {
		return sender{}, err
	}
	principal, known := w[rollout.NewWitness(request.GetMeta().GetUpdateId(), said)]
	return sender{identity: request.GetMeta().GetIdentity(), principal: principal, unknown: !known && e.GetPrincipal() != nil}, nil
}

// mostAbove bounds how many runs of a Target are looked through for an order. The
// last one has it, unless it waited for long.
const mostAbove = 3

// asked adds to the first line who asked the Target for the rollout that it
// started, or started the fleet that it is of. What cannot be found is not said.
func (s *story) asked(ctx context.Context, svc archives) {
	l := lookout{converter: s.converter, id: s.order, actor: s.lines[0].Actor, witnesses: witnesses{}}
	for r, n := s.parent, 0; r.RunID != "" && n < mostAbove && (l.order == nil || l.from.unknown); n++ {
		if err := l.look(svc.Events(ctx, r)); err != nil {
			return
		}
		r.RunID = l.before // an order may wait while its Target goes on as a new run
	}
	if l.order != nil {
		l.from.note(&s.lines[0])
	}
}

// lookout looks for one order in the history of a Target, or of a fleet.
type lookout struct {
	converter converter.DataConverter
	id, actor string // of the order, and of who gave it
	witnesses witnesses

	order  *historypb.HistoryEvent // by which it came
	from   sender
	before string // the run before the one that was looked through last
}

// look goes through one run of the Target.
func (l *lookout) look(events iter.Seq2[*historypb.HistoryEvent, error]) error {
	for e, err := range events {
		if err != nil {
			return err
		}
		l.see(e)
	}
	if l.order.GetWorkflowExecutionUpdateAcceptedEventAttributes() == nil {
		return nil
	}
	var err error
	l.from, err = l.witnesses.of(l.converter, l.order)
	return err
}

func (l *lookout) see(e *historypb.HistoryEvent) {
	switch a := e.GetAttributes().(type) {
	case *historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes:
		l.before = a.WorkflowExecutionStartedEventAttributes.GetContinuedExecutionRunId()
		if a.WorkflowExecutionStartedEventAttributes.GetWorkflowType().GetName() == rollout.FleetType {
			l.order, l.from = e, starterOf(e, a.WorkflowExecutionStartedEventAttributes)
		}
	case *historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes:
		_ = l.signaled(e, a.WorkflowExecutionSignaledEventAttributes) // what cannot be read is no order
	case *historypb.HistoryEvent_WorkflowExecutionUpdateAcceptedEventAttributes:
		if l.order == nil && l.isBy(a.WorkflowExecutionUpdateAcceptedEventAttributes.GetAcceptedRequest()) {
			l.order = e
		}
	}
}

// isBy reports whether an update gave the order. Older programs gave it the order's own
// id; others may have been refused with that id.
func (l *lookout) isBy(update *updatepb.Request) bool {
	id, name := update.GetMeta().GetUpdateId(), update.GetInput().GetName()
	if hash := strings.LastIndex(id, "/"); id != l.id && (hash < 0 || id[:hash] != name+"/"+l.id) {
		return false
	}
	var said rollout.Submit
	return name != rollout.CommandSubmit || decode(l.converter, update.GetInput().GetArgs(), &said) == nil && said.Order.Actor == l.actor
}

func (l *lookout) signaled(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionSignaledEventAttributes) error {
	switch a.GetSignalName() {
	case rollout.SignalWitness:
		return l.witnesses.hear(l.converter, e, a)
	case rollout.CommandSubmit:
		var said rollout.Submit
		if err := decode(l.converter, a.GetInput(), &said); err != nil {
			return err
		}
		if l.order == nil && said.Order.ID == l.id && said.Order.Actor == l.actor {
			l.order, l.from = e, senderOf(e, a)
		}
	}
	return nil
}

// starterOf is the sender of a start.
func starterOf(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionStartedEventAttributes) sender {
	return sender{identity: a.GetIdentity(), principal: e.GetPrincipal()}
}

// senderOf is the sender of a signal. What came through another workflow bears
// nobody's name.
func senderOf(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionSignaledEventAttributes) sender {
	if a.GetExternalWorkflowExecution() != nil {
		return sender{}
	}
	return sender{identity: a.GetIdentity(), principal: e.GetPrincipal()}
}
