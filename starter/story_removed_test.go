package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// A router that loses what was put back is drift, told once while it stays so, and
// nothing is removed.
func TestStoryOfARestoreThatIsLost(t *testing.T) {
	p := &tape{t: t}
	p.started(anOrder())
	p.act("admit", "Admit", nil, admission{Plan: rollout.NewPlan(spec())})
	lost := rollout.Split{"2.4.1": 9000, "2.5.0": 1000}
	in := removeInput{Version: "2.5.0"}
	p.act("cleanup.remove", "Remove", in, removeOutput{Reason: "2.5.0 is not removed: the router has 2.4.1 90%, 2.5.0 10% instead of 2.4.1 100%", Drift: lost})
	p.act("cleanup.remove.2", "Remove", in, removeOutput{Reason: "the same", Drift: lost})
	require.Equal(t, rollout.Weight(1000), told(t, p).status.Weight)
	p.act("restore.verify", "VerifyTraffic", trafficInput{}, verifyTrafficOutput{Verified: true, Observed: rollout.Split{"2.4.1": rollout.All}})
	p.act("cleanup.remove.3", "Remove", in, removeOutput{Reason: "2.5.0 is gone"})
	s := told(t, p)
	require.Zero(t, s.status.Weight)
	var kinds []rollout.EventKind
	for _, line := range s.lines[2:] {
		kinds = append(kinds, line.Kind)
	}
	require.Equal(t, []rollout.EventKind{rollout.EventDrift, rollout.EventTrafficRestored, rollout.EventCleanedUp}, kinds)
	require.Equal(t, "2.5.0 is not removed: the router has 2.4.1 90%, 2.5.0 10% instead of 2.4.1 100%", s.lines[2].Text)
}

// A platform that goes back to another primary version after the promotion is drift, too.
func TestStoryOfAPrimaryVersionThatIsLost(t *testing.T) {
	p := &tape{t: t}
	p.started(anOrder())
	p.act("admit", "Admit", nil, admission{Plan: rollout.NewPlan(spec())})
	in, lost := removeInput{Version: "2.4.1"}, rollout.Split{"2.4.1": rollout.All}
	p.act("cleanup.remove", "Remove", in, removeOutput{Reason: "2.4.1 is not removed: the primary version is 2.4.1 instead of 2.5.0", Primary: "2.4.1"})
	p.act("cleanup.remove.2", "Remove", in, removeOutput{Reason: "the same", Primary: "2.4.1"})
	p.act("cleanup.remove.3", "Remove", in, removeOutput{Reason: "and weights", Primary: "2.4.1", Drift: lost})
	require.Zero(t, told(t, p).status.Weight)
	p.act("cleanup.primary", "Promote", nil, promoteOutput{Primary: "2.5.0"})
	p.act("cleanup.remove.4", "Remove", in, removeOutput{Reason: "again", Primary: "2.4.1"})
	p.act("cleanup.remove.5", "Remove", in, removeOutput{Reason: "2.4.1 still answers requests", Busy: true})
	p.act("cleanup.remove.6", "Remove", in, removeOutput{Reason: "2.4.1 is gone"})
	s := told(t, p)
	var kinds []rollout.EventKind
	for _, line := range s.lines[2:] {
		kinds = append(kinds, line.Kind)
	}
	require.Equal(t, []rollout.EventKind{rollout.EventDrift, rollout.EventDrift, rollout.EventPromoted, rollout.EventDrift, rollout.EventCleanedUp}, kinds)
	require.Equal(t, "2.4.1", s.lines[2].Data["primary"])
}

// What was put back can be lost before the removal begins, too.
func TestStoryOfWhatIsLostEarlier(t *testing.T) {
	p := &tape{t: t}
	p.started(anOrder())
	p.act("admit", "Admit", nil, admission{Plan: rollout.NewPlan(spec())})
	lost := rollout.Split{"2.4.1": 9000, "2.5.0": 1000}
	p.act("restore.health", "VerifyHealth", nil, reasonOutput{Reason: "the router has 2.4.1 90%, 2.5.0 10% instead of 2.4.1 100%", Drift: lost})
	require.Equal(t, rollout.Weight(1000), told(t, p).status.Weight)
	p.act("restore.verify", "VerifyTraffic", trafficInput{}, verifyTrafficOutput{Verified: true, Observed: rollout.Split{"2.4.1": rollout.All}})
	p.act("restore.compare", "Compare", nil, compareOutput{Differences: []string{"traffic: was 2.4.1 100%, is 2.4.1 90%, 2.5.0 10%"}, Split: lost})
	require.Equal(t, rollout.Weight(1000), told(t, p).status.Weight)
	p.act("restore.verify.2", "VerifyTraffic", trafficInput{}, verifyTrafficOutput{Verified: true, Observed: rollout.Split{"2.4.1": rollout.All}})
	p.act("cleanup.remove", "Remove", removeInput{Version: "2.5.0"}, removeOutput{Reason: "2.5.0 is not removed: primary: was 2.4.1, is 2.5.0", Differences: []string{"primary: was 2.4.1, is 2.5.0"}})
	s := told(t, p)
	require.Zero(t, s.status.Weight)
	var kinds []rollout.EventKind
	for _, line := range s.lines[2:] {
		kinds = append(kinds, line.Kind)
	}
	require.Equal(t, []rollout.EventKind{rollout.EventDrift, rollout.EventTrafficRestored, rollout.EventCompared, rollout.EventTrafficRestored, rollout.EventCompared}, kinds)
}
