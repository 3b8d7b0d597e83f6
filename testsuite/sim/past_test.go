package sim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// The past ends where it was told, whatever happens later, and an instance that
// came later is absent before.
func TestPast(t *testing.T) {
	w, clock := world()
	w.SetPast("2.4.1", time.Minute, map[string][]sim.Behaviour{
		"a": {{Rate: 10}, {Rate: 20, Failures: 0.5}},
		"b": {{Rate: 1}},
	})
	clock.Advance(time.Minute)
	moments, err := w.History(t.Context(), activities.HistoryQuery{
		Check:   rollout.Check{Name: "errors", Requests: "r", Failures: "f"},
		Version: activities.Version{Version: "2.4.1"}, From: start.Add(-3 * time.Minute), To: clock.Now(), Step: time.Minute,
	})
	require.NoError(t, err)
	counted := func(name string, requests, failures float64) activities.SideReading {
		return activities.SideReading{Requests: map[string]float64{name: requests}, Failures: map[string]float64{name: failures}}
	}
	want := []map[string]activities.SideReading{
		{},
		{"a": counted("a", 0, 0)},
		{"a": counted("a", 600, 0), "b": counted("b", 0, 0)},
		{"a": counted("a", 1800, 600), "b": counted("b", 60, 0)},
		{"a": counted("a", 1800, 600), "b": counted("b", 60, 0)},
	}
	require.Len(t, moments, len(want))
	for i, m := range moments {
		require.Equal(t, start.Add(time.Duration(i-3)*time.Minute), m.At)
		require.Equal(t, want[i], m.Instances)
	}
}
