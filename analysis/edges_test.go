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

// edge is a stretch of windows whose verdict is known beforehand.
type edge struct {
	config  analysis.Config // zero: rateRatio at .01
	windows []analysis.Window
	want    analysis.Verdict // at the end of a bake, under noHarm
	why     string           // part of the reason
}

func ofValues() analysis.Config {
	return analysis.Config{Name: "errors", Alpha: 0.01, Judge: analysis.Params{Points: &analysis.Points{}}}
}

// The edge cases that every judge of rates has to be right about, by the names
// under which they are known.
func TestEdgeCases(t *testing.T) {
	good, bad := counts(100, 1), counts(100, 30)
	base := counts(900, 9)
	seed := func() *rand.Rand { return rand.New(rand.NewPCG(4, 4)) }
	healthy := func(n int) []analysis.Window { return stream(seed(), n, 900, 0.01, 100, 0.01) }
	shared := func(share float64) []analysis.Window {
		ws := healthy(20)
		for i := range ws {
			ws[i].Share = share
		}
		return ws
	}
	constant := make([]analysis.Window, 30)
	equal := make([]analysis.Window, 30)
	for i := range constant {
		constant[i] = window(i, value(0.4), value(0.4))
		x := 0.4 + float64(i)/100
		equal[i] = window(i, value(x), value(x))
	}
	decrease := rates(0.01)
	decrease.Judge.RateRatio.Direction = "decrease"
	for name, e := range map[string]edge{
		"no window":                      {want: analysis.NoData, why: "no window"},
		"no traffic":                     {windows: repeat(20, counts(0, 0), counts(0, 0)), want: analysis.NoData, why: "no data of the candidate"},
		"candidate only":                 {windows: repeat(20, nil, bad), want: analysis.NoData, why: "no data of the baseline"},
		"baseline only":                  {windows: repeat(20, base, nil), want: analysis.NoData, why: "no data of the candidate"},
		"zero errors on both sides":      {windows: append(repeat(1, counts(901, 0), counts(100, 0)), shift(1, repeat(20, counts(900, 0), counts(100, 0)))...), want: analysis.Pass, why: "none on either side"},
		"one window":                     {windows: repeat(1, base, good), want: analysis.Pass},
		"one window of a dead candidate": {windows: repeat(1, base, counts(100, 100)), want: analysis.Fail, why: "errors ×"},
		"too few requests":               {windows: repeat(1, base, counts(19, 0)), want: analysis.NoData, why: "19 requests on one side, need 20"},
		"NaN":                            {windows: repeat(5, base, counts(math.NaN(), 0)), want: analysis.Error},
		"+Inf":                           {windows: repeat(5, base, counts(math.Inf(1), 0)), want: analysis.Error},
		"-Inf":                           {windows: repeat(5, base, counts(math.Inf(-1), 0)), want: analysis.Error},
		"negative":                       {windows: repeat(5, base, counts(-5, 0)), want: analysis.Error},
		"more failures than requests":    {windows: repeat(5, base, counts(5, 6)), want: analysis.Error},
		"windows of no length":           {windows: []analysis.Window{{Check: "errors", Start: 5, End: 5, Baseline: base, Candidate: good}}, want: analysis.Error},
		"1e12 counts":                    {windows: repeat(3, counts(1e12, 1e10), counts(1e12, 1e10+1)), want: analysis.Pass},
		"1e12 counts, one side dead":     {windows: repeat(1, counts(1e12, 1), counts(1e12, 1e12)), want: analysis.Fail},
		"a share of 0 is not known":      {windows: shared(0), want: analysis.Pass},
		"a share of 1":                   {windows: shared(1), want: analysis.Pass},
		"another share than configured":  {windows: shared(0.5), want: analysis.Inconclusive, why: "10% of the requests instead of 50%"},
		"identical arrays":               {config: ofValues(), windows: equal, want: analysis.NoData, why: "identical series"},
		"constant arrays":                {config: ofValues(), windows: constant, want: analysis.Pass},
		"the metric disappears in mid-step": {windows: append(healthy(20), shift(20, repeat(20, base, nil))...), want: analysis.NoData,
			why: "no data of the candidate in the last window"},
		"the metric comes back":                  {windows: append(healthy(1), shift(3, healthy(30))...), want: analysis.Pass},
		"the metric was away for too long":       {windows: append(healthy(1), shift(100, healthy(30))...), want: analysis.NoData, why: "of the time is covered"},
		"a clock that goes back":                 {windows: append(healthy(30), shift(-10, healthy(10))...), want: analysis.Pass},
		"the baseline itself degrades":           {windows: append(healthy(30), shift(30, repeat(60, counts(900, 270), counts(100, 30)))...), want: analysis.Pass},
		"only the baseline degrades":             {windows: append(healthy(30), shift(30, repeat(60, counts(900, 270), good))...), want: analysis.Pass},
		"a regression that stops":                {windows: append(repeat(10, base, bad), shift(10, healthy(500))...), want: analysis.Fail},
		"a single bad request":                   {windows: append(repeat(1, counts(900, 0), counts(100, 1)), shift(1, repeat(30, counts(900, 0), counts(100, 0)))...), want: analysis.Pass},
		"an improvement":                         {windows: repeat(60, counts(900, 270), counts(100, 1)), want: analysis.Pass},
		"an improvement where less is harm":      {config: decrease, windows: repeat(60, counts(900, 270), counts(100, 1)), want: analysis.Fail},
		"a ramp with a change of level":          {windows: append(stream(seed(), 60, 990, 0.05, 10, 0.05), shift(60, stream(seed(), 60, 500, 0.001, 500, 0.001))...), want: analysis.Pass},
		"a regression late after long health":    {windows: append(healthy(3600), shift(3600, stream(seed(), 120, 900, 0.01, 100, 0.03))...), want: analysis.Fail},
		"windows that are re-split are the same": {windows: halves(repeat(40, base, bad)), want: analysis.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			if e.config.Name == "" {
				e.config = rates(0.01)
			}
			got := fold(judge(t, e.config), e.windows...).Final("noHarm")
			require.Equal(t, e.want, got.Verdict, got.Reason)
			require.Contains(t, got.Reason, e.why)
			require.False(t, math.IsNaN(got.E) || math.IsInf(got.E, 0), "%v", got.E)
		})
	}
}

// halves cuts each window in two.
func halves(ws []analysis.Window) []analysis.Window {
	var out []analysis.Window
	for _, w := range ws {
		half := func(c *analysis.Counts) *analysis.Counts { return counts(c.Requests/2, c.Failures/2) }
		middle := (w.Start + w.End) / 2
		out = append(out, analysis.Window{Check: w.Check, Start: w.Start, End: middle, Baseline: half(w.Baseline), Candidate: half(w.Candidate)},
			analysis.Window{Check: w.Check, Start: middle, End: w.End, Baseline: half(w.Baseline), Candidate: half(w.Candidate)})
	}
	return out
}

// Two metrics that cancel each other in a score still fail: the worst decides.
func TestTwoMetricsThatCancel(t *testing.T) {
	worse := fold(judge(t, rates(0.005)), repeat(60, counts(900, 9), counts(100, 10))...).Final("noHarm")
	better := fold(judge(t, rates(0.005)), repeat(60, counts(900, 90), counts(100, 1))...).Final("noHarm")
	better.Check = "timeouts"
	require.Equal(t, analysis.Fail, analysis.Whole([]analysis.Evidence{worse, better}, nil).Verdict)
}

// A thousand segments share α: none of them alarms by chance, and the one that
// is really worse is found.
func TestThousandSegments(t *testing.T) {
	r := rand.New(rand.NewPCG(1000, 1))
	configs := make([]analysis.Config, 1000)
	for i := range configs {
		configs[i] = rates(0)
		configs[i].Name = fmt.Sprintf("segment-%d", i)
	}
	analysis.ShareAlpha(configs, 0.01)
	var failed []string
	for i, c := range configs {
		rate := 0.01
		if i == 417 {
			rate = 0.1
		}
		ws := stream(r, 60, 900, 0.01, 100, rate)
		for k := range ws {
			ws[k].Check = c.Name
		}
		if fold(judge(t, c), ws...).Failed() {
			failed = append(failed, c.Name)
		}
	}
	require.True(t, slices.Equal(failed, []string{"segment-417"}), "%v", failed)
}
