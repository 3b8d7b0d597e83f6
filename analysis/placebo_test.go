package analysis_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

// world is a service whose rate of failures, on each side for itself, moves
// from window to window: by noise (a standard deviation of its logarithm),
// each time anew or, with memory, slowly (AR(1)).
type world struct {
	perWindow, share, rate float64
	noise, memory          float64
	length                 float64 // of a window in seconds
}

func (o world) windows(r *rand.Rand, n int, ratio float64) []analysis.Window {
	ws := make([]analysis.Window, 0, n)
	zc, zb, fresh := r.NormFloat64(), r.NormFloat64(), math.Sqrt(1-o.memory*o.memory)
	at := func(z float64) float64 { return math.Exp(o.noise*z - o.noise*o.noise/2) }
	for i := range n {
		zc, zb = o.memory*zc+fresh*r.NormFloat64(), o.memory*zb+fresh*r.NormFloat64()
		nc := math.Round(o.perWindow * o.share)
		nb := math.Round(o.perWindow) - nc
		ws = append(ws, analysis.Window{
			Check: "errors", Start: o.length * float64(i), End: o.length * float64(i+1),
			Baseline:  counts(nb, binomial(r, nb, min(0.9, o.rate*at(zb)))),
			Candidate: counts(nc, binomial(r, nc, min(0.9, o.rate*at(zc)*ratio))),
		})
	}
	return ws
}

func learn(t testing.TB, c analysis.Config, ws []analysis.Window) *analysis.Learned {
	t.Helper()
	l, err := analysis.Learn(c, ws)
	require.NoError(t, err)
	require.NotNil(t, l)
	return l
}

// φ, margin and rate of a short history, worked out from the formulas.
func TestLearnFormula(t *testing.T) {
	var ws []analysis.Window
	sum, variance, c, b := 0.0, 0.0, 0.5, 0.5
	for i := range 40 {
		xc := float64(10 + 6*(i%2))
		ws = append(ws, window(i, counts(500, 12), counts(500, xc)))
		theta, k := c/(c+b), xc+12
		sum += (xc - k*theta) * (xc - k*theta) / (k * theta * (1 - theta))
		variance += k / 4
		c, b = c+xc/2, b+6
	}
	l := learn(t, rates(0.01), ws)
	require.Len(t, l.Tests, 1)
	require.Empty(t, l.Lacks)
	require.False(t, l.NotExchangeable)
	got := l.Tests[0]
	require.Equal(t, 40, got.Windows)
	require.Equal(t, 40, got.Counted)
	require.InEpsilon(t, sum, got.Residuals, 1e-9)
	require.InEpsilon(t, variance, got.Variance, 1e-9)
	require.InEpsilon(t, 0.025, got.Rate, 1e-9)
	require.Equal(t, 1.1, got.Margin, "no 20 blocks of five minutes")
	require.Nil(t, got.Interval)
}

// s² of 24 hours in which one half is alternately ×1.5 better and worse for
// twenty minutes: (ln 1.5)² in blocks of 5 minutes.
func TestLearnMargin(t *testing.T) {
	day := func(x float64, swing int) []analysis.Window {
		var ws []analysis.Window
		for i := range 1440 {
			up := x
			if swing > 0 && i/swing%2 == 0 {
				up = x * 1.5
			}
			down := 2.5*x - up
			if swing == 0 {
				down = x + 1
			}
			ws = append(ws, analysis.Window{Check: "errors", Start: 60 * float64(i), End: 60 * float64(i+1),
				Baseline: counts(1e4, up), Candidate: counts(1e4, down)})
		}
		return ws
	}
	want := math.Exp(2 * math.Log(1.5))
	require.InEpsilon(t, want, learn(t, rates(0.01), day(1000, 20)).Tests[0].Margin, 0.001)
	require.Equal(t, 1.1, learn(t, rates(0.01), day(1000, 20)[:90]).Tests[0].Margin, "18 blocks")
	require.InEpsilon(t, want, learn(t, rates(0.01), day(1000, 20)[:110]).Tests[0].Margin, 0.001, "22 blocks")
	require.Equal(t, 1.1, learn(t, rates(0.01), day(1000, 0)).Tests[0].Margin, "no unrest")
	require.Equal(t, 1.1, learn(t, rates(0.01), day(0.5, 20)).Tests[0].Margin, "too sparse to tell")

	gone := day(1000, 20)
	for i := range gone { // every other minute is missing: no block is covered
		gone[i].End = gone[i].Start + 30
	}
	require.Equal(t, 1.1, learn(t, rates(0.01), gone).Tests[0].Margin)
	wild := learn(t, rates(0.01), world{2000, 0.5, 0.05, 2, 0.99, 60}.windows(rand.New(rand.NewPCG(1, 1)), 1440, 1))
	require.Equal(t, 10.0, wild.Tests[0].Margin, "the most that is of use")
}

// A clean but sparse history must not teach a margin.
func TestLearnMarginOfSparseHistory(t *testing.T) {
	taught := 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		if learn(t, rates(0.01), world{100, 0.5, 0.005, 0, 0, 60}.windows(r, 110, 1)).Tests[0].Margin > 1.1 {
			taught++
		}
	}
	require.LessOrEqual(t, taught, 10)
}

// Order, doublets, late, impossible and other checks' windows change nothing.
func TestLearnTakesWhatCanBe(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	ws := world{600, 0.5, 0.01, 0.2, 0, 60}.windows(r, 200, 1)
	want := learn(t, rates(0.01), ws)
	mixed := append([]analysis.Window{}, ws...)
	mixed = append(mixed, ws[3], analysis.Window{Check: "errors", Start: 61, End: 70, Baseline: counts(9, 9), Candidate: counts(9, 0)})
	mixed = append(mixed, analysis.Window{Check: "errors", Start: 1e6, End: 2e6, Baseline: counts(-1, 0), Candidate: counts(9, 0)})
	mixed = append(mixed, analysis.Window{Check: "other", Start: 1e6, End: 2e6, Baseline: counts(9, 9), Candidate: counts(9, 0)})
	r.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	require.Equal(t, want, learn(t, rates(0.01), mixed))
}

func TestLearnLacks(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	ws := world{600, 0.5, 0.01, 0.3, 0, 60}.windows(r, 60, 1)
	same := repeat(60, counts(500, 5), counts(500, 5))
	for name, tt := range map[string]struct {
		windows []analysis.Window
		want    string
	}{
		"nothing":    {nil, "no windows"},
		"too little": {ws[:29], "29 windows with requests on both halves, need 30"},
		"half alone": {repeat(60, counts(500, 5), nil), "0 windows"},
		"one series": {same, "both halves are one series"},
	} {
		t.Run(name, func(t *testing.T) {
			l := learn(t, rates(0.01), tt.windows)
			require.Contains(t, l.Lacks, tt.want)
			with, without := rates(0.01), judge(t, rates(0.01))
			with.Learned = l
			require.Equal(t, fold(without, ws...).Final("noHarm"), fold(judge(t, with), ws...).Final("noHarm"), "as without placebo")
		})
	}
	for _, params := range []analysis.Params{{SLORate: &analysis.SLORate{Objective: 0.99}}, {Threshold: &analysis.Threshold{Success: "result < 1"}}} {
		l, err := analysis.Learn(analysis.Config{Name: "errors", Judge: params}, ws)
		require.NoError(t, err)
		require.Nil(t, l, "absolute checks learn nothing")
	}
	_, err := analysis.Learn(analysis.Config{Name: "errors"}, ws)
	require.Error(t, err)
}

// What was learned is in the evidence: φ, the margin and the sentence.
func TestLearnedIsTold(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	service := world{6000, 0.5, 0.01, 0.2, 0.9, 60}
	c := rates(0.01)
	c.Learned = learn(t, c, service.windows(r, 1440, 1))
	e := fold(judge(t, c), service.windows(r, 60, 1)...).Final("nonInferior")
	require.Equal(t, c.Learned.Tests[0].Margin, e.Margin)
	require.Greater(t, e.Margin, 1.3)
	require.Greater(t, e.Dispersion, 1.5)
	require.Contains(t, e.Reason, "; this service cannot be judged finer than ×1.")
	require.Contains(t, e.Reason, ", so that ×1.5 cannot be proved")
	require.Equal(t, analysis.Inconclusive, e.Verdict)

	c.Judge.RateRatio.HarmMargin = 1.2
	require.Equal(t, 1.2, fold(judge(t, c), service.windows(r, 60, 1)...).Final("noHarm").Margin, "what is given, is taken")
	c.Judge.RateRatio = &analysis.RateRatio{SafeMargin: 3}
	require.Equal(t, analysis.Pass, fold(judge(t, c), service.windows(r, 600, 1)...).Final("nonInferior").Verdict)
	require.Equal(t, 1.1, judge(t, rates(0.01)).Verdict().Margin)
}

// Learned survives JSON, is small, and belongs to the state.
func TestLearnedIsAValue(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	service := world{600, 0.5, 0.01, 0.3, 0, 60}
	c := rates(0.01)
	c.Learned = learn(t, c, service.windows(r, 60, 4))
	require.True(t, c.Learned.NotExchangeable)
	text, err := json.Marshal(c.Learned)
	require.NoError(t, err)
	require.Less(t, len(text), 300)
	again := rates(0.01)
	require.NoError(t, json.Unmarshal(text, &again.Learned))
	require.Equal(t, c.Learned, again.Learned)

	whole, parts := judge(t, c), judge(t, again)
	for _, w := range service.windows(r, 100, 1.3) {
		require.NoError(t, whole.Fold(w))
		require.NoError(t, parts.Fold(w))
		state, err := parts.MarshalBinary()
		require.NoError(t, err)
		require.LessOrEqual(t, len(state), 512)
		require.ErrorIs(t, judge(t, rates(0.01)).UnmarshalBinary(state), analysis.ErrState, "what was learned is part of the rule")
		parts = judge(t, again)
		require.NoError(t, parts.UnmarshalBinary(state))
	}
	require.Equal(t, whole.Final("noHarm"), parts.Final("noHarm"))

	for _, broken := range []analysis.LearnedTest{{Windows: -1}, {Windows: 3, Counted: 4}, {Residuals: math.NaN()}, {Variance: math.Inf(1)}, {Rate: 2}, {Margin: 11}} {
		again.Learned = &analysis.Learned{Tests: []analysis.LearnedTest{broken}}
		_, err := analysis.New(again)
		require.Error(t, err, "%+v", broken)
	}
}

// The halves of this baseline differ by ×2: a candidate that is as bad is
// Inconclusive, one that is worse than that Fail, also when it is late.
func TestNotExchangeable(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	half, service := world{2000, 0.5, 0.01, 0, 0, 10}, world{2000, 0.1, 0.01, 0, 0, 10}
	for name, history := range map[string][]analysis.Window{"one half": half.windows(r, 60, 2), "the other": half.windows(r, 60, 0.5)} {
		t.Run(name, func(t *testing.T) {
			c := rates(0.01)
			c.Learned = learn(t, c, history)
			require.True(t, c.Learned.NotExchangeable)
			require.NotNil(t, c.Learned.Tests[0].Interval)

			alike := fold(judge(t, c), service.windows(r, 100, 1.9)...)
			for _, e := range []analysis.Evidence{alike.Verdict(), alike.Final("noHarm"), alike.Final("nonInferior")} {
				require.Equal(t, analysis.Inconclusive, e.Verdict, e.Reason)
				require.Equal(t, analysis.CauseMetric, e.Cause)
				require.Contains(t, e.Reason, "two halves of the baseline differ by up to ×2")
			}
			require.Equal(t, analysis.Pass, fold(judge(t, c), service.windows(r, 100, 1)...).Final("noHarm").Verdict)
			require.Equal(t, analysis.Fail, fold(judge(t, c), service.windows(r, 100, 5)...).Final("noHarm").Verdict)
			dead := fold(judge(t, c), repeat(3, counts(1800, 18), counts(200, 200))...).Verdict()
			require.Equal(t, analysis.Fail, dead.Verdict)
			require.Empty(t, dead.Cause)

			late := fold(judge(t, c), service.windows(r, 600, 1)...)
			fold(late, shift(600, repeat(9, counts(1800, 18), counts(200, 100)))...)
			require.Equal(t, analysis.Fail, late.Verdict().Verdict, late.Verdict().Reason)
		})
	}
	c := rates(0.01)
	c.Learned = learn(t, c, half.windows(r, 60, 80))
	require.True(t, c.Learned.NotExchangeable)
	dead := fold(judge(t, c), repeat(9, counts(1800, 18), counts(200, 200))...)
	require.Equal(t, analysis.Fail, dead.Verdict().Verdict, "a bad half vetoes no dead candidate")
}

func TestNotExchangeableDecrease(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	c := rates(0.01)
	c.Judge.RateRatio.Direction = "decrease"
	half, service := world{2000, 0.5, 0.1, 0, 0, 10}, world{2000, 0.1, 0.1, 0, 0, 10}
	c.Learned = learn(t, c, half.windows(r, 60, 0.6))
	require.True(t, c.Learned.NotExchangeable)
	require.Equal(t, analysis.CauseMetric, fold(judge(t, c), service.windows(r, 300, 0.65)...).Final("noHarm").Cause)
	require.Equal(t, analysis.Fail, fold(judge(t, c), service.windows(r, 300, 0.2)...).Final("noHarm").Verdict)
	require.Equal(t, analysis.Pass, fold(judge(t, c), service.windows(r, 300, 1.5)...).Final("noHarm").Verdict)
}

// Two equal halves are told apart no more often than α says.
func TestExchangeable(t *testing.T) {
	fired := 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 10))
		if learn(t, rates(0.01), world{600, 0.5, 0.01, 0.2, 0, 60}.windows(r, 120, 1)).NotExchangeable {
			fired++
		}
	}
	require.LessOrEqual(t, fired, 4)
}

// slowness is n windows of latencies that, on each side for itself, are longer
// or shorter by noise in each window; the candidate by factor besides.
func slowness(r *rand.Rand, n int, nb, nc int, noise, factor float64) []analysis.Window {
	var ws []analysis.Window
	for i := range n {
		at := func() float64 { return 0.05 * math.Exp(noise*r.NormFloat64()) }
		ws = append(ws, window(i, observe(r, nb, at()), observe(r, nc, at()*factor)))
	}
	return ws
}

// Each latency has its own φ and margin; the bounds are frozen with them.
func TestLearnTailLadder(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 11))
	c := ladder()
	c.SLO = 0.3
	c.Learned = learn(t, c, slowness(r, 60, 300, 300, 0.1, 1))
	require.Greater(t, len(c.Learned.Tests), 3)
	require.Empty(t, c.Learned.Lacks)
	phi := func(t analysis.LearnedTest) float64 { return (t.Residuals + 5) / float64(t.Counted+5) }
	first, bounds := c.Learned.Tests[0], []float64{}
	for _, l := range c.Learned.Tests {
		require.Equal(t, 60, l.Windows)
		bounds = append(bounds, l.Bound)
	}
	require.IsIncreasing(t, bounds)
	require.Contains(t, bounds, 0.3, "the objective")
	require.Greater(t, phi(first), 1.5, "the median moves with every window")
	require.Less(t, phi(c.Learned.Tests[len(bounds)-1]), phi(first), "the tail is left to chance")

	j := judge(t, c)
	require.NoError(t, j.Fold(slowness(r, 1, 900, 100, 0, 9)[0]))
	require.Equal(t, analysis.Fail, j.Verdict().Verdict, "judged from the first window")
	even := fold(judge(t, c), slowness(r, 60, 900, 100, 0.1, 1)...)
	require.Equal(t, analysis.Pass, even.Final("noHarm").Verdict, even.Final("noHarm").Reason)
	require.GreaterOrEqual(t, even.Final("noHarm").Dispersion, 1.0)
	text, err := json.Marshal(c.Learned)
	require.NoError(t, err)
	require.Less(t, len(text), 2048)
	state, err := even.MarshalBinary()
	require.NoError(t, err)
	require.LessOrEqual(t, len(state), 8<<10)
	restored := judge(t, c)
	require.NoError(t, restored.UnmarshalBinary(state))
	require.Equal(t, even.Final("noHarm"), restored.Final("noHarm"))

	short := ladder()
	short.Learned = learn(t, short, slowness(r, 5, 300, 300, 0, 1))
	require.NotEmpty(t, short.Learned.Lacks)
	require.Equal(t, analysis.Fail, fold(judge(t, short), slowness(r, 1, 900, 100, 0, 9)...).Verdict().Verdict, "the bounds are learned all the same")
}

func TestTailLadderNotExchangeable(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 12))
	c := ladder()
	c.Learned = learn(t, c, slowness(r, 60, 450, 450, 0, 1.3))
	require.True(t, c.Learned.NotExchangeable)
	alike := fold(judge(t, c), slowness(r, 60, 900, 100, 0, 1.25)...).Final("noHarm")
	require.Equal(t, analysis.CauseMetric, alike.Cause, alike.Reason)
	require.Equal(t, analysis.Fail, fold(judge(t, c), slowness(r, 60, 900, 100, 0, 4)...).Final("noHarm").Verdict)
	require.Equal(t, analysis.Pass, fold(judge(t, c), slowness(r, 60, 900, 100, 0, 1)...).Final("noHarm").Verdict)
}

// alarms is the share of runs in which a harmless candidate of the judged
// service fails after the placebo of the other.
func alarms(t *testing.T, c analysis.Config, runs int, placebo, judged func(*rand.Rand) []analysis.Window) float64 {
	t.Helper()
	n := 0
	for seed := range uint64(runs) {
		r := rand.New(rand.NewPCG(seed, 13))
		c.Learned = learn(t, c, placebo(r))
		if fold(judge(t, c), judged(r)...).Failed() {
			n++
		}
	}
	return float64(n) / float64(runs)
}

// Acceptance row 4: each side's rate moves by up to 50 % from window to window,
// and φ was learned in 30 minutes; .08 with φ alone, .04 with the margin 1.1.
// And φ that was learned at a share of 2 % serves at 50 %: .028 (judges.md §1.3).
func TestArmNoise(t *testing.T) {
	const runs = 300
	for _, tt := range []struct {
		name           string
		learned, share float64
		noise, margin  float64
		most           float64
	}{
		{"φ only, at a tenth", 0.5, 0.1, 0.5, 1, 0.08},
		{"φ only, at a half", 0.5, 0.5, 0.5, 1, 0.08},
		{"φ only, little noise", 0.5, 0.1, 0.16, 1, 0.08},
		{"margin, at a tenth", 0.5, 0.1, 0.5, 1.1, 0.04},
		{"margin, at a half", 0.5, 0.5, 0.5, 1.1, 0.04},
		{"margin, learned at a tenth", 0.1, 0.1, 0.5, 1.1, 0.04},
		{"transfer", 0.02, 0.5, 0.16, 1.1, 0.028},
		{"transfer of more", 0.02, 0.5, 0.3, 1.1, 0.028},
	} {
		c := rates(0.05)
		c.Judge.RateRatio.HarmMargin = tt.margin
		got := alarms(t, c, runs,
			func(r *rand.Rand) []analysis.Window {
				return world{6000, tt.learned, 0.01, tt.noise, 0, 60}.windows(r, 30, 1)
			},
			func(r *rand.Rand) []analysis.Window {
				return world{6000, tt.share, 0.01, tt.noise, 0, 60}.windows(r, 120, 1)
			})
		require.LessOrEqual(t, got, tt.most, tt.name)
		t.Logf("%s: %.3f", tt.name, got)
	}
}

// Without a placebo the same noise alarms: the guard is what keeps the level.
func TestArmNoiseNeedsTheGuard(t *testing.T) {
	n := 0
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 14))
		if fold(judge(t, rates(0.05)), world{6000, 0.5, 0.01, 0.5, 0, 60}.windows(r, 120, 1)...).Failed() {
			n++
		}
	}
	require.Greater(t, n, 10)
}

// Acceptance row 4 for latency: each side's latencies move by 10 %.
func TestLatencyNoise(t *testing.T) {
	for margin, most := range map[float64]float64{1: 0.08, 1.1: 0.04} {
		c := ladder()
		c.Alpha, c.Judge.TailLadder.HarmMargin = 0.05, margin
		got := alarms(t, c, 100,
			func(r *rand.Rand) []analysis.Window { return slowness(r, 30, 300, 300, 0.1, 1) },
			func(r *rand.Rand) []analysis.Window { return slowness(r, 60, 540, 60, 0.1, 1) })
		require.LessOrEqual(t, got, most, margin)
		t.Logf("margin %g: %.3f", margin, got)
	}
}

// Acceptance row 5: noise of 10 to 30 % that lasts (AR(1), .9 a minute), and a
// placebo of 24 hours, which teaches the margin.
func TestSlowNoise(t *testing.T) {
	for _, noise := range []float64{0.1, 0.2, 0.3} {
		got := alarms(t, rates(0.05), 100,
			func(r *rand.Rand) []analysis.Window {
				return world{3000, 0.5, 0.01, noise, 0.9, 60}.windows(r, 1440, 1)
			},
			func(r *rand.Rand) []analysis.Window { return world{3000, 0.1, 0.01, noise, 0.9, 60}.windows(r, 240, 1) })
		require.LessOrEqual(t, got, 0.05, noise)
		t.Logf("noise %g: %.3f", noise, got)
	}
}

// The guards do not blunt the judge where the service is clean: ×2 is found
// with a placebo nearly as soon as without.
func TestLearnedKeepsPower(t *testing.T) {
	var with, without []float64
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 15))
		clean := world{6000, 0.1, 0.01, 0, 0, 60}
		c := rates(0.01)
		c.Learned = learn(t, c, world{6000, 0.5, 0.01, 0, 0, 60}.windows(r, 60, 1))
		ws := clean.windows(r, 60, 2)
		plain, taught := fold(judge(t, rates(0.01)), ws...).Verdict(), fold(judge(t, c), ws...).Verdict()
		require.Equal(t, analysis.Fail, taught.Verdict, taught.Reason)
		with, without = append(with, taught.At), append(without, plain.At)
	}
	require.LessOrEqual(t, median(with), 1.5*median(without)+60)
}
