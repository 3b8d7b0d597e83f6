package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// ringed is spec with cohorts before its weights.
func ringed() rollout.Spec {
	s := spec()
	s.Strategy = rollout.Strategy{Rings: []rollout.Step{
		{Cohort: "internal", Bake: rollout.Duration(60e9), Owner: "platform", Approve: &rollout.Approval{}},
		{Weight: 1000, Bake: rollout.Duration(60e9)}}}
	return s
}

func TestPlanOfRings(t *testing.T) {
	got := planText(rollout.NewPlan(ringed()))
	for _, want := range []string{
		"step 1: cohort internal, bake 1m, answered for by platform\n",
		"  only absolute checks decide: those who meet the candidate are no fair share of the users\n",
		"step 2: 10%, bake 1m\n",
		"  s01.traffic      leave all traffic with the baseline\n                     undone by: send all traffic to the baseline\n",
		"  s01.cohort       send cohort internal to 2.5.0\n                     undone by: remove the rule of cohort internal\n",
		"  cleanup.cohorts  remove the rules of the cohorts, who have 2.5.0 like everybody\n",
		"nothing judges the candidate before a share of the users has it",
	} {
		require.Contains(t, got, want)
	}
	s := spec()
	s.Strategy = rollout.Strategy{BlueGreen: &rollout.BlueGreen{Preview: rollout.Duration(60e9)}}
	require.Contains(t, planText(rollout.NewPlan(s)), "step 1: test traffic, bake 1m\n")
	s.Strategy = rollout.Strategy{AllAtOnce: &rollout.AllAtOnce{Bake: rollout.Duration(60e9)}}
	require.Contains(t, planText(rollout.NewPlan(s)), "step 1: 100%, bake 1m\n")
	s.Owner, s.Strategy.Promote = "shop", &rollout.Promote{Owner: "product"}
	require.Contains(t, planText(rollout.NewPlan(s)), "step 1: 100%, bake 1m, answered for by shop\n")
	require.Contains(t, planText(rollout.NewPlan(s)), "promotion: 100%, baseline kept 1m, answered for by product\n")
}

// Who answers for the promotion is told from its raise on.
func TestStoryOfAnOwnedPromotion(t *testing.T) {
	p := &tape{t: t}
	p.started(anOrder())
	of := spec()
	of.Owner, of.Strategy.Promote = "shop", &rollout.Promote{Owner: "product"}
	p.act("admit", "Admit", nil, admission{Plan: rollout.NewPlan(of)})
	p.raise("s01", 1, 500)
	p.raise("promote", 0, rollout.All)
	s := told(t, p)
	require.Equal(t, "product", s.status.StepOwner)
	var who []any
	for _, line := range s.lines {
		if line.Kind == rollout.EventWeightSet {
			require.Contains(t, line.Text, ", answered for by ")
			who = append(who, line.Data["owner"])
		}
	}
	require.Equal(t, []any{"shop", "product"}, who)
}

// What has everything already is not set once more when it is promoted. A write whose
// answer was lost, or that somebody undid, was one.
func TestStoryOfWhatIsWrittenOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		verified, drifted bool
		want              int
	}{
		"seen in force": {verified: true, want: 1},
		"never seen":    {want: 2},
		"drifted since": {verified: true, drifted: true, want: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &tape{t: t}
			p.started(anOrder())
			all := map[string]any{"split": split(rollout.All)}
			p.act("s01.traffic", "SetTraffic", all, map[string]any{"split": split(rollout.All), "observed": split(0)})
			p.act("s01.verify", "VerifyTraffic", all, map[string]any{"verified": tt.verified, "observed": split(rollout.All)})
			if tt.drifted {
				p.act("s01.again.traffic", "SetTraffic", all, map[string]any{"conflict": true, "observed": split(500)})
			}
			p.act("promote.traffic", "SetTraffic", all, map[string]any{"split": split(rollout.All), "observed": split(rollout.All)})
			set := 0
			for _, line := range told(t, p).lines {
				if line.Kind == rollout.EventWeightSet {
					set++
				}
			}
			require.Equal(t, tt.want, set)
		})
	}
}

func TestStoryOfACohort(t *testing.T) {
	p := &tape{t: t}
	p.started(anOrder())
	p.act("admit", "Admit", nil, admission{Plan: rollout.NewPlan(ringed())})
	p.act("s01.traffic", "SetTraffic", map[string]any{"step": 1}, map[string]any{"split": split(0)})
	p.act("s01.cohort", "SetCohort", map[string]any{"step": 1, "cohort": "internal"}, map[string]any{})
	in, out := window(1, 1, rollout.GoOn, rollout.Inconclusive)
	in["cohorts"], in["apart"], in["weight"] = []string{"internal"}, true, "0%"
	p.act("s01.w01.observe", "Observe", in, out)
	p.schedule("s02.traffic", "SetTraffic", "", nil)
	p.act("restore.cohorts", "RestoreCohorts", map[string]any{"cohorts": []string{"internal"}}, map[string]any{})
	s := told(t, p)
	require.Equal(t, "platform", s.status.StepOwner)
	var lines []string
	for _, line := range s.lines[2:] {
		lines = append(lines, string(line.Kind)+": "+line.Text)
	}
	require.Contains(t, lines[0], ", answered for by platform")
	require.Equal(t, "CohortSet: cohort internal sent to 2.5.0, answered for by platform", lines[1])
	require.Contains(t, lines[2], "Window: window 1 at cohort internal")
	require.Contains(t, lines[3], "StepPassed: passed at cohort internal, as the policy says: ")
	require.Equal(t, "Restoring: no rule of these cohorts is left: internal", lines[4])
}

// The break-glass restore removes the rules, too.
func TestRestoreOfCohorts(t *testing.T) {
	f := running(t)
	f.verified.Verified = true
	f.tape.act("s02.cohort", "SetCohort", map[string]any{"step": 2, "cohort": "beta", "candidate": "2.5.0", "baseline": "2.4.1"}, map[string]any{})
	require.Equal(t, 0, bakeoff(t.Context(), f, "restore", "production/checkout", "--reason", "stuck", "-o", "json").code)
	require.Contains(t, f.acts, "RestoreCohorts on control")
	var removed []any
	for _, in := range f.inputs {
		if in["cohorts"] != nil {
			removed = append(removed, in["cohorts"])
		}
	}
	require.Equal(t, []any{[]string{"beta"}}, removed)
}

// A ring of a cohort writes no weight, and none is told of; one that is taken
// away is.
func TestWeightsOfNothing(t *testing.T) {
	p := opening(t)
	set := func(observed rollout.Weight) {
		p.act("s02.traffic", "SetTraffic", map[string]any{"step": 2, "split": split(0)}, map[string]any{"split": split(0), "observed": split(observed)})
	}
	before := len(told(t, p).lines)
	set(0)
	require.Len(t, told(t, p).lines, before)
	set(500)
	lines := told(t, p).lines
	require.Len(t, lines, before+1)
	require.Equal(t, "0% to 2.5.0 set", lines[before].Text)
}
