package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// asking is a history that waits for the approval of its first raise, which the
// spec and the environment ask for.
func asking(t *testing.T, own *rollout.Approval, policy rollout.Approval) *tape {
	o := anOrder()
	o.Spec.Strategy.Canary[0].Approve = own
	p := &tape{t: t}
	p.started(o)
	p.act("admit", "Admit", map[string]any{"order": o}, admission{Plan: rollout.NewPlan(o.Spec).Ask(policy)})
	p.upsert(map[string]any{rollout.AttributePhase: "Waiting", rollout.AttributeWaitingFor: "approval"})
	return p
}

func vote(id, actor string) rollout.Command {
	return rollout.Command{ID: id, Name: rollout.CommandApprove, Actor: actor, Reason: "ok", Step: 1}
}

// resent is a command that comes a second time, as another update.
func (p *tape) resent(c rollout.Command, update, name string, a rollout.Answer) {
	p.answer(p.updated(update, name, c), a)
}

// A command is told, and counts, once, however often it is sent: as the workflow
// counts it.
func TestStoryOfAVoteThatIsSentTwice(t *testing.T) {
	p := asking(t, nil, rollout.Approval{From: []string{"managers"}, Quorum: 2})
	p.command(vote("c1", "ana"), rollout.Accepted, "1 of 2")
	p.resent(vote("c1", "ana"), "other", "approve", rollout.Answer{Answer: rollout.Accepted, Why: "1 of 2"})
	p.resent(vote("c1", "ana"), "reject/c1", "reject", rollout.Answer{Answer: rollout.Denied, Why: "the id c1 was that of approve"})
	p.resent(vote("c1", "ana"), "third", "approve", rollout.Answer{Answer: rollout.Denied, Why: "the command is for another run"})
	p.command(vote("c2", "ana"), rollout.Noop, "ana has approved already")
	s := told(t, p)
	require.Equal(t, []string{"GateWaiting 1", "Command", "Command", "Command"}, kinds(s, rollout.EventGateWaiting))
	require.Equal(t, rollout.Accepted, find(t, s, rollout.EventCommand).Data["answer"], "what it was answered first")
	require.Equal(t, "ana: reject: ok", s.lines[len(s.lines)-2].Text, "by what it was sent as")

	p.command(vote("c3", "bo"), rollout.Accepted, "2 of 2")
	require.Equal(t, "approved by 2 votes of 2, last by bo", find(t, told(t, p), rollout.EventGatePassed).Text)
}

// What the environment asks stands before what the spec asks, each with its votes.
func TestStoryOfBothApprovals(t *testing.T) {
	p := asking(t, &rollout.Approval{Within: rollout.Duration(time.Minute), Otherwise: rollout.RulePromote}, rollout.Approval{From: []string{"managers"}, Quorum: 2})
	p.command(vote("c1", "ana"), rollout.Accepted, "1 of 2")
	p.command(vote("c2", "bo"), rollout.Accepted, "2 of 2")
	p.upsert(map[string]any{rollout.AttributePhase: "Running", rollout.AttributeWaitingFor: ""})
	p.upsert(map[string]any{rollout.AttributePhase: "Waiting", rollout.AttributeWaitingFor: "approval"})
	p.command(vote("c3", "ana"), rollout.Accepted, "1 of 1")
	p.raise("s01", 1, 500)
	s := told(t, p)
	require.Equal(t, []string{"GateWaiting 1", "Command", "Command", "GatePassed 1", "GateWaiting 1", "Command", "GatePassed 1", "WeightSet 1", "WeightObserved 1"},
		kinds(s, rollout.EventGateWaiting))
	require.Equal(t, "waiting for an approval of the raise to 5%, as the environment wants: 2 of managers within 1d, otherwise rollback", find(t, s, rollout.EventGateWaiting).Text)
	require.Equal(t, "approved by 2 votes of 2, last by bo: what the environment asks", find(t, s, rollout.EventGatePassed).Text)
	var whose []any
	for _, line := range s.lines {
		if line.Kind == rollout.EventGateWaiting || line.Kind == rollout.EventGatePassed {
			whose = append(whose, line.Data["askedBy"])
		}
	}
	require.Equal(t, []any{"environment", "environment", "spec", "spec"}, whose)
}

// A vote is bound to the approval that is shown; one for what was shown elsewhere
// says itself which it was.
func TestAVoteSaysWhichOfTwoApprovalsItIsFor(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"what is shown":         {nil, "environment"},
		"with the step":         {[]string{"--step", "1"}, ""},
		"with the step and who": {[]string{"--step", "1", "--asked-by", "spec"}, "spec"},
	} {
		t.Run(name, func(t *testing.T) {
			f := running(t)
			f.status.Asked = &rollout.Asked{Step: 1, By: rollout.AskedByEnvironment, Tally: "1 of 2"}
			f.answer = func(rollout.Command) (rollout.Answer, error) { return rollout.Answer{Answer: rollout.Accepted}, nil }
			got := bakeoff(t.Context(), f, append([]string{"approve", "production/checkout", "--reason", "x"}, tt.args...)...)
			require.Zero(t, got.code, got.err)
			require.Contains(t, got.err, "votes: 1 of 2, for what the environment asks\n")
			require.Equal(t, 1, f.updates[0].Step)
			require.Equal(t, tt.want, f.updates[0].AskedBy)
		})
	}
}

// A vote shows what runs, and says where it is for something else.
func TestGateTextOfAnother(t *testing.T) {
	p := asking(t, &rollout.Approval{}, rollout.Approval{From: []string{"managers"}, Quorum: 2})
	s := told(t, p)
	s.status.RunID, s.status.PlanDigest = "run-1", "sha256:running"
	text := gateText(s.status, s.plan, order{Command: rollout.Command{Step: 1, RunID: "run-1", Digest: "sha256:running"}})
	require.Contains(t, text, "asked first, as the environment wants: 2 of managers")
	require.Contains(t, text, "plan sha256:running\n")
	require.NotContains(t, text, "another one")
	text = gateText(s.status, s.plan, order{Command: rollout.Command{Step: 1, RunID: "run-0", Digest: "sha256:other"}})
	require.Contains(t, text, "run run-1\n")
	require.Contains(t, text, "plan sha256:running\n  your vote is for run run-0: another one\n  your vote is for plan sha256:other: another one\n")
}

// A schedule that is over is why a rollout goes back, whatever it waited for; before
// that it is not.
func TestStoryOfAScheduleThatEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		after time.Duration
		want  string
	}{
		"over":     {time.Second, "go back: its schedule ended at 2026-11-21 12:00:01 UTC"},
		"not over": {time.Hour, "nobody approved the raise to 5% in time"},
	} {
		t.Run(name, func(t *testing.T) {
			o := anOrder()
			o.Spec.Schedule, o.Spec.Strategy.Canary[0].Approve = &rollout.Schedule{To: noon.Add(tt.after)}, &rollout.Approval{}
			p := &tape{t: t}
			p.started(o)
			p.act("admit", "Admit", map[string]any{"order": o}, admission{Plan: rollout.NewPlan(o.Spec)})
			p.upsert(map[string]any{rollout.AttributePhase: "Waiting", rollout.AttributeWaitingFor: "approval"})
			p.upsert(map[string]any{rollout.AttributePhase: "RollingBack", rollout.AttributeWaitingFor: ""})
			p.schedule("restore.traffic", "RestoreTraffic", "put traffic back", nil)
			s := told(t, p)
			require.Len(t, kinds(s, rollout.EventGateRefused), 2, "it and Restoring: once")
			require.Equal(t, tt.want, find(t, s, rollout.EventGateRefused).Text)
		})
	}
}

// The flags of a release wait for its schedule, and are told of when they are set.
func TestStoryOfAScheduleThatBegins(t *testing.T) {
	p := opening(t)
	closed := (&rollout.Schedule{From: noon.Add(time.Hour)}).Closed(noon)[0]
	flags := map[string]any{"flags": map[string]any{"new-cart": true}}
	p.act("flags", "SetFlags", flags, map[string]any{"closed": closed})
	p.act("flags.gate", "Gate", nil, map[string]any{})
	p.act("flags.2", "SetFlags", flags, map[string]any{})
	s := told(t, p)
	require.Equal(t, []string{"GateWaiting", "GatePassed", "Deployed"}, kinds(s, rollout.EventGateWaiting))
	waits := find(t, s, rollout.EventGateWaiting)
	require.Equal(t, "waiting: its schedule begins at 2026-11-21 13:00 UTC", waits.Text)
	require.Equal(t, rollout.GateSchedule, waits.Data["gate"])
	require.Equal(t, "its schedule has begun: 2026-11-21 13:00 UTC", find(t, s, rollout.EventGatePassed).Text)
}

func TestPlanOfASchedule(t *testing.T) {
	s := spec()
	s.Schedule = &rollout.Schedule{From: noon}
	require.Contains(t, planText(rollout.NewPlan(s)), "\nschedule: users may have 2.5.0 from 2026-11-21 12:00 UTC\n\npromotion: 100%, baseline kept 10m\n")
	s.Schedule.To = noon.Add(time.Hour)
	text := planText(rollout.NewPlan(s))
	require.Contains(t, text, "promotion: 100%, baseline kept until 2026-11-21 13:00 UTC, when everything goes back\n")
	require.NotContains(t, text, "cleanup.remove")
}
