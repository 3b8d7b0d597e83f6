package analysis_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/analysis"
)

func TestFoldCountsOnce(t *testing.T) {
	ws := stream(rand.New(rand.NewPCG(1, 1)), 50, 900, 0.01, 100, 0.01)
	once, more := judge(t, rates(0.01)), judge(t, rates(0.01))
	for i, w := range ws {
		require.NoError(t, once.Fold(w))
		require.NoError(t, more.Fold(w))
		require.NoError(t, more.Fold(w), "the same window again")
		if i%10 == 9 {
			late := ws[i/2]
			late.Start++
			require.NoError(t, more.Fold(late), "late")
			late.Start, late.End = w.End-1, w.End+9
			require.NoError(t, more.Fold(late), "overlapping")
		}
	}
	a, b := once.Final("noHarm"), more.Final("noHarm")
	require.Equal(t, 10, b.Late)
	b.Late = 0
	require.Equal(t, a, b)
	require.Equal(t, 50, a.Windows)
	require.Equal(t, 500.0, a.At)
}

func TestFoldRefuses(t *testing.T) {
	j := judge(t, rates(0.01))
	for _, w := range []analysis.Window{
		{Check: "errors", Start: 10, End: 10},
		{Check: "errors", Start: 20, End: 10},
		{Check: "errors", Start: math.NaN(), End: 10},
		{Check: "errors", Start: 0, End: math.Inf(1)},
		window(0, counts(5, 6), nil),
		window(1, counts(1e17, 6), nil),
	} {
		require.ErrorIs(t, j.Fold(w), analysis.ErrRefused)
	}
	require.Equal(t, 6, j.Verdict().Refused)
	require.Equal(t, analysis.Error, j.Final("noHarm").Verdict)
	require.NoError(t, j.Fold(window(2, counts(900, 9), counts(100, 1))), "stays usable")
	require.Equal(t, analysis.Continue, j.Verdict().Verdict)
	require.Error(t, j.Fold(analysis.Window{Check: "latency", Start: 40, End: 50}))
	require.Equal(t, 6, j.Verdict().Refused, "another check's window is the caller's mistake")
	require.Equal(t, analysis.Error, j.Final("whatever").Verdict)
}

func TestRefusedWindowMayBeMended(t *testing.T) {
	j := fold(judge(t, rates(0.01)), repeat(3, counts(900, 9), counts(100, 1))...)
	for range 2 {
		require.ErrorIs(t, j.Fold(window(3, counts(900, 9), counts(100, 101))), analysis.ErrRefused)
	}
	require.Equal(t, 1, j.Verdict().Refused, "the same window again counts once")
	require.NoError(t, j.Fold(window(3, counts(900, 9), counts(100, 1))))
	require.Equal(t, analysis.Pass, j.Final("noHarm").Verdict, j.Final("noHarm").Reason)
}

// Five bad minutes of every thirty.
func TestIntermittentRegressionIsFound(t *testing.T) {
	j := judge(t, rates(0.01))
	for i := range 720 {
		failures := 1.0
		if i%180 >= 150 {
			failures = 6
		}
		require.NoError(t, j.Fold(window(i, counts(900, 9), counts(100, failures))))
	}
	require.True(t, j.Failed())
	require.Less(t, j.Verdict().At, 1800.0, "within the first bad minutes")
}

func TestFailIsAbsorbing(t *testing.T) {
	j := fold(judge(t, rates(0.01)), repeat(60, counts(900, 9), counts(100, 30))...)
	failed := j.Verdict()
	require.Equal(t, analysis.Fail, failed.Verdict)
	require.Less(t, failed.At, 100.0)
	j.BeginStep()
	fold(j, shift(100, repeat(500, counts(900, 9), counts(100, 0)))...)
	fold(j, window(9000, counts(-1, 0), nil))
	require.Equal(t, failed, j.Verdict())
	require.Equal(t, failed, j.Final("noHarm"))
}

func TestEvidenceIsKeptAcrossStepsAndMinimumIsNot(t *testing.T) {
	j := fold(judge(t, rates(0.01)), repeat(9, counts(900, 9), counts(100, 2))...)
	before := j.Verdict()
	j.BeginStep()
	require.Equal(t, before, j.Verdict())
	require.Equal(t, analysis.NoData, j.Final("noHarm").Verdict, "this step has no window")
	fold(j, shift(500, repeat(1, counts(10, 0), counts(10, 0)))...)
	require.Equal(t, analysis.NoData, j.Final("noHarm").Verdict, "10 requests, the time between steps does not count")
	fold(j, shift(501, repeat(1, counts(10, 0), counts(10, 1)))...)
	require.Equal(t, analysis.Pass, j.Final("noHarm").Verdict, j.Final("noHarm").Reason)
}

func TestEvidenceJSON(t *testing.T) {
	e := fold(judge(t, rates(0.01)), window(0, counts(25688, 135), counts(1352, 22))).Verdict()
	require.Equal(t, "errors ×3.1 [1.17, 6.8] (e=411)", e.Reason)
	require.InDelta(t, 0.0049, e.P, 0.0001)
	open, err := json.Marshal(judge(t, rates(0.01)).Verdict())
	require.NoError(t, err)
	require.Contains(t, string(open), `"interval":[null,null]`)
	dead := fold(judge(t, rates(0.01)), window(0, counts(1e12, 1), counts(1e12, 1e12)))
	text, err := json.Marshal(dead.Verdict())
	require.NoError(t, err)
	require.Contains(t, string(text), `"e":1e+300`)
}

func TestWorstAndWhole(t *testing.T) {
	order := []analysis.Verdict{analysis.Pass, analysis.Continue, analysis.Inconclusive, analysis.NoData, analysis.Error, analysis.Fail}
	for i, v := range order {
		require.Equal(t, v, analysis.Worst(order[:i+1]...))
	}
	require.Equal(t, analysis.Pass, analysis.Worst())
	require.Equal(t, analysis.Error, analysis.Worst("Nonsense", analysis.NoData))

	fail := analysis.Evidence{Check: "a", Verdict: analysis.Fail, At: 90, Reason: "a"}
	sooner := analysis.Evidence{Check: "b", Verdict: analysis.Fail, At: 60, Reason: "b"}
	pass := analysis.Evidence{Check: "c", Verdict: analysis.Pass, At: 100, Reason: "c"}
	whole := analysis.Whole([]analysis.Evidence{fail, sooner, pass}, nil)
	require.Equal(t, "*", whole.Check)
	require.Equal(t, analysis.Fail, whole.Verdict)
	require.Equal(t, 60.0, whole.At)
	whole = analysis.Whole([]analysis.Evidence{fail, sooner, pass}, map[string]bool{"a": false, "b": false, "c": true})
	require.Equal(t, analysis.Pass, whole.Verdict)
	require.Equal(t, analysis.Pass, analysis.Whole(nil, nil).Verdict)
}

// all is one judge of each kind, on windows that suit it.
func all() map[string]analysis.Config {
	limit := 4
	configs := map[string]analysis.Params{
		"rateRatio":  {RateRatio: &analysis.RateRatio{}},
		"tailLadder": {TailLadder: &analysis.TailLadder{}},
		"threshold":  {Threshold: &analysis.Threshold{Success: "result < 0.02", FailureLimit: 50, ConsecutiveErrorLimit: &limit}},
		"sloRate":    {SLORate: &analysis.SLORate{Objective: 0.99}},
		"points":     {Points: &analysis.Points{}},
		"burnRate":   {BurnRate: &analysis.BurnRate{Objective: 0.99}},
		"meanCs":     {MeanCS: &analysis.MeanCS{}},
	}
	named := map[string]analysis.Config{}
	for name, p := range configs {
		named[name] = analysis.Config{Name: "errors", Judge: p, SLO: 0.3}
	}
	return named
}

// arbitrary draws windows that are mostly sane, in every kind of disorder.
func arbitrary(t *rapid.T, i int) analysis.Window {
	count := rapid.OneOf(rapid.Float64Range(0, 2000), rapid.Just(0.0), rapid.Just(1e12), rapid.Float64())
	side := rapid.Custom(func(t *rapid.T) *analysis.Counts {
		n := count.Draw(t, "requests")
		c := &analysis.Counts{Requests: n, Failures: n * rapid.Float64Range(0, 1.05).Draw(t, "rate")}
		if rapid.Bool().Draw(t, "buckets") {
			c.Buckets = map[string]float64{"0.1": n / 2, "0.3": n * rapid.Float64Range(0.4, 1.01).Draw(t, "b"), "+Inf": n}
		}
		if rapid.Bool().Draw(t, "value") {
			v := rapid.Float64().Draw(t, "v")
			c.Value = &v
		}
		return c
	})
	maybe := rapid.OneOf(side, rapid.Just[*analysis.Counts](nil))
	w := window(i, maybe.Draw(t, "baseline"), maybe.Draw(t, "candidate"))
	w.Start += rapid.SampledFrom([]float64{0, 0, 0, 0, -15, 25, math.NaN()}).Draw(t, "shift")
	return w
}

// A state that is saved and restored between any two windows changes nothing,
// its size stays bounded, and nothing panics.
func TestStateSurvives(t *testing.T) {
	for name, c := range all() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				through, saved := judgeOf(t, c), judgeOf(t, c)
				for i := range rapid.IntRange(1, 45).Draw(t, "windows") {
					w := arbitrary(t, i)
					if rapid.IntRange(0, 9).Draw(t, "step") == 0 {
						through.BeginStep()
						saved.BeginStep()
					}
					_ = through.Fold(w)
					_ = saved.Fold(w)
					saved = restored(t, c, saved)
				}
				require.Equal(t, through.Verdict(), saved.Verdict())
				require.Equal(t, through.Final("noHarm"), saved.Final("noHarm"))
			})
		})
	}
}

func judgeOf(t require.TestingT, c analysis.Config) *analysis.Judge {
	j, err := analysis.New(c)
	require.NoError(t, err)
	return j
}

func restored(t require.TestingT, c analysis.Config, j *analysis.Judge) *analysis.Judge {
	state, err := j.MarshalBinary()
	require.NoError(t, err)
	most := 512
	if c.Judge.TailLadder != nil || c.Judge.BurnRate != nil {
		most = 8 << 10
	}
	require.LessOrEqual(t, len(state), most)
	other := judgeOf(t, c)
	require.NoError(t, other.UnmarshalBinary(state))
	return other
}

// Impossible input never ends in Pass, whichever judge looks at it.
func TestImpossibleIsNeverPass(t *testing.T) {
	for name, c := range all() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				j := judgeOf(t, c)
				bad := rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e300})
				for i := range rapid.IntRange(1, 20).Draw(t, "windows") {
					n, f := bad.Draw(t, "requests"), rapid.Float64().Draw(t, "failures")
					require.ErrorIs(t, j.Fold(window(i, counts(n, f), counts(f, n))), analysis.ErrRefused)
				}
				require.Equal(t, analysis.Error, j.Final("noHarm").Verdict)
			})
		})
	}
}

func TestStateIsRefused(t *testing.T) {
	j := fold(judge(t, rates(0.01)), repeat(40, counts(900, 9), counts(100, 1))...)
	state, err := j.MarshalBinary()
	require.NoError(t, err)
	other := rates(0.01)
	other.Judge.RateRatio.SafeMargin = 2
	for name, refused := range map[string]error{
		"empty":            judge(t, rates(0.01)).UnmarshalBinary(nil),
		"cut":              judge(t, rates(0.01)).UnmarshalBinary(state[:100]),
		"damaged":          judge(t, rates(0.01)).UnmarshalBinary(append([]byte{1, 2}, state[2:]...)),
		"other parameters": judge(t, other).UnmarshalBinary(state),
		"other judge":      judge(t, all()["sloRate"]).UnmarshalBinary(state),
	} {
		require.ErrorIs(t, refused, analysis.ErrState, name)
	}
	require.NoError(t, judge(t, rates(0.002)).UnmarshalBinary(state), "the share of α may change")
}

// A state of the largest counters still fits.
func TestStateSize(t *testing.T) {
	j := judge(t, rates(1e-12))
	for i, w := range stream(rand.New(rand.NewPCG(7, 7)), 20000, 90, 0.3, 90, 0.3) {
		w.Baseline.Requests += 0.1
		require.NoError(t, j.Fold(w), i)
		_ = j.Fold(analysis.Window{Check: "errors", Start: w.Start, End: w.End - 1})
		_ = j.Fold(analysis.Window{Check: "errors", Start: 1})
	}
	state, err := j.MarshalBinary()
	require.NoError(t, err)
	require.LessOrEqual(t, len(state), 512)
	t.Logf("%d bytes after 20,000 windows", len(state))
}

func FuzzDecodeWindow(f *testing.F) {
	f.Add([]byte(`{"series":"a","check":"errors","start":0,"end":10,"baseline":{"requests":900,"failures":9},"candidate":{"requests":100,"failures":2}}`))
	f.Add([]byte(`{"check":"errors","start":0,"end":10,"baseline":{"buckets":{"0.1":700,"+Inf":900}},"candidate":{"value":1}}`))
	f.Add([]byte(`{"check":"errors","start":1e308,"end":-1e308}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		w, err := analysis.DecodeWindow(line)
		if err != nil {
			return
		}
		w.Check = "errors"
		for _, c := range all() {
			j := judgeOf(t, c)
			if refused := j.Fold(w); refused != nil {
				require.NotEqual(t, analysis.Pass, j.Final("noHarm").Verdict)
			}
			_, err := json.Marshal(j.Verdict())
			require.NoError(t, err)
		}
	})
}

func TestDecodeWindow(t *testing.T) {
	w, err := analysis.DecodeWindow([]byte(`{"series":"a","check":"cpu","start":0,"end":10,"baseline":{"value":0.41},"candidate":{"value":0.47},"new":1}`))
	require.NoError(t, err)
	require.Equal(t, "a", w.Series)
	require.Equal(t, 10.0, w.End)
	require.Equal(t, 0.47, *w.Candidate.Value)
	_, err = analysis.DecodeWindow([]byte(`{"check":"failures","start":0,"end":10,"baseline":{"requests":9,"failures":1},"candidate":{"requests":9,"failuers":4}}`))
	require.ErrorContains(t, err, "needs its failures", "whatever the check is called")
	_, err = analysis.DecodeWindow([]byte(`{"check":"a", "start": 0, "end": 10, "baseline": {"requests": 9, "failures" : 0}, "candidate": {"requests": 9, "failures" : 0}}`))
	require.NoError(t, err, "however it is written")
	for _, side := range []string{`{"requests":9}`, `{"requests":9,"failure":3}`, `{"requests":9,"failures":null}`} {
		for _, line := range []string{`"baseline":` + side, `"candidate":` + side, `"baseline":{"requests":1,"failures":0},"candidate":` + side} {
			_, err := analysis.DecodeWindow([]byte(`{"check":"errors","start":0,"end":10,` + line + `}`))
			require.ErrorContains(t, err, "needs its failures", line)
		}
	}
	for _, w := range []analysis.Window{window(0, counts(5, 0), counts(5, 1)), window(0, counts(0, 0), counts(5, 0)), window(0, value(0), value(1))} {
		line, err := json.Marshal(w)
		require.NoError(t, err)
		again, err := analysis.DecodeWindow(line)
		require.NoError(t, err, string(line))
		require.Equal(t, w, again)
	}
	for _, line := range []string{``, `{`, `[]`, `{}`, `{"check":"a","start":0}`, `{"check":"a","end":0}`, `{"start":0,"end":1}`, `{"check":"a","start":"0","end":1}`, `{"check":"a","start":0,"end":1} {}`} {
		_, err := analysis.DecodeWindow([]byte(line))
		require.Error(t, err, line)
	}
}
