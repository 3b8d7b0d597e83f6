package analysis_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

// The reference vector of the method's authors (judges.md §6), one worked out
// by hand, and nothing from nothing.
func TestLogMultinomialE(t *testing.T) {
	even := []float64{.5, .5}
	require.InEpsilon(t, math.Log(1024.0/11), analysis.LogMultinomialE([]float64{1, 1}, even, []float64{10, 0}), 1e-12)
	// Beta(2,1) against θ = ⅓ after one success: (2/3)/(1/3) = 2.
	require.InEpsilon(t, math.Log(2), analysis.LogMultinomialE([]float64{2, 1}, []float64{1. / 3, 2. / 3}, []float64{1, 0}), 1e-12)
	require.InDelta(t, 0, analysis.LogMultinomialE([]float64{3, 7}, even, []float64{0, 0}), 1e-12)
	three := analysis.LogMultinomialE([]float64{20, 30, 50}, []float64{.2, .3, .5}, []float64{200, 300, 500})
	require.Less(t, three, 0.0, "as expected: evidence for the split")
}

// Under the configured split BF has the mean 1 after any number of requests.
func TestLogMultinomialEIsExact(t *testing.T) {
	for _, theta := range []float64{0.01, 0.1, 0.5, 0.9} {
		for _, n := range []float64{1, 7, 40} {
			mean := 0.0
			for x := range int(n) + 1 {
				bf := analysis.LogMultinomialE([]float64{100 * theta, 100 * (1 - theta)}, []float64{theta, 1 - theta}, []float64{float64(x), n - float64(x)})
				mean += mass(int(n), x, theta) * math.Exp(bf)
			}
			require.InEpsilon(t, 1, mean, 1e-9)
		}
	}
}

// split is n windows in which the candidate gets a part of the requests; a
// hundredth fail, and not the same on both sides.
func split(n int, configured, actual float64) []analysis.Window {
	var ws []analysis.Window
	for i := range n {
		nc := math.Round(1000 * actual)
		w := window(i, counts(1000-nc, 9), counts(nc, float64(i%2)))
		w.Share = configured
		ws = append(ws, w)
	}
	return ws
}

func TestTrafficShare(t *testing.T) {
	for _, tt := range []struct {
		name    string
		windows []analysis.Window
		want    analysis.Verdict
		cause   analysis.Cause
	}{
		{"as configured", split(60, 0.1, 0.1), analysis.Pass, ""},
		{"not known", split(60, 0, 0.3), analysis.Pass, ""},
		{"all of it", split(60, 1, 0.3), analysis.Pass, ""},
		{"twice as much", split(60, 0.1, 0.2), analysis.Inconclusive, analysis.CauseShare},
		{"a tenth is lost", split(600, 0.1, 0.09), analysis.Inconclusive, analysis.CauseShare},
		{"a tenth of the baseline is lost", split(60, 0.9, 0.91), analysis.Inconclusive, analysis.CauseShare},
		{"rounded weights", split(6000, 0.1, 0.104), analysis.Pass, ""},
		{"too early to tell", split(1, 0.1, 0.12), analysis.Pass, ""},
		{"a ramp", append(split(60, 0.1, 0.1), shift(60, split(60, 0.5, 0.5))...), analysis.Pass, ""},
		{"a ramp that is not followed", append(split(60, 0.1, 0.1), shift(60, split(60, 0.5, 0.1))...), analysis.Inconclusive, analysis.CauseShare},
		{"mended with the next share", append(split(60, 0.1, 0.3), shift(60, split(60, 0.5, 0.5))...), analysis.Pass, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := fold(judge(t, rates(0.01)), tt.windows...)
			e := j.Final("noHarm")
			require.Equal(t, tt.want, e.Verdict, e.Reason)
			require.Equal(t, tt.cause, e.Cause)
			if tt.want == analysis.Pass {
				require.Equal(t, analysis.Continue, j.Verdict().Verdict)
				return
			}
			require.Equal(t, analysis.Inconclusive, j.Verdict().Verdict)
			require.Contains(t, e.Reason, "of the requests instead of")
			j.BeginStep()
			require.Equal(t, analysis.Continue, j.Verdict().Verdict, "a new step is looked at anew")
		})
	}
}

// A broken split hinders no Fail, is no matter of absolute checks, and a share
// that cannot be is refused.
func TestTrafficShareEdges(t *testing.T) {
	dead := repeat(9, counts(800, 8), counts(200, 200))
	for i := range dead {
		dead[i].Share = 0.1
	}
	require.Equal(t, analysis.Fail, fold(judge(t, rates(0.01)), dead...).Final("noHarm").Verdict)

	slo := analysis.Config{Name: "errors", Judge: analysis.Params{SLORate: &analysis.SLORate{Objective: 0.9}}}
	require.Equal(t, analysis.Pass, fold(judge(t, slo), split(60, 0.1, 0.3)...).Final("noHarm").Verdict)

	for _, share := range []float64{-0.1, 1.1, math.NaN(), math.Inf(1)} {
		w := window(0, counts(900, 9), counts(100, 1))
		w.Share = share
		require.ErrorIs(t, judge(t, rates(0.01)).Fold(w), analysis.ErrRefused)
	}
}

// With the configured split, random requests alarm no more often than α.
func TestTrafficShareSimulated(t *testing.T) {
	alarms := 0
	for seed := range uint64(300) {
		r, j := rand.New(rand.NewPCG(seed, 5)), judge(t, rates(0.01))
		seen := false
		for i := range 60 {
			nc := binomial(r, 100, 0.1)
			w := window(i, counts(100-nc, 0), counts(nc, 0))
			w.Share = 0.1
			require.NoError(t, j.Fold(w))
			seen = seen || j.Verdict().Cause == analysis.CauseShare
		}
		if seen {
			alarms++
		}
	}
	require.LessOrEqual(t, alarms, 2)
}

// The share is part of the state, and there only where it is known.
func TestTrafficShareState(t *testing.T) {
	whole, parts := judge(t, rates(0.01)), judge(t, rates(0.01))
	for _, w := range split(60, 0.1, 0.2) {
		require.NoError(t, whole.Fold(w))
		require.NoError(t, parts.Fold(w))
		state, err := parts.MarshalBinary()
		require.NoError(t, err)
		parts = judge(t, rates(0.01))
		require.NoError(t, parts.UnmarshalBinary(state))
	}
	require.Equal(t, whole.Final("noHarm"), parts.Final("noHarm"))

	most := judge(t, rates(1e-12))
	for i := range 20000 {
		w := window(i, counts(1e6, 3e5), counts(1e6, 3e5-1))
		w.Share = 0.9999
		require.NoError(t, most.Fold(w))
		_ = most.Fold(analysis.Window{Check: "errors", Start: w.Start, End: w.End - 1})
		_ = most.Fold(analysis.Window{Check: "errors", Start: 1})
	}
	state, err := most.MarshalBinary()
	require.NoError(t, err)
	require.LessOrEqual(t, len(state), 512)
	t.Logf("%d bytes after 20,000 windows and 4e10 requests", len(state))
}
