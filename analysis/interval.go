package analysis

import (
	"cmp"
	"math"
	"slices"
)

// interval is the confidence sequence of the ratio at level 1−α: every d0 that
// neither the harm test nor its mirror rejects, that is from where
// mean exp(ℓ(d0(1+u_j))−ℓ(d0)) falls below 2/α to where
// mean exp(ℓ(d0/(1+u_j))−ℓ(d0)) reaches it; the 2 pays for having both ends, so
// that E fails exactly when the lower end passes the margin. ℓ between its known points is a
// cubic spline in ln d. Alternatives outside the known points count nothing,
// which can only widen the interval. An end beyond them is nil, unbounded.
func (t *ratioTest) interval(s *ratio, alpha float64) [2]*float64 {
	if s.windows == 0 {
		return [2]*float64{}
	}
	curve := newSpline(t.ln[:], s.l[:])
	harm := func(x float64) float64 { return t.mixture(curve, x, 1) }
	mirror := func(x float64) float64 { return t.mixture(curve, x, -1) }
	low, high, goal := curve.x[0], curve.x[len(curve.x)-1], math.Log(2/alpha)
	peak := curve.peak()
	return [2]*float64{
		crossing(harm, goal, low, peak),
		crossing(mirror, goal, high, peak),
	}
}

// mixture is ln E of the null x = ln d0 against alternatives above (sign 1) or below.
func (t *ratioTest) mixture(curve spline, x, sign float64) float64 {
	var l [alternatives]float64
	for j, u := range t.excess {
		l[j] = math.Inf(-1)
		if at := x + sign*math.Log1p(u); curve.holds(at) {
			l[j] = curve.at(at)
		}
	}
	return logMeanExp(l[:], curve.at(x))
}

// crossing returns exp of where f falls from at least goal at the far end to
// below it at the near one, or nil when it is below already at the far end.
func crossing(f func(float64) float64, goal, far, near float64) *float64 {
	if f(far) < goal {
		return nil
	}
	for range 50 {
		middle := (far + near) / 2
		if f(middle) >= goal {
			far = middle
		} else {
			near = middle
		}
	}
	end := math.Exp(far)
	return &end
}

// spline is a cubic through points; at both ends its second derivative is that
// of the neighbouring point.
type spline struct{ x, y, second []float64 }

func newSpline(x, y []float64) spline {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
	var s spline
	for _, i := range order {
		if n := len(s.x); n > 0 && x[i]-s.x[n-1] < 1e-9 {
			continue // the same point twice
		}
		s.x, s.y = append(s.x, x[i]), append(s.y, y[i])
	}
	s.second = s.bend()
	return s
}

// bend solves for the second derivatives (tridiagonal, Thomas algorithm).
func (s spline) bend() []float64 {
	n := len(s.x)
	m, above, right := make([]float64, n), make([]float64, n), make([]float64, n)
	above[0] = -1 // m[0] = m[1]
	for i := 1; i < n-1; i++ {
		left, width := s.x[i]-s.x[i-1], s.x[i+1]-s.x[i]
		slope := (s.y[i+1]-s.y[i])/width - (s.y[i]-s.y[i-1])/left
		pivot := 2*(left+width) - left*above[i-1]
		above[i] = width / pivot
		right[i] = (6*slope - left*right[i-1]) / pivot
	}
	m[n-1] = right[n-2] / (1 + above[n-2]) // m[n-1] = m[n-2]
	for i := n - 2; i >= 0; i-- {
		m[i] = right[i] - above[i]*m[i+1]
	}
	return m
}

func (s spline) holds(x float64) bool { return x >= s.x[0] && x <= s.x[len(s.x)-1] }

func (s spline) at(x float64) float64 {
	i, _ := slices.BinarySearch(s.x, x)
	i = max(1, min(i, len(s.x)-1))
	width := s.x[i] - s.x[i-1]
	a, b := (s.x[i]-x)/width, (x-s.x[i-1])/width
	return a*s.y[i-1] + b*s.y[i] +
		((a*a*a-a)*s.second[i-1]+(b*b*b-b)*s.second[i])*width*width/6
}

// peak is where the spline, taken to be concave, is highest.
func (s spline) peak() float64 {
	low, high := s.x[0], s.x[len(s.x)-1]
	for range 60 {
		a, b := low+(high-low)/3, high-(high-low)/3
		if s.at(a) < s.at(b) {
			low = a
		} else {
			high = b
		}
	}
	return (low + high) / 2
}
