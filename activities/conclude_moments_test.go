package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

var dawn = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func dawnAfter(seconds float64) *time.Time {
	t := dawn.Add(time.Duration(seconds * float64(time.Second)))
	return &t
}

// TestWeights: a drill from a later step has the shares of those before it, and the
// rollout itself has its own.
func TestWeights(t *testing.T) {
	shares := func(from float64) []evidence.Share {
		return []evidence.Share{{At: *dawnAfter(from), Step: 1, Share: 0.1}, {At: *dawnAfter(from + 5), Step: 2, Share: 0.5}, {At: *dawnAfter(from + 9)}}
	}
	f := rehearsal.Facts{Zero: dawn, End: *dawnAfter(60), Drills: []evidence.Drill{{Name: "drill from step 2", Repeats: []evidence.Repeat{
		{Number: 1, Shares: shares(10)},
		{Number: 2, RaisedAt: dawnAfter(22), Weight: 0.5, RestoredAt: dawnAfter(25)}, // by an older worker
	}}}}
	rolled := &evidence.Rollout{Outcome: rollout.RolledBack, Reason: "it fails", StartedAt: *dawnAfter(28), EndedAt: dawnAfter(45), Shares: shares(30),
		BreachAt: dawnAfter(38), DecidedAt: dawnAfter(38.1), RestoredAt: dawnAfter(39), HealthyAt: dawnAfter(40)}
	w := weights(f, rolled)
	at := func(second float64) float64 {
		share := -1.0
		for i, x := range w.Seconds {
			if x <= second {
				share = w.Values[i]
			}
		}
		return share
	}
	for second, want := range map[float64]float64{0: 0, 9: 0, 10: 0.1, 14: 0.1, 15: 0.5, 18: 0.5, 19: 0, 21: 0, 22: 0.5, 25: 0, 29: 0, 30: 0.1, 36: 0.5, 39: 0, 60: 0} {
		require.InDelta(t, want, at(second), 1e-9, second)
	}
	require.IsIncreasing(t, w.Seconds)

	kinds := map[string]int{}
	for _, m := range timeline(f, rolled) {
		if m.Name == "rollout" {
			kinds[m.Kind]++
		}
	}
	require.Equal(t, map[string]int{evidence.MomentRollout: 1, evidence.MomentWeight: 3, evidence.MomentBreach: 1, evidence.MomentDecision: 1,
		evidence.MomentRestored: 1, evidence.MomentHealthy: 1}, kinds)
	require.Empty(t, weights(rehearsal.Facts{Zero: dawn, End: *dawnAfter(9)}, nil).Seconds)
}

// TestMet: of the answers that name a version, each second.
// A fault that was interrupted is there as often as it was in force.
func TestMomentsOfAnInterruptedFault(t *testing.T) {
	x := evidence.Fault{Name: "slow", What: "latency 200ms", StartedAt: *dawnAfter(2), EndedAt: *dawnAfter(20),
		Stretches: []evidence.Stretch{{From: *dawnAfter(2), To: *dawnAfter(6)}, {From: *dawnAfter(12), To: *dawnAfter(20)}}}
	never := evidence.Fault{Name: "never", What: "nothing"}
	require.Equal(t, []evidence.Moment{
		{Time: *dawnAfter(2), Until: dawnAfter(6), Kind: evidence.MomentFault, Name: "slow", Text: "fault latency 200ms"},
		{Time: *dawnAfter(12), Until: dawnAfter(20), Kind: evidence.MomentFault, Name: "slow", Text: "fault latency 200ms, again"},
	}, timeline(rehearsal.Facts{Faults: []evidence.Fault{x, never}}, nil))
}

func TestMet(t *testing.T) {
	m := rehearsal.Manifest{}
	m.Rollout.Release.Version = "2.5.0"
	f := rehearsal.Facts{Zero: dawn, Before: rehearsal.State{Version: "2.4.1"}}
	for i, version := range []string{"2.4.1", "2.4.1", "2.4.1", "2.5.0", "", "", "2.5.0", "9"} { // four a second
		f.Requests = append(f.Requests, rehearsal.Request{At: time.Duration(i) * 250 * time.Millisecond, Version: version})
	}
	s := met(m, f)
	require.Equal(t, []float64{0, 1}, s.Seconds)
	require.Equal(t, []float64{0.25, 1}, s.Values)
	require.Equal(t, evidence.SeriesUsers, s.Of)
	f.Before.Version = "2.5.0"
	require.Empty(t, met(m, f).Seconds, "they cannot be told apart")
}
