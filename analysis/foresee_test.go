package analysis_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/analysis"
)

func errorsOf(alpha float64) analysis.Config {
	return analysis.Config{Name: "errors", Alpha: alpha, Judge: analysis.Params{RateRatio: &analysis.RateRatio{}}}
}

// The forecast is held against the judge itself: what it says is caught within
// a bake is caught there in about nine of ten, and not in nearly all.
func TestForesightIsTrue(t *testing.T) {
	t.Parallel()
	const runs, window = 300, 10.0
	for i, c := range []struct {
		traffic analysis.Traffic
		weight  float64
		bake    float64
	}{
		{analysis.Traffic{Requests: 100, Failures: 0.01}, 0.1, 600},
		{analysis.Traffic{Requests: 20, Failures: 0.05}, 0.5, 600},
		{analysis.Traffic{Requests: 1000, Failures: 0.001}, 0.05, 1800},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			t.Parallel()
			f, ok := analysis.Foresee(errorsOf(0.01), c.traffic, c.weight, c.bake)
			require.True(t, ok)
			require.Greater(t, f.Detects, 1.1)
			caught := 0
			for run := range runs {
				r := rand.New(rand.NewPCG(uint64(i), uint64(run)))
				j, err := analysis.New(errorsOf(0.01))
				require.NoError(t, err)
				for start := 0.0; start < c.bake && !j.Failed(); start += window {
					n := c.traffic.Requests * window
					require.NoError(t, j.Fold(analysis.Window{Check: "errors", Start: start, End: start + window,
						Baseline:  drawn(r, n*(1-c.weight), c.traffic.Failures),
						Candidate: drawn(r, n*c.weight, c.traffic.Failures*f.Detects)}))
				}
				if j.Failed() {
					caught++
				}
			}
			share := float64(caught) / runs
			require.InDelta(t, 0.9, share, 0.08, "×%.2f", f.Detects)
		})
	}
}

// drawn is a side with Poisson-distributed failures.
func drawn(r *rand.Rand, requests, p float64) *analysis.Counts {
	failures, limit := 0.0, math.Exp(-requests*p)
	for product := r.Float64(); product > limit; product *= r.Float64() {
		failures++
	}
	return &analysis.Counts{Requests: math.Round(requests), Failures: min(failures, math.Round(requests))}
}

func TestForesightOfWhatCannotBeSeen(t *testing.T) {
	t.Parallel()
	f, ok := analysis.Foresee(errorsOf(0.01), analysis.Traffic{Requests: 1}, 0.1, 600)
	require.True(t, ok)
	require.Zero(t, f.Detects, "nobody fails: nothing to compare with")
	require.EqualValues(t, 1e300, f.Double)
	require.InDelta(t, 200, f.Evidence, 1e-9, "20 requests at 0.1 a second")
	for name, c := range map[string]struct {
		config  analysis.Config
		traffic analysis.Traffic
		weight  float64
	}{
		"no traffic":     {errorsOf(0.01), analysis.Traffic{}, 0.1},
		"no baseline":    {errorsOf(0.01), analysis.Traffic{Requests: 1}, 1},
		"no candidate":   {errorsOf(0.01), analysis.Traffic{Requests: 1}, 0},
		"absolute judge": {analysis.Config{Name: "slo", Judge: analysis.Params{SLORate: &analysis.SLORate{Objective: 0.99}}}, analysis.Traffic{Requests: 1}, 0.1},
	} {
		_, ok := analysis.Foresee(c.config, c.traffic, c.weight, 600)
		require.False(t, ok, name)
	}
}

// More traffic, more time and more weight never make a forecast worse.
func TestForesightIsMonotone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		traffic := analysis.Traffic{Requests: rapid.Float64Range(0.1, 1e5).Draw(t, "requests"), Failures: rapid.Float64Range(1e-5, 0.2).Draw(t, "failures")}
		weight := rapid.Float64Range(0.001, 0.5).Draw(t, "weight")
		bake := rapid.Float64Range(10, 1e6).Draw(t, "bake")
		f, _ := analysis.Foresee(errorsOf(0.01), traffic, weight, bake)
		longer, _ := analysis.Foresee(errorsOf(0.01), traffic, weight, 2*bake)
		traffic.Requests *= 2
		busier, _ := analysis.Foresee(errorsOf(0.01), traffic, weight, bake)
		for _, better := range []analysis.Forecast{longer, busier} {
			require.LessOrEqual(t, better.Evidence, f.Evidence)
			require.LessOrEqual(t, better.Double, f.Double*(1+1e-9))
			if f.Detects > 0 {
				require.LessOrEqual(t, better.Detects, f.Detects*(1+1e-9))
				require.Greater(t, better.Detects, 1.0)
			}
		}
	})
}
