package analysis_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

func limits(p analysis.Threshold) analysis.Config {
	return analysis.Config{Name: "errors", Judge: analysis.Params{Threshold: &p}}
}

func measurements(xs ...float64) []analysis.Window {
	var ws []analysis.Window
	for i, x := range xs {
		ws = append(ws, window(i, nil, value(x)))
	}
	return ws
}

func TestThreshold(t *testing.T) {
	nan := math.NaN()
	success := analysis.Threshold{Success: "result < 0.5"}
	both := analysis.Threshold{Success: "result < 0.5", Failure: "result > 0.9"}
	one := 1
	tests := []struct {
		name    string
		params  analysis.Threshold
		windows []analysis.Window
		now     analysis.Verdict
		end     analysis.Verdict
	}{
		{"below", success, measurements(.1, .2, .3), analysis.Continue, analysis.Pass},
		{"above once", success, measurements(.1, .6, .1), analysis.Fail, analysis.Fail},
		{"failure only", analysis.Threshold{Failure: "result > 0.9"}, measurements(.8), analysis.Continue, analysis.Pass},
		{"failure holds", analysis.Threshold{Failure: "result > 0.9"}, measurements(.8, .95), analysis.Fail, analysis.Fail},
		{"neither holds", both, measurements(.1, .7), analysis.Inconclusive, analysis.Inconclusive},
		{"neither holds, tolerated", analysis.Threshold{Success: both.Success, Failure: both.Failure, InconclusiveLimit: 1}, measurements(.1, .7), analysis.Continue, analysis.Pass},
		{"fail after inconclusive", both, measurements(.7, .95), analysis.Fail, analysis.Fail},
		{"at the failure limit", analysis.Threshold{Success: "result < 0.5", FailureLimit: 2}, measurements(.6, .6, .1), analysis.Continue, analysis.Pass},
		{"over the failure limit", analysis.Threshold{Success: "result < 0.5", FailureLimit: 2}, measurements(.6, .6, .1, .6), analysis.Fail, analysis.Fail},
		{"no failure limit", analysis.Threshold{Success: "result < 0.5", FailureLimit: -1}, measurements(.6, .6, .6), analysis.Continue, analysis.Pass},
		{"NaN is no success", success, measurements(.1, nan), analysis.Continue, analysis.Error},
		{"NaN is not healthy either", analysis.Threshold{Failure: "result > 0.9"}, measurements(nan), analysis.Continue, analysis.Error},
		{"NaN four times is tolerated", success, measurements(nan, nan, nan, nan, .1), analysis.Continue, analysis.Pass},
		{"NaN five times", success, measurements(nan, nan, nan, nan, nan), analysis.Error, analysis.Error},
		{"error limit", analysis.Threshold{Success: "result < 0.5", ConsecutiveErrorLimit: &one}, measurements(nan, nan), analysis.Error, analysis.Error},
		{"errors that end", success, measurements(nan, nan, nan, nan, nan, .1), analysis.Continue, analysis.Pass},
		{"infinite", success, measurements(.1, math.Inf(-1)), analysis.Continue, analysis.Error},
		{"the condition asks isNaN", analysis.Threshold{Success: "isNaN(result) || result < 0.5"}, measurements(nan), analysis.Continue, analysis.Pass},
		{"the condition asks isInf", analysis.Threshold{Failure: "isInf(result)"}, measurements(math.Inf(1)), analysis.Fail, analysis.Fail},
		{"no result", success, repeat(3, nil, nil), analysis.NoData, analysis.NoData},
		{"results end", success, append(measurements(.1), window(1, nil, nil)), analysis.NoData, analysis.NoData},
		{"successes in a row", analysis.Threshold{Success: "result < 0.5", FailureLimit: -1, ConsecutiveSuccessLimit: 2}, measurements(.6, .1, .1), analysis.Continue, analysis.Pass},
		{"successes not in a row", analysis.Threshold{Success: "result < 0.5", FailureLimit: -1, ConsecutiveSuccessLimit: 2}, measurements(.1, .6, .1), analysis.Continue, analysis.Inconclusive},
		{"functions", analysis.Threshold{Success: "asInt(result) == 3 && asFloat('3.5') > result && default(result, 9) < 4 && !isNil(result)"}, measurements(3.4), analysis.Continue, analysis.Pass},
		{"runtime error", analysis.Threshold{Success: "asFloat('x') > result"}, measurements(1), analysis.Continue, analysis.Error},
		{"counts", success, repeat(3, nil, counts(100, 40)), analysis.Continue, analysis.Pass},
		{"counts too bad", success, repeat(3, nil, counts(100, 60)), analysis.Fail, analysis.Fail},
		{"one request is no measurement", success, repeat(1, nil, counts(1, 1)), analysis.Continue, analysis.NoData},
		{"few requests are gathered", success, repeat(20, nil, counts(1, 1)), analysis.Fail, analysis.Fail},
		{"baseline is not looked at", success, repeat(20, counts(100, 100), counts(100, 1)), analysis.Continue, analysis.Pass},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := fold(judge(t, limits(tt.params)), tt.windows...)
			require.True(t, j.Absolute())
			require.Equal(t, tt.now, j.Verdict().Verdict, j.Verdict().Reason)
			require.Equal(t, tt.end, j.Final("noHarm").Verdict, j.Final("noHarm").Reason)
			require.Equal(t, tt.end, j.Final("nonInferior").Verdict, j.Final("nonInferior").Reason)
		})
	}
}

func TestThresholdRefusesConditions(t *testing.T) {
	for _, p := range []analysis.Threshold{
		{},
		{Success: "result <"},
		{Success: "result + 1"},
		{Success: "result[0] < 1"},
		{Success: "rseult < 1"},
		{Failure: "len(result) > 1"},
		{Success: "result < 1", FailureLimit: -2},
		{Success: "result < 1", MinSamples: -1},
	} {
		_, err := analysis.New(limits(p))
		require.ErrorContains(t, err, `check "errors"`, "%+v", p)
	}
}
