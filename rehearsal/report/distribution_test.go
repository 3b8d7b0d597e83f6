package report_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report"
	"bakeoff/rehearsal/seed"
)

func TestDistribution(t *testing.T) {
	d := report.Distribution([]float64{3, 1, math.NaN(), 2, 4, math.Inf(1), 5}, 0.95)
	require.Equal(t, []float64{3, 1, 2, 4, 5}, d.Values, "in their order, without what is not a number")
	require.Equal(t, 5, d.N)
	require.Equal(t, 3.0, d.Median)
	require.InDelta(t, 4.6, d.P90, 1e-12, "type 7")
	require.Equal(t, 5.0, d.Max)
	require.InDelta(t, 0.5493, d.Coverage, 1e-4)

	require.GreaterOrEqual(t, report.Distribution(make([]float64, 59), 0.95).Coverage, 0.95)
	require.Less(t, report.Distribution(make([]float64, 58), 0.95).Coverage, 0.95)
	require.Zero(t, report.Distribution(nil, 0.95).Coverage)
	require.Equal(t, 0.95, report.Distribution(nil, 7).Confidence)
}

// TestCoverageHolds draws what the bound is about: how often at least Coverage
// of the next drills are within the largest of those seen.
func TestCoverageHolds(t *testing.T) {
	draw := seed.For(1, "coverage")
	kept, runs := 0, 20_000
	for range runs {
		values := make([]float64, 10)
		for i := range values {
			values[i] = draw.Float64()
		}
		d := report.Distribution(values, 0.95)
		if d.Max >= d.Coverage { // of a uniform, the share below the maximum is the maximum
			kept++
		}
	}
	require.InDelta(t, 0.95, float64(kept)/float64(runs), 0.005)
}

func TestBound(t *testing.T) {
	values := []float64{1, 1.2, 2.1, 1, 1, 1, 1, 1, 1, 1}
	require.Equal(t, "of 10 drills the slowest took 2.1 s: with 95 % confidence at least 74 % of drills take at most that", report.Bound(report.Distribution(values, 0.95)))
	require.Contains(t, report.Bound(report.Distribution(make([]float64, 59), 0.95)), "at least 95 % of drills")
	require.Contains(t, report.Bound(report.Distribution(make([]float64, 1000), 0.95)), "at least 99.7 % of drills", "rounded down")
	require.Contains(t, report.Bound(report.Distribution(values[:1], 0.95)), "of one drill nothing can be said about the next")
	require.Contains(t, report.Bound(report.Distribution(nil, 0.95)), "no drill was measured")
}

// A drill that did not come back is not in the bound, and the report says so.
func TestBoundOfTimedDrillsAlone(t *testing.T) {
	run := rich("a", 1)
	require.NotContains(t, written(t, report.Text, run), "nobody knows how long")
	run.Drills[0].Repeats = append(run.Drills[0].Repeats, evidence.Repeat{Number: 11, Outcome: evidence.Failed})
	require.Contains(t, written(t, report.Text, run), "Of 1 more drill nobody knows how long it took")
}
