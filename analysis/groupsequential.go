package analysis

import (
	"errors"
	"fmt"
	"math"
)

// GroupSequential decides whether the candidate fails more often than the
// baseline at a few looks that are planned in advance: for batch pipelines and
// recorded windows, offline. Where looks are not planned, rateRatio is right.
//
// Of the k events of a look x are the candidate's. Given k, under the null
// that the rates have the ratio HarmMargin, x ~ Bin(k, θ) in each window, with
// θ = ρd/(ρd+1−ρ), ρ the candidate's share of the requests. Look j of J may
// have spent Spending(j/J) of α (Lan and DeMets 1983):
//
//	S_j = Σ x;  Fail when S_j ≥ c_j, c_j least with P(S_j ≥ c_j, no Fail before) ≤ spending(j/J) − spent
//
// The chance is exact, by convolution of binomials, while Σkθ(1−θ) ≤ 10,000,
// so also at looks with fewer than ten events, where normal boundaries lose
// their level (8.1 % measured for 5 %); above, normal by numerical
// integration. Windows of one look with different θ are pooled, which errs on
// the safe side (Hoeffding 1956).
//
// Fail at a look is final. Before the last planned look the end is
// Inconclusive, after it Pass; windows after it do not count. It proves
// nothing, so that under nonInferior its best verdict is Inconclusive. Windows
// without requests on both sides, or without failures, add no evidence but do
// count for the plan. State: four numbers a look.
type GroupSequential struct {
	// Looks is how many looks are planned; default 5, 1 to 20.
	Looks int `json:"looks,omitempty"`

	// WindowsPerLook is how many windows make one look; default 1, up to 10,080.
	WindowsPerLook int `json:"windowsPerLook,omitempty"`

	// Spending is "obf" (default; O'Brien-Fleming: late), "pocock" (early) or
	// "power" (α·t^Power).
	Spending string `json:"spending,omitempty"`

	// Power is the exponent of "power"; default 3, 0.5 to 10.
	Power float64 `json:"power,omitempty"`

	// HarmMargin is d, the ratio still harmless; default 1, up to 10.
	HarmMargin float64 `json:"harmMargin,omitempty"`

	// Direction of harm: "increase" (default) or "decrease", which swaps the sides.
	Direction string `json:"direction,omitempty"`
}

// mostExactVariance is Σkθ(1−θ) up to which looks are exact.
const mostExactVariance = 10_000

// mostExactEvents bounds it, too: beyond, a float64 soon cannot count them one
// by one any more.
const mostExactEvents = 1e12

func (p GroupSequential) withDefaults() GroupSequential {
	p.Looks = int(or(float64(p.Looks), 5))
	p.WindowsPerLook = int(or(float64(p.WindowsPerLook), 1))
	p.Power = or(p.Power, 3)
	p.HarmMargin = or(p.HarmMargin, 1)
	if p.Spending == "" {
		p.Spending = spendOBF
	}
	if p.Direction == "" {
		p.Direction = increase
	}
	return p
}

func (p GroupSequential) check(c Config) error {
	var spending error
	if p.Spending != spendOBF && p.Spending != spendPocock && p.Spending != spendPower {
		spending = fmt.Errorf("check %q: spending is %q, must be obf, pocock or power", c.Name, p.Spending)
	}
	return errors.Join(spending,
		c.direction(p.Direction, increase, decrease),
		c.within("looks", float64(p.Looks), 1, 20),
		c.within("windowsPerLook", float64(p.WindowsPerLook), 1, mostValues),
		c.within("power", p.Power, 0.5, 10),
		c.within("harmMargin", p.HarmMargin, 1, 10),
	)
}

// Boundaries returns z at each planned look, one-sided, were all looks normal
// and of one size: for planning.
func (p GroupSequential) Boundaries(alpha float64) []float64 {
	p = p.withDefaults()
	var z []float64
	var w walk
	spent := 0.0
	for j := 1; j <= p.Looks; j++ {
		v, total := float64(j), spend(p.Spending, alpha, p.Power, float64(j)/float64(p.Looks))
		b := w.boundary(v, total-spent)
		z = append(z, b/math.Sqrt(v))
		w, spent = w.next(v, b), total
	}
	return z
}

// look is one look: its events, how many of them the candidate's share would
// be, how many were, and at which sum it stops (+Inf: it spent nothing).
type look struct{ events, expected, seen, stop float64 }

func (l look) variance() float64 {
	if l.events == 0 {
		return 0
	}
	return l.expected * (1 - l.expected/l.events)
}

type groupSequential struct {
	name        string
	params      GroupSequential
	alpha       float64
	looks       []look
	pending     look
	windows     int     // in pending
	after       int     // windows after the last look
	over, under float64 // Σx_c(1−ρ) and Σx_bρ: Mantel-Haenszel's ratio
}

func newGroupSequential(c Config) (*groupSequential, error) {
	p := c.Judge.GroupSequential.withDefaults()
	return &groupSequential{name: c.Name, params: p, alpha: c.Alpha}, p.check(c)
}

func (g *groupSequential) fold(w Window) (outcome, error) {
	if len(g.looks) == g.params.Looks {
		g.after++
		return unjudged, nil
	}
	g.add(w)
	if g.windows++; g.windows < g.params.WindowsPerLook {
		return judged, nil
	}
	g.looks = append(g.looks, g.pending)
	g.pending, g.windows = look{}, 0
	last := &g.looks[len(g.looks)-1]
	last.stop = g.boundary()
	if g.sum() >= last.stop {
		return failing, nil
	}
	return judged, nil
}

// add gathers a window into the pending look.
func (g *groupSequential) add(w Window) {
	if w.Candidate.total() == 0 || w.Baseline.total() == 0 {
		return
	}
	c, b := w.Candidate, w.Baseline
	rho := c.Requests / (c.Requests + b.Requests)
	g.over += c.Failures * (1 - rho)
	g.under += b.Failures * rho
	if g.params.Direction == decrease {
		c, b, rho = b, c, 1-rho
	}
	k := c.Failures + b.Failures
	theta := rho * g.params.HarmMargin / (rho*g.params.HarmMargin + 1 - rho)
	g.pending.events += k
	g.pending.expected += k * theta
	g.pending.seen += c.Failures
}

func (g *groupSequential) sum() (x float64) {
	for _, l := range g.looks {
		x += l.seen
	}
	return x
}

// boundary is where the newest look stops.
func (g *groupSequential) boundary() float64 {
	variance, events := 0.0, 0.0
	for _, l := range g.looks {
		variance += l.variance()
		events += l.events
	}
	switch allowed := spend(g.params.Spending, g.alpha, g.params.Power, float64(len(g.looks))/float64(g.params.Looks)); {
	case variance == 0:
		return math.Inf(1)
	case variance <= mostExactVariance && events <= mostExactEvents:
		return g.exact(allowed)
	default:
		return g.normal(allowed)
	}
}

func (g *groupSequential) exact(allowed float64) float64 {
	var reached events
	spent, stopped := 0.0, 0.0
	for i, l := range g.looks {
		if l.variance() > 0 {
			reached = reached.plus(binomial(l.events, l.expected/l.events))
		}
		if i == len(g.looks)-1 {
			break
		}
		reached, stopped = reached.stop(l.stop)
		spent += stopped
	}
	if reached.p == nil {
		return math.Inf(1)
	}
	return reached.boundary(allowed - spent)
}

// normal takes half an event off each boundary: continuity.
func (g *groupSequential) normal(allowed float64) float64 {
	var w walk
	mean, variance, spent := 0.0, 0.0, 0.0
	for i, l := range g.looks {
		mean += l.expected
		variance += l.variance()
		small := variance < w.variance*(1+leastGain)
		if i == len(g.looks)-1 {
			if small {
				return math.Inf(1)
			}
			return math.Ceil(w.boundary(variance, allowed-spent) + mean + 0.5)
		}
		if small || math.IsInf(l.stop, 1) {
			continue
		}
		b := l.stop - mean - 0.5
		spent += w.above(variance, b)
		w = w.next(variance, b)
	}
	return math.Inf(1)
}

func (g *groupSequential) weigh(e *Evidence) opinion {
	e.Alpha, e.Margin = g.alpha, g.params.HarmMargin
	if top, bottom := g.over, g.under; bottom > 0 {
		e.Ratio = top / bottom
	} else if top > 0 {
		e.Ratio = infinite
	}
	o := opinion{now: Continue, atEnd: Inconclusive, reason: fmt.Sprintf("%s: %d of %d planned looks", g.name, len(g.looks), g.params.Looks)}
	if len(g.looks) == 0 {
		return o
	}
	if len(g.looks) == g.params.Looks {
		o.atEnd = Pass
	}
	last := g.looks[len(g.looks)-1]
	if needed := last.stop - g.mean(); needed > 0 && !math.IsInf(needed, 1) {
		e.TowardsFail = max(0, min(1, (g.sum()-g.mean())/needed))
	}
	o.reason += fmt.Sprintf(", ×%s (%s events, expected %s, stops at %s)",
		number(e.Ratio), count(g.sum()), number(g.mean()), count(last.stop))
	if g.after > 0 {
		o.reason += fmt.Sprintf("; %d windows came after them", g.after)
	}
	return o
}

// count writes a number of events in full.
func count(x float64) string {
	if math.IsInf(x, 1) {
		return "none"
	}
	return fmt.Sprintf("%.0f", x)
}

// mean is how many events the null expects.
func (g *groupSequential) mean() (x float64) {
	for _, l := range g.looks {
		x += l.expected
	}
	return x
}

func (g *groupSequential) visit(s *state) {
	n := len(g.looks)
	s.counts(&n, &g.windows, &g.after)
	if n > g.params.Looks || s.broken {
		s.broken = true
		return
	}
	if s.reading {
		g.looks = make([]look, n)
	}
	for i := range g.looks {
		g.looks[i].visit(s)
	}
	g.pending.visit(s)
	s.floats(&g.over, &g.under)
}

func (l *look) visit(s *state) { s.floats(&l.events, &l.expected, &l.seen, &l.stop) }
