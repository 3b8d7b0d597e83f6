package judgesim

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

func TestArgoMeasurement(t *testing.T) {
	low, high := atMost(0.05), condition(func(x float64) bool { return x > 0.1 })
	tests := []struct {
		name             string
		success, failure condition
		result           float64
		want             phase
	}{
		{"no condition", nil, nil, 9, successful},
		{"success holds", low, nil, 0.05, successful},
		{"success does not", low, nil, 0.06, failed},
		{"failure holds", nil, high, 0.2, failed},
		{"failure does not", nil, high, 0.1, successful},
		{"neither", low, high, 0.07, inconclusive},
		{"both given, failure", low, high, 0.2, failed},
		{"NaN fails success", low, nil, math.NaN(), failed},
		{"NaN passes failure", nil, high, math.NaN(), successful},
		{"NaN with both", low, high, math.NaN(), inconclusive},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, (&argo{success: tt.success, failure: tt.failure}).evaluate(tt.result), tt.name)
	}
}

func TestArgoMetric(t *testing.T) {
	low, high := atMost(0.05), condition(func(x float64) bool { return x > 0.1 })
	const e = -1 // an error of the provider
	tests := []struct {
		name    string
		metric  argo
		results []float64
		want    phase
	}{
		{"runs without count", argo{success: low}, []float64{0, 0, 0}, running},
		{"count is reached", argo{success: low, count: 3}, []float64{0, 0, 0}, successful},
		{"errors are not counted", argo{success: low, count: 3, consecutiveErrorLimit: 4}, []float64{0, e, 0}, running},
		{"one failure by default", argo{success: low}, []float64{0, 1}, failed},
		{"within failureLimit", argo{success: low, failureLimit: 3}, []float64{1, 1, 1}, running},
		{"over failureLimit, not in a row", argo{success: low, failureLimit: 3}, []float64{1, 0, 1, 0, 1, 1}, failed},
		{"failureLimit off", argo{success: low, failureLimit: -1, count: 2}, []float64{1, 1}, successful},
		{"inconclusive", argo{success: low, failure: high}, []float64{0.07}, inconclusive},
		{"inconclusive wins over failed", argo{success: low, failure: high, failureLimit: 0}, []float64{1, 0.07}, inconclusive},
		{"errors in a row", argo{success: low, consecutiveErrorLimit: 4}, []float64{e, e, e, e, e}, erroneous},
		{"errors not in a row", argo{success: low, consecutiveErrorLimit: 4}, []float64{e, e, e, e, 0, e}, running},
		{"errors win over failed", argo{success: low}, []float64{1, e}, erroneous},
		{"successes in a row", argo{success: low, failureLimit: -1, consecutiveSuccessLimit: 2}, []float64{0, 1, 0, 0}, successful},
		{"neither limit at count", argo{success: low, failureLimit: 9, count: 3, consecutiveSuccessLimit: 3}, []float64{0, 1, 0}, inconclusive},
	}
	for _, tt := range tests {
		got := running
		for _, x := range tt.results {
			got = tt.metric.measure(x, x == e)
		}
		require.Equal(t, tt.want, got, tt.name)
	}
	require.Equal(t, successful, (&argo{success: low}).terminate(), "terminated before a measurement")
	require.Equal(t, failed, (&argo{success: low, failures: 1}).terminate())
}

func TestArgoRateIsOfItsInterval(t *testing.T) {
	a := newArgoRate(0.5, 5, 0)
	for i := range 4 {
		require.False(t, a.see(sample{start: float64(i), end: float64(i + 1), nc: 10, xc: 10}), "not yet an interval")
	}
	require.True(t, a.see(sample{start: 4, end: 5, nc: 10}), "40 of 50")
	require.True(t, newArgoRate(0.5, 1, 0).see(sample{end: 1}), "0/0 is no success")
}

func TestFlagger(t *testing.T) {
	tests := []struct {
		name   string
		checks []float64
		want   int // tick of the rollback, 0: none
	}{
		{"all well", []float64{1, 0.99, 1, 1}, 0},
		{"at the tick after", []float64{0.5, 0.5, 0.5}, 3},
		{"failed checks add up over the rollout", []float64{0.5, 1, 1, 0.98, 1}, 5},
		{"no value is a failed check", []float64{math.NaN(), math.NaN(), 1}, 3},
		{"one is below the threshold", []float64{0.5, 1, 1, 1, 1}, 0},
	}
	for _, tt := range tests {
		f, got := newFlagger(0.99, 2), 0
		for i, x := range tt.checks {
			if f.tick(x) && got == 0 {
				got = i + 1
			}
		}
		require.Equal(t, tt.want, got, tt.name)
	}
	idle := newFlagger(0.99, 1)
	require.False(t, idle.see(sample{end: 1}))
	require.True(t, idle.see(sample{start: 1, end: 2}), "an idle candidate is rolled back")
}

func TestPipeCDCompares(t *testing.T) {
	tests := []struct {
		name                string
		candidate, baseline []float64
		want                bool
	}{
		{"both empty", nil, nil, true},
		{"one empty", []float64{1}, nil, false},
		{"equal, in another order", []float64{1, 2, 3}, []float64{3, 1, 2}, true},
		{"two points prove nothing", []float64{9, 9}, []float64{1, 2}, true},
		{"higher", []float64{5, 6, 7, 8, 9}, []float64{1, 2, 3, 4, 4.5}, false},
		{"lower fails, too: EITHER", []float64{1, 2, 3, 4, 4.5}, []float64{5, 6, 7, 8, 9}, false},
		{"mixed", []float64{1, 4, 5, 8, 9}, []float64{2, 3, 6, 7, 10}, true},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, pipecdPasses(tt.candidate, tt.baseline), tt.name)
	}
}

func TestMannWhitneyExact(t *testing.T) {
	tests := []struct {
		a, b []float64
		want float64
	}{
		{[]float64{2, 1, 3, 5}, []float64{1, 1, 1, 1, 1}, 6.0 / 126}, // judges.md §7: go-moremath says 0
		{[]float64{1, 2, 3}, []float64{4, 5, 6}, 2.0 / 20},
		{[]float64{1, 2, 3, 4, 5}, []float64{6, 7, 8, 9, 10}, 2.0 / 252},
		{[]float64{1, 4}, []float64{2, 3}, 1},
		{[]float64{1, 1}, []float64{1, 1}, 1},
	}
	for _, tt := range tests {
		require.InDelta(t, tt.want, mannWhitney(tt.a, tt.b), 1e-9, "%v", tt)
		require.InDelta(t, tt.want, mannWhitney(tt.b, tt.a), 1e-9, "either way round")
	}
}

// PipeCD looks at the last interval only, and again at each one.
func TestPipeCDLooks(t *testing.T) {
	p := newPipeCD(5)
	for i := range 10 {
		w := sample{start: float64(i), end: float64(i + 1), nc: 100, ne: 100, xe: float64(i % 5)}
		if w.xc = w.xe; i >= 5 {
			w.xc = w.xe + 50
		}
		require.Equal(t, i == 9, p.see(w), i)
	}
}

// MannWhitneySuite.scala, "tiny": 95 % interval [6, 39], estimate 22.5.
func TestKayentaShift(t *testing.T) {
	lower, upper, estimate, ok := shift([]float64{10, 20, 30, 40}, []float64{1, 2, 3, 4}, 0.95)
	require.True(t, ok)
	require.InDelta(t, 6, lower, 1e-3)
	require.InDelta(t, 39, upper, 1e-3)
	require.InDelta(t, 22.5, estimate, 1e-3)
	w, ok := rankSum([]float64{1, 2, 2}, []float64{2, 3}, 0)
	require.True(t, ok)
	require.InDelta(t, -1.5/math.Sqrt(0.5*(6-24.0/20)), w, 1e-12, "ranks 1, 3, 3 against 3, 5")
}

func TestKayentaClassifies(t *testing.T) {
	rise := func(n int, from float64) []float64 {
		var out []float64
		for i := range n {
			out = append(out, from+float64(i)/float64(n))
		}
		return out
	}
	tied := func(times ...int) (out []float64) { // 0, 1, 2 so many times
		for x, n := range times {
			out = append(out, slices.Repeat([]float64{float64(x)}, n)...)
		}
		return out
	}
	tests := []struct {
		name                string
		experiment, control []float64
		want                class
	}{
		{"no data", nil, rise(9, 1), kayentaNoData},
		{"equal in another order", []float64{1, 2}, []float64{2, 1}, kayentaAlike},
		{"one value in both", []float64{3, 3}, []float64{3, 3, 3}, kayentaAlike},
		{"far higher", rise(30, 5), rise(30, 1), kayentaHigh},
		{"lower is no harm where increase is", rise(30, 1), rise(30, 5), kayentaAlike},
		{"one point a side is never judged", []float64{100}, []float64{1}, kayentaAlike},
		{"mean zero skips the size", rise(30, 5), make([]float64, 30), kayentaHigh},
		{"tied: more than twice the mean passes, as the lower end is 0", tied(20, 25, 15), tied(40, 15, 5), kayentaAlike},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, classify(tt.experiment, tt.control), tt.name)
	}
}

func TestKayentaScores(t *testing.T) {
	tests := []struct {
		score float64
		last  bool
		want  bool
	}{{100, true, false}, {95, true, false}, {94, true, true}, {94, false, false}, {76, false, false}, {75, false, true}, {0, false, true}}
	for _, tt := range tests {
		require.Equal(t, tt.want, kayentaEnds(tt.score, tt.last), "%+v", tt)
	}
}

// Kayenta looks after 60, 120 and 180 points and not after that.
func TestKayentaLooks(t *testing.T) {
	k, looks := newKayenta(), []int(nil)
	for i := range 300 {
		if k.see(sample{start: float64(i), end: float64(i + 1), xc: 50 + float64(i%7), xe: float64(i % 5)}) {
			looks = append(looks, i+1)
		}
	}
	require.Equal(t, []int{60, 120, 180}, looks)
}

func TestClassic(t *testing.T) {
	require.InDelta(t, 1/math.Sqrt(0.02*0.98*0.02), twoProportions(sample{nc: 100, xc: 3, nb: 100, xb: 1})*50, 1e-9)
	require.Zero(t, twoProportions(sample{nc: 100, nb: 100}))
	require.Zero(t, twoProportions(sample{xb: 1, nb: 100}))
	z := &peekingZ{}
	require.False(t, z.see(sample{nc: 100, xc: 1, nb: 100, xb: 1}))
	require.True(t, z.see(sample{nc: 100, xc: 9, nb: 100, xb: 1}))

	g := newGroupSequential(10)
	bad := sample{nc: 1000, xc: 30, nb: 1000, xb: 10}
	var at []float64
	for i := range 20 {
		bad.start, bad.end = float64(i), float64(i+1)
		if g.see(bad) {
			at = append(at, bad.end)
		}
	}
	require.Equal(t, []float64{4, 6, 8, 10}, at, "z is 4.5 at the first look, 6.4 at the second; nothing after the plan")
}

// The oracle's evidence is the likelihood ratio, worked out by hand.
func TestOracle(t *testing.T) {
	o := newOracle(3, 1.1, 0.01)
	require.False(t, o.see(sample{nc: 100, xc: 4, nb: 900, xb: 9}))
	require.InDelta(t, 4*math.Log(3/1.1)-13*math.Log(1.2/1.01), o.log, 1e-12)
	require.False(t, o.see(sample{}))
	require.True(t, o.see(sample{nc: 100, xc: 40, nb: 900, xb: 9}))
}

func TestBand(t *testing.T) {
	require.InDelta(t, 0.85*math.Sqrt((math.Log(1+math.Log(1000))+0.8*math.Log(32240))/1000), radius(1000, 0.05), 1e-12)
	b := band{alpha: 0.05}
	require.False(t, b.see([]float64{50, 100}, []float64{60, 100}))
	require.True(t, b.see([]float64{0, 10000}, []float64{10000, 10000}))
	better := band{alpha: 0.05}
	require.False(t, better.see([]float64{10000, 10000}, []float64{0, 10000}), "faster is no harm")
}

// This Kayenta and analysis.KayentaV1 were written apart; they agree, which is
// the better check of both.
func TestKayentaAgreesWithKayentaV1(t *testing.T) {
	r, high := rand.New(rand.NewPCG(5, 5)), 0
	judge := analysis.KayentaV1{Direction: "increase"}
	for i := range 600 {
		n, level := []int{60, 120}[i%2], []float64{0.3, 1, 10, 100}[i%4]
		var e, c []float64
		for range n {
			e, c = append(e, poisson(r, level*(1+0.2*float64(i%7)))), append(c, poisson(r, level))
		}
		theirs := judge.Classify(e, c).Class
		if theirs == analysis.ClassHigh {
			high++
		}
		require.Equal(t, theirs == analysis.ClassHigh, classify(e, c) == kayentaHigh, "run %d: %s", i, theirs)
	}
	require.Greater(t, high, 100)
}
