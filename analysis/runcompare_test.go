package analysis_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/analysis"
)

func comparison(p analysis.RunCompare) analysis.Config {
	return analysis.Config{Name: "errors", Judge: analysis.Params{RunCompare: &p}}
}

// runPairs are one window a pair: candidate = ratio × baseline, with noise.
func runPairs(n int, ratio, noise float64, seed uint64) []analysis.Window {
	r := rand.New(rand.NewPCG(seed, 6))
	var ws []analysis.Window
	for i := range n {
		base := math.Exp(2 * r.NormFloat64()) // scenarios differ much more than runs
		w := window(i, value(base), value(base*ratio*math.Exp(noise*r.NormFloat64())))
		w.Pair = fmt.Sprintf("scenario %d", i)
		ws = append(ws, w)
	}
	return ws
}

func TestRunCompareVerdicts(t *testing.T) {
	two := func(w analysis.Window, b, c float64) analysis.Window { // two sides of one pair, in two runs
		w.Baseline, w.Candidate = value(b), value(c)
		return w
	}
	steady := runPairs(20, 1, 0.01, 1)
	again := runPairs(20, 1, 0.01, 1)
	for i := range again { // three frozen runs, of which one went wrong
		again[i].Start, again[i].End = 1000+again[i].Start, 1000+again[i].End
		again[i].Candidate = nil
	}
	third := slices.Clone(again)
	for i := range third {
		third[i] = two(third[i], *third[i].Baseline.Value*9, 1)
		third[i].Start, third[i].End, third[i].Candidate = 1000+third[i].Start, 1000+third[i].End, nil
	}
	tests := []struct {
		name       string
		params     analysis.RunCompare
		windows    []analysis.Window
		end, prove analysis.Verdict
	}{
		{"no window", analysis.RunCompare{}, nil, analysis.NoData, analysis.NoData},
		{"the same", analysis.RunCompare{}, steady, analysis.Pass, analysis.Pass},
		{"slower", analysis.RunCompare{}, runPairs(20, 1.2, 0.02, 1), analysis.Fail, analysis.Fail},
		{"slower within the margin", analysis.RunCompare{Margin: 0.3}, runPairs(20, 1.2, 0.02, 1), analysis.Pass, analysis.Pass},
		{"faster", analysis.RunCompare{}, runPairs(20, 0.8, 0.02, 1), analysis.Pass, analysis.Pass},
		{"less is worse", analysis.RunCompare{Direction: "decrease"}, runPairs(20, 0.8, 0.02, 1), analysis.Fail, analysis.Fail},
		{"either", analysis.RunCompare{Direction: "either"}, runPairs(20, 0.8, 0.02, 1), analysis.Fail, analysis.Fail},
		{"too noisy to tell", analysis.RunCompare{}, runPairs(20, 1.05, 0.5, 1), analysis.Pass, analysis.Inconclusive},
		{"seven pairs", analysis.RunCompare{}, runPairs(7, 2, 0, 1), analysis.Inconclusive, analysis.Inconclusive},
		{"identical", analysis.RunCompare{}, runPairs(20, 1, 0, 1), analysis.Pass, analysis.Pass},
		{"no candidate", analysis.RunCompare{}, again, analysis.NoData, analysis.NoData},
		{"three frozen runs", analysis.RunCompare{}, slices.Concat(steady, again, third), analysis.Pass, analysis.Pass},
		{"differences", analysis.RunCompare{Transform: "diff", Margin: 1e-9}, runPairs(20, 1.5, 0, 1), analysis.Fail, analysis.Fail},
		{"differences within", analysis.RunCompare{Transform: "diff", Margin: 1e9}, runPairs(20, 1.5, 0, 1), analysis.Pass, analysis.Pass},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := fold(judge(t, comparison(tt.params)), tt.windows...)
			e := j.Final("noHarm")
			require.Equal(t, tt.end, e.Verdict, e.Reason)
			require.Equal(t, tt.prove, j.Final("nonInferior").Verdict, e.Reason)
			require.Equal(t, e, j.Final("noHarm"), "the bootstrap is seeded")
		})
	}
	e := fold(judge(t, comparison(analysis.RunCompare{})), append(runPairs(20, 1, 0, 1), again...)...).Final("noHarm")
	require.InDelta(t, 1, e.Ratio, 1e-12)
	e = fold(judge(t, comparison(analysis.RunCompare{})), append(runPairs(20, 1, 0, 1), window(99, value(1), nil), window(100, nil, value(1)))...).Final("noHarm")
	require.Contains(t, e.Reason, "over 20 pairs; 2 pairs lack a side")
}

// The shift is the median of all means of two differences.
func TestRunCompareShiftIsHodgesLehmann(t *testing.T) {
	values := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-100, 100), rapid.SampledFrom([]float64{0, 1, 1e-9, 1e9})), 5, 25)
	rapid.Check(t, func(t *rapid.T) {
		d := values.Draw(t, "d")
		var ws []analysis.Window
		var means []float64
		for i, x := range d {
			ws = append(ws, window(i, value(0), value(x)))
			for _, y := range d[i:] {
				means = append(means, x/2+y/2)
			}
		}
		slices.Sort(means)
		want := means[(len(means)-1)/2]/2 + means[len(means)/2]/2
		j, err := analysis.New(comparison(analysis.RunCompare{Transform: "diff", Margin: 1, MinPairs: 5, Resamples: 200}))
		require.NoError(t, err)
		e := fold(j, ws...).Final("noHarm")
		require.InDelta(t, want, *e.Difference, 1e-9*(1+math.Abs(want)), e.Reason)
		require.LessOrEqual(t, *e.Interval[0], *e.Interval[1])
		require.GreaterOrEqual(t, *e.Interval[1], slices.Min(d))
		require.LessOrEqual(t, *e.Interval[0], slices.Max(d))
	})
}

// The interval holds the truth in about 95 % of all cases, and a harmless run
// is hardly ever a regression.
func TestRunCompareCoverage(t *testing.T) {
	const times = 300
	covered, fails := 0, 0
	for seed := range uint64(times) {
		e := fold(judge(t, comparison(analysis.RunCompare{Resamples: 400})), runPairs(20, 1, 0.1, seed)...).Final("noHarm")
		if *e.Interval[0] <= 1 && *e.Interval[1] >= 1 {
			covered++
		}
		if e.Verdict == analysis.Fail {
			fails++
		}
	}
	require.GreaterOrEqual(t, covered, times*89/100)
	require.LessOrEqual(t, fails, times*2/100)
}

func TestRunCompareSeeds(t *testing.T) {
	ws := runPairs(15, 1.03, 0.05, 3)
	end := func(p analysis.RunCompare) analysis.Evidence {
		return fold(judge(t, comparison(p)), ws...).Final("noHarm")
	}
	require.Equal(t, end(analysis.RunCompare{}), end(analysis.RunCompare{Seed: 1}))
	require.NotEqual(t, end(analysis.RunCompare{}).Interval, end(analysis.RunCompare{Seed: 2}).Interval)
	require.Equal(t, end(analysis.RunCompare{}).Ratio, end(analysis.RunCompare{Seed: 2}).Ratio)
}

func TestRunCompareRefuses(t *testing.T) {
	for _, bad := range []analysis.RunCompare{
		{Direction: "up"}, {Transform: "sqrt"}, {Transform: "diff"}, {Margin: -1}, {Margin: 2}, {Margin: math.NaN()},
		{MinPairs: 4}, {MinPairs: 1e6}, {Resamples: 10}, {Resamples: 1e6},
	} {
		_, err := analysis.New(comparison(bad))
		require.Error(t, err, "%+v", bad)
	}
	j := judge(t, comparison(analysis.RunCompare{}))
	for _, x := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		require.ErrorIs(t, j.Fold(window(0, value(1), value(x))), analysis.ErrRefused)
	}
	require.Equal(t, analysis.Error, j.Final("noHarm").Verdict)
	require.NoError(t, judge(t, comparison(analysis.RunCompare{Transform: "diff", Margin: 1})).Fold(window(0, value(0), value(-1))))
}

func TestRunCompareBoundsItsPairs(t *testing.T) {
	j := judge(t, comparison(analysis.RunCompare{Resamples: 200}))
	for i := range 2000 {
		fold(j, window(i, value(1), value(1.01)))
	}
	e := j.Final("noHarm")
	require.Equal(t, analysis.Pass, e.Verdict, e.Reason)
	e = fold(j, window(2000, value(1), value(1.01))).Final("noHarm")
	require.Equal(t, analysis.Error, e.Verdict)
	require.Contains(t, e.Reason, "2001 pairs, at most 2000")
}
