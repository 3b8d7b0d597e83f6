package rollout

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func minutes(n int) Duration { return Duration(n) * Duration(time.Minute) }

// gating makes the results of gating checks.
func gating(verdicts ...Verdict) []CheckResult {
	var out []CheckResult
	for i, v := range verdicts {
		out = append(out, CheckResult{Name: string(rune('a' + i)), Verdict: v})
	}
	return out
}

// TestDecide goes through the interface's "From verdicts to actions", sentence
// by sentence.
func TestDecide(t *testing.T) {
	defaults := Policy{}.withDefaults()
	with := func(change func(*Policy)) Policy { p := defaults; change(&p); return p }
	twoHold := with(func(p *Policy) { p.Concerns.Hold = 2 })
	advisory := []CheckResult{{Name: "a", Verdict: Pass}, {Name: "b", Verdict: Fail, Advisory: true}}
	tests := []struct {
		name   string
		policy Policy
		moment Moment
		want   Action
		cause  Cause
	}{
		// At any window, paused or not: Fail restores at once.
		{"fail inside a bake", defaults, Moment{Checks: gating(Fail)}, RollBack, CauseVerdict},
		{"fail at the end", defaults, Moment{Checks: gating(Fail), AtEnd: true}, RollBack, CauseVerdict},
		{"fail in a hold", defaults, Moment{Checks: gating(Fail), HeldFor: minutes(1)}, RollBack, CauseVerdict},
		{"fail beside drift", defaults, Moment{Checks: gating(Fail), Drifted: "x"}, RollBack, CauseVerdict},
		{"fail whatever the rules", with(func(p *Policy) { p.Inconclusive = RulePromote; p.Otherwise = RulePromote }),
			Moment{Checks: gating(Fail, Pass), AtEnd: true, HeldFor: minutes(999)}, RollBack, CauseVerdict},

		// Error or NoData that lasts longer than grace → its rule.
		{"no data within grace", defaults, Moment{Checks: gating(NoData), Trouble: minutes(3), Grace: minutes(3)}, Watch, ""},
		{"no data beyond grace", defaults, Moment{Checks: gating(NoData), Trouble: minutes(3) + 1, Grace: minutes(3)}, Hold, ""},
		{"error beyond grace", defaults, Moment{Checks: gating(Error), Trouble: minutes(4), Grace: minutes(3)}, Hold, ""},
		{"no data has its own rule", with(func(p *Policy) { p.NoData = RuleRollback }),
			Moment{Checks: gating(NoData), Trouble: minutes(4), Grace: minutes(3)}, RollBack, CauseVerdict},
		{"error has its own rule", with(func(p *Policy) { p.NoData = RuleRollback }),
			Moment{Checks: gating(Error), Trouble: minutes(4), Grace: minutes(3)}, Hold, ""},
		{"error can roll back", with(func(p *Policy) { p.Error = RuleRollback }),
			Moment{Checks: gating(Error), Trouble: minutes(4), Grace: minutes(3)}, RollBack, CauseVerdict},

		// At the end of a bake: Error or NoData → its rule.
		{"no data at the end", defaults, Moment{Checks: gating(NoData), AtEnd: true, Grace: minutes(3)}, Hold, ""},
		{"no data at the end rolls back", with(func(p *Policy) { p.NoData = RuleRollback }), Moment{Checks: gating(NoData), AtEnd: true}, RollBack, CauseVerdict},
		{"error at the end", defaults, Moment{Checks: gating(Error), AtEnd: true}, Hold, ""},
		{"nothing decides at the end", defaults, Moment{AtEnd: true}, Hold, ""},

		// An unfailed check with its minimum evidence is Pass (the final
		// verdicts say so); else Inconclusive → its rule.
		{"pass at the end", defaults, Moment{Checks: gating(Pass, Pass), AtEnd: true}, GoOn, ""},
		{"inconclusive holds", defaults, Moment{Checks: gating(Inconclusive), AtEnd: true}, Hold, ""},
		{"inconclusive rolls back", with(func(p *Policy) { p.Inconclusive = RuleRollback }), Moment{Checks: gating(Inconclusive), AtEnd: true}, RollBack, CauseVerdict},
		{"inconclusive promotes", with(func(p *Policy) { p.Inconclusive = RulePromote }), Moment{Checks: gating(Inconclusive), AtEnd: true}, GoOn, ""},
		{"still continue at the end", defaults, Moment{Checks: gating(Continue), AtEnd: true}, Hold, ""},

		// Until then it is Continue.
		{"continue", defaults, Moment{Checks: gating(Continue)}, Watch, ""},
		{"pass before the end", defaults, Moment{Checks: gating(Pass)}, Watch, ""},
		{"inconclusive before the end", with(func(p *Policy) { p.Inconclusive = RuleRollback }), Moment{Checks: gating(Inconclusive)}, Watch, ""},
		{"nothing decides before the end", defaults, Moment{Grace: minutes(3)}, Watch, ""},
		{"proved before the end", with(func(p *Policy) { p.Require = RequireNonInferior; p.EndEarly = true }), Moment{Checks: gating(Pass)}, GoOn, ""},
		{"one proved, one not", with(func(p *Policy) { p.Require = RequireNonInferior; p.EndEarly = true }), Moment{Checks: gating(Pass, Continue)}, Watch, ""},
		{"nothing to prove is not proved", with(func(p *Policy) { p.Require = RequireNonInferior; p.EndEarly = true }), Moment{Absolute: true}, Watch, ""},

		// Over several checks the worst decides; advisory checks never.
		{"no data beats inconclusive", with(func(p *Policy) { p.NoData = RuleRollback }), Moment{Checks: gating(Pass, Inconclusive, NoData), AtEnd: true}, RollBack, CauseVerdict},
		{"error beats no data", with(func(p *Policy) { p.Error = RuleRollback }), Moment{Checks: gating(NoData, Error), AtEnd: true}, RollBack, CauseVerdict},
		{"advisory fail", defaults, Moment{Checks: advisory, AtEnd: true}, GoOn, ""},
		{"only advisory", defaults, Moment{Checks: advisory[1:], AtEnd: true}, Hold, ""},
		{"no verdict is no pass", defaults, Moment{Checks: gating(Pass, ""), AtEnd: true}, Hold, ""},

		// A hold keeps observing and ends by itself when the step would go on;
		// holdFor counts from the step's first hold, then otherwise.
		{"a hold ends", defaults, Moment{Checks: gating(Pass), AtEnd: true, HeldFor: minutes(30)}, GoOn, ""},
		{"a hold inside a bake ends", defaults, Moment{Checks: gating(Continue), HeldFor: minutes(30)}, Watch, ""},
		{"a hold lasts", defaults, Moment{Checks: gating(NoData), AtEnd: true, HeldFor: minutes(119)}, Hold, ""},
		{"otherwise", defaults, Moment{Checks: gating(NoData), AtEnd: true, HeldFor: minutes(120)}, RollBack, CauseVerdict},
		{"otherwise promotes", with(func(p *Policy) { p.Otherwise = RulePromote }), Moment{Checks: gating(Inconclusive), AtEnd: true, HeldFor: minutes(120)}, GoOn, ""},
		{"a long hold that has its answer goes on", defaults, Moment{Checks: gating(Pass), AtEnd: true, HeldFor: minutes(999)}, GoOn, ""},

		// Only absolute checks decide, and there is none.
		{"absolute stretch without a check", defaults, Moment{Absolute: true}, Watch, ""},
		{"its end", defaults, Moment{Absolute: true, AtEnd: true}, GoOn, ""},
		{"absolute check without data", defaults, Moment{Checks: gating(NoData), Absolute: true, AtEnd: true}, Hold, ""},

		// Drift: hold | putBack (once, then hold) | rollback.
		{"drift holds", defaults, Moment{Checks: gating(Pass), Drifted: "2.4.1 100%", AtEnd: true}, Hold, ""},
		{"drift is put back", with(func(p *Policy) { p.Drift = RulePutBack }), Moment{Checks: gating(Continue), Drifted: "x"}, PutBack, ""},
		{"so is the primary version", with(func(p *Policy) { p.Drift = RulePutBack }), Moment{Absolute: true, Primary: "x"}, PutBack, ""},
		{"else that holds", defaults, Moment{Absolute: true, Primary: "x"}, Hold, ""},
		{"but once", with(func(p *Policy) { p.Drift = RulePutBack }), Moment{Checks: gating(Continue), Drifted: "x", PutBacks: 1}, Hold, ""},
		{"drift rolls back", with(func(p *Policy) { p.Drift = RuleRollback }), Moment{Checks: gating(Continue), Drifted: "x"}, RollBack, CauseTraffic},
		{"drift comes before no data", with(func(p *Policy) { p.NoData = RuleRollback }), Moment{Checks: gating(NoData), Drifted: "x", AtEnd: true}, Hold, ""},
		// Concerns hold what would go on, and nothing else.
		{"concerns that lead to nothing", defaults, Moment{Checks: gating(Pass), Concerns: worried(9), AtEnd: true}, GoOn, ""},
		{"too few are concerned", twoHold, Moment{Checks: gating(Pass), Concerns: worried(1), AtEnd: true}, GoOn, ""},
		{"concerns hold", twoHold, Moment{Checks: gating(Pass), Concerns: worried(2), AtEnd: true}, Hold, ""},
		{"not inside the bake", twoHold, Moment{Checks: gating(Pass), Concerns: worried(2)}, Watch, ""},
		{"what a rule would pass", with(func(p *Policy) { p.Concerns.Hold, p.Inconclusive = 1, RulePromote }), Moment{Checks: gating(Inconclusive), Concerns: worried(1), AtEnd: true}, Hold, ""},
		{"concerns held for long", twoHold, Moment{Checks: gating(Pass), Concerns: worried(2), AtEnd: true, HeldFor: minutes(120)}, RollBack, CauseConcern},
		{"concerns that nobody takes up", with(func(p *Policy) { p.Concerns.Hold, p.Otherwise = 1, RulePromote }), Moment{Checks: gating(Pass), Concerns: worried(2), AtEnd: true, HeldFor: minutes(120)}, GoOn, ""},
		{"a failed check goes back, whoever is concerned", twoHold, Moment{Checks: gating(Fail), Concerns: worried(2), AtEnd: true}, RollBack, CauseVerdict},

		{"drift held too long", defaults, Moment{Checks: gating(Pass), Drifted: "x", HeldFor: minutes(120)}, RollBack, CauseTraffic},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			have := tt.policy.Decide(tt.moment)
			require.Equal(t, tt.want, have.Action, have.Reason)
			require.Equal(t, tt.cause, have.Cause)
		})
	}
}

func TestDecideSaysWhy(t *testing.T) {
	p := Policy{}.withDefaults()
	checks := []CheckResult{{Name: "errors", Verdict: Fail, Reason: "errors ×3.1"}, {Name: "cpu", Verdict: Fail}, {Name: "ok", Verdict: Pass}}
	require.Equal(t, Decision{RollBack, Fail, CauseVerdict, "errors ×3.1; cpu: Fail"}, p.Decide(Moment{Checks: checks}))
	require.Equal(t, "held for 2h: NoData at the end of the bake: a: NoData", p.Decide(Moment{Checks: gating(NoData), AtEnd: true, HeldFor: minutes(120)}).Reason)
	require.Equal(t, "somebody else changed the weights to a 100%", p.Decide(Moment{Checks: gating(Pass), Drifted: "a 100%"}).Reason)
	require.Equal(t, "somebody else changed the weights to a 100%; the platform, or somebody else, made a the primary version",
		p.Decide(Moment{Absolute: true, Drifted: "a 100%", Primary: "a"}).Reason)
	require.Equal(t, NoData, p.Decide(Moment{}).Verdict)
	p.Concerns.Hold = 1
	require.Equal(t, "held for 2h: person 1 is concerned: carts look empty", p.Decide(Moment{Checks: gating(Pass), Concerns: worried(1), AtEnd: true, HeldFor: minutes(120)}).Reason)
	require.Equal(t, Pass, p.Decide(Moment{Absolute: true}).Verdict)
}

func TestWorst(t *testing.T) {
	order := []Verdict{Fail, Error, NoData, Inconclusive, Continue, Pass}
	for i, worse := range order {
		for _, better := range order[i:] {
			have, _ := Worst(gating(better, worse))
			require.Equal(t, worse, have)
		}
	}
	have, reason := Worst(nil)
	require.Empty(t, have)
	require.Empty(t, reason)
	have, _ = Worst(gating("Perhaps"))
	require.Equal(t, Error, have)
}

// worried are the concerns of so many people.
func worried(people int) (all []Concern) {
	for i := range people {
		all = append(all, Concern{Member: fmt.Sprint(i), Actor: fmt.Sprintf("person %d", i+1), Reason: "carts look empty"})
	}
	return all
}

// TestDecideNeverGoesOnOverTrouble: whatever the moment, a rollout goes on
// only on Pass, on an absolute stretch without a check, or because a rule says so.
func TestDecideNeverGoesOnOverTrouble(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := []string{RuleHold, RuleRollback}
		p := Policy{NoData: rapid.SampledFrom(rules).Draw(t, "noData"), Error: rapid.SampledFrom(rules).Draw(t, "error"),
			Inconclusive: rapid.SampledFrom(rules).Draw(t, "inconclusive"), Drift: rapid.SampledFrom([]string{RuleHold, RuleRollback, RulePutBack}).Draw(t, "drift"),
			EndEarly: rapid.Bool().Draw(t, "endEarly"), Concerns: Concerns{Hold: rapid.IntRange(0, 2).Draw(t, "hold")}}.withDefaults()
		m := Moment{Checks: gating(rapid.SliceOfN(rapid.SampledFrom(append(severity, "")), 1, 4).Draw(t, "verdicts")...),
			AtEnd: rapid.Bool().Draw(t, "atEnd"), Absolute: rapid.Bool().Draw(t, "absolute"), Grace: minutes(3),
			Trouble: minutes(rapid.IntRange(0, 6).Draw(t, "trouble")), HeldFor: minutes(rapid.IntRange(0, 200).Draw(t, "held")),
			Drifted: rapid.SampledFrom([]string{"", "x"}).Draw(t, "drifted"), Concerns: worried(rapid.IntRange(0, 3).Draw(t, "concerned"))}
		d := p.Decide(m)
		worst, _ := Worst(m.Checks)
		require.Equal(t, worst == Fail, d.Action == RollBack && worst == Fail)
		if d.Action == GoOn {
			require.Equal(t, Pass, worst)
			require.Empty(t, m.Drifted)
			require.False(t, p.Concerns.HoldsBack(m.Concerns))
		}
		if calm := m; d.Action != RollBack {
			calm.Concerns = nil
			require.NotEqual(t, RollBack, p.Decide(calm).Action, "concerns keep nothing from going back")
		}
		require.Equal(t, d.Action == RollBack, d.Cause != "")
	})
}

func TestLongestHold(t *testing.T) {
	p := Policy{HoldFor: minutes(60)}
	require.Equal(t, time.Hour, p.LongestHold(0))
	require.Equal(t, 20*time.Minute, p.LongestHold(40*time.Minute))
	require.Zero(t, p.LongestHold(2*time.Hour))
}
