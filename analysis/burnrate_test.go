package analysis_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/analysis"
)

func budget(b analysis.BurnRate) analysis.Config {
	if b.Objective == 0 {
		b.Objective = 0.999
	}
	return analysis.Config{Name: "errors", Judge: analysis.Params{BurnRate: &b}}
}

// minutes is n windows of a minute each, from the given minute on.
func minutes(from, n int, requests, failures float64) []analysis.Window {
	var ws []analysis.Window
	for i := from; i < from+n; i++ {
		ws = append(ws, analysis.Window{Check: "errors", Start: float64(60 * i), End: float64(60*i + 60), Candidate: counts(requests, failures)})
	}
	return ws
}

func TestBurnRate(t *testing.T) {
	short := analysis.BurnRate{Windows: []analysis.BurnWindows{{Long: 600, Short: 60, Factor: 14.4}, {Long: 1800, Short: 180, Factor: 6}}}
	tests := []struct {
		name    string
		params  analysis.BurnRate
		windows []analysis.Window
		end     analysis.Verdict
	}{
		{"no traffic", analysis.BurnRate{}, minutes(0, 10, 0, 0), analysis.NoData},
		{"no candidate", analysis.BurnRate{}, repeat(9, counts(100, 1), nil), analysis.NoData},
		{"few requests", analysis.BurnRate{}, minutes(0, 1, 19, 0), analysis.NoData},
		{"no failures", analysis.BurnRate{}, minutes(0, 10, 1000, 0), analysis.Pass},
		{"within the budget", analysis.BurnRate{}, minutes(0, 400, 1000, 1), analysis.Pass},
		{"below both factors", analysis.BurnRate{}, minutes(0, 400, 1000, 5.9), analysis.Pass},
		{"the slow pair", analysis.BurnRate{}, minutes(0, 400, 1000, 6.1), analysis.Fail},
		{"the fast pair", analysis.BurnRate{}, minutes(0, 10, 1000, 14.5), analysis.Fail},
		{"nine failures", analysis.BurnRate{}, minutes(0, 1, 20, 9), analysis.Pass},
		{"ten failures", analysis.BurnRate{}, minutes(0, 1, 20, 10), analysis.Fail},
		{"one failure is enough", analysis.BurnRate{MinEvents: 1}, minutes(0, 1, 20, 1), analysis.Fail},
		{"dead", analysis.BurnRate{}, minutes(0, 1, 100, 100), analysis.Fail},
		{"a blip after long health", analysis.BurnRate{}, append(minutes(0, 600, 1000, 0), minutes(600, 1, 1000, 30)...), analysis.Pass},
		{"the same blip, shorter windows", short, append(minutes(0, 600, 1000, 0), minutes(600, 6, 1000, 30)...), analysis.Fail},
		{"real after long health", analysis.BurnRate{}, append(minutes(0, 600, 1000, 0), minutes(600, 10, 1000, 200)...), analysis.Fail},
		{"over, so the short window has forgotten", analysis.BurnRate{MinEvents: 150}, append(minutes(0, 5, 1000, 20), append(minutes(5, 30, 1000, 0), minutes(35, 1, 10000, 60)...)...), analysis.Pass},
		{"baseline is not looked at", analysis.BurnRate{}, repeat(20, counts(100, 100), counts(100, 0)), analysis.Pass},
		{"huge", analysis.BurnRate{}, minutes(0, 10, 1e12, 1e12), analysis.Fail},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := fold(judge(t, budget(tt.params)), tt.windows...)
			require.True(t, j.Absolute())
			require.Equal(t, tt.end, j.Final("noHarm").Verdict, j.Final("noHarm").Reason)
			require.Equal(t, tt.end, j.Final("nonInferior").Verdict, j.Final("nonInferior").Reason)
		})
	}
}

func TestBurnRateRefuses(t *testing.T) {
	pair := analysis.BurnWindows{Long: 3600, Short: 300, Factor: 14.4}
	for _, b := range []analysis.BurnRate{
		{Objective: 1}, {Objective: 0.4}, {Objective: -1}, {MinEvents: -1}, {MinEvents: 0.5},
		{Windows: []analysis.BurnWindows{{Long: 3600, Short: 100, Factor: 2}}},
		{Windows: []analysis.BurnWindows{{Long: 3600, Short: 3600, Factor: 2}}},
		{Windows: []analysis.BurnWindows{{Long: 3600, Short: 300, Factor: 0.5}}},
		{Windows: []analysis.BurnWindows{{Short: 300, Factor: 2}}},
		{Windows: []analysis.BurnWindows{pair, pair, pair, pair, pair}},
	} {
		_, err := analysis.New(budget(b))
		require.ErrorContains(t, err, `check "errors"`, "%+v", b)
	}
	_, err := analysis.ParseConfig([]byte(`{"name":"a","failures":"f","judge":{"burnRate":{"objective":"99.9%","windows":[{"long":"1h","short":"5m","factor":14.4},{"long":"1d","short":7200,"factor":3}]}}}`))
	require.NoError(t, err)
	_, err = analysis.ParseConfig([]byte(`{"name":"a","failures":"f","judge":{"burnRate":{}}}`))
	require.ErrorContains(t, err, "objective")
	j := judge(t, budget(analysis.BurnRate{}))
	require.ErrorContains(t, j.Fold(window(0, nil, &analysis.Counts{Buckets: map[string]float64{"1": 10, "+Inf": 20}})), "requests and failures are needed, or an slo")
}

func TestBurnRateSaysWhichWindows(t *testing.T) {
	e := fold(judge(t, budget(analysis.BurnRate{})), append(minutes(0, 60, 1000, 0), minutes(60, 5, 1000, 50)...)...).Verdict()
	require.Equal(t, analysis.Continue, e.Verdict)
	require.Contains(t, e.Reason, "over 6h and ×")
	require.Contains(t, e.Reason, "over 30m (limit ×6)")
	require.Greater(t, e.TowardsFail, 0.5)
	require.Less(t, e.TowardsFail, 1.0)
	e = fold(judge(t, budget(analysis.BurnRate{})), minutes(0, 3, 1000, 100)...).Verdict()
	require.Equal(t, analysis.Fail, e.Verdict)
	require.Equal(t, "errors burns its budget ×100 over 6h and ×100 over 30m (limit ×6)", e.Reason, "the pair furthest beyond its limit")
	require.InDelta(t, 100, e.Ratio, 1e-9)
	require.Equal(t, 60.0, e.At)
	require.Equal(t, "errors: none failed", fold(judge(t, budget(analysis.BurnRate{})), minutes(0, 3, 1000, 0)...).Verdict().Reason)
}

// The burn is that of the windows which end within long and short, both
// lengthened to whole buckets, computed plainly.
func TestBurnRateIsTheSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const long, short, width = 600.0, 60.0, 12.0
		j := judgeOf(t, budget(analysis.BurnRate{Objective: 0.9, MinEvents: 1e6, Windows: []analysis.BurnWindows{{Long: long, Short: short, Factor: 2}}}))
		var all []analysis.Window
		at := rapid.Float64Range(-1e6, 1e9).Draw(t, "epoch")
		for range rapid.IntRange(1, 60).Draw(t, "windows") {
			at += rapid.SampledFrom([]float64{0, 0, 0, 30, 5000}).Draw(t, "gap")
			n := rapid.Float64Range(1, 100).Draw(t, "requests")
			w := analysis.Window{Check: "errors", Start: at, End: at + rapid.Float64Range(1, 30).Draw(t, "length"), Candidate: counts(n, n*rapid.Float64Range(0, 0.5).Draw(t, "share"))}
			at = w.End
			all = append(all, w)
			require.NoError(t, j.Fold(w))
			want := min(plainBurn(all, long/width+1, width), plainBurn(all, short/width+1, width))
			require.InDelta(t, want, j.Verdict().Ratio, 1e-9)
		}
	})
}

// plainBurn is the burn, at an objective of 90 %, of the newest n buckets.
func plainBurn(ws []analysis.Window, n, width float64) float64 {
	bucket := func(end float64) float64 { return math.Ceil(end/width) - 1 }
	requests, failures := 0.0, 0.0
	for _, w := range ws {
		if bucket(w.End) > bucket(ws[len(ws)-1].End)-n {
			requests += w.Candidate.Requests
			failures += w.Candidate.Failures
		}
	}
	return failures / requests / 0.1
}

// The largest configuration that is taken stays below 8 KiB.
func TestBurnRateState(t *testing.T) {
	pair := analysis.BurnWindows{Long: 2400, Short: 100, Factor: 1e6}
	c := budget(analysis.BurnRate{Windows: []analysis.BurnWindows{pair, pair, pair, pair}})
	j := fold(judge(t, c), minutes(1e7, 3000, 1e9, 1e6)...)
	state, err := j.MarshalBinary()
	require.NoError(t, err)
	require.LessOrEqual(t, len(state), 8<<10)
	t.Logf("%d bytes", len(state))
	again := judge(t, c)
	require.NoError(t, again.UnmarshalBinary(state))
	require.Equal(t, j.Verdict(), again.Verdict())
}

// Times beyond all calendars neither loop nor panic.
func TestBurnRateAtTheEndOfTime(t *testing.T) {
	j := judge(t, budget(analysis.BurnRate{}))
	for _, w := range []analysis.Window{
		{Check: "errors", Start: -1.7e308, End: -1e300}, {Check: "errors", Start: 0, End: 1e17}, {Check: "errors", Start: 1e300, End: 1.7e308},
	} {
		w.Candidate = counts(100, 100)
		_ = j.Fold(w)
	}
	require.True(t, j.Failed())
}
