package workflows_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// TestGuards holds what the guards of relative checks lead to.
func TestGuards(t *testing.T) {
	quiet := func(s *rollout.Spec) { s.Policy.Foresight = rollout.RuleRequired }
	busy := func(w *sim.World) { w.Behave("2.5.0", sim.Behaviour{Rate: 1600, Failures: 0.01}) }
	tell(t, map[string]story{
		"another share of the requests is told": {world: busy, want: rollout.Promoted,
			check: func(t *testing.T, _ *sim.World, s rollout.Status) {
				require.Contains(t, s.Checks[0].Share, "of the requests instead of 50%")
			}},
		"or decides, by policy": {world: busy, spec: func(s *rollout.Spec) { s.Policy.Share = rollout.RuleRequired },
			want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "of the requests instead of 10%", wantLog: undone},
		"a score is reported, and does not decide": {spec: func(s *rollout.Spec) {
			no, advisory := false, s.Checks[0]
			s.Checks[0].Group = "quality"
			advisory.Name, advisory.Group, advisory.Weight, advisory.Gates = "strict", "pride", 3, &no
			advisory.Judge = &rollout.Judge{SLORate: &rollout.SLORate{Objective: "99%"}}
			s.Checks = append(s.Checks, advisory)
		}, world: func(w *sim.World) {
			w.Behave("2.4.1", sim.Behaviour{Rate: 400, Failures: 0.2})
			w.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.21})
		}, want: rollout.Promoted, check: func(t *testing.T, _ *sim.World, s rollout.Status) {
			require.NotNil(t, s.Score)
			require.Equal(t, 25.0, *s.Score, "%+v", s.Checks)
			require.Equal(t, map[string]float64{"quality": 100, "pride": 0}, s.Groups)
		}},
		"a right share is not mentioned": {want: rollout.Promoted, check: func(t *testing.T, _ *sim.World, s rollout.Status) {
			require.Empty(t, s.Checks[0].Share)
		}},
		"a plan that cannot conclude is refused, by policy": {spec: quiet,
			world: func(w *sim.World) { w.Behave("2.4.1", sim.Behaviour{Rate: 1, Failures: 0.01}) },
			want:  rollout.Refused, wantCause: rollout.CausePolicy, wantReason: "policy.foresight: required: step 1", wantLog: []string{}},
		"and so is one without traffic": {spec: quiet,
			world: func(w *sim.World) { w.Behave("2.4.1", sim.Behaviour{Rate: -1}) },
			want:  rollout.Refused, wantCause: rollout.CausePolicy, wantReason: "no traffic seen", wantLog: []string{}},
		"one that can conclude is not": {spec: func(s *rollout.Spec) {
			quiet(s)
			s.Checks[0].Failures, s.Checks[0].MinRequests = "http_requests_total", 10
		}, world: func(w *sim.World) {
			w.Behave("2.4.1", sim.Behaviour{Rate: 4000, Failures: 0.3})
			w.Behave("2.5.0", sim.Behaviour{Rate: 4000, Failures: 0.3})
		}, want: rollout.Promoted, wantLog: good},
	})
}

// TestJudges holds that each judge of values and of budgets decides a rollout
// as it should.
func TestJudges(t *testing.T) {
	cpu := func(judge *rollout.Judge) func(*rollout.Spec) {
		return func(s *rollout.Spec) {
			s.Strategy.Canary = []rollout.Step{{Weight: 1000, Bake: rollout.Duration(4 * time.Second)}}
			s.Checks = []rollout.Check{{Name: "cpu", Query: "q", Judge: judge}}
		}
	}
	values := func(baseline, candidate float64) func(*sim.World) {
		return func(w *sim.World) {
			w.Behave("2.4.1", sim.Behaviour{Rate: 400, Values: map[string]float64{"cpu": baseline}})
			w.Behave("2.5.0", sim.Behaviour{Rate: 400, Values: map[string]float64{"cpu": candidate}})
		}
	}
	budget := func(s *rollout.Spec) {
		s.Checks[0].Judge = &rollout.Judge{BurnRate: &rollout.BurnRate{Objective: "99%"}}
	}
	tell(t, map[string]story{
		"a query is judged by points": {spec: cpu(nil), world: values(0.4, 0.8),
			want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "cpu ×2"},
		"points without a difference": {spec: cpu(nil), world: values(0.4, 0.4), want: rollout.Promoted},
		"points that get better":      {spec: cpu(nil), world: values(0.4, 0.3), want: rollout.Promoted},
		"less is worse": {spec: cpu(&rollout.Judge{Points: &rollout.Points{Direction: "decrease"}}), world: values(0.4, 0.3),
			want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "cpu ×0.75"},
		"a value that is none is held, and then undone": {spec: cpu(nil), world: values(0.4, math.NaN()),
			want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "cpu"},
		"meanCs only reports": {spec: cpu(&rollout.Judge{MeanCS: &rollout.MeanCS{}}), world: values(0.4, 4),
			want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "no check"},
		"a budget burns": {spec: budget, world: func(w *sim.World) { w.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.3}) },
			want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "errors burns its budget ×"},
		"a budget that does not burn": {spec: budget, want: rollout.Promoted},
	})
}

// TestLearned holds that what the baseline's past taught reaches people and
// judges: two of its instances differ by a third for minutes at a time, so a
// candidate that is as much worse goes on, and is undone without that past.
func TestLearned(t *testing.T) {
	past := func(i int) (all []sim.Behaviour) {
		for minute := range 600 {
			rate := 0.05 * (1 + 0.3*float64((minute/10+i)%2))
			all = append(all, sim.Behaviour{Rate: 4000, Failures: rate})
		}
		return all
	}
	worse := func(w *sim.World) {
		w.Behave("2.4.1", sim.Behaviour{Rate: 400_000, Failures: 0.05})
		w.Behave("2.5.0", sim.Behaviour{Rate: 400_000, Failures: 0.065})
	}
	tell(t, map[string]story{
		"with a past": {
			world: func(w *sim.World) {
				worse(w)
				w.SetPast("2.4.1", time.Minute, map[string][]sim.Behaviour{"a": past(0), "b": past(1)})
			},
			want: rollout.Promoted,
			check: func(t *testing.T, _ *sim.World, s rollout.Status) {
				require.Contains(t, s.Warnings, "errors: cannot be judged finer than ×1.69: two halves of 2.4.1 differ by as much")
				require.NotEmpty(t, s.Checks)
				require.InDelta(t, 1.69, s.Checks[0].Margin, 0.01)
				require.Contains(t, s.Checks[0].Reason, "this service cannot be judged finer than ×1.69")
			},
		},
		"without one": {
			world: worse, want: rollout.RolledBack, wantCause: rollout.CauseVerdict,
			check: func(t *testing.T, _ *sim.World, s rollout.Status) {
				require.NotContains(t, strings.Join(s.Warnings, "\n"), "cannot be judged finer")
				require.Equal(t, 1.1, s.Checks[0].Margin)
			},
		},
	})
}
