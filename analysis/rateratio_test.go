package analysis_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

// E and SafeE of one window must have a mean of at most 1 under their null
// hypotheses: all outcomes of up to six requests a side, enumerated.
func TestRateRatioIsExact(t *testing.T) {
	const most = 6
	worst := 0.0
	for nb := 1; nb <= most; nb++ {
		for nc := 1; nc <= most; nc++ {
			var harm, safe [most + 1][most + 1]float64
			for xb := range nb + 1 {
				for xc := range nc + 1 {
					j := judge(t, rates(0.01))
					require.NoError(t, j.Fold(window(0, counts(float64(nb), float64(xb)), counts(float64(nc), float64(xc)))))
					e := j.Verdict()
					harm[xb][xc], safe[xb][xc] = e.E, e.SafeE
				}
			}
			for p := 0.01; p <= 0.95; p += 0.047 {
				for _, slack := range []float64{0.5, 0.9, 1} {
					meanHarm, meanSafe := 0.0, 0.0
					for xb := range nb + 1 {
						for xc := range nc + 1 {
							of := func(rate float64) float64 { return mass(nb, xb, p) * mass(nc, xc, rate) }
							meanHarm += of(min(1, 1.1*p*slack)) * harm[xb][xc]
							meanSafe += of(min(1, 1.5*p/slack)) * safe[xb][xc]
						}
					}
					worst = max(worst, meanHarm)
					if 1.5*p <= 1 {
						worst = max(worst, meanSafe)
					}
				}
			}
		}
	}
	require.LessOrEqual(t, worst, 1+1e-12)
	require.Greater(t, worst, 0.9, "the bound is nearly reached")
}

func mass(n, x int, p float64) float64 {
	choose := 1.0
	for i := range x {
		choose *= float64(n-i) / float64(i+1)
	}
	return choose * math.Pow(p, float64(x)) * math.Pow(1-p, float64(n-x))
}

// E of one window, worked out from the formula.
func TestRateRatioFormula(t *testing.T) {
	const nb, xb, nc, xc = 900, 9, 100, 4
	rho, k, d0, sum := 0.1, 13.0, 1.1, 0.0
	for j := range 12 {
		d := d0 * (1 + 0.1*math.Pow(300, float64(j)/11))
		sum += math.Pow(d/d0, xc) * math.Pow((rho*d0+1-rho)/(rho*d+1-rho), k)
	}
	e := fold(judge(t, rates(0.01)), window(0, counts(nb, xb), counts(nc, xc))).Verdict()
	require.InEpsilon(t, sum/12, e.E, 1e-9)
	require.InEpsilon(t, 2/e.E, e.P, 1e-9)
	require.InEpsilon(t, 4.0, e.Ratio, 1e-9)
	require.InEpsilon(t, math.Log(e.E)/math.Log(200), e.TowardsFail, 1e-9)
}

func TestRateRatioEdges(t *testing.T) {
	ok, none := counts(900, 9), counts(900, 0)
	bad := []*analysis.Counts{counts(-1, 0), counts(100, 101), counts(math.NaN(), 0), counts(math.Inf(1), 0), counts(100, math.NaN()), counts(100, -2)}
	tests := []struct {
		name    string
		windows []analysis.Window
		now     analysis.Verdict
		noHarm  analysis.Verdict
		proved  analysis.Verdict // under nonInferior
	}{
		{"no window", nil, analysis.NoData, analysis.NoData, analysis.NoData},
		{"no traffic", repeat(9, counts(0, 0), counts(0, 0)), analysis.NoData, analysis.NoData, analysis.NoData},
		{"candidate only", repeat(9, nil, counts(100, 1)), analysis.NoData, analysis.NoData, analysis.NoData},
		{"baseline only", repeat(9, ok, nil), analysis.NoData, analysis.NoData, analysis.NoData},
		{"share 0", repeat(9, ok, counts(0, 0)), analysis.NoData, analysis.NoData, analysis.NoData},
		{"share 1", repeat(9, counts(0, 0), counts(100, 1)), analysis.NoData, analysis.NoData, analysis.NoData},
		{"no failures", repeat(9, none, counts(100, 0)), analysis.Continue, analysis.Pass, analysis.Inconclusive},
		{"no failures at equal load", repeat(9, none, none), analysis.Continue, analysis.Pass, analysis.Inconclusive},
		{"one window", repeat(1, ok, counts(100, 1)), analysis.Continue, analysis.Pass, analysis.Inconclusive},
		{"one dead window", repeat(1, ok, counts(100, 100)), analysis.Fail, analysis.Fail, analysis.Fail},
		{"too few requests", repeat(1, ok, counts(19, 0)), analysis.Continue, analysis.NoData, analysis.NoData},
		{"too few requests do not hinder Fail", repeat(1, ok, counts(19, 19)), analysis.Fail, analysis.Fail, analysis.Fail},
		{"two failures are not enough", repeat(1, counts(1e9, 1), counts(2, 2)), analysis.Continue, analysis.NoData, analysis.NoData},
		{"equal for long", repeat(900, ok, counts(100, 1)), analysis.Continue, analysis.Pass, analysis.Pass},
		{"better", repeat(900, ok, counts(100, 0)), analysis.Continue, analysis.Pass, analysis.Pass},
		{"three times worse", repeat(60, ok, counts(100, 3)), analysis.Fail, analysis.Fail, analysis.Fail},
		{"worse by less than the least delta", repeat(90, counts(1e6, 10), counts(1e5, 40)), analysis.Continue, analysis.Pass, analysis.Inconclusive},
		{"huge and equal", repeat(9, counts(1e12, 1e9), counts(1e12, 1e9+1)), analysis.Continue, analysis.Pass, analysis.Pass},
		{"huge and worse", repeat(9, counts(1e12, 1e9), counts(1e12, 3e9)), analysis.Fail, analysis.Fail, analysis.Fail},
		{"identical series", repeat(9, ok, ok), analysis.Continue, analysis.NoData, analysis.NoData},
		{"identical in two windows", repeat(2, ok, ok), analysis.Continue, analysis.Pass, analysis.Inconclusive},
		{"identical but once", append(repeat(9, ok, ok), window(9, ok, counts(900, 8))), analysis.Continue, analysis.Pass, analysis.Inconclusive},
		{"candidate disappears", append(repeat(9, ok, counts(100, 1)), window(9, ok, nil)), analysis.NoData, analysis.NoData, analysis.NoData},
		{"baseline degrades alike", append(repeat(9, ok, counts(100, 1)), shift(9, repeat(90, counts(900, 450), counts(100, 50)))...), analysis.Continue, analysis.Pass, analysis.Pass},
		{"hole in the middle", append(repeat(5, ok, counts(100, 1)), shift(10, repeat(5, ok, counts(100, 1)))...), analysis.Continue, analysis.NoData, analysis.NoData},
		{"refused in the middle", append(append(repeat(5, ok, counts(100, 1)), window(5, ok, bad[0])), shift(6, repeat(3, ok, counts(100, 1)))...), analysis.Continue, analysis.Error, analysis.Error},
		{"refused last", append(repeat(99, ok, counts(100, 1)), window(99, bad[1], ok)), analysis.Error, analysis.Pass, analysis.Pass},
		{"refused last, of nine", append(repeat(8, ok, counts(100, 1)), window(8, bad[1], ok)), analysis.Error, analysis.Error, analysis.Error},
		{"values only", repeat(9, value(1), value(2)), analysis.Continue, analysis.NoData, analysis.NoData},
	}
	for _, c := range bad {
		tests = append(tests, tests[0])
		tests[len(tests)-1].name = "impossible counts"
		tests[len(tests)-1].windows = repeat(9, ok, c)
		tests[len(tests)-1].now, tests[len(tests)-1].noHarm, tests[len(tests)-1].proved = analysis.Error, analysis.Error, analysis.Error
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := fold(judge(t, rates(0.01)), tt.windows...)
			require.Equal(t, tt.now, j.Verdict().Verdict, j.Verdict().Reason)
			require.Equal(t, tt.noHarm, j.Final("noHarm").Verdict, j.Final("noHarm").Reason)
			require.Equal(t, tt.proved, j.Final("nonInferior").Verdict, j.Final("nonInferior").Reason)
			require.NotEmpty(t, j.Verdict().Reason)
		})
	}
}

func shift(by int, ws []analysis.Window) []analysis.Window {
	for i := range ws {
		ws[i].Start += float64(10 * by)
		ws[i].End += float64(10 * by)
	}
	return ws
}

func TestRateRatioDecrease(t *testing.T) {
	c := rates(0.01)
	c.Judge.RateRatio.Direction = "decrease"
	lost := fold(judge(t, c), repeat(60, counts(900, 90), counts(100, 4))...).Verdict()
	require.Equal(t, analysis.Fail, lost.Verdict)
	require.InEpsilon(t, 0.4, lost.Ratio, 1e-9)
	require.NotNil(t, lost.Interval[1])
	require.Less(t, *lost.Interval[1], 1/1.1)
	require.Equal(t, analysis.Continue, fold(judge(t, c), repeat(60, counts(900, 90), counts(100, 40))...).Verdict().Verdict)
}

// The interval agrees with a bisection over the exact likelihood, holds the
// estimate, and a Fail excludes the margin.
func TestRateRatioInterval(t *testing.T) {
	for _, tt := range []struct{ nb, xb, nc, xc float64 }{
		{25688, 135, 1352, 22}, {1000, 50, 1000, 40}, {9e5, 900, 1e5, 300}, {1e6, 1e4, 1e6, 1e4 + 1}, {9e4, 900, 1e4, 90},
	} {
		e := fold(judge(t, rates(0.01)), window(0, counts(tt.nb, tt.xb), counts(tt.nc, tt.xc))).Verdict()
		low, high := exactInterval(tt.nb, tt.xb, tt.nc, tt.xc, 0.01)
		require.NotNil(t, e.Interval[0])
		require.NotNil(t, e.Interval[1])
		require.InEpsilon(t, low, *e.Interval[0], 0.02, "%+v", tt)
		require.InEpsilon(t, high, *e.Interval[1], 0.02, "%+v", tt)
		require.Less(t, *e.Interval[0], e.Ratio)
		require.Greater(t, *e.Interval[1], e.Ratio)
	}
	better := fold(judge(t, rates(0.01)), window(0, counts(9e4, 900), counts(1e4, 30))).Verdict()
	require.Nil(t, better.Interval[0], "beyond the points at which the likelihood is known")
	require.Less(t, *better.Interval[1], 1.0)
	open := fold(judge(t, rates(0.01)), window(0, counts(900, 0), counts(100, 9))).Verdict()
	require.Nil(t, open.Interval[1])
	require.Equal(t, 1e300, open.Ratio)
	far := fold(judge(t, rates(0.01)), window(0, counts(500, 2), counts(500, 60))).Verdict()
	require.Nil(t, far.Interval[1], "beyond the points at which the likelihood is known")
	require.NotNil(t, far.Interval[0])
	require.Nil(t, judge(t, rates(0.01)).Verdict().Interval[0])
}

func exactInterval(nb, xb, nc, xc, alpha float64) (low, high float64) {
	rho := nc / (nc + nb)
	l := func(d float64) float64 { return xc*math.Log(d) - (xc+xb)*math.Log(1+rho*(d-1)) }
	e := func(d0, sign float64) float64 {
		sum := 0.0
		for j := range 12 {
			sum += math.Exp(l(d0*math.Pow(1+0.1*math.Pow(300, float64(j)/11), sign)) - l(d0))
		}
		return sum / 12
	}
	peak := xc * nb / (xb * nc)
	search := func(far, sign float64) float64 {
		near := peak
		for range 60 {
			if middle := math.Sqrt(far * near); e(middle, sign) >= 2/alpha {
				far = middle
			} else {
				near = middle
			}
		}
		return far
	}
	return search(peak/100, 1), search(peak*100, -1)
}

// A/A: never more alarms than α, at any of 400 looks. Then regressions.
func TestRateRatioSimulated(t *testing.T) {
	const runs, alpha = 300, 0.05
	alarms, found := 0, 0
	for seed := range uint64(runs) {
		r := rand.New(rand.NewPCG(seed, 1))
		if fold(judge(t, rates(alpha)), stream(r, 400, 450, 0.01, 50, 0.01)...).Verdict().Verdict == analysis.Fail {
			alarms++
		}
		if fold(judge(t, rates(0.01)), stream(r, 60, 900, 0.01, 100, 0.03)...).Verdict().Verdict == analysis.Fail {
			found++
		}
	}
	require.LessOrEqual(t, float64(alarms)/runs, alpha+0.015)
	require.GreaterOrEqual(t, float64(found)/runs, 0.99, "×3 within ten minutes")
}

// Evidence must not age: ×2 after 600 healthy windows is found nearly as soon
// as from the start, thanks to R.
func TestRateRatioAgeing(t *testing.T) {
	var early, late []float64
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 2))
		late = append(late, delay(t, r, 600))
		early = append(early, delay(t, r, 0))
	}
	require.LessOrEqual(t, median(late), 3*median(early), "after health %v, from the start %v", late, early)
}

func delay(t *testing.T, r *rand.Rand, healthy int) float64 {
	j := fold(judge(t, rates(0.01)), stream(r, healthy, 300, 0.01, 300, 0.01)...)
	for i, w := range shift(healthy, stream(r, 400, 300, 0.01, 300, 0.02)) {
		require.NoError(t, j.Fold(w))
		if j.Failed() {
			return float64(i + 1)
		}
	}
	return 400
}

// A ramp from 1 % to 50 % of traffic while the level changes (Simpson).
func TestRateRatioRamp(t *testing.T) {
	alarms := 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		j := judge(t, rates(0.05))
		fold(j, stream(r, 50, 990, 0.002, 10, 0.002)...)
		j.BeginStep()
		fold(j, shift(50, stream(r, 50, 500, 0.02, 500, 0.02))...)
		if j.Verdict().Verdict == analysis.Fail {
			alarms++
		}
	}
	require.LessOrEqual(t, alarms, 13)
}

// R is tempered by the noise of the windows before it begins.
func TestRateRatioNoise(t *testing.T) {
	alarms := 0
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 4))
		j := judge(t, rates(0.05))
		for i := range 400 {
			noise := func() float64 { return 0.01 * math.Exp(0.16*r.NormFloat64()) }
			fold(j, window(i, counts(5000, binomial(r, 5000, noise())), counts(5000, binomial(r, 5000, noise()))))
		}
		if j.Verdict().Verdict == analysis.Fail {
			alarms++
		}
	}
	require.LessOrEqual(t, alarms, 8)
}

func median(xs []float64) float64 {
	sorted := append([]float64(nil), xs...)
	for i := range sorted {
		for k := i; k > 0 && sorted[k] < sorted[k-1]; k-- {
			sorted[k], sorted[k-1] = sorted[k-1], sorted[k]
		}
	}
	return sorted[len(sorted)/2]
}
