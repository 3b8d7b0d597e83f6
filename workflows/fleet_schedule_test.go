package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// TestFleetSchedule holds from when, and until when, users of all units meet a
// release that has a schedule. Times are those since the story began.
func TestFleetSchedule(t *testing.T) {
	const second, back = time.Second, rollout.RolledBack
	between := func(from, to time.Duration, more ...func(*rollout.FleetSpec)) func(*rollout.FleetSpec) {
		return func(s *rollout.FleetSpec) {
			now := time.Now()
			s.Schedule = &rollout.Schedule{}
			if from != 0 {
				s.Schedule.From = now.Add(from)
			}
			if to != 0 {
				s.Schedule.To = now.Add(to)
			}
			for _, also := range more {
				also(s)
			}
		}
	}
	isBack := func(units ...string) func(*testing.T, worlds, rollout.Status) {
		return func(t *testing.T, ws worlds, _ rollout.Status) {
			for _, unit := range units {
				require.Equal(t, rollout.All, ws[unit].State().Weights["2.4.1"], unit)
				require.Equal(t, "2.4.1", ws[unit].State().Primary, unit)
				require.Equal(t, []string{"2.4.1"}, ws[unit].State().Versions, unit)
			}
		}
	}
	const ended = "its schedule ended at "
	short := func(s *rollout.FleetSpec) { s.Deadline = rollout.Duration(20 * second) }
	for name, s := range map[string]fleetStory{
		"nobody meets it before": {spec: between(6*second, 0), plot: func(s *fleetTeller) {
			for d := time.Duration(0); d < 30*second; d += second / 20 {
				s.at(d, func() {}) // the workflow's clock keeps up with the world's
			}
			s.at(4*second, func() {
				require.Contains(s.t, s.worlds["a"].Log(), "deploy 2.5.0")
				require.Zero(s.t, s.worlds["a"].State().Weights["2.5.0"])
			})
		}, want: rollout.Promoted, wantUnits: outcomes(rollout.Promoted, rollout.Promoted, rollout.Promoted)},
		"everybody goes back in the end": {spec: between(0, 30*second, short), want: rollout.RolledBack, wantCause: rollout.CauseSchedule, wantReason: ended,
			wantUnits: outcomes(back, back, back), check: func(t *testing.T, ws worlds, s rollout.Status) {
				isBack("a", "b", "c")(t, ws, s)
				for _, u := range s.Units {
					require.Equal(t, rollout.CauseSchedule, u.Cause, "it says nothing against the release")
				}
				for _, unit := range []string{"a", "b", "c"} {
					require.Contains(t, ws[unit].Log(), "primary 2.5.0", unit)
				}
			}},
		"however far it has come": {spec: between(0, 8*second, func(s *rollout.FleetSpec) { bakesFor(s, "a", time.Hour) }), want: rollout.RolledBack,
			wantCause: rollout.CauseSchedule, wantReason: ended, wantUnits: outcomes(back, "", ""), check: isBack("a")},
		"an abort while they have it": {spec: between(0, time.Hour), plot: func(s *fleetTeller) {
			s.once(func() bool {
				return s.worlds["c"].State().Primary == "2.5.0" && s.worlds["b"].State().Primary == "2.5.0"
			}, func() {
				time.Sleep(3 * second)
				s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo", Reason: "pager"})
			})
		}, want: rollout.Aborted, wantReason: "aborted by bo: pager", wantUnits: outcomes(aborted, aborted, aborted), check: isBack("a", "b", "c")},
		"what did not go back with a unit goes back in the end": {spec: between(0, 30*second, func(s *rollout.FleetSpec) { s.OnFailure = rollout.OnFailureUnit }),
			world: func(ws worlds) { ws.breaks("b") }, want: rollout.RolledBack, wantCause: rollout.CauseSchedule, wantReason: ended,
			check: isBack("a", "b", "c")},
		"one that is over": {spec: between(0, -second), want: rollout.Refused, wantCause: rollout.CauseSpec, wantReason: "schedule.to"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.holds(t)
		})
	}
}
