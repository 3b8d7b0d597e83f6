package main

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

// What a server that knows its callers writes on events, and one that does not.
func TestStoryOfSenders(t *testing.T) {
	const worker, laptop = "worker", "bakeoff/ana@laptop"
	asAna := rollout.Command{ID: "p", Name: rollout.CommandPause, Actor: "ana@example.com", Reason: "r"}
	another := asAna
	another.Actor = "cy@example.com"
	abort := rollout.Command{ID: "a", Name: rollout.CommandAbort, Actor: "ana@example.com", Reason: "r"}
	known := map[string]any{"identity": laptop, "principal": "ana@example.com", "principalType": "jwt"}
	witnessed := func(p *tape, c rollout.Command, who string) {
		p.signalled(rollout.SignalWitness, rollout.NewWitness(c.ID, c))
		p.by(who, laptop)
	}
	accepted := func(p *tape) { p.accept(asAna); p.by(worker, laptop) }
	for name, test := range map[string]struct {
		tape func(p *tape)
		want map[string]any
	}{
		"nobody is known": {func(p *tape) { p.accept(asAna); p.by("", laptop) }, map[string]any{"identity": laptop}},
		"as claimed":      {func(p *tape) { witnessed(p, asAna, "ana@example.com"); accepted(p) }, known},
		"in other letters": {func(p *tape) { witnessed(p, asAna, "Ana@Example.com"); accepted(p) },
			map[string]any{"identity": laptop, "principal": "Ana@Example.com", "principalType": "jwt"}},
		"somebody else": {func(p *tape) { witnessed(p, asAna, "bo@example.com"); accepted(p) }, map[string]any{"identity": laptop,
			"principal": "bo@example.com", "principalType": "jwt", "mismatch": "Temporal knows the sender as bo@example.com, not as ana@example.com"}},
		"without a witness": {accepted, map[string]any{"identity": laptop, "mismatch": "who sent this is not known, though Temporal knows its callers"}},
		"the witness of another command": {func(p *tape) { witnessed(p, another, "ana@example.com"); accepted(p) },
			map[string]any{"identity": laptop, "mismatch": "who sent this is not known, though Temporal knows its callers"}},
		"a witness that comes later": {func(p *tape) { accepted(p); witnessed(p, asAna, "ana@example.com") }, map[string]any{"identity": laptop, "mismatch": "who sent this is not known, though Temporal knows its callers"}},
		"two witnesses: the first": {func(p *tape) {
			witnessed(p, asAna, "ana@example.com")
			witnessed(p, asAna, "bo@example.com")
			accepted(p)
		}, known},
		"an abort is its own witness": {func(p *tape) { p.signal(abort); p.by("ana@example.com", laptop) }, known},
		"an abort of somebody else": {func(p *tape) { p.signal(abort); p.by("bo@example.com", laptop) }, map[string]any{"identity": laptop,
			"principal": "bo@example.com", "principalType": "jwt", "mismatch": "Temporal knows the sender as bo@example.com, not as ana@example.com"}},
		"an abort that the Target passes on": {func(p *tape) {
			p.signal(abort)
			p.by("worker", "")
			p.events[len(p.events)-1].GetWorkflowExecutionSignaledEventAttributes().ExternalWorkflowExecution = &commonpb.WorkflowExecution{WorkflowId: "target/x/y"}
		}, map[string]any{}},
		"a cancel claims nobody": {func(p *tape) { p.cancelRequest("why"); p.by("bo@example.com", "") },
			map[string]any{"identity": "ui", "principal": "bo@example.com", "principalType": "jwt"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := opening(t)
			test.tape(p)
			line := find(t, told(t, p), rollout.EventCommand)
			require.Equal(t, test.want, sent(line))
			if mismatch, found := test.want["mismatch"]; found {
				require.Contains(t, line.Text, mismatch)
			}
		})
	}
}

// What nobody put a name to says so, and which client sent it.
func TestStoryOfTheNameless(t *testing.T) {
	const why = "somebody who gave no name: abort: no reason given"
	for name, tt := range map[string]struct {
		abort        rollout.Command
		by, identity string
		want         string
	}{
		"by a client":                      {rollout.Command{}, "", "temporal-ui@laptop", why + "; sent by temporal-ui@laptop"},
		"by somebody whom Temporal knows":  {rollout.Command{Actor: " "}, "bo@example.com", "temporal-ui@laptop", why + "; sent by bo@example.com"},
		"by a client that says nothing":    {rollout.Command{}, "", "", why},
		"by somebody who gave no reason":   {rollout.Command{Actor: "ana"}, "", "temporal-ui@laptop", "ana: abort: no reason given"},
		"by somebody who gave only reason": {rollout.Command{Reason: "slow"}, "", "ui", "somebody who gave no name: abort: slow; sent by ui"},
	} {
		t.Run(name, func(t *testing.T) {
			p := opening(t)
			tt.abort.Name = rollout.CommandAbort
			p.signal(tt.abort)
			p.by(tt.by, tt.identity)
			require.Equal(t, tt.want, find(t, told(t, p), rollout.EventCommand).Text)
		})
	}
}

// An abort counts that could not be read, unless older workers took it.
func TestStoryOfAnAbortThatCannotBeRead(t *testing.T) {
	unread := func(p *tape) {
		p.signalled(rollout.CommandAbort, "stop it")
		p.by("", "ui")
	}
	for name, tt := range map[string]struct {
		tape     func(*tape)
		aborters []string
		want     []any
		why      string // why the first was answered so
	}{
		"older workers":           {func(p *tape) { unread(p) }, nil, []any{rollout.Noop}, "it cannot be read: "},
		"a change of another":     {func(p *tape) { unread(p); p.marks("another") }, nil, []any{rollout.Noop}, "it cannot be read: "},
		"it counts":               {func(p *tape) { unread(p); p.marks("unread-abort-counts") }, nil, []any{rollout.Accepted}, ""},
		"two of them":             {func(p *tape) { unread(p); unread(p); p.marks("unread-abort-counts") }, nil, []any{rollout.Accepted, rollout.Noop}, ""},
		"one more later":          {func(p *tape) { unread(p); p.marks("unread-abort-counts"); unread(p) }, nil, []any{rollout.Accepted, rollout.Noop}, ""},
		"where only some may":     {func(p *tape) { unread(p); p.marks("unread-abort-counts") }, []string{"ana"}, []any{rollout.Denied}, "somebody who gave no name may not abort: that is for ana"},
		"another signal does not": {func(p *tape) { p.signalled(rollout.SignalFleet, "stop it"); p.marks("unread-abort-counts") }, nil, []any{rollout.Noop}, "it cannot be read: "},
	} {
		t.Run(name, func(t *testing.T) {
			plan := rollout.NewPlan(spec())
			plan.Abort = tt.aborters
			p := &tape{t: t}
			p.started(anOrder())
			p.act("admit", "Admit", map[string]any{"order": anOrder()}, admission{Plan: plan})
			tt.tape(p)
			var answers []any
			var first *rollout.Event
			for _, line := range told(t, p).lines {
				if line.Kind == rollout.EventCommand {
					answers = append(answers, line.Data["answer"])
					first = orElse(first, &line)
				}
			}
			require.Equal(t, tt.want, answers)
			require.Contains(t, first.Text, ": it cannot be read")
			if tt.why == "" {
				require.Equal(t, rollout.Unread, first.Data["reason"])
				require.NotContains(t, first.Data, "why")
				return
			}
			require.Contains(t, first.Data["why"], tt.why)
		})
	}
}

// Whose signature an abort has is told when it was found out.
func TestStoryOfTheSignatureOfAnAbort(t *testing.T) {
	const found = "found out beside the way back"
	signer := &rollout.Signer{Name: "ana@example.com", Key: "SHA256:k"}
	for name, tt := range map[string]struct {
		out    authorizeOutput
		status string
		data   map[string]any
		text   string
	}{
		"its actor's":   {authorizeOutput{Allowed: true, Signer: signer}, "verified: ana@example.com, key SHA256:k", map[string]any{"verified": true, "key": "SHA256:k", "unverified": nil}, "ana@example.com: abort: slow"},
		"somebody's":    {authorizeOutput{Allowed: true, Why: found}, "not verified: " + found, map[string]any{"verified": false, "unverified": found}, "ana@example.com: abort: slow; its signature is not verified: " + found},
		"not looked at": {authorizeOutput{Allowed: true}, "", map[string]any{"verified": false, "unverified": nil}, "ana@example.com: abort: slow"},
	} {
		t.Run(name, func(t *testing.T) {
			p := opening(t)
			p.signal(rollout.Command{ID: "1", Name: rollout.CommandAbort, Actor: "ana@example.com", Reason: "slow", Statement: "s", Signature: "s"})
			p.act("authorize.abort", "Authorize", authorizeInput{ID: "1", ObeyedBy: "r"}, tt.out)
			s := told(t, p)
			line := find(t, s, rollout.EventCommand)
			require.Equal(t, rollout.Accepted, line.Data["answer"])
			require.Equal(t, tt.text, line.Text)
			require.Equal(t, tt.status, s.status.AbortSignature)
			for field, want := range tt.data {
				require.Equal(t, want, line.Data[field], field)
			}
		})
	}
}

// sent is what a line says of who sent it.
func sent(line rollout.Event) map[string]any {
	out := map[string]any{}
	for _, field := range []string{"identity", "principal", "principalType", "mismatch"} {
		if value, found := line.Data[field]; found {
			out[field] = value
		}
	}
	return out
}

// shelf is histories by their run ids.
type shelf map[string]*tape

func (r shelf) Events(_ context.Context, which run) iter.Seq2[*historypb.HistoryEvent, error] {
	if p, found := r[which.RunID]; found {
		return p.play()
	}
	return func(yield func(*historypb.HistoryEvent, error) bool) { yield(nil, errNotFound) }
}

// List finds every run, as one of the Target. It knows no fractions of a second.
func (r shelf) List(context.Context, string) iter.Seq2[execution, error] {
	return func(yield func(execution, error) bool) {
		for id, p := range r {
			if !yield(execution{run: run{targetRun.WorkflowID, id}, Started: p.events[0].GetEventTime().AsTime().Truncate(time.Second)}, nil) {
				return
			}
		}
	}
}

// startedAbove is a rollout that a run of the Target started for an order.
func startedAbove(t *testing.T, o rollout.Order, parent string) *tape {
	p := &tape{t: t}
	p.started(o)
	p.events[0].GetWorkflowExecutionStartedEventAttributes().ParentWorkflowExecution =
		&commonpb.WorkflowExecution{WorkflowId: "target/production/checkout", RunId: parent}
	return p
}

// aboveTape is one run of a Target; before is the one that it goes on from.
func aboveTape(t *testing.T, before string) *tape {
	p := &tape{t: t}
	p.started(rollout.Order{})
	p.events[0].GetWorkflowExecutionStartedEventAttributes().ContinuedExecutionRunId = before
	return p
}

// A rollout that a Target started bears no name: its order does.
func TestStoryOfWhoAskedTheTarget(t *testing.T) {
	submit := rollout.Submit{Order: rollout.Order{ID: "o-1", Actor: "ana@example.com", Spec: spec()}, Summary: "s"}
	back := rollout.Command{ID: "o-1", Name: rollout.CommandRollback, Actor: "ana@example.com", Reason: "r"}
	witness := func(p *tape, argument any) {
		p.signalled(rollout.SignalWitness, rollout.NewWitness("o-1", argument))
		p.by("bo@example.com", "bakeoff/bo@laptop")
	}
	update := func(p *tape, name string, argument any) {
		p.updated("o-2", rollout.CommandSubmit, rollout.Submit{})
		p.updated("o-1", name, argument)
		p.by("worker", "bakeoff/bo@laptop")
	}
	bo := map[string]any{"identity": "bakeoff/bo@laptop", "principal": "bo@example.com", "principalType": "jwt",
		"mismatch": "Temporal knows the sender as bo@example.com, not as ana@example.com"}
	unknown := map[string]any{"identity": "bakeoff/bo@laptop", "mismatch": "who sent this is not known, though Temporal knows its callers"}
	for name, test := range map[string]struct {
		last, before func(p *tape)
		want         map[string]any
	}{
		"in one run": {last: func(p *tape) { witness(p, submit); update(p, rollout.CommandSubmit, submit) }, want: bo},
		"a way back": {last: func(p *tape) { witness(p, back); update(p, rollout.CommandRollback, back) }, want: bo},
		"by ids of today": {last: func(p *tape) {
			p.signalled(rollout.SignalWitness, rollout.NewWitness(submitID(submit.Order), submit))
			p.by("bo@example.com", "bakeoff/bo@laptop")
			p.updated(submitID(submit.Order), rollout.CommandSubmit, submit)
			p.by("worker", "bakeoff/bo@laptop")
		}, want: bo},
		"a way back by ids of today": {last: func(p *tape) {
			p.signalled(rollout.SignalWitness, rollout.NewWitness(updateID(back), back))
			p.by("bo@example.com", "bakeoff/bo@laptop")
			p.updated(updateID(back), rollout.CommandRollback, back)
			p.by("worker", "bakeoff/bo@laptop")
		}, want: bo},
		"it waited":          {before: func(p *tape) { witness(p, submit); update(p, rollout.CommandSubmit, submit) }, want: bo},
		"the Target went on": {before: func(p *tape) { witness(p, submit) }, last: func(p *tape) { update(p, rollout.CommandSubmit, submit) }, want: bo},
		"by a signal":        {last: func(p *tape) { p.signalled(rollout.CommandSubmit, submit); p.by("bo@example.com", "bakeoff/bo@laptop") }, want: bo},
		"without a witness":  {last: func(p *tape) { update(p, rollout.CommandSubmit, submit) }, want: unknown},
		"a unit of a fleet": {last: func(p *tape) {
			p.events[0].GetWorkflowExecutionStartedEventAttributes().WorkflowType = &commonpb.WorkflowType{Name: rollout.FleetType}
			p.by("bo@example.com", "bakeoff/bo@laptop")
		}, want: bo},
		"nobody asked":           {want: map[string]any{}},
		"callers are not known":  {last: func(p *tape) { p.updated("o-1", rollout.CommandSubmit, submit); p.by("", "here") }, want: map[string]any{"identity": "here"}},
		"the history is missing": {last: func(p *tape) { p.events = nil }, want: map[string]any{}},
	} {
		t.Run(name, func(t *testing.T) {
			archive := shelf{"t-2": aboveTape(t, "t-1"), "t-1": aboveTape(t, "")}
			if test.last != nil {
				test.last(archive["t-2"])
			}
			if test.before != nil {
				test.before(archive["t-1"])
			}
			if len(archive["t-2"].events) == 0 {
				delete(archive, "t-2")
			}
			s := told(t, startedAbove(t, submit.Order, "t-2"))
			s.asked(t.Context(), archive)
			require.Equal(t, test.want, sent(s.lines[0]))
		})
	}
}

// An abort counts although its id was that of another command; its signal and its
// update are one line. Under older workers, which left no mark, it was denied.
func TestStoryOfAnAbortWithTheIDOfAnother(t *testing.T) {
	for _, c := range []struct {
		marks, waits bool
		want         string
	}{{true, true, "abort by cy accepted"}, {true, false, "abort by cy accepted"}, {false, false, "abort by cy denied"}} {
		p := &tape{t: t}
		p.started(anOrder())
		p.act("admit", "Admit", nil, admission{Plan: rollout.NewPlan(spec())})
		p.answer(p.accept(rollout.Command{ID: "CHG-1", Name: "pause", Actor: "bo", Reason: "r"}), rollout.Answer{Answer: rollout.Accepted})
		abort := rollout.Command{ID: "CHG-1", Name: "abort", Actor: "cy", Reason: "pager"}
		p.signal(abort)
		if c.marks {
			p.marks("abort-counts-whatever-its-id")
		}
		if c.waits {
			p.answer(p.accept(abort), rollout.Answer{Answer: rollout.Accepted})
		}
		var orders []string
		for _, e := range told(t, p).lines {
			if e.Kind == rollout.EventCommand {
				orders = append(orders, fmt.Sprintf("%s by %s %s", e.Data["name"], e.Actor, e.Data["answer"]))
			}
		}
		require.Equal(t, []string{"pause by bo accepted", c.want}, orders)
	}
}
