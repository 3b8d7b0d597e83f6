package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// What somebody sends past the command line is told as what it came to: an abort by
// somebody who may not is denied, whatever it calls itself; and what nobody can read
// hides nothing of the rest.
func TestStoryOfSignalsFromOutside(t *testing.T) {
	p := &tape{t: t}
	p.started(anOrder())
	plan := rollout.NewPlan(spec())
	plan.Abort = []string{"cy@example.com"}
	p.act("admit", "Admit", map[string]any{"order": anOrder()}, admission{Plan: plan})
	p.signalled(rollout.SignalWitness, "x")
	p.signalled(rollout.CommandAbort, "x")
	p.signalled(rollout.CommandAbort, rollout.Command{ID: "1", Name: "pause", Actor: "zed", Reason: "r"})
	p.signal(rollout.Command{ID: "2", Name: "abort", Actor: "CY@example.com", Reason: "r"})
	var orders []string
	for _, e := range told(t, p).lines {
		if e.Kind == rollout.EventCommand {
			orders = append(orders, e.Data["name"].(string)+" "+e.Data["answer"].(string))
		}
	}
	require.Equal(t, []string{"witness noop", "abort noop", "abort denied", "abort accepted"}, orders)
}

// A raise that a candidate was not ready for was not written.
func TestStoryOfARaiseThatWaitsForReplicas(t *testing.T) {
	p := &tape{t: t}
	p.started(anOrder())
	p.act("admit", "Admit", map[string]any{"order": anOrder()}, admission{Plan: rollout.NewPlan(spec())})
	p.act("s01.traffic", "SetTraffic", trafficInput{Step: 1}, setTrafficOutput{Split: rollout.Split{"2.5.0": 500}, Unready: "short of replicas"})
	none := told(t, p)
	p.act("s01.traffic.2", "SetTraffic", trafficInput{Step: 1}, setTrafficOutput{Split: rollout.Split{"2.5.0": 500}})
	written := 0
	for _, e := range told(t, p).lines {
		if e.Kind == rollout.EventWeightSet {
			written++
		}
	}
	require.Equal(t, 1, written)
	require.Zero(t, none.status.Step, "nothing was raised")
}
