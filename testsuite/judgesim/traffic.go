package judgesim

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// sample is what one window says about failures: n requests and x failures of
// the candidate, the baseline, and (where a peer wants one) a fresh baseline
// as large as the candidate. Times are minutes.
type sample struct {
	start, end             float64
	nc, xc, nb, xb, ne, xe float64
}

// traffic is what happens: its fields are constant over a run unless bend says
// otherwise.
type traffic struct {
	perMinute float64 // requests of both sides
	share     float64 // the candidate's part of them
	rate      float64 // of failures, at the baseline
	ratio     float64 // of the candidate's rate to it
	window    float64 // minutes; 0: one
	noise     float64 // relative deviation of each side's rate, window by window
	memory    float64 // of the noise: its AR(1) coefficient
	beside    bool    // a fresh baseline as large as the candidate, too

	// bend changes the traffic before the i-th window.
	bend func(i int, t *traffic)
}

func (t traffic) String() string {
	return fmt.Sprintf("%g/min, %g%%, rate %g, ×%g, noise %g~%g, window %g", t.perMinute, 100*t.share, t.rate, t.ratio, t.noise, t.memory, t.window)
}

// stream is a run of a traffic.
type stream struct {
	traffic
	random  *rand.Rand
	i       int
	at      float64
	drift   [3]float64 // standard normal, of each side
	settled bool
}

func (t traffic) stream(r *rand.Rand) *stream {
	if t.window == 0 {
		t.window = 1
	}
	return &stream{traffic: t, random: r}
}

// next is the next window. Numbers of requests are Poisson, failures binomial.
func (s *stream) next() sample {
	if s.bend != nil {
		s.bend(s.i, &s.traffic)
	}
	w := sample{start: s.at, end: float64(s.i+1) * s.window}
	all := s.perMinute * s.window
	w.nc, w.xc = s.side(0, all*s.share, s.rate*s.ratio)
	w.nb, w.xb = s.side(1, all*(1-s.share), s.rate)
	if s.beside {
		w.ne, w.xe = s.side(2, all*s.share, s.rate)
	}
	s.settled = true
	s.i, s.at = s.i+1, w.end
	return w
}

func (s *stream) side(i int, requests, rate float64) (n, x float64) {
	if s.noise > 0 {
		fresh := s.random.NormFloat64()
		if s.settled {
			fresh = s.memory*s.drift[i] + math.Sqrt(1-s.memory*s.memory)*fresh
		}
		s.drift[i] = fresh
		rate *= math.Exp(s.noise*fresh - s.noise*s.noise/2)
	}
	n = poisson(s.random, requests)
	return n, binomial(s.random, n, min(1, rate))
}

// policy watches windows and says when it would roll back. Once it has said so
// it is not asked again.
type policy interface {
	see(w sample) (rollback bool)
}

// never is the time of a rollback that did not come.
var never = math.Inf(1)

// watch shows at most n windows to the policies and returns when, in minutes,
// each of them rolls back.
func watch(s *stream, n int, policies ...policy) []float64 {
	at, left := make([]float64, len(policies)), len(policies)
	for i := range at {
		at[i] = never
	}
	for range n {
		w := s.next()
		for i, p := range policies {
			if at[i] == never && p.see(w) {
				at[i] = w.end
				left--
			}
		}
		if left == 0 {
			break
		}
	}
	return at
}

// gather adds up windows until a minute (or another interval) is full.
type gather struct {
	every float64 // minutes
	sum   sample
	began bool
}

// add returns the sum when the window completes the interval.
func (g *gather) add(w sample) (whole sample, full bool) {
	if !g.began {
		g.sum, g.began = w, true
	} else {
		g.sum.end = w.end
		g.sum.nc, g.sum.xc = g.sum.nc+w.nc, g.sum.xc+w.xc
		g.sum.nb, g.sum.xb = g.sum.nb+w.nb, g.sum.xb+w.xb
		g.sum.ne, g.sum.xe = g.sum.ne+w.ne, g.sum.xe+w.xe
	}
	if g.sum.end-g.sum.start < g.every-1e-9 {
		return sample{}, false
	}
	g.began = false
	return g.sum, true
}
