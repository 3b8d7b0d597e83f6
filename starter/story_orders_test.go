package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"bakeoff/rollout"
)

// targetRun is the Target of these tests, in its run number 2.
var targetRun = run{"target/production/checkout", "t-2"}

// toldOrders reads the orders of a shelf up to targetRun.
func toldOrders(t *testing.T, runs shelf) *orderStory {
	t.Helper()
	s, err := readOrders(t.Context(), runs, converter.GetDefaultDataConverter(), targetRun)
	require.NoError(t, err)
	return s
}

// texts are the lines with their kinds.
func texts(lines []rollout.Event) []string {
	var out []string
	for _, e := range lines {
		out = append(out, string(e.Kind)+" "+e.Text)
	}
	return out
}

// What real Targets wrote.
func TestOrdersOfRecordedTargets(t *testing.T) {
	for name, want := range map[string][]string{
		"queue-stands": {
			"Submitted ana@example.com asked for 1.1.0: started",
			"Submitted ana@example.com asked for 1.2.0: queued, staging/checkout is held by the rollout of 1.1.0, started by ana@example.com, run 01a20046-aa35-7c12-aed1-512b9ab28f7d; then started",
			"Command ana@example.com: resume: the recording",
		},
		"rolled-back-later": {
			"Submitted ana@example.com asked for 1.1.0: started",
			"Command ana@example.com: rollback: the recording",
		},
		"superseded": {
			"Submitted ana@example.com asked for 1.1.0: started",
			"Submitted ana@example.com asked for 1.2.0: queued, staging/checkout is held by the rollout of 1.1.0, started by ana@example.com, run 01a20047-3fa1-7e03-9c13-ff59333eb69e; then started",
		},
		"terminated": {"Submitted ana@example.com asked for 1.1.0: started"},
	} {
		t.Run(name, func(t *testing.T) {
			s := toldOrders(t, shelf{targetRun.RunID: recorded(t, name)})
			require.Equal(t, want, texts(s.lines))
			for i, line := range s.lines {
				require.Equal(t, i+1, line.Seq)
				require.Equal(t, "ana@example.com", line.Actor)
				require.Equal(t, "the recording", line.Data["reason"])
				require.NotEmpty(t, line.Data["id"])
				require.NotEmpty(t, line.Data["identity"])
				if line.Kind == rollout.EventSubmitted {
					require.NotEmpty(t, line.Data["runId"])
					require.Equal(t, "started", line.Data["fate"])
				} else {
					require.Equal(t, rollout.Accepted, line.Data["answer"])
				}
			}
		})
	}
}

// recorded is a golden history of a Target.
func recorded(t *testing.T, name string) *tape {
	t.Helper()
	f, err := os.Open(filepath.Join("../testsuite/histories/v0.3.5", name+"-target.json"))
	require.NoError(t, err)
	defer f.Close()
	history, err := client.HistoryFromJSON(f, client.HistoryJSONOptions{})
	require.NoError(t, err)
	return &tape{t: t, events: history.GetEvents()}
}

// targetTape is one run of a Target that knows something; before is the run that
// it goes on from.
func targetTape(t *testing.T, before string, known rollout.TargetStatus) *tape {
	p := &tape{t: t}
	p.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED).Attributes = &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
			WorkflowType: &commonpb.WorkflowType{Name: rollout.TargetType}, ContinuedExecutionRunId: before, Input: p.payloads(known)}}
	return p
}

// fate answers the update that was accepted.
func (p *tape) fate(accepted int64, f rollout.Submission) {
	p.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED).Attributes = &historypb.HistoryEvent_WorkflowExecutionUpdateCompletedEventAttributes{
		WorkflowExecutionUpdateCompletedEventAttributes: &historypb.WorkflowExecutionUpdateCompletedEventAttributes{
			AcceptedEventId: accepted, Outcome: &updatepb.Outcome{Value: &updatepb.Outcome_Success{Success: p.payloads(f)}}}}
}

// begins starts the rollout of an order.
func (p *tape) begins(id, runID string) {
	e := p.add(enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED)
	e.Attributes = &historypb.HistoryEvent_StartChildWorkflowExecutionInitiatedEventAttributes{
		StartChildWorkflowExecutionInitiatedEventAttributes: &historypb.StartChildWorkflowExecutionInitiatedEventAttributes{
			WorkflowType: &commonpb.WorkflowType{Name: rollout.WorkflowType}, Input: p.payloads(rollout.Order{ID: id})}}
	p.add(enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED).Attributes = &historypb.HistoryEvent_ChildWorkflowExecutionStartedEventAttributes{
		ChildWorkflowExecutionStartedEventAttributes: &historypb.ChildWorkflowExecutionStartedEventAttributes{
			InitiatedEventId: e.EventId, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: checkout.WorkflowID, RunId: runID}}}
}

// submit3 is an order for 3.0.0.
func submit3(id string) rollout.Submit {
	o := rollout.Order{ID: id, Actor: "ana@example.com", Reason: "r", Spec: spec()}
	o.Spec.Release.Version = "3.0.0"
	return rollout.Submit{Order: o}
}

func TestStoryOfOrders(t *testing.T) {
	const quarantine = "2.5.0 is in quarantine since 2026-11-21 12:00:00Z: errors"
	submit := func(p *tape, s rollout.Submit) int64 { return p.updated(s.Order.ID, rollout.CommandSubmit, s) }
	command := func(name string) rollout.Command {
		return rollout.Command{ID: "c", Name: name, Actor: "bo@example.com", Reason: "r"}
	}
	refused := rollout.Submission{ID: "o", Fate: rollout.FateRefused, Cause: rollout.CauseQuarantine, Why: quarantine}
	for name, tt := range map[string]struct {
		tape func(p *tape)
		want string
		data map[string]any // part of it
	}{
		"quarantine": {func(p *tape) { p.fate(submit(p, submit3("o")), refused) },
			"Submitted ana@example.com asked for 3.0.0: refused, " + quarantine,
			map[string]any{"id": "o", "version": "3.0.0", "reason": "r", "fate": "refused", "cause": "quarantine", "why": quarantine}},
		"refused in place of another": {func(p *tape) {
			s := submit3("o")
			s.Order.Supersede, s.Order.Override = true, true
			p.fate(submit(p, s), rollout.Submission{Fate: rollout.FateRefused, Cause: rollout.CausePolicy, Why: "nothing was superseded"})
		}, "Submitted ana@example.com asked for 3.0.0 in place of what runs (break-glass override): refused, nothing was superseded",
			map[string]any{"supersede": true, "override": true, "cause": "policy"}},
		"signed": {func(p *tape) {
			s := submit3("o")
			s.Order.Statement, s.Order.Signature = "statement", "signature"
			at := submit(p, s)
			p.act("admit.1", "Admit", map[string]any{"order": s.Order}, admission{Signer: &rollout.Signer{Name: "ana@example.com", Key: "SHA256:k"}})
			p.fate(at, refused)
		}, "Submitted ana@example.com asked for 3.0.0: refused, " + quarantine,
			map[string]any{"statement": "statement", "signature": "signature", "verified": true, "signer": "ana@example.com", "key": "SHA256:k"}},
		"by somebody else": {func(p *tape) {
			p.signalled(rollout.SignalWitness, rollout.NewWitness("o", submit3("o")))
			p.by("cy@example.com", "here")
			at := submit(p, submit3("o"))
			p.by("worker", "here")
			p.fate(at, refused)
		}, "Submitted ana@example.com asked for 3.0.0: refused, " + quarantine + "; Temporal knows the sender as cy@example.com, not as ana@example.com",
			map[string]any{"principal": "cy@example.com", "identity": "here"}},
		"not answered": {func(p *tape) { submit(p, submit3("o")) }, "Submitted ana@example.com asked for 3.0.0: not answered", map[string]any{"fate": nil}},
		"failed": {func(p *tape) {
			p.fate(submit(p, submit3("o")), rollout.Submission{})
			p.last().GetWorkflowExecutionUpdateCompletedEventAttributes().Outcome.Value = &updatepb.Outcome_Failure{Failure: &failurepb.Failure{Message: "gone"}}
		}, "Submitted ana@example.com asked for 3.0.0: not answered, gone", map[string]any{"why": "gone"}},
		"by a signal": {func(p *tape) { p.signalled(rollout.CommandSubmit, submit3("o")); p.begins("o", "run-9") },
			"Submitted ana@example.com asked for 3.0.0: started", map[string]any{"fate": "started", "runId": "run-9"}},
		"beside the Target": {func(p *tape) {
			p.signalled(rollout.CommandAdopt, rollout.Course{Submit: submit3("o"), RunID: "run-9"})
		}, "Submitted ana@example.com asked for 3.0.0: started, beside the Target", map[string]any{"runId": "run-9"}},
		"withdrawn": {func(p *tape) {
			p.signalled(rollout.CommandWithdraw, rollout.Withdrawal{ID: "o", Version: "3.0.0", Actor: "ana@example.com"})
			p.fate(submit(p, submit3("o")), rollout.Submission{Fate: rollout.FateRefused, Cause: rollout.CauseWithdrawn, Why: "withdrawn"})
		}, "Submitted ana@example.com asked for 3.0.0: refused, withdrawn", map[string]any{"fate": "refused", "cause": string(rollout.CauseWithdrawn)}},
		"withdrawn after it had begun": {func(p *tape) {
			p.fate(submit(p, submit3("o")), rollout.Submission{Fate: rollout.FateStarted, RunID: "run-9"})
			p.signalled(rollout.CommandWithdraw, rollout.Withdrawal{ID: "o", Version: "3.0.0", Actor: "ana@example.com"})
		}, "Submitted ana@example.com asked for 3.0.0: started", map[string]any{"fate": "started", "runId": "run-9"}},
		"abort with nothing running": {func(p *tape) { p.command(command("abort"), rollout.Noop, "nothing runs") },
			"Command bo@example.com: abort: r", map[string]any{"name": "abort", "id": "c", "reason": "r", "answer": "noop", "why": "nothing runs"}},
		"a denied resume": {func(p *tape) { p.command(command("resume"), rollout.Denied, "only on-call may") },
			"Command bo@example.com: resume: r", map[string]any{"answer": "denied", "why": "only on-call may"}},
		"an accepted resume": {func(p *tape) { p.command(command("resume"), rollout.Accepted, "1 in the queue") },
			"Command bo@example.com: resume: r", map[string]any{"answer": "accepted"}},
		"a rollback": {func(p *tape) {
			c := command("rollback")
			c.To = "2.4.1"
			at := p.accept(c)
			p.begins("c", "run-9")
			p.answer(at, rollout.Answer{Answer: rollout.Accepted, Why: "back to 2.4.1"})
		}, "Command bo@example.com: rollback to 2.4.1: r", map[string]any{"to": "2.4.1", "answer": "accepted", "why": "back to 2.4.1", "runId": "run-9"}},
		"an abort by a signal": {func(p *tape) { p.signal(command("abort")) }, "Command bo@example.com: abort: r", map[string]any{"answer": nil}},
		"a denied abort by a signal": {func(p *tape) {
			p.signal(command("abort"))
			p.act("authorize.abort.1", "Authorize", map[string]any{"id": "c"}, authorizeOutput{Why: "only on-call may"})
		}, "Command bo@example.com: abort: r", map[string]any{"answer": "denied", "why": "only on-call may"}},
		"a denied abort by nobody": {func(p *tape) {
			p.signal(rollout.Command{Name: rollout.CommandAbort})
			p.by("", "ui")
			p.act("authorize.abort.1", "Authorize", map[string]any{"id": "signal/12"}, authorizeOutput{Why: "only on-call may"})
		}, "Command somebody who gave no name: abort: no reason given; sent by ui", map[string]any{"answer": "denied", "why": "only on-call may"}},
		"a denied abort that cannot be read": {func(p *tape) {
			p.signalled(rollout.CommandAbort, "stop it")
			p.by("", "ui")
			p.marks("unread-abort-counts")
			p.act("authorize.abort.1", "Authorize", map[string]any{"id": "signal/12"}, authorizeOutput{Why: "only on-call may"})
		}, "Command somebody who gave no name: abort: it cannot be read; sent by ui", map[string]any{"reason": rollout.Unread, "answer": "denied", "why": "only on-call may"}},
		"an abort that cannot be read": {func(p *tape) { p.signalled(rollout.CommandAbort, "stop it"); p.marks("unread-abort-counts") },
			"Command somebody who gave no name: abort: it cannot be read", map[string]any{"reason": rollout.Unread, "answer": nil}},
		"by nobody": {func(p *tape) {
			s := submit3("o")
			s.Order.Actor = ""
			at := submit(p, s)
			p.by("", "ui")
			p.fate(at, rollout.Submission{ID: "o", Fate: rollout.FateStarted, RunID: "run-9"})
		}, "Submitted somebody who gave no name asked for 3.0.0: started; sent by ui", map[string]any{"runId": "run-9"}},
		"an abort by a signal and an update": {func(p *tape) {
			p.signal(command("abort"))
			p.command(command("abort"), rollout.Noop, "nothing runs")
		}, "Command bo@example.com: abort: r", map[string]any{"answer": "noop"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := targetTape(t, "", rollout.TargetStatus{})
			tt.tape(p)
			s := toldOrders(t, shelf{targetRun.RunID: p})
			require.Equal(t, []string{tt.want}, texts(s.lines))
			for field, want := range tt.data {
				require.Equal(t, want, s.lines[0].Data[field], field)
			}
		})
	}
}

// An order that waits is dropped when a newer one may take its place, and is not
// when that is refused.
func TestOrdersThatAreDropped(t *testing.T) {
	newer := submit3("newer").Order
	newer.Spec.Release.Version = "3.1.0"
	for cause, want := range map[rollout.Cause]string{
		"":                  "queued, held by 2.5.0; then dropped, superseded by 3.1.0, which came while it waited",
		rollout.CausePolicy: "queued, held by 2.5.0",
	} {
		p := targetTape(t, "", rollout.TargetStatus{})
		p.fate(p.updated("o", rollout.CommandSubmit, submit3("o")), rollout.Submission{ID: "o", Fate: rollout.FateQueued, Why: "held by 2.5.0"})
		at := p.updated("newer", rollout.CommandSubmit, rollout.Submit{Order: newer})
		p.act("admit.2", "Admit", map[string]any{"order": newer}, admission{Cause: cause})
		p.fate(at, rollout.Submission{ID: "newer", Fate: rollout.FateQueued, Why: "held by 2.5.0"})
		require.Equal(t, []string{"Submitted ana@example.com asked for 3.0.0: " + want, "Submitted ana@example.com asked for 3.1.0: queued, held by 2.5.0"},
			texts(toldOrders(t, shelf{targetRun.RunID: p}).lines))
	}
}

// The order that a person took out of the queue is told to be gone, and no other.
func TestOrdersThatArePutOut(t *testing.T) {
	for name, order := range map[string]string{"by its id": "b", "by its version": "3.1.0"} {
		t.Run(name, func(t *testing.T) {
			p := targetTape(t, "", rollout.TargetStatus{})
			for id, version := range map[string]string{"a": "3.0.0", "b": "3.1.0"} {
				one := submit3(id)
				one.Order.Spec.Release.Version = version
				p.fate(p.updated(id, rollout.CommandSubmit, one), rollout.Submission{ID: id, Fate: rollout.FateQueued, Why: "held by 2.5.0"})
			}
			p.command(rollout.Command{ID: "no", Name: rollout.CommandDrop, Actor: "bo@example.com", Reason: "r", Order: "a"}, rollout.Denied, "only on-call may")
			p.command(rollout.Command{ID: "c", Name: rollout.CommandDrop, Actor: "bo@example.com", Reason: "r", Order: order}, rollout.Accepted, "")
			require.ElementsMatch(t, []string{
				"Submitted ana@example.com asked for 3.0.0: queued, held by 2.5.0",
				"Submitted ana@example.com asked for 3.1.0: queued, held by 2.5.0; then aborted, taken out of the queue by bo@example.com: r",
				"Command bo@example.com: drop a: r",
				"Command bo@example.com: drop " + order + ": r",
			}, texts(toldOrders(t, shelf{targetRun.RunID: p}).lines))
		})
	}
}

// What waits is not dropped for an order that came before it, and was looked at for
// longer.
func TestNewerOrdersAreNotDropped(t *testing.T) {
	p := targetTape(t, "", rollout.TargetStatus{})
	older := submit3("older").Order
	at := p.updated("older", rollout.CommandSubmit, rollout.Submit{Order: older})
	p.fate(p.updated("o", rollout.CommandSubmit, submit3("o")), rollout.Submission{ID: "o", Fate: rollout.FateQueued, Why: "held by 2.5.0"})
	p.act("admit.2", "Admit", map[string]any{"order": older}, admission{})
	p.fate(at, rollout.Submission{ID: "older", Fate: rollout.FateSuperseded, Why: "superseded by 3.0.0"})
	require.Equal(t, []string{"Submitted ana@example.com asked for 3.0.0: dropped, superseded by 3.0.0", "Submitted ana@example.com asked for 3.0.0: queued, held by 2.5.0"},
		texts(toldOrders(t, shelf{targetRun.RunID: p}).lines))
}

// A Target goes on as a new run; what became of its orders meanwhile comes along.
func TestOrdersOverRuns(t *testing.T) {
	back := rollout.Command{ID: "back", Name: rollout.CommandRollback, Actor: "bo@example.com", Reason: "r"}
	old := rollout.Submission{ID: "old", Version: "2.9.0", Actor: "cy@example.com", At: noon.Add(-time.Hour), Fate: rollout.FateRefused, Why: "held"}
	known := rollout.TargetStatus{Fates: []rollout.Submission{
		old, {ID: "back", Version: "2.4.1", Actor: "bo@example.com", At: noon, Fate: rollout.FateStarted},
		{ID: "o", Version: "3.0.0", Actor: "ana@example.com", At: noon, Fate: rollout.FateSuperseded, Why: "superseded by 3.1.0"},
	}}
	first := targetTape(t, "t-0", rollout.TargetStatus{Fates: []rollout.Submission{old}})
	first.command(back, rollout.Accepted, "back to 2.4.1")
	first.fate(first.updated("o", rollout.CommandSubmit, submit3("o")), rollout.Submission{Fate: rollout.FateQueued, Why: "held by 2.5.0"})
	second := targetTape(t, "t-1", known)
	second.command(back, rollout.Noop, "this command was obeyed already")

	s := toldOrders(t, shelf{"t-1": first, "t-2": second})
	require.True(t, s.cut, "t-0 is gone")
	require.Equal(t, []string{
		"Submitted cy@example.com asked for 2.9.0: refused, held",
		"Command bo@example.com: rollback: r",
		"Submitted ana@example.com asked for 3.0.0: queued, held by 2.5.0; then dropped, superseded by 3.1.0",
	}, texts(s.lines))
	require.Equal(t, true, s.lines[0].Data["remembered"])
	require.Equal(t, old.At, s.lines[0].Time)
	require.Equal(t, rollout.Accepted, s.lines[1].Data["answer"])
	require.Equal(t, "superseded", s.lines[2].Data["fate"])

	_, err := readOrders(t.Context(), shelf{}, converter.GetDefaultDataConverter(), targetRun)
	require.ErrorIs(t, err, errNotFound)
}

// A Target that was terminated is followed by another, which knows nothing of what
// waited; its orders are told all the same, and that they are lost.
func TestOrdersOfATargetThatWasTerminated(t *testing.T) {
	first := targetTape(t, "", rollout.TargetStatus{})
	first.fate(first.updated("o", rollout.CommandSubmit, submit3("o")), rollout.Submission{Fate: rollout.FateQueued, Why: "held by 2.5.0"})
	first.fate(first.updated("done", rollout.CommandSubmit, submit3("done")), rollout.Submission{Fate: rollout.FateRefused, Why: "held"})
	first.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED).Attributes = &historypb.HistoryEvent_WorkflowExecutionTerminatedEventAttributes{
		WorkflowExecutionTerminatedEventAttributes: &historypb.WorkflowExecutionTerminatedEventAttributes{Reason: "by mistake", Identity: "cy"}}
	second := targetTape(t, "", rollout.TargetStatus{})
	second.events[0].EventTime = timestamppb.New(first.last().GetEventTime().AsTime().Add(time.Hour + time.Millisecond))
	s := toldOrders(t, shelf{"t-1": first, targetRun.RunID: second})
	require.False(t, s.cut)
	require.Equal(t, []string{
		"Submitted ana@example.com asked for 3.0.0: queued, held by 2.5.0; lost when the Target was ended",
		"Submitted ana@example.com asked for 3.0.0: refused, held",
		"Ended the Target was terminated from outside by cy (by mistake)",
	}, texts(s.lines))
	require.Equal(t, true, s.lines[0].Data["lost"])
	require.Nil(t, s.lines[1].Data["lost"])
}

func TestHistoryOfOrders(t *testing.T) {
	f := &fake{others: map[string]execution{targetRun.WorkflowID: {run: targetRun}}, tape: targetTape(t, "", rollout.TargetStatus{})}
	f.tape.command(rollout.Command{ID: "c", Name: rollout.CommandAbort, Actor: "bo@example.com", Reason: "r"}, rollout.Noop, "nothing runs")
	got := bakeoff(t.Context(), f, "history", "production/checkout", "--orders")
	require.Equal(t, 0, got.code, got.err)
	require.Equal(t, "  1  2026-11-21T12:00:01Z  Command         bo@example.com: abort: r (noop, nothing runs)\n", got.out)
	got = bakeoff(t.Context(), f, "history", "production/checkout", "--orders", "-o", "json")
	require.True(t, strings.HasPrefix(got.out, `{"seq":1,"time":"2026-11-21T12:00:01Z","kind":"Command",`), got.out)

	got = bakeoff(t.Context(), &fake{}, "history", "production/checkout", "--orders")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.err, "look for the orders of production/checkout: not found")
}
