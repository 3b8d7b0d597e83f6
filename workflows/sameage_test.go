package workflows_test

import (
	"context"
	"testing"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// TestSameAge holds that a candidate can be compared with a copy of the
// baseline of its own age, and that nothing is left of the copy.
func TestSameAge(t *testing.T) {
	sameAge := func(s *rollout.Spec) {
		s.Baseline = &rollout.Baseline{Version: "2.4.1", Artifact: "checkout@sha256:1c5f86d081884c7d659a2feaa0c55ad0"}
		s.Strategy.Baseline = rollout.BaselineSameAge
	}
	// The baseline has warmed up long ago; what was deployed just now fails more often.
	young := func(candidate float64) func(*sim.World) {
		return func(w *sim.World) {
			w.Behave("2.4.1", sim.Behaviour{Rate: 400, Failures: 0.01})
			w.Behave("2.4.1-sameage", sim.Behaviour{Rate: 400, Failures: 0.1})
			w.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: candidate})
		}
	}
	tell(t, map[string]story{
		"a candidate that is as good as a baseline of its age": {spec: sameAge, world: young(0.105), want: rollout.Promoted,
			wantLog: []string{"deploy 2.5.0", "deploy 2.4.1-sameage",
				"weights 2.4.1 80%, 2.4.1-sameage 10%, 2.5.0 10%", "weights 2.4.1 0%, 2.4.1-sameage 50%, 2.5.0 50%",
				"weights 2.4.1 0%, 2.4.1-sameage 0%, 2.5.0 100%", "primary 2.5.0", "remove 2.4.1", "remove 2.4.1-sameage"}},
		"fails where it is compared with the old one": {world: young(0.1), want: rollout.RolledBack,
			wantCause: rollout.CauseVerdict, wantReason: "errors", wantLog: undone},
		"one that is worse": {spec: sameAge, world: young(0.6), want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "errors ×6",
			wantLog: []string{"deploy 2.5.0", "deploy 2.4.1-sameage", "weights 2.4.1 80%, 2.4.1-sameage 10%, 2.5.0 10%",
				"weights 2.4.1 100%, 2.4.1-sameage 0%, 2.5.0 0%", "remove 2.4.1-sameage", "remove 2.5.0"}},
		"a copy that breaks makes nobody look good": {spec: sameAge, world: func(w *sim.World) {
			w.Behave("2.4.1-sameage", sim.Behaviour{Rate: 400, Failures: 0.9})
			w.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.5})
		}, plot: func(s *teller) {
			s.once(func() bool { return s.world.State().Weights["2.5.0"] > 0 }, func() { s.world.SetState("2.4.1-sameage", "failed", "OOM") })
		}, want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "2.4.1-sameage failed: OOM",
			wantLog: []string{"deploy 2.5.0", "deploy 2.4.1-sameage", "weights 2.4.1 80%, 2.4.1-sameage 10%, 2.5.0 10%",
				"weights 2.4.1 100%, 2.4.1-sameage 0%, 2.5.0 0%", "remove 2.4.1-sameage", "remove 2.5.0"}},
		"a copy that is there already is of another age": {spec: sameAge, world: func(w *sim.World) {
			_ = w.Deploy(context.Background(), activities.Write{Intent: "somebody's"}, activities.Deployment{Service: "checkout", Release: rollout.Release{Version: "2.4.1-sameage"}})
		}, want: rollout.Refused, wantCause: rollout.CauseDirty, wantReason: "2.4.1-sameage is there already", wantLog: []string{"deploy 2.4.1-sameage"}},
		"a copy that never gets ready": {spec: sameAge, world: func(w *sim.World) {
			w.OnDeploy("2.4.1-sameage", sim.Script{State: "failed", Message: "image not found"})
		}, want: rollout.RolledBack, wantCause: rollout.CauseDeploy, wantReason: "image not found",
			wantLog: []string{"deploy 2.5.0", "deploy 2.4.1-sameage", "remove 2.4.1-sameage", "remove 2.5.0"}},
		"a router that falls back as the copy goes is put back": {spec: sameAge,
			world: func(w *sim.World) {
				young(0.6)(w)
				w.FallBack("2.4.1-sameage", rollout.Split{"2.4.1": 8000, "2.4.1-sameage": 1000, "2.5.0": 1000})
			}, want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "errors ×6",
			wantLog: []string{"deploy 2.5.0", "deploy 2.4.1-sameage", "weights 2.4.1 80%, 2.4.1-sameage 10%, 2.5.0 10%", "weights 2.4.1 100%, 2.4.1-sameage 0%, 2.5.0 0%",
				"outsider: weights 2.4.1 80%, 2.4.1-sameage 10%, 2.5.0 10%", "remove 2.4.1-sameage", "weights 2.4.1 100%, 2.4.1-sameage 0%, 2.5.0 0%", "remove 2.5.0"}},
		"and sent forward, after a promotion": {spec: sameAge,
			world: func(w *sim.World) {
				young(0.105)(w)
				w.FallBack("2.4.1-sameage", rollout.Split{"2.4.1-sameage": 5000, "2.5.0": 5000})
			}, want: rollout.Promoted,
			wantLog: []string{"deploy 2.5.0", "deploy 2.4.1-sameage",
				"weights 2.4.1 80%, 2.4.1-sameage 10%, 2.5.0 10%", "weights 2.4.1 0%, 2.4.1-sameage 50%, 2.5.0 50%",
				"weights 2.4.1 0%, 2.4.1-sameage 0%, 2.5.0 100%", "primary 2.5.0", "remove 2.4.1",
				"outsider: weights 2.4.1-sameage 50%, 2.5.0 50%", "remove 2.4.1-sameage", "weights 2.4.1 0%, 2.4.1-sameage 0%, 2.5.0 100%"}},
		"another baseline than the spec's is refused": {spec: func(s *rollout.Spec) {
			sameAge(s)
			s.Baseline.Version = "2.4.0"
		}, want: rollout.Refused, wantCause: rollout.CauseDirty, wantReason: "2.4.0", wantLog: []string{}},
	})
}
