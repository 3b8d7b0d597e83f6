package analysis_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/analysis"
)

// sides are windows that give the values of both sides, one a window as long
// as there are some.
func sides(candidate, baseline []float64) []analysis.Window {
	var ws []analysis.Window
	for i := range max(len(candidate), len(baseline)) {
		var c, b *analysis.Counts
		if i < len(candidate) {
			c = value(candidate[i])
		}
		if i < len(baseline) {
			b = value(baseline[i])
		}
		ws = append(ws, window(i, b, c))
	}
	return ws
}

func ranked(p analysis.MannWhitney) analysis.Config {
	return analysis.Config{Name: "errors", Judge: analysis.Params{MannWhitney: &p}}
}

// compared is the end of a comparison without a minimum of values.
func compared(t testing.TB, candidate, baseline []float64) analysis.Evidence {
	t.Helper()
	return fold(judge(t, ranked(analysis.MannWhitney{MinSamples: 2})), sides(candidate, baseline)...).Final("noHarm")
}

func repeated(x float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = x
	}
	return out
}

func upTo(n int, step float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(i+1) * step
	}
	return out
}

// Reference values: judges.md §7, where a library says 0; Mann and Whitney's
// table, whose one-sided chances are doubled here.
func TestMannWhitneyExactValues(t *testing.T) {
	tests := []struct {
		name      string
		candidate []float64
		baseline  []float64
		p, effect float64
	}{
		{"ties of go-moremath", []float64{2, 1, 3, 5}, repeated(1, 5), 6.0 / 126, 0.875},
		{"two and two apart", []float64{3, 4}, []float64{1, 2}, 2.0 / 6, 1},
		{"five and five apart", []float64{6, 7, 8, 9, 10}, []float64{1, 2, 3, 4, 5}, 2.0 / 252, 1},
		{"the same", []float64{1, 2, 3}, []float64{3, 2, 1}, 1, 0.5},
		{"constant", repeated(7, 9), repeated(7, 4), 1, 0.5},
		{"constant and apart", repeated(7, 3), repeated(5, 3), 2.0 / 20, 1},
		{"fifty", upTo(50, 1), upTo(50, 1), 1, 0.5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := compared(t, tt.candidate, tt.baseline)
			require.InDelta(t, tt.p, e.P, 1e-12)
			require.InDelta(t, tt.effect, e.Effect, 1e-12)
		})
	}
}

// permuted is the two-sided p-value by all ways to share the values out.
func permuted(candidate, baseline []float64) float64 {
	all := append(append([]float64{}, candidate...), baseline...)
	n, m := len(candidate), len(baseline)
	u := func(chosen uint) float64 {
		sum := 0.0
		for i, x := range all {
			for j, y := range all {
				switch {
				case chosen>>i&1 == 0 || chosen>>j&1 == 1:
				case x > y:
					sum++
				case x == y:
					sum += 0.5
				}
			}
		}
		return math.Abs(sum - float64(n*m)/2)
	}
	observed, total, extreme := u(1<<n-1), 0, 0
	for chosen := range uint(1) << len(all) {
		ones := 0
		for i := range all {
			ones += int(chosen >> i & 1)
		}
		if ones != n {
			continue
		}
		total++
		if u(chosen) >= observed {
			extreme++
		}
	}
	return float64(extreme) / float64(total)
}

func TestMannWhitneyIsThePermutationTest(t *testing.T) {
	few := rapid.SliceOfN(rapid.IntRange(0, 4), 2, 5)
	rapid.Check(t, func(t *rapid.T) {
		var sides [2][]float64
		for i := range sides {
			for _, x := range few.Draw(t, "values") {
				sides[i] = append(sides[i], float64(x))
			}
		}
		e := compared(&testing.T{}, sides[0], sides[1])
		require.InDelta(t, permuted(sides[0], sides[1]), e.P, 1e-9)
		other := compared(&testing.T{}, sides[1], sides[0])
		require.InDelta(t, e.P, other.P, 1e-12, "p does not depend on which side is which")
		require.InDelta(t, 1, e.Effect+other.Effect, 1e-12)
	})
}

// At the border the approximation is close to what it replaces.
func TestMannWhitneyNormalApproximation(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		var long, short [2][]float64
		for i := range 2 {
			for range 50 {
				long[i] = append(long[i], math.Floor(r.NormFloat64()*4+float64(i)))
			}
			short[i] = long[i]
		}
		long[0] = append(long[0], 0) // 51: normal
		exact, normal := compared(t, short[0], short[1]).P, compared(t, long[0], long[1]).P
		require.InDelta(t, exact, normal, 0.03)
	}
	e := compared(t, repeated(1, 100), repeated(1, 100))
	require.Equal(t, 1.0, e.P, "all tied")
}

func TestMannWhitneyVerdicts(t *testing.T) {
	low, high := upTo(20, 1), upTo(20, 1)
	for i := range high {
		high[i] += 10
	}
	tests := []struct {
		name                string
		params              analysis.MannWhitney
		candidate, baseline []float64
		want                analysis.Verdict
	}{
		{"higher", analysis.MannWhitney{}, high, low, analysis.Fail},
		{"lower", analysis.MannWhitney{}, low, high, analysis.Pass},
		{"lower is harm", analysis.MannWhitney{Direction: "decrease"}, low, high, analysis.Fail},
		{"higher is none", analysis.MannWhitney{Direction: "decrease"}, high, low, analysis.Pass},
		{"either", analysis.MannWhitney{Direction: "either"}, low, high, analysis.Fail},
		{"too small an effect", analysis.MannWhitney{Effect: 0.99}, high, low, analysis.Pass},
		{"seven values", analysis.MannWhitney{}, high[:7], low, analysis.Inconclusive},
		{"one value", analysis.MannWhitney{}, high[:1], low[:1], analysis.Inconclusive},
		{"eight", analysis.MannWhitney{}, repeated(9, 8), upTo(8, 1), analysis.Fail},
		{"no candidate", analysis.MannWhitney{}, nil, low, analysis.NoData},
		{"no baseline", analysis.MannWhitney{}, high, nil, analysis.NoData},
		{"identical", analysis.MannWhitney{}, low, low, analysis.Pass},
		{"constant", analysis.MannWhitney{}, repeated(3, 20), repeated(3, 20), analysis.Pass},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := fold(judge(t, ranked(tt.params)), sides(tt.candidate, tt.baseline)...)
			require.False(t, j.Failed(), "it looks at the end only")
			e := j.Final("noHarm")
			require.Equal(t, tt.want, e.Verdict, e.Reason)
			if tt.want == analysis.Pass {
				require.Equal(t, analysis.Inconclusive, j.Final("nonInferior").Verdict, "it proves nothing")
			}
		})
	}
	require.Equal(t, analysis.NoData, judge(t, ranked(analysis.MannWhitney{})).Final("noHarm").Verdict)
}

// A harmless release fails as often as α says, and no more.
func TestMannWhitneyLevel(t *testing.T) {
	const runs = 2000
	fails := 0
	for seed := range uint64(runs) {
		r := rand.New(rand.NewPCG(seed, 9))
		var c, b []float64
		for range 12 {
			c, b = append(c, math.Exp(r.NormFloat64())), append(b, math.Exp(r.NormFloat64()))
		}
		if compared(t, c, b).Verdict == analysis.Fail {
			fails++
		}
	}
	require.LessOrEqual(t, float64(fails)/runs, 0.05/2+0.012, "half of the two-sided level points to harm")
	require.Greater(t, fails, 0)
}

func TestMannWhitneyRefuses(t *testing.T) {
	for _, bad := range []analysis.MannWhitney{
		{Direction: "up"}, {Alpha: 0.9}, {Alpha: math.NaN()}, {Effect: 0.4}, {Effect: 2}, {MinSamples: 1}, {MinSamples: 1e6},
	} {
		_, err := analysis.New(ranked(bad))
		require.ErrorContains(t, err, "errors", fmt.Sprint(bad))
	}
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		j := judge(t, ranked(analysis.MannWhitney{}))
		require.ErrorIs(t, j.Fold(window(0, value(1), value(x))), analysis.ErrRefused)
		require.Equal(t, analysis.Error, j.Final("noHarm").Verdict)
	}
	most := sides(upTo(20, 1), upTo(20, 1))
	most[19].Candidate = value(math.NaN())
	require.Equal(t, analysis.Pass, fold(judge(t, ranked(analysis.MannWhitney{})), most...).Final("noHarm").Verdict,
		"one refused window of twenty")
}

// No state grows beyond its limit, and more is an error, not a verdict.
func TestOfflineJudgesAreBounded(t *testing.T) {
	const most = 10080
	for name, params := range map[string]analysis.Params{
		"mannWhitney": {MannWhitney: &analysis.MannWhitney{}},
		"runCompare":  {RunCompare: &analysis.RunCompare{}},
		"kayentaV1":   {KayentaV1: &analysis.KayentaV1{}},
	} {
		t.Run(name, func(t *testing.T) {
			j := judge(t, analysis.Config{Name: "errors", Judge: params})
			for i := range most {
				w := window(i, value(float64(1+i%7)), value(float64(1+i%7)))
				w.Pair = fmt.Sprint(i % 100)
				require.NoError(t, j.Fold(w))
			}
			e := j.Final("noHarm")
			require.Equal(t, analysis.Pass, e.Verdict, e.Reason)
			for i := range 100 {
				require.NoError(t, j.Fold(window(most+i, value(1), value(1))))
			}
			body, err := j.MarshalBinary()
			require.NoError(t, err)
			require.Less(t, len(body), 330<<10)
			e = j.Final("noHarm")
			require.Equal(t, analysis.Error, e.Verdict)
			require.Contains(t, e.Reason, "more than 10080 values")

			again := judge(t, analysis.Config{Name: "errors", Judge: params})
			require.NoError(t, again.UnmarshalBinary(body))
			require.Equal(t, e, again.Final("noHarm"))
			require.ErrorIs(t, again.UnmarshalBinary(body[:len(body)/2]), analysis.ErrState)
		})
	}
}

// A judge that is restored in between says what one without a break says.
func TestOfflineJudgesSurviveARestart(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	var ws []analysis.Window
	for i := range 40 {
		ws = append(ws, window(i, &analysis.Counts{Requests: 100, Failures: binomial(r, 100, 0.1), Value: ptr(1 + r.Float64())},
			&analysis.Counts{Requests: 50, Failures: binomial(r, 50, 0.1), Value: ptr(1 + r.Float64())}))
	}
	for _, params := range []analysis.Params{
		{MannWhitney: &analysis.MannWhitney{}}, {RunCompare: &analysis.RunCompare{}}, {KayentaV1: &analysis.KayentaV1{}},
		{GroupSequential: &analysis.GroupSequential{WindowsPerLook: 8}},
	} {
		c := analysis.Config{Name: "errors", Judge: params}
		straight := fold(judge(t, c), ws...)
		broken := judge(t, c)
		for _, w := range ws {
			body, err := broken.MarshalBinary()
			require.NoError(t, err)
			broken = judge(t, c)
			require.NoError(t, broken.UnmarshalBinary(body))
			fold(broken, w, w)
		}
		require.Equal(t, straight.Final("noHarm"), broken.Final("noHarm"), params.Name())
	}
}

func TestOfflineJudgesByName(t *testing.T) {
	for _, name := range []string{"mannWhitney", "groupSequential", "runCompare", "kayentaV1"} {
		c, err := analysis.ParseConfig([]byte(`{"name": "a", "judge": {"` + name + `": {}}}`))
		require.NoError(t, err)
		require.Equal(t, name, c.Judge.Name())
		require.True(t, c.Judge.Offline())
		require.False(t, c.Judge.Absolute())
		require.Contains(t, analysis.Judges(), name)
	}
	require.False(t, analysis.Params{RateRatio: &analysis.RateRatio{}}.Offline())
}

func ptr(x float64) *float64 { return &x }
