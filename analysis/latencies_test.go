package analysis_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/analysis"
)

func timed(seconds ...float64) *analysis.Latencies {
	l := &analysis.Latencies{}
	for _, s := range seconds {
		l.Add(s)
	}
	return l
}

func TestLatencies(t *testing.T) {
	tests := []struct {
		name    string
		seconds []float64
		q       float64
		low     float64
		high    float64
	}{
		{"none", nil, 0.5, 0, 0},
		{"one", []float64{0.2}, 0.99, 0.2, 0.2},
		{"the longest is exact", []float64{0.1, 0.123456}, 1, 0.123456, 0.123456},
		{"the median of two is the shorter", []float64{0.1, 9}, 0.5, 0.1, 0.105},
		{"q below 0", []float64{0.1, 9}, -1, 0.1, 0.105},
		{"q above 1", []float64{0.1, 9}, 2, 9, 9},
		{"q is NaN", []float64{0.1, 9}, math.NaN(), 0.1, 0.105},
		{"on a bound", []float64{0.01, 0.5}, 0.5, 0.01, 0.01},
		{"just above a bound", []float64{math.Nextafter(0.01, 1), 0.5}, 0.5, 0.0104, 0.0105},
		{"shorter than the first bound", []float64{1e-9, 1}, 0.5, 1e-9, 4.88e-5},
		{"longer than the last", []float64{101, 999}, 0.5, 999, 999},
		{"zero", []float64{0}, 0.5, 0, 0},
		{"what cannot be", []float64{math.NaN(), -1, math.Inf(-1), 1}, 0.75, 0, 4.88e-5},
		{"never answered", []float64{math.Inf(1)}, 0.5, math.Inf(1), math.Inf(1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := timed(tt.seconds...)
			got := l.Quantile(tt.q)
			require.GreaterOrEqual(t, got, tt.low)
			require.LessOrEqual(t, got, tt.high)
			require.InDelta(t, len(tt.seconds), l.Counts().Buckets["+Inf"], 0, "each is counted")
		})
	}
}

// anyLatencies are of any size between the first and the last bound.
var anyLatencies = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) float64 {
	return math.Exp(rapid.Float64Range(math.Log(4.88e-5), math.Log(100)).Draw(t, "log"))
}), 1, 200)

func TestLatenciesQuantileIsWithinFivePercent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seconds, q := anyLatencies.Draw(t, "seconds"), rapid.Float64Range(0, 1).Draw(t, "q")
		sorted := slices.Sorted(slices.Values(seconds))
		exact := sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
		got := timed(seconds...).Quantile(q)
		require.GreaterOrEqual(t, got, exact)
		require.Less(t, got, 1.05*exact)
	})
}

func TestLatenciesMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyLatencies.Draw(t, "a"), anyLatencies.Draw(t, "b")
		merged, other := timed(a...), timed(b...)
		merged.Merge(other)
		require.Equal(t, timed(append(a, b...)...), merged)
		require.Equal(t, timed(b...), other)
	})
}

// Each bucket counts what Prometheus would: all that is not above its bound.
func TestLatenciesCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seconds := rapid.SliceOfN(rapid.Float64Range(0, 200), 0, 50).Draw(t, "seconds")
		c := timed(seconds...).Counts()
		for key, count := range c.Buckets {
			bound, err := strconv.ParseFloat(key, 64)
			require.NoError(t, err)
			below := 0.0
			for _, s := range seconds {
				if s <= bound {
					below++
				}
			}
			require.InDelta(t, below, count, 0, key)
		}
	})
	c := timed(0.2).Counts()
	w := window(0, &c, &c)
	require.NoError(t, w.Validate())
	text, err := json.Marshal(w)
	require.NoError(t, err)
	t.Logf("%d buckets, %d bytes in a recorded window", len(c.Buckets), len(text)/2)
}

// What is counted one by one is judged like any histogram.
func TestLatenciesAreJudged(t *testing.T) {
	answers := func(r *rand.Rand, n int, median float64) *analysis.Counts {
		var l analysis.Latencies
		for range n {
			l.Add(median * math.Exp(r.NormFloat64()/2))
		}
		c := l.Counts()
		return &c
	}
	for slower, want := range map[float64]analysis.Verdict{1: analysis.Pass, 1.5: analysis.Fail} {
		r := rand.New(rand.NewPCG(1, 2))
		j := judge(t, analysis.Config{Name: "errors", Judge: analysis.Params{TailLadder: &analysis.TailLadder{}}})
		for i := range 60 {
			require.NoError(t, j.Fold(window(i, answers(r, 900, 0.1), answers(r, 100, 0.1*slower))))
		}
		require.Equal(t, want, j.Final("noHarm").Verdict, j.Final("noHarm").Reason)
	}
}

func TestLatenciesAddAllocatesNothing(t *testing.T) {
	l := timed()
	require.Zero(t, testing.AllocsPerRun(1000, func() { l.Add(0.1) }))
}
