package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// climbed is who was told of waits that last: target and channel, in this order.
func climbed(w *sim.World) (out []string) {
	for _, m := range w.Heard() {
		if m.Event == rollout.OnEscalated && m.WaitingFor != rollout.WaitingForHold {
			out = append(out, m.Target+" "+m.Channel)
		}
	}
	return out
}

// TestAFleetClimbsItsLadder holds that a paused fleet is heard of by one after
// another, each once, and that no unit repeats it; and that a unit which needs
// somebody is heard of once, by its own rollout.
func TestAFleetClimbsItsLadder(t *testing.T) {
	baking := func(s *fleetTeller) func() bool {
		return func() bool {
			return s.worlds["b"].State().Weights["2.5.0"] == 1000 && s.worlds["c"].State().Weights["2.5.0"] == 1000
		}
	}
	for name, s := range map[string]fleetStory{
		"a pause": {
			rungs: rungs,
			plot: func(s *fleetTeller) {
				s.once(baking(s), func() {
					s.at(0, func() { s.order(rollout.Command{Name: "pause"}, rollout.Accepted) })
					s.at(5*time.Second, func() { s.order(rollout.Command{Name: "resume"}, rollout.Accepted) })
				})
			},
			want: rollout.Promoted,
			check: func(t *testing.T, ws worlds, _ rollout.Status) {
				require.Equal(t, []string{"staging/checkout @team", "staging/checkout backup"}, climbed(ws["a"]))
				for _, m := range ws["a"].Heard() {
					if m.Event == rollout.OnEscalated {
						require.Contains(t, m.Text, "2.5.0 in 3 units, wave 2 of 2, has waited for ")
						require.Contains(t, m.Text, "paused by ana@example.com")
					}
				}
			},
		},
		"a pause that is short": {
			rungs: rungs,
			plot: func(s *fleetTeller) {
				s.once(baking(s), func() {
					s.at(0, func() { s.order(rollout.Command{Name: "pause"}, rollout.Accepted) })
					s.at(time.Second, func() { s.order(rollout.Command{Name: "resume"}, rollout.Accepted) })
				})
			},
			want:  rollout.Promoted,
			check: func(t *testing.T, ws worlds, _ rollout.Status) { require.Empty(t, climbed(ws["a"])) },
		},
		"a front that stopped, and what does not go back is paused": {
			rungs: rungs,
			spec: func(s *rollout.FleetSpec) {
				s.Waves, s.OnFailure = nil, rollout.OnFailureUnit
				for unit := range s.Units {
					bakesFor(s, unit, 6*time.Second)
				}
			},
			plot: func(s *fleetTeller) {
				s.once(baking(s), func() {
					s.at(0, func() { s.order(rollout.Command{Name: "pause"}, rollout.Accepted) })
					s.worlds.breaks("a")
					wentBack := func() bool {
						return slices.Contains(s.worlds["a"].Log(), "remove 2.5.0") && len(climbed(s.worlds["a"])) == 2
					}
					s.once(wentBack, func() {
						s.at(0, func() {
							require.Equal(s.t, rollout.PhaseRollingBack, s.standing().Phase)
							s.order(rollout.Command{Name: "resume"}, rollout.Accepted)
						})
					})
				})
			},
			want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantUnits: outcomes(wentBack, promotedAll, promotedAll),
			check: func(t *testing.T, ws worlds, _ rollout.Status) {
				require.Equal(t, []string{"staging/checkout @team", "staging/checkout backup"}, climbed(ws["a"]))
			},
		},
		"a unit that needs a human": {
			rungs: rungs,
			spec:  func(s *rollout.FleetSpec) { s.Rollout.NeedsHumanAfter = rollout.Duration(time.Second) },
			plot: func(s *fleetTeller) {
				s.once(baking(s), func() {
					s.worlds["b"].Fail(sim.OpShift, sim.Fault{})
					s.at(0, func() { s.order(rollout.Command{Name: "abort"}, rollout.Accepted) })
					s.at(7*time.Second, func() { s.worlds["b"].Heal() })
				})
			},
			want: rollout.Aborted,
			check: func(t *testing.T, ws worlds, _ rollout.Status) {
				require.Equal(t, []string{"staging/checkout/b @team", "staging/checkout/b backup"}, climbed(ws["a"]))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ws, status, err := s.run(t)
			require.NoError(t, err)
			require.Equal(t, s.want, status.Outcome, "%+v", status)
			require.Equal(t, s.wantCause, status.Cause, status.Reason)
			s.check(t, ws, status)
		})
	}
}

// What only a unit can be told is told to the one that needs a person, though another
// one is under way, too.
func TestFleetNamesTheUnitThatNeedsAPerson(t *testing.T) {
	t.Parallel()
	why := &said{}
	_, status, err := fleetStory{
		spec: func(s *rollout.FleetSpec) { s.Rollout.NeedsHumanAfter = rollout.Duration(time.Second) },
		plot: func(s *fleetTeller) {
			s.once(func() bool { return s.worlds["b"].State().Weights["2.5.0"] == 1000 }, func() {
				s.worlds["a"].StallRemoval("2.5.0", true)
				s.worlds["b"].Fail(sim.OpShift, sim.Fault{})
				s.at(0, func() { s.order(rollout.Command{Name: "abort"}, rollout.Accepted) })
				s.at(6*time.Second, func() { why.to(s.t, s.env, "retry", "acknowledge", "extend") })
				s.at(7*time.Second, func() { s.worlds["a"].StallRemoval("2.5.0", false); s.worlds["b"].Heal() })
			})
		},
	}.run(t)
	require.NoError(t, err)
	require.Equal(t, rollout.Aborted, status.Outcome)
	for _, name := range []string{"retry", "acknowledge", "extend"} {
		require.Equal(t, "denied: "+name+" is for one unit: bakeoff "+name+" staging/checkout/b", why.of(name))
	}
}
