package analysis

import (
	"errors"
	"math"
)

// solverTolerance is how far from the root the solver may stop, whatever the
// size of the values.
const solverTolerance = 1e-4

// errTied is what Kayenta throws where every observation is tied.
var errTied = errors.New("cannot compute confidence interval when all observations are tied")

// shiftTest is the rank test behind Kayenta's confidence interval of a shift
// (kayenta-mannwhitney MannWhitney.scala, after R's wilcox.test, asymptotic and
// with continuity correction). Both sides are sorted.
type shiftTest struct{ experiment, control []float64 }

// w is the standardised rank sum of experiment − mu among both, less q.
func (t shiftTest) w(mu, q float64) (float64, error) {
	n, m := float64(len(t.experiment)), float64(len(t.control))
	sum, ties, before := 0.0, 0.0, 0.0
	for i, j := 0, 0; i < len(t.experiment) || j < len(t.control); {
		at := math.Inf(1)
		if i < len(t.experiment) {
			at = t.experiment[i] - mu
		}
		if j < len(t.control) {
			at = min(at, t.control[j])
		}
		from := i
		for i < len(t.experiment) && t.experiment[i]-mu == at {
			i++
		}
		tied := float64(i - from)
		ours := tied
		for ; j < len(t.control) && t.control[j] == at; j++ {
			tied++
		}
		sum += ours * (before + (tied+1)/2)
		ties += tied * (tied*tied - 1)
		before += tied
	}
	dz := sum - n*(n+1)/2 - n*m/2
	variance := n * m / 12 * (n + m + 1 - ties/((n+m)*(n+m-1)))
	if !(variance > 0) {
		return 0, errTied
	}
	correction := 0.5
	switch {
	case dz < 0:
		correction = -0.5
	case dz == 0:
		correction = 0
	}
	return (dz-correction)/math.Sqrt(variance) - q, nil
}

// interval is the confidence interval of the shift and its estimate. The
// solver's tolerance is absolute, as in Kayenta.
func (t shiftTest) interval(level float64) (low, high, estimate float64, err error) {
	z := normalQuantile((1 + level) / 2)
	var errs [3]error
	low, errs[0] = t.root(z)
	high, errs[1] = t.root(-z)
	estimate, errs[2] = t.root(0)
	return low, high, estimate, errors.Join(errs[:]...)
}

// root is where w(mu, q) = 0, or the end of the range of all differences.
func (t shiftTest) root(q float64) (float64, error) {
	low := t.experiment[0] - t.control[len(t.control)-1]
	high := t.experiment[len(t.experiment)-1] - t.control[0]
	atLow, err := t.w(low, q)
	if err != nil {
		return 0, err
	}
	atHigh, err := t.w(high, q)
	switch {
	case err != nil:
		return 0, err
	case atLow <= 0:
		return low, nil
	case atHigh >= 0:
		return high, nil
	}
	return brent(func(mu float64) (float64, error) { return t.w(mu, q) }, low, high, atLow, atHigh, solverTolerance, 1000)
}

// brent finds a root between a and b, at which f has opposite signs: Brent,
// Algorithms for Minimization Without Derivatives (1973), chapter 4, in the
// variant of R's zeroin, step for step, because its result within the
// tolerance is part of what Kayenta says.
func brent(f func(float64) (float64, error), a, b, fa, fb, tolerance float64, steps int) (float64, error) {
	const epsilon = 0x1p-52
	c, fc := a, fa
	for range steps + 1 {
		previous := b - a
		if math.Abs(fc) < math.Abs(fb) { // b is to be the best
			a, b, c = b, c, b
			fa, fb, fc = fb, fc, fb
		}
		least := 2*epsilon*math.Abs(b) + tolerance/2
		step := (c - b) / 2
		if math.Abs(step) <= least || fb == 0 {
			return b, nil
		}
		if math.Abs(previous) >= least && math.Abs(fa) > math.Abs(fb) {
			p, q := interpolate(a, b, c, fa, fb, fc)
			if p < 0.75*(c-b)*q-math.Abs(least*q)/2 && p < math.Abs(previous*q/2) {
				step = p / q
			}
		}
		if math.Abs(step) < least {
			step = math.Copysign(least, step)
		}
		a, fa = b, fb
		b += step
		var err error
		if fb, err = f(b); err != nil {
			return 0, err
		}
		if fb > 0 && fc > 0 || fb < 0 && fc < 0 {
			c, fc = a, fa
		}
	}
	return b, nil
}

// interpolate is the step p/q from b by the inverse quadratic through three
// points, or the line through two; p is not negative.
func interpolate(a, b, c, fa, fb, fc float64) (p, q float64) {
	s := fb / fa
	if a == c {
		p, q = (c-b)*s, 1-s
	} else {
		t, r := fa/fc, fb/fc
		p = s * ((c-b)*t*(t-r) - (b-a)*(r-1))
		q = (t - 1) * (r - 1) * (s - 1)
	}
	if p > 0 {
		return p, -q
	}
	return -p, q
}
