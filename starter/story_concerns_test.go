package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// Concerns that stand are people's, whatever names they use, until these withdraw them.
func TestStoryOfConcerns(t *testing.T) {
	p := opening(t)
	tell := func(id, actor, member, answer string, withdraw bool) {
		c := rollout.Command{ID: id, Name: rollout.CommandConcern, Actor: actor, Reason: "carts look empty", Withdraw: withdraw}
		accepted := p.accept(c)
		p.act("authorize.concern."+id, "Authorize", map[string]any{"id": id}, map[string]any{"allowed": true, "vote": rollout.Vote{Member: member}})
		p.answer(accepted, rollout.Answer{Answer: answer})
	}
	tell("1", "ana@laptop", "ana", rollout.Accepted, false)
	tell("2", "ana", "ana", rollout.Noop, false)
	tell("3", "bo", "bo", rollout.Accepted, false)
	tell("4", "ana", "ana", rollout.Accepted, true)
	s := told(t, p)
	require.Len(t, s.status.Concerns, 1)
	require.Equal(t, "bo", s.status.Concerns[0].Member)
	require.Equal(t, []string{"Command", "Command", "Command", "Command"}, kinds(s, rollout.EventCommand))
	last := s.lines[len(s.lines)-1]
	require.Equal(t, "ana: concern withdrawn: carts look empty", last.Text)
	require.Equal(t, true, last.Data["withdraw"])
	require.Contains(t, resultText(s.status, style{}), "  concern          bo, since ")
	require.Contains(t, gateText(s.status, s.plan, order{}), "  concern of bo, since ")
	require.Contains(t, block(s.status, noon, style{}), "  concern of "+concern(s.status.Concerns[0]))
}

// So many as the policy says turn the rollout back.
func TestStoryOfConcernsThatTurnBack(t *testing.T) {
	of := spec()
	of.Policy.Concerns.Rollback = 2
	of.Policy.Concerns.Hold = 1
	require.Contains(t, planText(rollout.NewPlan(of)), "\npeople who are concerned\n  from 1 on        hold the end of a bake\n  from 2 on        put the baseline back\n")
	p := &tape{t: t}
	p.started(anOrder())
	p.act("admit", "Admit", nil, admission{Plan: rollout.NewPlan(of)})
	p.raise("s01", 1, 500)
	for _, actor := range []string{"ana", "bo"} {
		p.command(rollout.Command{ID: actor, Name: rollout.CommandConcern, Actor: actor, Reason: "carts look empty"}, rollout.Accepted, "")
	}
	s := told(t, p)
	line := find(t, s, rollout.EventBreach)
	require.Equal(t, "go back: ana is concerned: carts look empty; bo is concerned: carts look empty", line.Text)
	require.Equal(t, rollout.CauseConcern, line.Data["cause"])
	require.True(t, s.back)
}
