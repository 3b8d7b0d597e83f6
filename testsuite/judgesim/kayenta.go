package judgesim

import (
	"math"
	"slices"
)

// kayenta is Kayenta with NetflixACAJudge-v1.0 on one metric, in the set-up
// that its documentation gives (kayenta-judge .../NetflixACAJudge.scala and
// MannWhitneyClassifier.scala, orca's MonitorCanaryTask; judges.md §5): a
// baseline as large as the candidate, failures a minute as points, lifetime
// three hours, a look each 60 minutes at all points so far, pass 95, marginal
// 75, direction increase.
type kayenta struct {
	minute              gather
	candidate, baseline []float64
}

const (
	kayentaInterval = 60  // points between looks
	kayentaLifetime = 180 // minutes
	kayentaPass     = 95
	kayentaMarginal = 75
)

func newKayenta() *kayenta { return &kayenta{minute: gather{every: 1}} }

func (k *kayenta) see(w sample) bool {
	whole, full := k.minute.add(w)
	if !full {
		return false
	}
	k.candidate, k.baseline = append(k.candidate, whole.xc), append(k.baseline, whole.xe)
	n := len(k.candidate)
	if n%kayentaInterval != 0 || n > kayentaLifetime {
		return false
	}
	score := 100.0
	if classify(k.candidate, k.baseline) != kayentaAlike {
		score = 0
	}
	return kayentaEnds(score, n == kayentaLifetime)
}

// kayentaEnds reports whether a look ends the canary as a failure: a score at
// most marginal does, and at the last look one below pass.
func kayentaEnds(score float64, last bool) bool {
	return score <= kayentaMarginal || last && score < kayentaPass
}

// class is the judge's classification of a metric.
type class string

const (
	kayentaAlike  class = "Pass"
	kayentaHigh   class = "High"
	kayentaNoData class = "Nodata"
)

// classify is MannWhitneyClassifier with direction increase and its defaults:
// confidence 0.98, tolerance 0.25 of the estimate, allowed increase 1 on the
// ratio of means. An exception, such as all observations tied, is a metric
// that is not counted and so cannot lower the score: it is Pass here.
func classify(experiment, control []float64) class {
	if len(experiment) == 0 || len(control) == 0 {
		return kayentaNoData
	}
	e, c := slices.Sorted(slices.Values(experiment)), slices.Sorted(slices.Values(control))
	if slices.Equal(e, c) || e[0] == c[0] && e[len(e)-1] == e[0] && c[len(c)-1] == c[0] {
		return kayentaAlike
	}
	lower, _, estimate, ok := shift(e, c, 0.98)
	if !ok || lower <= 0.25*math.Abs(estimate) {
		return kayentaAlike
	}
	if effect := mean(e) / mean(c); mean(e) == 0 || mean(c) == 0 || effect >= 1 {
		return kayentaHigh
	}
	return kayentaAlike
}

func mean(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}

// shift is the confidence interval and estimate of the shift of x against y
// (MannWhitney.scala): where the standardised rank sum crosses ±z and 0. Both
// must be sorted. It is not ok where Kayenta throws.
func shift(x, y []float64, level float64) (lower, upper, estimate float64, ok bool) {
	low, high := x[0]-y[len(y)-1], x[len(x)-1]-y[0]
	z := math.Sqrt2 * math.Erfinv(level)
	ok = true
	root := func(q float64, clamp bool) float64 {
		f := func(mu float64) float64 {
			w, fine := rankSum(x, y, mu)
			ok = ok && fine
			return w - q
		}
		switch fl, fh := f(low), f(high); {
		case clamp && fl <= 0:
			return low
		case clamp && fh >= 0:
			return high
		case fl*fh > 0:
			ok = false // the solver throws: no bracketing
			return 0
		default:
			return zeroin(f, low, high, fl, fh)
		}
	}
	return root(z, true), root(-z, true), root(0, false), ok
}

// rankSum is W(μ) of judges.md §5.1: the rank sum of x−μ in both, centred,
// corrected for continuity, over its deviation with ties. It is not ok when
// all observations are tied.
func rankSum(x, y []float64, mu float64) (float64, bool) {
	n, m := float64(len(x)), float64(len(y))
	ranks, ties := 0.0, 0.0
	i, j, rank := 0, 0, 0.0
	for i < len(x) || j < len(y) {
		at := math.Inf(1)
		if i < len(x) {
			at = x[i] - mu
		}
		if j < len(y) {
			at = min(at, y[j])
		}
		fromX, from := 0.0, rank
		for ; i < len(x) && x[i]-mu == at; i++ {
			fromX++
			rank++
		}
		for ; j < len(y) && y[j] == at; j++ {
			rank++
		}
		t := rank - from
		ranks += fromX * (from + (t+1)/2)
		ties += t*t*t - t
	}
	d := ranks - n*(n+1)/2 - n*m/2
	if d != 0 {
		d -= math.Copysign(0.5, d)
	}
	all := n + m
	sigma := math.Sqrt(n * m / 12 * (all + 1 - ties/(all*(all-1))))
	return d / sigma, sigma > 0
}

// zeroin is Brent's root finder as in R's zeroin.c, which Kayenta's solver
// follows, with its absolute tolerance of 1e-4.
func zeroin(f func(float64) float64, a, b, fa, fb float64) float64 {
	const tolerance, most = 1e-4, 1000
	c, fc := a, fa
	for range most {
		last := b - a
		if math.Abs(fc) < math.Abs(fb) {
			a, b, c = b, c, b
			fa, fb, fc = fb, fc, fb
		}
		least := 2*0x1p-52*math.Abs(b) + tolerance/2
		step := (c - b) / 2
		if math.Abs(step) <= least || fb == 0 {
			return b
		}
		if math.Abs(last) >= least && math.Abs(fa) > math.Abs(fb) {
			step = interpolate(a, b, c, fa, fb, fc, last, least)
		}
		if math.Abs(step) < least {
			step = math.Copysign(least, step)
		}
		a, fa = b, fb
		b += step
		fb = f(b)
		if fb > 0 == (fc > 0) {
			c, fc = a, fa
		}
	}
	return b
}

// interpolate is zeroin's step by the secant or an inverse parabola, or half
// the interval where those lead too far.
func interpolate(a, b, c, fa, fb, fc, last, least float64) float64 {
	half, p, q := (c-b)/2, 0.0, 0.0
	if a == c {
		t := fb / fa
		p, q = (c-b)*t, 1-t
	} else {
		s, t, u := fa/fc, fb/fc, fb/fa
		p = u * ((c-b)*s*(s-t) - (b-a)*(t-1))
		q = (s - 1) * (t - 1) * (u - 1)
	}
	if p > 0 {
		q = -q
	} else {
		p = -p
	}
	if p < 0.75*(c-b)*q-math.Abs(least*q)/2 && p < math.Abs(last*q/2) {
		return p / q
	}
	return half
}
