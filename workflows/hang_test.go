package workflows_test

import (
	"testing"
	"time"

	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// hangs lets no metric be read for four seconds, by a driver that would wait for
// six: the first reading after them is a good one.
func hangs(s *teller) {
	s.world.SetDeadline(6 * time.Second)
	s.at(800*time.Millisecond, func() { s.world.Fail(sim.OpRead, sim.Fault{Hang: true, For: 4 * time.Second}) })
}

// TestHang holds that a metrics server that hangs is trouble while it does: its
// rule is followed after grace, which is one second, whatever the driver's patience.
func TestHang(t *testing.T) {
	tell(t, map[string]story{
		"goes back after grace": {
			spec: func(s *rollout.Spec) { s.Policy.Error = rollout.RuleRollback },
			plot: hangs,
			want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "Error for longer than 1s: errors: no answer within", wantLog: undone,
		},
		"holds after grace, until it answers again": {
			spec: func(s *rollout.Spec) { s.Policy.HoldFor = rollout.Duration(time.Minute) },
			plot: func(s *teller) {
				hangs(s)
				s.at(3500*time.Millisecond, func() { s.waitsFor(rollout.WaitingForHold, 1000) })
			},
			want: rollout.Promoted, wantLog: good,
		},
		"a server that answers slowly, but within grace, is waited for": {
			spec: func(s *rollout.Spec) {
				s.Policy.Grace, s.Policy.Error = rollout.Duration(2*time.Second), rollout.RuleRollback
				for i := range s.Strategy.Canary {
					s.Strategy.Canary[i].Bake = rollout.Duration(4 * time.Second)
				}
			},
			plot: func(s *teller) {
				s.at(800*time.Millisecond, func() { s.world.Fail(sim.OpRead, sim.Fault{Slow: 1500 * time.Millisecond, Times: 3}) })
			},
			want: rollout.Promoted, wantLog: good,
		},
	})
}
