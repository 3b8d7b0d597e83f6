package analysis

import (
	"errors"
	"math"
)

// SLORate decides whether the candidate alone fails more often than an
// objective allows; it needs no baseline. With n requests, x failures and
// p0 = 1 − objective, H0 says that every window has p ≤ p0 (judges.md §1.5):
//
//	L_j = x·ln(p_j/p0) + (n−x)·ln((1−p_j)/(1−p0)),  p_j = p0·(1.2…51);   E = mean exp(L_j)
//
// exact for binomial counts; alternatives end below p = 0.99. R of restart.go
// stands beside it, so that a candidate which fails after long health is found
// at once; an absolute bound needs no φ, R begins with the first window.
//
// Fail: E or R ≥ 2/α and at least 3 failures. Proved: the same test with
// H0 p ≥ p0 and p_j = p0/(1.2…51) reaches 1/β. Ratio and Interval are the rate
// over p0: ×3 is three times what the objective allows.
type SLORate struct {
	// Objective is the share of requests that succeed, "99.9%" or 0.999;
	// required, from 50 % to below 100 %.
	Objective Share `json:"objective"`

	// Beta is the chance that a candidate worse than the objective is proved
	// good; default that of the check, 0.05.
	Beta float64 `json:"beta,omitempty"`
}

const (
	smallestBurn, largestBurn = 1.2, 51.0 // p_j/p0, log-spaced
	largestRate               = 0.99
	sloMinEvents              = 3
)

type sloRate struct {
	name        string
	alpha, beta float64
	allowed     float64               // p0
	burn        [alternatives]float64 // p_j/p0
	hit, miss   [alternatives]float64 // ln(p_j/p0), ln((1−p_j)/(1−p0))
	n, x        float64
	windows     int // with requests
	restart     restart
}

func newSLORate(c Config) (*sloRate, error) {
	p := *c.Judge.SLORate
	p.Beta = or(p.Beta, c.Beta)
	err := errors.Join(
		c.within("objective", float64(p.Objective), 0.5, 1-1e-9),
		c.within("beta", p.Beta, 1e-12, 0.5),
	)
	if err != nil {
		return nil, err
	}
	s := &sloRate{name: c.Name, alpha: c.Alpha, beta: p.Beta, allowed: 1 - float64(p.Objective)}
	for j := range s.burn {
		s.burn[j] = logSpaced(smallestBurn, min(largestBurn, largestRate/s.allowed), j)
		s.hit[j] = math.Log(s.burn[j])
		s.miss[j] = math.Log1p(-s.allowed*s.burn[j]) - math.Log1p(-s.allowed)
	}
	return s, nil
}

func (s *sloRate) fold(w Window) (outcome, error) {
	c := w.Candidate
	if c == nil || c.Requests == 0 {
		return judged, nil
	}
	steps := s.gains(c.Failures, c.Requests)
	s.restart.fold(&steps, s.windows, c.Failures, c.Requests)
	s.windows++
	s.n += c.Requests
	s.x += c.Failures
	all := s.gains(s.x, s.n)
	if s.x >= sloMinEvents && max(logMeanExp(all[:], 0), s.restart.log()) >= math.Log(2/s.alpha) {
		return failing, nil
	}
	return judged, nil
}

// gains is L_j of x failures in n requests.
func (s *sloRate) gains(x, n float64) (l [alternatives]float64) {
	for j := range l {
		l[j] = x*s.hit[j] + (n-x)*s.miss[j]
	}
	return l
}

// likelihood is ln of the binomial likelihood, without its constant.
func likelihood(x, n, p float64) float64 {
	sum := 0.0
	if x > 0 {
		sum += x * math.Log(p)
	}
	if n > x {
		sum += (n - x) * math.Log1p(-p)
	}
	return sum
}

// logBurn is ln E of the null p against rates above (sign 1) or below it; rates
// that cannot be count nothing.
func (s *sloRate) logBurn(p, sign float64) float64 {
	var l [alternatives]float64
	for j, burn := range s.burn {
		l[j] = math.Inf(-1)
		if at := p * math.Pow(burn, sign); at < 1 {
			l[j] = likelihood(s.x, s.n, at)
		}
	}
	return logMeanExp(l[:], likelihood(s.x, s.n, p))
}

// interval is the confidence sequence of the rate, over p0, at level 1−α.
func (s *sloRate) interval() [2]*float64 {
	if s.n == 0 {
		return [2]*float64{}
	}
	const least, most = 1e-15, 1 - 1e-12
	peak := math.Log(max(least, min(most, s.x/s.n)))
	above := func(x float64) float64 { return s.logBurn(math.Exp(x), 1) }
	below := func(x float64) float64 { return s.logBurn(math.Exp(x), -1) }
	ends := [2]*float64{
		crossing(above, math.Log(2/s.alpha), math.Log(least), peak),
		crossing(below, math.Log(2/s.alpha), math.Log(most), peak),
	}
	for _, end := range ends {
		if end != nil {
			*end /= s.allowed
		}
	}
	return ends
}

func (s *sloRate) weigh(e *Evidence) opinion {
	goal, enough := math.Log(2/s.alpha), math.Log(1/s.beta)
	e.Alpha, e.Interval = s.alpha, s.interval()
	if s.n > 0 {
		e.Ratio = s.x / s.n / s.allowed
	}
	safe := s.logBurn(s.allowed, -1)
	harm := s.gains(s.x, s.n)
	e.harm(logMeanExp(harm[:], 0), s.restart.log(), goal)
	e.safe(safe, enough)
	reason := e.effect(s.name + " against its objective")
	return opinion{now: Continue, atEnd: Pass, reason: reason, proved: safe >= enough}
}

func (s *sloRate) visit(w *state) {
	w.floats(&s.n, &s.x)
	w.counts(&s.windows)
	s.restart.visit(w)
}
