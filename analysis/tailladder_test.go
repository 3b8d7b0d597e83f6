package analysis_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

var latencies = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 10}

func ladder(bounds ...float64) analysis.Config {
	return analysis.Config{Name: "errors", SLO: 0.3, Bounds: bounds, Judge: analysis.Params{TailLadder: &analysis.TailLadder{}}}
}

// observe is a histogram of n log-normal latencies with the given median.
func observe(r *rand.Rand, n int, median float64) *analysis.Counts {
	in := make([]float64, len(latencies)+1)
	for range n {
		i, _ := slices.BinarySearch(latencies, median*math.Exp(0.8*r.NormFloat64()))
		in[i]++
	}
	buckets, sum := map[string]float64{"+Inf": float64(n)}, 0.0
	for i, b := range latencies {
		sum += in[i]
		buckets[fmt.Sprint(b)] = sum
	}
	return &analysis.Counts{Buckets: buckets}
}

func latency(seed uint64, n int, slower float64) []analysis.Window {
	r := rand.New(rand.NewPCG(seed, 6))
	var ws []analysis.Window
	for i := range n {
		ws = append(ws, window(i, observe(r, 900, 0.05), observe(r, 100, 0.05*slower)))
	}
	return ws
}

func TestTailLadder(t *testing.T) {
	alarms, found := 0, 0
	for seed := range uint64(40) {
		if fold(judge(t, ladder()), latency(seed, 40, 1)...).Verdict().Verdict == analysis.Fail {
			alarms++
		}
		if fold(judge(t, ladder()), latency(seed, 40, 1.3)...).Verdict().Verdict == analysis.Fail {
			found++
		}
	}
	require.LessOrEqual(t, alarms, 1)
	require.GreaterOrEqual(t, found, 38, "1.3 times slower within 40 windows")
	e := fold(judge(t, ladder()), latency(1, 40, 2)...).Final("noHarm")
	require.Equal(t, analysis.Fail, e.Verdict)
	require.Greater(t, e.Bound, 0.0)
	require.Greater(t, *e.Interval[0], 1.0)
	require.Contains(t, e.Reason, "errors above")
}

func TestTailLadderLearns(t *testing.T) {
	ws := latency(3, 12, 1)
	j := judge(t, ladder())
	require.NoError(t, j.Fold(ws[0]))
	require.Equal(t, analysis.NoData, j.Final("noHarm").Verdict, "900 requests")
	require.NoError(t, j.Fold(ws[1]))
	require.Equal(t, 0.0, j.Verdict().Baseline.Failures)
	require.Equal(t, analysis.NoData, j.Final("noHarm").Verdict, "learning windows are not judged")
	require.NoError(t, j.Fold(ws[2]))
	require.Equal(t, analysis.Pass, j.Final("noHarm").Verdict, j.Final("noHarm").Reason)

	sparse := judge(t, ladder())
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 13 {
		require.NoError(t, sparse.Fold(window(i, observe(r, 30, 0.05), observe(r, 30, 5))))
		require.Equal(t, i >= 9, sparse.Verdict().Bound > 0, "frozen after ten windows, not %d", i+1)
	}
}

func TestTailLadderFixedBounds(t *testing.T) {
	bounds := analysis.ChooseBounds(*latency(1, 1, 1)[0].Baseline, 0.3)
	require.Contains(t, bounds, 0.3)
	require.Contains(t, bounds, 0.05)
	require.IsIncreasing(t, bounds)
	j := fold(judge(t, ladder(bounds...)), latency(1, 1, 9)...)
	require.Equal(t, analysis.Fail, j.Verdict().Verdict, "judged from the first window")

	require.ErrorIs(t, judge(t, ladder(0.123)).Fold(latency(1, 1, 1)[0]), analysis.ErrRefused)
	require.Empty(t, analysis.ChooseBounds(analysis.Counts{}, 0.3))
	require.Empty(t, analysis.ChooseBounds(analysis.Counts{Buckets: map[string]float64{"0.1": 0, "+Inf": 0}}, 0.3))
	only := analysis.ChooseBounds(analysis.Counts{Buckets: map[string]float64{"0.1": 0, "+Inf": 9}}, 0)
	require.Equal(t, []float64{0.1}, only)
}

func TestTailLadderEdges(t *testing.T) {
	good := latency(5, 6, 1)
	side := func(b map[string]float64) *analysis.Counts { return &analysis.Counts{Buckets: b} }
	bad := map[string]*analysis.Counts{
		"changed bounds":   side(map[string]float64{"0.1": 1, "0.3": 1, "+Inf": 1}),
		"not cumulative":   side(map[string]float64{"0.1": 5, "0.3": 1, "+Inf": 7}),
		"no +Inf":          side(map[string]float64{"0.1": 1, "0.3": 1}),
		"no finite bound":  side(map[string]float64{"+Inf": 1}),
		"negative":         side(map[string]float64{"0.1": -1, "+Inf": 1}),
		"NaN":              side(map[string]float64{"0.1": math.NaN(), "+Inf": 1}),
		"no number":        side(map[string]float64{"fast": 1, "+Inf": 1}),
		"one bound twice":  side(map[string]float64{"0.1": 1, "0.10": 1, "+Inf": 1}),
		"endless requests": side(map[string]float64{"0.1": 1, "+Inf": math.Inf(1)}),
	}
	for name, c := range bad {
		t.Run(name, func(t *testing.T) {
			j := fold(judge(t, ladder()), good...)
			require.ErrorIs(t, j.Fold(window(6, good[0].Baseline, c)), analysis.ErrRefused)
			require.ErrorIs(t, j.Fold(window(7, c, good[0].Baseline)), analysis.ErrRefused)
			require.Equal(t, analysis.Error, j.Final("noHarm").Verdict)
		})
	}
	for name, ws := range map[string][]analysis.Window{
		"no traffic":     repeat(20, side(nil), side(nil)),
		"candidate only": repeat(20, nil, good[0].Candidate),
		"baseline only":  repeat(20, good[0].Baseline, nil),
		"identical":      repeat(20, good[0].Baseline, good[0].Baseline),
		"empty buckets":  repeat(20, side(map[string]float64{"0.1": 0, "+Inf": 0}), side(map[string]float64{"0.1": 0, "+Inf": 0})),
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, analysis.NoData, fold(judge(t, ladder()), ws...).Final("noHarm").Verdict)
		})
	}
	long := fold(judge(t, ladder(0.05, 0.3)), latency(9, 400, 0.9)...)
	require.Equal(t, analysis.Pass, long.Final("nonInferior").Verdict, long.Final("nonInferior").Reason)
}

func TestTailLadderStateSize(t *testing.T) {
	learning, frozen := judge(t, ladder()), judge(t, ladder())
	wide := map[string]float64{"+Inf": 900}
	for i := range 399 {
		wide[fmt.Sprint(float64(i+1)/100)] = float64(2 * i)
	}
	require.NoError(t, learning.Fold(window(0, &analysis.Counts{Buckets: wide}, nil)))
	fold(frozen, latency(1, 40, 1)...)
	for name, j := range map[string]*analysis.Judge{"learning": learning, "frozen": frozen} {
		state, err := j.MarshalBinary()
		require.NoError(t, err)
		require.LessOrEqual(t, len(state), 8<<10)
		t.Logf("%s: %d bytes", name, len(state))
	}
}
