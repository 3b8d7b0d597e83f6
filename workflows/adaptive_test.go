package workflows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// TestAdaptive holds that the evidence chooses the weights, within the budget.
func TestAdaptive(t *testing.T) {
	adaptive := func(budget rollout.Budget, to rollout.Weight) func(*rollout.Spec) {
		return func(s *rollout.Spec) {
			s.Strategy.Canary = nil
			s.Strategy.Adaptive = &rollout.Adaptive{From: 500, To: to, RiskBudget: budget, MinBake: rollout.Duration(2 * time.Second)}
			s.Deadline = rollout.Duration(time.Hour)
		}
	}
	fails := func(rate float64) func(*sim.World) {
		return func(w *sim.World) { w.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: rate}) }
	}
	raises := func(w *sim.World) (weights []string) {
		for _, line := range w.Log() {
			if _, after, found := strings.Cut(line, "2.5.0 "); found && strings.HasPrefix(line, "weights") {
				weights = append(weights, after)
			}
		}
		return weights
	}
	tell(t, map[string]story{
		"a good candidate goes up as fast as it may": {spec: adaptive(400, 5000), want: rollout.Promoted,
			check: func(t *testing.T, w *sim.World, s rollout.Status) {
				require.Equal(t, []string{"5%", "20%", "50%", "100%"}, raises(w))
				require.Equal(t, 3, s.Steps)
			}},
		"a small budget takes smaller steps": {spec: adaptive(30, 2000), want: rollout.Promoted,
			check: func(t *testing.T, w *sim.World, s rollout.Status) {
				weights := raises(w)
				require.Greater(t, len(weights), 3, weights)
				require.Equal(t, []string{"20%", "100%"}, weights[len(weights)-2:])
				require.Equal(t, s.Step, s.Steps)
			}},
		"failures that come bring it back down, and spend the budget": {spec: func(s *rollout.Spec) {
			adaptive(40, 5000)(s)
			s.Checks[0].Judge = &rollout.Judge{RateRatio: &rollout.RateRatio{HarmMargin: 9}} // the budget decides, not the ratio
		}, plot: func(s *teller) {
			s.once(func() bool { return s.world.State().Weights["2.5.0"] > 500 }, func() { fails(0.09)(s.world) })
		},
			want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "riskBudget: at least",
			check: func(t *testing.T, w *sim.World, s rollout.Status) {
				weights := raises(w)
				require.Greater(t, len(weights), 3, "lowered before it was rolled back: %v", weights)
				require.Equal(t, "0%", weights[len(weights)-1])
			}},
		"less traffic does not wait until it is ready": {spec: func(s *rollout.Spec) {
			adaptive(40, 5000)(s)
			s.Checks[0].Judge = &rollout.Judge{RateRatio: &rollout.RateRatio{HarmMargin: 9}}
			s.ReadyWithin = rollout.Duration(time.Minute)
		}, plot: func(s *teller) {
			s.once(func() bool { return s.world.State().Weights["2.5.0"] > 500 }, func() {
				fails(0.09)(s.world)
				s.world.SetState("2.5.0", activities.StatePending, "restarting")
			})
		}, want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "riskBudget: at least",
			check: func(t *testing.T, w *sim.World, s rollout.Status) {
				require.Greater(t, len(raises(w)), 3, "%v", raises(w))
			}},
		"a bad one fails where it is": {spec: adaptive(400, 5000), world: fails(0.5),
			want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "errors ×", wantLog: []string{
				"deploy 2.5.0", "weights 2.4.1 95%, 2.5.0 5%", "weights 2.4.1 100%, 2.5.0 0%", "remove 2.5.0"}},
		"one that gets no further is out of time": {spec: func(s *rollout.Spec) {
			adaptive(1, 5000)(s)
			s.Deadline = rollout.Duration(8 * time.Second)
		}, want: rollout.RolledBack, wantCause: rollout.CauseDeadline},
		"an operator takes the next step": {spec: func(s *rollout.Spec) {
			adaptive(1, 2000)(s)
			s.Strategy.Adaptive.MinBake = rollout.Duration(time.Minute)
			s.Deadline = rollout.Duration(time.Hour)
		}, plot: func(s *teller) {
			s.at(2*time.Second, func() { s.order(rollout.Command{Name: "promote"}, rollout.Accepted) })
			s.at(4*time.Second, func() { s.order(rollout.Command{Name: "promote", Full: true}, rollout.Accepted) })
		}, want: rollout.Promoted, check: func(t *testing.T, w *sim.World, _ rollout.Status) {
			require.Equal(t, []string{"5%", "20%", "5%", "100%"}, raises(w), "the evidence has its say after it")
		}},
	})
}
