package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// A baseline that answers badly once it has its users back is not well before that is
// over, however few of them there are; and where there are too few to tell, or none
// any more, because the load has ended, nobody says that it is.
func TestHealthOfTheBaselineAfterADrill(t *testing.T) {
	for name, c := range map[string]struct {
		rate     float64 // requests a second while half of them fail
		badFor   time.Duration
		then     float64 // requests a second, of which none fail
		unjudged string
	}{
		"half fail for two seconds": {40, 2 * time.Second, 400, ""},
		"next to nobody is there":   {2, time.Minute, 400, "objective: "},
		"the load ends meanwhile":   {40_000, time.Second, -1, "no new data after it failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, status := practised(t, "2.4.1", func(o *rollout.Order) {
				o.Spec.NeedsHumanAfter = rollout.Duration(20 * time.Second)
				if c.unjudged != "" { // half of it is how long that is waited for
					o.Spec.NeedsHumanAfter = rollout.Duration(4 * time.Second)
				}
				objective := o.Spec.Checks[0]
				objective.Name, objective.Judge = "objective", &rollout.Judge{SLORate: &rollout.SLORate{Objective: "90%"}}
				o.Spec.Checks = append(o.Spec.Checks, objective)
			}, func(tell *teller) {
				for _, v := range []string{"2.4.1", "2.5.0"} {
					tell.world.Behave(v, sim.Behaviour{Rate: 400, Failures: 0.02})
				}
				has := func() rollout.Weight { return tell.world.State().Weights["2.5.0"] }
				tell.once(func() bool { return has() > 0 }, func() {
					tell.once(func() bool { return has() == 0 }, func() {
						tell.world.Behave("2.4.1", sim.Behaviour{Rate: c.rate, Failures: 0.5})
						time.AfterFunc(c.badFor, func() { tell.world.Behave("2.4.1", sim.Behaviour{Rate: c.then}) })
					})
				})
			})
			require.Equal(t, rollout.RolledBack, status.Outcome, status.Reason)
			require.NotNil(t, status.Drilled)
			require.Less(t, status.TimeToRestore.Traffic.Std(), 2*time.Second, "users do not wait for it")
			if c.unjudged != "" {
				require.Contains(t, status.Drilled.Unjudged, c.unjudged)
				return
			}
			require.Empty(t, status.Drilled.Unjudged)
			require.Greater(t, status.TimeToRestore.Health.Std(), c.badFor-100*time.Millisecond)
		})
	}
}
