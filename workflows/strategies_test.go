package workflows_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

const twoSeconds = rollout.Duration(2 * time.Second)

// objective is an absolute check: it judges the candidate alone.
func objective(s *rollout.Spec) {
	s.Checks = append(s.Checks, rollout.Check{Name: "objective", Failures: `http_requests_total{code=~"5.."}`, Requests: "http_requests_total",
		MinRequests: 10, Judge: &rollout.Judge{SLORate: &rollout.SLORate{Objective: "95%"}}})
}

// instead replaces the canary.
func instead(change func(*rollout.Strategy)) func(*rollout.Spec) {
	return func(s *rollout.Spec) {
		objective(s)
		s.Strategy.Canary = nil
		change(&s.Strategy)
	}
}

// breaking lets the candidate fail once the world is so.
func breaking(is func(sim.State) bool) func(*teller) {
	return func(s *teller) {
		s.once(func() bool { return is(s.world.State()) }, func() { s.world.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.5}) })
	}
}

// aborting gives the order once the world is so.
func aborting(is func(sim.State) bool) func(*teller) {
	return func(s *teller) {
		s.once(func() bool { return is(s.world.State()) }, func() {
			s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo@example.com", Reason: "pager"})
		})
	}
}

// noRules requires that no cohort is sent anywhere by a rule.
func noRules(t *testing.T, w *sim.World, _ rollout.Status) { require.Empty(t, w.State().Cohorts) }

func TestAllAtOnce(t *testing.T) {
	atOnce := instead(func(s *rollout.Strategy) { s.AllAtOnce = &rollout.AllAtOnce{Bake: twoSeconds} })
	hasAll := func(w sim.State) bool { return w.Weights["2.5.0"] == rollout.All }
	tell(t, map[string]story{
		"promoted": {spec: atOnce, want: rollout.Promoted, wantReason: "2.5.0 serves everything",
			wantLog: []string{"deploy 2.5.0", "weights 2.4.1 0%, 2.5.0 100%", "primary 2.5.0", "remove 2.4.1"},
			check: func(t *testing.T, _ *sim.World, s rollout.Status) {
				require.Equal(t, 1, s.Steps)
				require.Len(t, s.Checks, 1, "only the absolute one decides: %+v", s.Checks)
			}},
		"a breach goes back": {spec: atOnce, plot: breaking(hasAll), want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "objective",
			wantLog: []string{"deploy 2.5.0", "weights 2.4.1 0%, 2.5.0 100%", "weights 2.4.1 100%, 2.5.0 0%", "remove 2.5.0"}},
		"an abort goes back": {spec: atOnce, plot: aborting(hasAll), want: rollout.Aborted, wantReason: "pager",
			wantLog: []string{"deploy 2.5.0", "weights 2.4.1 0%, 2.5.0 100%", "weights 2.4.1 100%, 2.5.0 0%", "remove 2.5.0"}},
		"without an absolute check it is warned about": {spec: func(s *rollout.Spec) {
			atOnce(s)
			s.Checks = s.Checks[:1]
		}, want: rollout.Promoted, check: func(t *testing.T, _ *sim.World, s rollout.Status) {
			require.Contains(t, strings.Join(s.Warnings, "; "), "nothing judges the candidate at 100%")
		}},
		"where policy asks for one it is refused": {spec: func(s *rollout.Spec) {
			atOnce(s)
			s.Checks, s.Policy.Absolute = s.Checks[:1], rollout.RuleRequired
		}, want: rollout.Refused, wantCause: rollout.CauseSpec, wantReason: "no gating check is absolute", wantLog: []string{}},
		"a first release": {spec: atOnce, first: true, want: rollout.Promoted,
			wantLog: []string{"deploy 2.5.0", "weights 2.5.0 100%", "primary 2.5.0"}},
	})
}

func TestBlueGreen(t *testing.T) {
	blueGreen := instead(func(s *rollout.Strategy) { s.BlueGreen = &rollout.BlueGreen{Preview: twoSeconds} })
	tested := func(failures float64) func(*sim.World) {
		return func(w *sim.World) {
			w.TestTraffic("2.5.0", 50)
			w.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: failures})
		}
	}
	isThere := func(w sim.State) bool { return len(w.Versions) == 2 }
	hasAll := func(w sim.State) bool { return w.Weights["2.5.0"] == rollout.All }
	never := []string{"deploy 2.5.0", "remove 2.5.0"}
	switched := []string{"deploy 2.5.0", "weights 2.4.1 0%, 2.5.0 100%", "primary 2.5.0", "remove 2.4.1"}
	tell(t, map[string]story{
		"promoted": {spec: blueGreen, world: tested(0.01), want: rollout.Promoted, wantLog: switched},
		"what tests find is never met by users": {spec: blueGreen, world: tested(0.5), want: rollout.RolledBack,
			wantCause: rollout.CauseVerdict, wantReason: "at test traffic", wantLog: never},
		"relative checks do not compare tests with users": {spec: func(s *rollout.Spec) {
			blueGreen(s)
			s.Checks[1].Judge.SLORate.Objective = "50%"
		}, world: tested(0.3), want: rollout.Promoted, wantLog: switched},
		"an abort in the preview": {spec: blueGreen, world: tested(0.01), plot: aborting(isThere), want: rollout.Aborted, wantReason: "pager", wantLog: never},
		"no tests are no data": {spec: func(s *rollout.Spec) {
			blueGreen(s)
			s.Policy.NoData = rollout.RuleRollback
		}, want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "NoData", wantLog: never},
		"a breach after the switch": {spec: blueGreen, world: tested(0.01), plot: breaking(hasAll), want: rollout.RolledBack, wantCause: rollout.CauseVerdict,
			wantReason: "objective", check: func(t *testing.T, w *sim.World, _ rollout.Status) {
				require.Equal(t, []string{"2.4.1"}, w.State().Versions)
			}},
		"somebody sends users there": {spec: func(s *rollout.Spec) {
			blueGreen(s)
			s.Policy.Drift = rollout.RulePutBack
		}, world: tested(0.01), plot: func(s *teller) {
			s.once(func() bool { return isThere(s.world.State()) }, func() {
				s.at(900*time.Millisecond, func() { s.world.SetWeights(rollout.Split{"2.4.1": 7000, "2.5.0": 3000}) })
			})
		}, want: rollout.Promoted},
		"the switch is approved": {spec: func(s *rollout.Spec) {
			blueGreen(s)
			s.Strategy.Promote = &rollout.Promote{Approve: &rollout.Approval{Within: rollout.Duration(20 * time.Second)}}
		}, world: tested(0.01), plot: func(s *teller) {
			s.at(4*time.Second, func() {
				require.Equal(s.t, rollout.Weight(0), s.world.State().Weights["2.5.0"])
				s.order(rollout.Command{Name: "approve"}, rollout.Accepted)
			})
		}, want: rollout.Promoted, wantLog: switched},
		"what breaks while people think is not switched to": {spec: func(s *rollout.Spec) {
			blueGreen(s)
			s.Strategy.Promote = &rollout.Promote{Approve: &rollout.Approval{Within: rollout.Duration(20 * time.Second)}}
		}, world: tested(0.01), plot: func(s *teller) {
			s.at(4*time.Second, func() { s.world.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.9}) })
		}, want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "objective", wantLog: never},
	})
}

func TestRings(t *testing.T) {
	rings := instead(func(s *rollout.Strategy) {
		s.Rings = []rollout.Step{{Cohort: "internal", Bake: twoSeconds}, {Cohort: "beta", Bake: twoSeconds}, {Weight: 2000, Bake: twoSeconds}}
	})
	both := func(w *sim.World) {
		w.AddCohort("internal", 500)
		w.AddCohort("beta", 1000)
	}
	has := func(cohort string) func(sim.State) bool {
		return func(w sim.State) bool { return w.Cohorts[cohort] == "2.5.0" }
	}
	rest := func(w sim.State) bool { return w.Weights["2.5.0"] == 2000 }
	gone := func(t *testing.T, w *sim.World, s rollout.Status) {
		noRules(t, w, s)
		require.Equal(t, []string{"2.4.1"}, w.State().Versions)
		require.NotNil(t, s.TimeToRestore)
	}
	tell(t, map[string]story{
		"promoted, and no rule is left": {spec: rings, world: both, want: rollout.Promoted, check: noRules,
			wantLog: []string{"deploy 2.5.0", "cohort internal to 2.5.0", "cohort beta to 2.5.0", "weights 2.4.1 80%, 2.5.0 20%",
				"weights 2.4.1 0%, 2.5.0 100%", "primary 2.5.0", "cohort internal removed", "cohort beta removed", "remove 2.4.1"}},
		"a breach in the first ring": {spec: func(s *rollout.Spec) {
			rings(s)
			s.Strategy.Rings[0].Bake = rollout.Duration(20 * time.Second)
		}, world: both, plot: breaking(has("internal")), want: rollout.RolledBack,
			wantCause: rollout.CauseVerdict, wantReason: "at cohort internal", check: gone,
			wantLog: []string{"deploy 2.5.0", "cohort internal to 2.5.0", "cohort internal removed", "remove 2.5.0"}},
		"a breach in the second ring": {spec: func(s *rollout.Spec) {
			rings(s)
			s.Strategy.Rings[1].Bake = rollout.Duration(20 * time.Second)
		}, world: both, plot: breaking(has("beta")), want: rollout.RolledBack,
			wantCause: rollout.CauseVerdict, wantReason: "at cohort internal, beta", check: gone},
		"a breach at a weight": {spec: rings, world: both, plot: breaking(rest), want: rollout.RolledBack, wantCause: rollout.CauseVerdict, check: gone},
		"an abort in a ring":   {spec: rings, world: both, plot: aborting(has("beta")), want: rollout.Aborted, wantReason: "pager", check: gone},
		"a rule that is accepted and does not come into force is not called late": {spec: func(s *rollout.Spec) { rings(s); s.SettleWithin = rollout.Duration(6 * time.Second) },
			world: func(w *sim.World) { both(w); w.IgnoreCohorts(true) }, want: rollout.RolledBack, wantCause: rollout.CauseTraffic,
			wantReason: "the rule was accepted but is not in force: cohort internal is sent to no version"},
		"cohorts are no fair comparison": {spec: func(s *rollout.Spec) {
			rings(s)
			s.Strategy.Rings, s.Checks[1].Judge.SLORate.Objective = s.Strategy.Rings[:1], "50%"
		}, world: func(w *sim.World) {
			both(w)
			w.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.3})
		}, want: rollout.Promoted, check: noRules},
		"a cohort beside a weight": {spec: func(s *rollout.Spec) { s.Strategy.Canary[0].Cohort, s.Policy.Share = "internal", rollout.RuleRequired }, world: both, want: rollout.Promoted,
			check: noRules, wantLog: []string{"deploy 2.5.0", "weights 2.4.1 90%, 2.5.0 10%", "cohort internal to 2.5.0", "weights 2.4.1 50%, 2.5.0 50%",
				"weights 2.4.1 0%, 2.5.0 100%", "primary 2.5.0", "cohort internal removed", "remove 2.4.1"}},
		"an unknown cohort": {spec: rings, want: rollout.Refused, wantCause: rollout.CauseSpec,
			wantReason: "strategy.rings[0].cohort: cohort internal is not known", wantLog: []string{}},
		"a rule that was left": {spec: rings, world: func(w *sim.World) {
			both(w)
			w.ForeignCohort("internal", "2.4.1")
		}, want: rollout.Refused, wantCause: rollout.CauseDirty, wantReason: "a rule sends cohort internal to 2.4.1: remove what was left first"},
		"a lost answer is the same rule": {spec: rings, world: func(w *sim.World) {
			both(w)
			w.Fail(sim.OpSetCohort, sim.Fault{Lost: true, Times: 1})
		}, want: rollout.Promoted, check: noRules},
		"a router that refuses": {spec: rings, world: func(w *sim.World) {
			both(w)
			w.Fail(sim.OpSetCohort, sim.Fault{Err: sim.Refused("not this one"), Times: 1})
		}, want: rollout.RolledBack, wantCause: rollout.CauseTraffic, wantReason: "not this one", check: gone},
		"somebody changes the rule": {spec: rings, world: both, plot: func(s *teller) {
			s.once(func() bool { return has("internal")(s.world.State()) }, func() { s.world.ForeignCohort("internal", "2.4.1") })
		}, want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "cohort internal is sent to 2.4.1, not to 2.5.0", check: gone},
		"a rule that cannot be removed needs a human": {spec: rings, world: both, plot: func(s *teller) {
			s.at(1500*time.Millisecond, func() {
				s.world.Fail(sim.OpSetCohort, sim.Fault{})
				s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo@example.com", Reason: "pager"})
			})
			s.at(5*time.Second, func() {
				value, err := s.env.QueryWorkflow(rollout.StatusQuery)
				require.NoError(s.t, err)
				var status rollout.Status
				require.NoError(s.t, value.Get(&status))
				require.Equal(s.t, rollout.PhaseNeedsHuman, status.Phase)
				s.world.Heal()
			})
		}, want: rollout.Aborted, check: gone},
		"a first release has no rings": {spec: rings, world: both, first: true, want: rollout.Promoted, check: noRules,
			wantLog: []string{"deploy 2.5.0", "weights 2.5.0 100%", "primary 2.5.0"}},
	})
}

// A step says who answers for it, from when it is asked for.
func TestStepOwner(t *testing.T) {
	t.Parallel()
	s := story{spec: func(s *rollout.Spec) {
		s.Strategy.Canary[1].Owner = "payments"
		s.Strategy.Canary[1].Approve = &rollout.Approval{Within: rollout.Duration(time.Hour)}
	}, plot: func(s *teller) {
		s.at(6*time.Second, func() {
			s.waitsFor(rollout.WaitingForApproval, 1000)
			require.Equal(s.t, "payments", s.standing().StepOwner)
			s.order(rollout.Command{Name: "approve"}, rollout.Accepted)
		})
	}, want: rollout.Promoted,
		check: func(t *testing.T, _ *sim.World, s rollout.Status) {
			require.Equal(t, "team", s.StepOwner, "the promotion is the rollout's owner's")
		}}
	s.holds(t)
}

// What users meet first is limited, also where that is everybody.
func TestFirstWeightOfOtherStrategies(t *testing.T) {
	a := activities.Activities{Drivers: sim.New("2.4.1").Registry(), Limits: map[string]activities.Limits{"default": {FirstWeight: 1000, BakeAtLeast: 1}}}
	for want, change := range map[string]func(*rollout.Strategy){
		"the first raise is to 100%": func(s *rollout.Strategy) { s.BlueGreen = &rollout.BlueGreen{Preview: twoSeconds} },
		"the first raise is to 20%": func(s *rollout.Strategy) {
			s.Rings = []rollout.Step{{Cohort: "internal", Bake: twoSeconds}, {Weight: 2000, Bake: twoSeconds}}
		},
	} {
		order := rollout.Order{Spec: spec()}
		instead(change)(&order.Spec)
		out, err := a.Admit(context.Background(), activities.AdmitInput{Order: order})
		require.NoError(t, err)
		require.Equal(t, rollout.CauseSpec, out.Cause)
		require.Contains(t, out.Problems[0].String(), want)
	}
}
