package analysis_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

func meanOf(p analysis.MeanCS) analysis.Config {
	return analysis.Config{Name: "errors", Judge: analysis.Params{MeanCS: &p}}
}

func TestMeanCS(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	b, c := noisy(r, 60, 1, 0.1), noisy(r, 60, 1.3, 0.1)
	tests := []struct {
		name    string
		params  analysis.MeanCS
		windows []analysis.Window
		end     analysis.Verdict
	}{
		{"no data", analysis.MeanCS{}, repeat(9, nil, nil), analysis.NoData},
		{"candidate only", analysis.MeanCS{}, repeat(9, nil, value(1)), analysis.NoData},
		{"few", analysis.MeanCS{}, pairs(b[:7], c[:7]), analysis.NoData},
		{"worse is no matter", analysis.MeanCS{}, pairs(b, c), analysis.Pass},
		{"far worse is none either", analysis.MeanCS{Transform: "diff"}, pairs(same(50, 0), noisy(r, 50, 1e9, 0.1)), analysis.Pass},
		{"identical series", analysis.MeanCS{}, pairs(b, b), analysis.NoData},
		{"NaN", analysis.MeanCS{}, pairs(same(9, 1), same(9, math.NaN())), analysis.Error},
		{"no logarithm", analysis.MeanCS{Transform: "log"}, pairs(same(9, 1), same(9, -1)), analysis.Error},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := fold(judge(t, meanOf(tt.params)), tt.windows...)
			require.False(t, j.Failed(), "it never fails")
			require.Equal(t, tt.end, j.Final("noHarm").Verdict, j.Final("noHarm").Reason)
			if tt.end == analysis.Pass {
				require.Equal(t, analysis.Inconclusive, j.Final("nonInferior").Verdict, "it proves nothing")
			}
		})
	}
	require.False(t, meanOf(analysis.MeanCS{}).Gating())
	yes := true
	gates := meanOf(analysis.MeanCS{})
	gates.Gates = &yes
	require.False(t, gates.Gating(), "whatever it says")
	for _, p := range []analysis.MeanCS{{Level: 0.2}, {Level: 1}, {TOpt: 0.5}, {BurnIn: 1}, {MinPoints: -1}, {Transform: "x"}, {Step: -1}} {
		_, err := analysis.New(meanOf(p))
		require.Error(t, err, "%+v", p)
	}
}

// confseq's normal mixture with v = 100, α = 0.05 has ρ = 12.60056 and, at
// V = 100, the bound 30.35209 (judges.md §6): the same boundary.
func TestMeanCSReference(t *testing.T) {
	// A hundred differences, half −a and half a, of standard deviation 1.
	a := math.Sqrt(99.0 / 100)
	var candidate []float64
	for i := range 100 {
		candidate = append(candidate, a*float64(2*(i%2)-1))
	}
	e := fold(judge(t, meanOf(analysis.MeanCS{TOpt: 100})), pairs(same(100, 0), candidate)...).Verdict()
	require.InDelta(t, 0, *e.Difference, 1e-12)
	require.InEpsilon(t, 0.3035209, *e.Interval[1], 1e-6)
	require.InEpsilon(t, -0.3035209, *e.Interval[0], 1e-6)
}

func TestMeanCSBurnIn(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 4))
	b, c := noisy(r, 15, 1, 0.1), noisy(r, 15, 1.3, 0.1)
	early := fold(judge(t, meanOf(analysis.MeanCS{})), pairs(b[:14], c[:14])...).Verdict()
	require.Nil(t, early.Interval[0])
	require.Regexp(t, `^errors ×1\.\d+$`, early.Reason)
	require.NotNil(t, fold(judge(t, meanOf(analysis.MeanCS{})), pairs(b, c)...).Verdict().Interval[0])
	require.NotNil(t, fold(judge(t, meanOf(analysis.MeanCS{BurnIn: 2})), pairs(b[:2], c[:2])...).Verdict().Interval[0])
}

// Seeded: the interval holds the truth at all of 400 looks at once, and is
// narrowest where it was planned to be.
func TestMeanCSCovers(t *testing.T) {
	const runs = 300
	missed := 0
	for seed := range uint64(runs) {
		r := rand.New(rand.NewPCG(seed, 11))
		j := judge(t, meanOf(analysis.MeanCS{}))
		for i := range 400 {
			fold(j, window(i, value(math.Exp(0.3*r.NormFloat64())), value(1.2*math.Exp(0.3*r.NormFloat64()))))
			if e := j.Verdict(); e.Interval[0] != nil && (*e.Interval[0] > 1.2 || *e.Interval[1] < 1.2) {
				missed++
				break
			}
		}
	}
	t.Logf("%d of %d missed", missed, runs)
	require.LessOrEqual(t, float64(missed)/runs, 0.05+0.02)
}
