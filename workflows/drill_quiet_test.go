package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// uncounted fails where a rollout that is practice counts as a release.
type uncounted struct{ t *testing.T }

func (u uncounted) WithTags(map[string]string) client.MetricsHandler { return u }

func (u uncounted) Counter(name string) client.MetricsCounter {
	require.NotContains(u.t, []string{"bakeoff_rollouts_started", "bakeoff_rollouts_completed", "bakeoff_verdicts", "bakeoff_drift"}, name)
	return client.MetricsNopHandler.Counter(name)
}

func (u uncounted) Gauge(name string) client.MetricsGauge {
	return client.MetricsNopHandler.Gauge(name)
}

func (u uncounted) Timer(name string) client.MetricsTimer {
	require.NotContains(u.t, []string{"bakeoff_time_to_restore", "bakeoff_step_duration"}, name)
	return client.MetricsNopHandler.Timer(name)
}

// Nobody is told of a drill that waits, and goes back, as it has to. Who is needed
// is told, and that it is practice.
func TestDrillsAreQuiet(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*rollout.Order)
		plot   func(*teller)
		want   []rollout.Occasion
	}{
		"a drill that goes back": {change: func(*rollout.Order) {}},
		"a drill that holds before": {change: func(o *rollout.Order) {
			o.Drill.Verdict, o.Spec.Policy.HoldFor, o.Spec.Policy.Otherwise = rollout.NoData, rollout.Duration(3*time.Second), rollout.RuleRollback
		}},
		"a drill that is refused": {change: func(o *rollout.Order) { o.Spec.Release.Artifact = "checkout:latest" }},
		"a person is needed": {
			change: func(o *rollout.Order) { o.Spec.NeedsHumanAfter = rollout.Duration(time.Second) },
			plot: func(s *teller) {
				s.once(func() bool { return s.world.State().Weights["2.5.0"] > 0 }, func() { s.world.Fail(sim.OpShift, sim.Fault{}) })
				s.once(func() bool { return len(s.world.Heard()) >= 2 }, func() { s.world.Heal() })
			}, want: []rollout.Occasion{rollout.OnNeedsHuman, rollout.OnEscalated},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world, _ := practised(t, "2.4.1", c.change, c.plot)
			var got []rollout.Occasion
			for _, m := range world.Heard() {
				got = append(got, m.Event)
				require.Equal(t, "rehearsal/staging/weekly", m.Rehearsal)
				require.Contains(t, m.Text, "(part of rehearsal/staging/weekly)")
			}
			require.Equal(t, c.want, slices.Compact(got), "%+v", world.Heard())
		})
	}
}
