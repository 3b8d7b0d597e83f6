package analysis_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

func objective(share analysis.Share) analysis.Config {
	return analysis.Config{Name: "errors", Judge: analysis.Params{SLORate: &analysis.SLORate{Objective: share}}}
}

func TestSLORate(t *testing.T) {
	tests := []struct {
		name       string
		windows    []analysis.Window
		end, prove analysis.Verdict
	}{
		{"no traffic", repeat(9, counts(100, 1), counts(0, 0)), analysis.NoData, analysis.NoData},
		{"no candidate", repeat(9, counts(100, 1), nil), analysis.NoData, analysis.NoData},
		{"no baseline is no matter", repeat(9, nil, counts(1000, 1)), analysis.Pass, analysis.Pass},
		{"no failures", repeat(9, nil, counts(1000, 0)), analysis.Pass, analysis.Pass},
		{"at the objective", repeat(9, nil, counts(1000, 10)), analysis.Pass, analysis.Inconclusive},
		{"over the objective", repeat(9, nil, counts(1000, 40)), analysis.Fail, analysis.Fail},
		{"dead", repeat(1, nil, counts(5, 5)), analysis.Fail, analysis.Fail},
		{"two failures", repeat(1, nil, counts(2, 2)), analysis.NoData, analysis.NoData},
		{"fails after long health", append(repeat(600, nil, counts(600, 0)), window(600, nil, counts(600, 200))), analysis.Fail, analysis.Fail},
		{"huge", repeat(2, nil, counts(1e12, 1e9)), analysis.Pass, analysis.Pass},
		{"identical sides", repeat(9, counts(1000, 1), counts(1000, 1)), analysis.Pass, analysis.Pass},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := fold(judge(t, objective(0.99)), tt.windows...)
			require.Equal(t, tt.end, j.Final("noHarm").Verdict, j.Final("noHarm").Reason)
			require.Equal(t, tt.prove, j.Final("nonInferior").Verdict, j.Final("nonInferior").Reason)
		})
	}
	require.True(t, judge(t, objective(0.99)).Absolute())
	for _, share := range []analysis.Share{0, 0.4, 1, -1, analysis.Share(math.NaN())} {
		_, err := analysis.New(objective(share))
		require.Error(t, err)
	}
}

// E has mean 1 at the objective, exactly: all outcomes of 40 requests.
func TestSLORateIsExact(t *testing.T) {
	for _, share := range []analysis.Share{0.999, 0.99, 0.9, 0.5} {
		mean, p0 := 0.0, 1-float64(share)
		for x := range 41 {
			mean += mass(40, x, p0) * fold(judge(t, objective(share)), window(0, nil, counts(40, float64(x)))).Verdict().E
		}
		require.InDelta(t, 1, mean, 1e-9)
	}
}

// A service at a tenth of its budget is left alone for three hours of looks;
// most at five times the budget are found within five minutes (judges.md §3, 11).
func TestSLORateSimulated(t *testing.T) {
	const runs = 200
	alarms, found := 0, 0
	for seed := range uint64(runs) {
		r := rand.New(rand.NewPCG(seed, 5))
		if fold(judge(t, objective(0.99)), stream(r, 1080, 0, 0.1, 10, 0.001)...).Verdict().Verdict == analysis.Fail {
			alarms++
		}
		if fold(judge(t, objective(0.99)), stream(r, 30, 0, 0.1, 10, 0.05)...).Verdict().Verdict == analysis.Fail {
			found++
		}
	}
	require.LessOrEqual(t, alarms, 2)
	require.GreaterOrEqual(t, found, runs*8/10)
}

func TestSLORateInterval(t *testing.T) {
	e := fold(judge(t, objective(0.99)), window(0, nil, counts(1000, 30))).Verdict()
	require.InEpsilon(t, 3.0, e.Ratio, 1e-9)
	require.Greater(t, *e.Interval[0], 1.0)
	require.Less(t, *e.Interval[0], 3.0)
	require.Greater(t, *e.Interval[1], 3.0)
	none := fold(judge(t, objective(0.99)), window(0, nil, counts(1000, 0))).Verdict()
	require.Nil(t, none.Interval[0])
	require.NotNil(t, none.Interval[1])
}
