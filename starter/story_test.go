package main

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/durationpb"

	"bakeoff/rollout"
)

func told(t *testing.T, p *tape) *story {
	t.Helper()
	s, err := readStory(converter.GetDefaultDataConverter(), checkout, p.play())
	require.NoError(t, err)
	return s
}

// kinds lists the lines of a story from the first of a kind on: the kind, and
// the step where there is one.
func kinds(s *story, from rollout.EventKind) []string {
	var out []string
	for _, line := range s.lines {
		if len(out) == 0 && from != "" && line.Kind != from {
			continue
		}
		text := string(line.Kind)
		if line.Step > 0 {
			text += fmt.Sprintf(" %d", line.Step)
		}
		out = append(out, text)
	}
	return out
}

func find(t *testing.T, s *story, kind rollout.EventKind) rollout.Event {
	t.Helper()
	for _, line := range s.lines {
		if line.Kind == kind {
			return line
		}
	}
	require.Fail(t, "no line of kind "+string(kind))
	return rollout.Event{}
}

func TestStoryOfAPromotion(t *testing.T) {
	p := opening(t)
	in, out := window(1, 1, rollout.Watch, rollout.Continue)
	p.act("s01.w01.observe", "Observe", in, out)
	in, out = window(1, 2, rollout.GoOn, rollout.Pass)
	p.act("s01.w02.observe", "Observe", in, out)
	p.raise("promote", 0, rollout.All)
	p.act("promote", "Promote", nil, map[string]any{"primary": "2.5.0"})
	in, out = window(1, 1, rollout.GoOn, rollout.Pass)
	p.act("keep.w01.observe", "Observe", in, out)
	p.act("cleanup.remove", "Remove", map[string]any{"version": "2.4.1"}, map[string]any{"reason": "drained"})
	p.completed(rollout.Status{Target: "production/checkout", Phase: rollout.PhaseCompleted, Outcome: rollout.Promoted, Reason: "2.5.0 serves everybody"})

	s := told(t, p)
	require.Equal(t, []string{"Submitted", "Admitted", "Snapshot", "Preflight", "Deployed", "WeightSet 1", "WeightObserved 1",
		"Window 1", "Window 1", "StepPassed 1", "WeightSet", "WeightObserved", "Promoted", "Window", "CleanedUp", "Ended"}, kinds(s, ""))
	for i, line := range s.lines {
		require.Equal(t, i+1, line.Seq)
		require.NotEmpty(t, line.Text)
	}
	require.Equal(t, "ana asked for 2.5.0 in production/checkout: faster checkout", s.lines[0].Text)
	require.Equal(t, "ana", s.lines[0].Actor)
	require.Equal(t, noon, s.lines[0].Time)
	require.Equal(t, "5% to 2.5.0 observed", find(t, s, rollout.EventWeightObserved).Text)
	require.Equal(t, rollout.Weight(500), find(t, s, rollout.EventWeightObserved).Data["weight"])
	require.Equal(t, "window 1 at 5%, 1m: errors Continue ×1.02 [0.51, 2.04]", find(t, s, rollout.EventWindow).Text)
	require.Equal(t, "2.4.1 removed: drained", find(t, s, rollout.EventCleanedUp).Text)
	require.Equal(t, rollout.Promoted, find(t, s, rollout.EventEnded).Data["outcome"])
}

func TestStoryLinesAsJSON(t *testing.T) {
	s := told(t, opening(t))
	body, err := json.Marshal(find(t, s, rollout.EventWeightObserved))
	require.NoError(t, err)
	require.JSONEq(t, `{"seq":7,"time":"2026-11-21T12:00:13Z","kind":"WeightObserved","step":1,"text":"5% to 2.5.0 observed","actor":"",
		"data":{"weight":"5%","observed":{"2.4.1":"95%","2.5.0":"5%"}}}`, string(body))
}

func TestStoryOfARollback(t *testing.T) {
	p := opening(t)
	in, out := window(1, 1, rollout.RollBack, rollout.Fail)
	p.act("s01.w01.observe", "Observe", in, out)
	restore := p.schedule("restore.traffic", "RestoreTraffic", "put traffic back to 2.4.1: errors ×3.1", nil)
	p.upsert(map[string]any{rollout.AttributePhase: "RollingBack", rollout.AttributeWaitingFor: ""})
	p.complete(restore, map[string]any{"split": split(0)})
	p.act("restore.verify", "VerifyTraffic", map[string]any{"split": split(0)}, map[string]any{"verified": true, "observed": split(0)})
	again := p.schedule("restore.traffic.2", "RestoreTraffic", "put traffic back again", nil)
	p.complete(again, map[string]any{"split": split(0)})
	p.act("restore.health", "VerifyHealth", nil, map[string]any{"reason": "two polls passed"})
	p.act("restore.compare", "Compare", nil, map[string]any{"differences": []string{}})
	p.act("cleanup.remove", "Remove", map[string]any{"version": "2.5.0"}, map[string]any{})
	p.completed(rollout.Status{Target: "production/checkout", Phase: rollout.PhaseCompleted, Outcome: rollout.RolledBack, Cause: rollout.CauseVerdict,
		Reason: "errors ×3.1 at 5%", TimeToRestore: &rollout.TimeToRestore{Total: 3500000000}})

	s := told(t, p)
	require.Equal(t, []string{"Window 1", "Breach 1", "Restoring", "TrafficRestored", "Restoring", "HealthRestored", "Compared", "CleanedUp", "Ended"}, kinds(s, rollout.EventWindow))
	require.Equal(t, "put traffic back to 2.4.1: errors ×3.1", find(t, s, rollout.EventRestoring).Text)
	require.Equal(t, "RolledBack: errors ×3.1 at 5% (baseline back in 9s)", find(t, s, rollout.EventEnded).Text)
}

func TestStoryOfRefusals(t *testing.T) {
	tests := map[string]struct {
		kind string
		out  any
		want string
	}{
		"by the plan":      {"Admit", admission{Cause: rollout.CauseSpec, Problems: []rollout.Problem{{Path: "release.artifact", Message: "is a mutable tag"}}}, "refused (spec): release.artifact: is a mutable tag"},
		"by the snapshot":  {"Snapshot", map[string]any{"cause": "dirty", "reason": "several versions have traffic"}, "refused (dirty): several versions have traffic"},
		"already serving":  {"Snapshot", map[string]any{"cause": "already serving", "reason": "2.5.0 serves already"}, "refused (already serving): 2.5.0 serves already"},
		"by the preflight": {"Preflight", map[string]any{"problems": []string{"2.4.1 is not ready"}}, "refused (dirty): 2.4.1 is not ready"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := &tape{t: t}
			p.started(anOrder())
			p.act("x", tt.kind, nil, tt.out)
			require.Equal(t, tt.want, find(t, told(t, p), rollout.EventRefused).Text)
		})
	}
}

func order1(name, id string) rollout.Command {
	return rollout.Command{ID: id, Name: name, Actor: "bo", Reason: "because"}
}

func TestStoryOfAnAbort(t *testing.T) {
	p := opening(t)
	open := p.schedule("s01.w01.observe", "Observe", "", map[string]any{"step": 1, "window": 1, "weight": "5%"})
	p.signal(order1(rollout.CommandAbort, "c1"))
	p.schedule("restore.traffic", "RestoreTraffic", "put traffic back", nil)
	accepted := p.accept(order1(rollout.CommandAbort, "c1"))
	_, out := window(1, 1, rollout.Watch, rollout.Continue)
	p.cancel(open, out)
	p.cancelRequest("from the UI")
	p.answer(accepted, rollout.Answer{Answer: rollout.Accepted})

	s := told(t, p)
	require.Equal(t, []string{"Command", "Restoring", "Window 1", "Command"}, kinds(s, rollout.EventCommand))
	first := find(t, s, rollout.EventCommand)
	require.Equal(t, "bo", first.Actor)
	require.Equal(t, map[string]any{"name": "abort", "id": "c1", "reason": "because", "answer": "accepted"}, first.Data)
	last := s.lines[len(s.lines)-1]
	require.Equal(t, "temporal:cancel", last.Actor)
	require.Equal(t, "noop", last.Data["answer"])
	require.Equal(t, "from the UI", last.Data["reason"])
}

// A window that no worker had begun when it was cancelled has nothing to tell: the
// server puts a text in the place of what it saw.
func TestStoryOfAWindowThatNobodyBegan(t *testing.T) {
	p := opening(t)
	open := p.schedule("s01.w01.observe", "Observe", "", map[string]any{"step": 1, "window": 1, "weight": "5%"})
	p.signal(order1(rollout.CommandAbort, "c1"))
	p.schedule("restore.traffic", "RestoreTraffic", "put traffic back", nil)
	p.cancel(open, "ACTIVITY_ID_NOT_STARTED")
	require.Equal(t, []string{"Command", "Restoring"}, kinds(told(t, p), rollout.EventCommand))
}

// A cancel by a workflow says which: a rehearsal, or its end, also by a terminate.
func TestStoryOfACancel(t *testing.T) {
	by := &commonpb.WorkflowExecution{WorkflowId: "rehearsal/staging/shop"}
	for want, a := range map[string]*historypb.WorkflowExecutionCancelRequestedEventAttributes{
		"the workflow was cancelled":                              {},
		"from the UI":                                             {Cause: "from the UI", ExternalWorkflowExecution: by},
		"rehearsal/staging/shop cancelled it":                     {ExternalWorkflowExecution: by, ExternalInitiatedEventId: 43},
		"rehearsal/staging/shop, which had started it, has ended": {ExternalWorkflowExecution: by},
	} {
		require.Equal(t, want, whyCancelled(a))
	}
}

func TestStoryOfAnAbortThatTheUpdateDenies(t *testing.T) {
	p := opening(t)
	p.signal(order1(rollout.CommandAbort, "c1"))
	p.command(order1(rollout.CommandAbort, "c1"), rollout.Noop, "already promoted")
	s := told(t, p)
	require.Equal(t, []string{"Command"}, kinds(s, rollout.EventCommand))
	require.Equal(t, "noop", find(t, s, rollout.EventCommand).Data["answer"])
	require.Equal(t, "already promoted", find(t, s, rollout.EventCommand).Data["why"])
}

func TestStoryOfPausesAndHolds(t *testing.T) {
	p := opening(t)
	p.command(order1(rollout.CommandPause, "c1"), rollout.Accepted, "")
	p.command(order1(rollout.CommandPause, "c2"), rollout.Noop, "it is paused already")
	p.command(order1(rollout.CommandResume, "c3"), rollout.Accepted, "")
	for n, action := range []rollout.Action{rollout.Hold, rollout.Hold, rollout.Watch, rollout.Hold} {
		in, out := window(1, n+1, action, rollout.NoData)
		p.act(fmt.Sprintf("s01.w%02d.observe", n+1), "Observe", in, out)
	}
	s := told(t, p)
	require.Equal(t, []string{"Command", "Paused 1", "Command", "Command", "Resumed 1",
		"Window 1", "Held 1", "Window 1", "Window 1", "Window 1", "Held 1"}, kinds(s, rollout.EventCommand))
	require.False(t, s.status.Paused)
}

func waits(p *tape) {
	p.upsert(map[string]any{rollout.AttributePhase: "Waiting", rollout.AttributeWaitingFor: "approval", rollout.AttributeStep: 1})
}

func TestStoryOfGates(t *testing.T) {
	approve := func(id, actor string) rollout.Command {
		return rollout.Command{ID: id, Name: rollout.CommandApprove, Actor: actor, Reason: "ok", Step: 2, Digest: "sha256:d"}
	}
	tests := map[string]struct {
		play func(p *tape)
		want []string
	}{
		"a quorum": {func(p *tape) {
			p.command(approve("c1", "bo"), rollout.Accepted, "1 of 2")
			p.command(approve("c2", "bo"), rollout.Noop, "bo has approved already")
			p.upsert(map[string]any{rollout.AttributeWaitingFor: "pause"})
			p.upsert(map[string]any{rollout.AttributeWaitingFor: "approval"})
			p.command(approve("c3", "cy"), rollout.Accepted, "2 of 2")
			p.raise("s02", 2, 5000)
		}, []string{"GateWaiting 2", "Command", "Command", "Command", "GatePassed 2", "WeightSet 2", "WeightObserved 2"}},
		"a refusal": {func(p *tape) {
			p.command(order1(rollout.CommandReject, "c1"), rollout.Accepted, "")
			p.schedule("restore.traffic", "RestoreTraffic", "", nil)
			p.upsert(map[string]any{rollout.AttributePhase: "RollingBack", rollout.AttributeWaitingFor: ""})
		}, []string{"GateWaiting 2", "Command", "GateRefused 2", "Restoring"}},
		"nobody in time, otherwise promote": {func(p *tape) { p.raise("s02", 2, 5000) },
			[]string{"GateWaiting 2", "GatePassed 2", "WeightSet 2", "WeightObserved 2"}},
		"nobody in time, otherwise rollback": {func(p *tape) {
			p.schedule("restore.traffic", "RestoreTraffic", "", nil)
			p.upsert(map[string]any{rollout.AttributePhase: "RollingBack", rollout.AttributeWaitingFor: ""})
		}, []string{"GateWaiting 2", "GateRefused 2", "Restoring"}},
		"an abort meanwhile": {func(p *tape) {
			p.signal(order1(rollout.CommandAbort, "c1"))
			p.schedule("restore.traffic", "RestoreTraffic", "", nil)
		}, []string{"GateWaiting 2", "Command", "Restoring"}},
		"a breach meanwhile": {func(p *tape) {
			in, out := window(1, 51, rollout.RollBack, rollout.Fail)
			p.act("s01.w51.observe", "Observe", in, out)
			p.schedule("restore.traffic", "RestoreTraffic", "", nil)
		}, []string{"GateWaiting 2", "Window 1", "Breach 1", "Restoring"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := opening(t)
			waits(p)
			tt.play(p)
			require.Equal(t, tt.want, kinds(told(t, p), rollout.EventGateWaiting))
		})
	}
}

func TestStoryOfDrift(t *testing.T) {
	p := opening(t)
	p.act("s02.traffic", "SetTraffic", map[string]any{"step": 2}, map[string]any{"conflict": true, "observed": split(6000)})
	in, out := window(1, 1, rollout.Hold, rollout.Continue)
	out["drift"] = split(6000)
	p.act("s01.w01.observe", "Observe", in, out)
	p.act("promote", "Promote", nil, map[string]any{"primary": "2.4.1", "platformRolledBack": true, "reason": "circuit breaker"})
	s := told(t, p)
	require.Equal(t, []string{"Drift 2", "Window 1", "Drift 1", "Held 1", "Drift"}, kinds(s, rollout.EventDrift))
	require.Equal(t, "a foreign split is in force, nothing was written: 2.4.1 40%, 2.5.0 60%", find(t, s, rollout.EventDrift).Text)
}

func TestStoryOfWantOfWorkersAndPeople(t *testing.T) {
	p := opening(t)
	p.timeOut(p.schedule("s01.w01.observe", "Observe", "", map[string]any{"window": 1, "weight": "5%"}), "no worker took it")
	for _, human := range []bool{true, true, false, true} {
		p.upsert(map[string]any{rollout.AttributePhase: "NeedsHuman", rollout.AttributeNeedsHuman: human})
	}
	p.failed("acknowledged", rollout.Status{Target: "production/checkout", Outcome: rollout.Failed, Reason: "acknowledged by bo", Actor: "bo"})
	s := told(t, p)
	require.Equal(t, []string{"Window 1", "NeedsHuman", "NeedsHuman", "Ended"}, kinds(s, rollout.EventWindow))
	require.Equal(t, "window 1 at 5%: nobody watched: no worker took it", find(t, s, rollout.EventWindow).Text)
	require.Equal(t, rollout.Failed, s.status.Outcome)
}

// A write has two tries: only when the second is out of time, too, it goes back.
func TestStoryOfAWriteThatIsTriedAgain(t *testing.T) {
	p := opening(t)
	settle := rollout.NewPlan(anOrder().Spec).Spec.SettleWithin.Std()
	for try, within := range []time.Duration{10 * time.Second, settle - 10*time.Second} {
		write := p.schedule("s02.traffic", "SetTraffic", "send 50% to 2.5.0", map[string]any{"step": 2})
		p.last().GetActivityTaskScheduledEventAttributes().ScheduleToCloseTimeout = durationpb.New(within)
		p.timeOut(write, "no worker took it")
		require.Len(t, kinds(told(t, p), rollout.EventRestoring), try)
	}
	require.Equal(t, "go back: could not send 50% to 2.5.0: no worker took it", find(t, told(t, p), rollout.EventRestoring).Text)
}

// What goes back already stops what still goes forward: that is no reason.
func TestStoryOfAWriteThatAnAbortStops(t *testing.T) {
	p := opening(t)
	write := p.schedule("promote.traffic", "SetTraffic", "send 100% to 2.5.0", nil)
	hook := p.schedule("hook1.beforePromote", "Hook", "hook 1 beforePromote: x", nil)
	p.signal(order1(rollout.CommandAbort, "c1"))
	p.schedule("restore.traffic", "RestoreTraffic", "put traffic back", nil)
	p.fail(write, "context canceled")
	p.fail(hook, "context canceled")
	require.Equal(t, []string{"Command", "Restoring"}, kinds(told(t, p), rollout.EventCommand))
}

func TestStoryTellsOfAStepThatPassedOnce(t *testing.T) {
	p := opening(t)
	for n, action := range []rollout.Action{rollout.GoOn, rollout.GoOn} {
		in, out := window(1, n+1, action, rollout.Pass)
		in["waiting"] = n > 0
		p.act(fmt.Sprintf("s01.w%02d.observe", n+1), "Observe", in, out)
	}
	require.Equal(t, []string{"Window 1", "StepPassed 1", "Window 1"}, kinds(told(t, p), rollout.EventWindow))
}

// A window that says to go on ends no bake that goes on: what comes next tells.
func TestStoryOfABakeThatGoesOn(t *testing.T) {
	next := map[string]any{"step": 1, "window": 2, "start": noon.Add(time.Minute), "weight": "5%"}
	tests := map[string]struct {
		play func(p *tape)
		want []string
	}{
		"nothing came next":      {func(*tape) {}, nil},
		"a part was not watched": {func(p *tape) { p.schedule("s01.w02.observe", "Observe", "", next) }, nil},
		"and it was breached then": {func(p *tape) {
			_, out := window(1, 2, rollout.RollBack, rollout.Fail)
			p.act("s01.w02.observe", "Observe", next, out)
		}, []string{"Window 1", "Breach 1"}},
		"and it passed then": {func(p *tape) {
			_, out := window(1, 2, rollout.GoOn, rollout.Pass)
			p.act("s01.w02.observe", "Observe", next, out)
			p.raise("s02", 2, 5000)
		}, []string{"Window 1", "StepPassed 1", "WeightSet 2", "WeightObserved 2"}},
		"an order came first": {func(p *tape) {
			p.schedule("authorize.abort", "Authorize", "", nil)
			p.schedule("restore.traffic", "RestoreTraffic", "", nil)
		}, []string{"Restoring"}},
		"an approval is waited for": {waits, []string{"StepPassed 1", "GateWaiting 2"}},
		"users are watched before the next step": {func(p *tape) {
			p.schedule("s01.w51.observe", "Observe", "", map[string]any{"step": 1, "window": 51, "start": noon.Add(61 * time.Second), "waiting": true})
		}, []string{"StepPassed 1"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := opening(t)
			in, out := window(1, 1, rollout.GoOn, rollout.Pass)
			out["unwatched"] = rollout.Duration(9 * time.Second)
			p.act("s01.w01.observe", "Observe", in, out)
			tt.play(p)
			require.Equal(t, append([]string{"Window 1"}, tt.want...), kinds(told(t, p), rollout.EventWindow))
		})
	}
}

func TestStoryKnowsWhereTheRolloutStands(t *testing.T) {
	p := opening(t)
	in, out := window(1, 1, rollout.Watch, rollout.Continue)
	p.act("s01.w01.observe", "Observe", in, out)
	p.command(order1(rollout.CommandPause, "c1"), rollout.Accepted, "")
	p.upsert(map[string]any{rollout.AttributePhase: "Waiting", rollout.AttributeWaitingFor: "pause"})
	got := told(t, p).status
	require.Equal(t, "production/checkout", got.Target)
	require.Equal(t, rollout.PhaseWaiting, got.Phase)
	require.Equal(t, "pause", got.WaitingFor)
	require.True(t, got.Paused)
	require.True(t, got.Stale)
	require.Equal(t, "2.4.1", got.Baseline)
	require.Equal(t, rollout.Weight(500), got.Weight)
	require.Equal(t, 1, got.Step)
	require.Equal(t, 2, got.Steps)
	require.Equal(t, "ana", got.StartedBy)
	require.Equal(t, rollout.NewPlan(spec()).Digest, got.PlanDigest)
	require.Len(t, got.Checks, 1)
}

func TestStoryOfATerminatedRun(t *testing.T) {
	p := opening(t)
	p.terminated("eve", "oops")
	s := told(t, p)
	require.Equal(t, rollout.Failed, s.status.Outcome)
	require.Equal(t, "terminated from outside by eve (oops): nothing was put back", s.status.Reason)
	require.Equal(t, rollout.Weight(500), s.status.Weight)
	require.Equal(t, "2.4.1", s.status.Baseline)
	require.Equal(t, exitNeedsHuman, outcomeCode(s.status))
}

func TestReadStoryNamesTheEventThatIsDamaged(t *testing.T) {
	p := &tape{t: t}
	p.act("admit", "Admit", nil, "no plan")
	_, err := readStory(converter.GetDefaultDataConverter(), checkout, p.play())
	require.ErrorContains(t, err, "read event 2 of rollout/production/checkout")
}

// What closes a target is told once, and so is its end; an override has its name.
func TestStoryOfWhatClosesATarget(t *testing.T) {
	until := time.Date(2026, time.November, 23, 7, 0, 0, 0, time.UTC)
	closed := &rollout.Closure{Gate: rollout.GateFreeze, Name: "weekends", Reason: `freeze "weekends"`, Until: &until, Exposure: rollout.ExposureHold, Keys: []string{"1"}}
	back := *closed
	back.Exposure, back.Keys = rollout.ExposureRollback, []string{"2"}
	p := &tape{t: t}
	p.started(anOrder())
	p.act("admit", "Admit", map[string]any{"order": anOrder()}, admission{Plan: rollout.NewPlan(spec()), Closed: closed})
	p.act("start.gate", "Gate", nil, gateOutput{})
	p.act("s01.traffic", "SetTraffic", trafficInput{Step: 1}, setTrafficOutput{Closed: closed})
	p.act("s01.w51.observe", "Observe", observeInput{Step: 1, Waiting: true}, observeOutput{Closed: closed})
	p.command(rollout.Command{ID: "1", Name: "promote", Actor: "cy", Reason: "INC-12", Override: true}, rollout.Accepted, "")
	p.act("s01.traffic.2", "SetTraffic", trafficInput{Step: 1}, setTrafficOutput{Split: rollout.Split{"2.5.0": 500}})
	p.act("s01.verify", "VerifyTraffic", trafficInput{Step: 1}, verifyTrafficOutput{Verified: true, Observed: rollout.Split{"2.5.0": 500}})
	p.act("s01.w01.observe", "Observe", observeInput{Step: 1}, observeOutput{Closed: &back})
	var lines []string
	for _, e := range told(t, p).lines {
		switch e.Kind {
		case rollout.EventGateWaiting, rollout.EventGatePassed, rollout.EventGateRefused:
			lines = append(lines, string(e.Kind)+" "+e.Text)
		}
	}
	require.Equal(t, []string{
		`GateWaiting waiting: freeze "weekends"`, "GatePassed freeze is over: weekends", `GateWaiting waiting: freeze "weekends"`,
		"GatePassed freeze overridden by cy: INC-12", `GateRefused go back: freeze "weekends"`,
	}, lines)
}
