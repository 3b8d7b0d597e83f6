package analysis

import (
	"errors"
	"fmt"
	"math"
)

// Points decides on what is known as one value per window (CPU, memory,
// saturation, a vendor's metric): whether the candidate's lie above the
// baseline's. With the differences D of differences.go, H0 says that each D,
// given those before it, is symmetric about something ≤ 0. A bet of size c wins
// or loses (judges.md §1.4)
//
//	f_i(c) = 2/(1+exp(−2c·D_i/rms_{i−1}));   E = mean over c ∈ {⅛,¼,½,1,2,4} of Π f_i(c)
//
// where rms is the root mean square of the differences before. Under H0 f has
// mean ≤ 1, exactly and without any assumption on their size, and it is at most
// 2: one spike cannot fail anybody. The first two points, and any others before
// there is a scale, only set it.
//
// R is E averaged over every possible beginning of the harm, as in restart.go,
// so that neither long health nor one spike of the baseline hides a regression.
// Fail: ¾E + ¼R ≥ 1/α, which is an e-process too. The earliest decision, with
// differences that are all the same, is the 8th point at α = 0.05 and the 11th
// at 0.01. The reported e is E.
//
// The values must not be averages over overlapping time, nor one value read
// twice (three times each, and 37 of 100 harmless releases fail within 500
// points at α = 0.01; once each, fewer than 1): a point for each 10 to 15 s of what changes that fast, and for
// `rate(…[1m])` a point a minute. See Step.
//
// Proved: the same bets against H0 "D is symmetric about something ≥ ln
// SafeMargin" reach 1/β. Plain differences have no such margin: under
// nonInferior they end Inconclusive. Ratio is the geometric mean of
// candidate/baseline, Difference the mean of candidate − baseline; Interval is
// the asymptotic confidence sequence of meancs.go, from 15 points on.
type Points struct {
	// Direction of harm: "increase" (default) or "decrease".
	Direction string `json:"direction,omitempty"`

	// Transform is "log", the logarithm of the ratio, which refuses values
	// that are not above 0, or "diff", the plain difference. Default: log
	// while all values have been above 0, diff from the first other one on;
	// see differences.
	Transform string `json:"transform,omitempty"`

	// MinPoints is the minimum evidence of a step: values of each side;
	// default 8, 1 to 1e6. It binds Pass, never Fail.
	MinPoints int `json:"minPoints,omitempty"`

	// HarmMargin is the ratio that is still harmless, with transform log only;
	// default 1: none; 1 to 10.
	HarmMargin float64 `json:"harmMargin,omitempty"`

	// SafeMargin is the ratio that a proof of safety excludes; default 1.5,
	// 1.01 to 10.
	SafeMargin float64 `json:"safeMargin,omitempty"`

	// Beta is the chance that a harmful candidate is proved safe; default
	// that of the check, 0.05.
	Beta float64 `json:"beta,omitempty"`

	// Step is for whoever collects the values: how long a window is at least,
	// in which all that is read becomes one value, its mean. To the judge
	// every window is one point.
	Step Seconds `json:"step,omitempty"`
}

const (
	defaultMinPoints = 8
	bets             = 6
	scalePoints      = 2
	restartShare     = 0.25 // of the stake
)

// smallestBet is c of the first bet; each next one is twice the last.
const smallestBet = 0.125

func (p Points) withDefaults(c Config) Points {
	if p.Direction == "" {
		p.Direction = increase
	}
	p.HarmMargin = or(p.HarmMargin, 1)
	p.SafeMargin = or(p.SafeMargin, 1.5)
	p.Beta = or(p.Beta, c.Beta)
	return p
}

func (p Points) check(c Config) error {
	var direction, margin error
	if p.Direction != increase && p.Direction != decrease {
		direction = fmt.Errorf("check %q: direction is %q, must be %s or %s", c.Name, p.Direction, increase, decrease)
	}
	if p.HarmMargin != 1 && p.Transform != asLogarithm {
		margin = fmt.Errorf("check %q: harmMargin is a ratio, it needs transform: log", c.Name)
	}
	return errors.Join(direction, margin, checkTransform(c, p.Transform),
		c.within("minPoints", float64(p.MinPoints), 0, 1e6),
		c.within("harmMargin", p.HarmMargin, 1, 10),
		c.within("safeMargin", p.SafeMargin, 1.01, 10),
		c.within("beta", p.Beta, 1e-12, 0.5),
		c.within("step", float64(p.Step), 0, 1e9),
	)
}

type points struct {
	name       string
	alpha      float64
	params     Points
	sign       float64 // −1: a decrease is harm
	harm, safe float64 // ln of the margins
	differences
	e, s    [bets]float64 // ln of what the bets on harm and on safety came to
	r       [bets]float64 // R by size of bet, at most infinite
	betting int           // points that were bet on
}

func newPoints(c Config) (*points, error) {
	p := c.Judge.Points.withDefaults(c)
	if err := p.check(c); err != nil {
		return nil, err
	}
	made := &points{
		name: c.Name, alpha: c.Alpha, params: p, sign: 1, harm: math.Log(p.HarmMargin), safe: math.Log(p.SafeMargin),
		differences: differences{transform: p.Transform},
	}
	if p.Direction == decrease {
		made.sign = -1
	}
	return made, nil
}

func (p *points) fold(w Window) (outcome, error) {
	baseline, candidate, found, err := p.values(w)
	if !found {
		return judged, err
	}
	n := p.n
	x, before := p.next(baseline, candidate)
	if n < scalePoints {
		return judged, nil
	}
	p.bet(p.sign*x-p.harm, before.rms(p.sign*p.harm, n))
	if p.logs() {
		stake(&p.s, p.safe-p.sign*x, before.rms(p.sign*p.safe, n))
	}
	if p.fails() {
		return failing, nil
	}
	return judged, nil
}

// fails asks first what costs little: a mean is at most the largest.
func (p *points) fails() bool {
	goal := math.Log(1 / p.alpha)
	near := p.recent() >= 1/p.alpha
	for _, e := range p.e {
		near = near || e >= goal
	}
	return near && p.log() >= goal
}

// bet bets on harm: everything since the beginning, and R.
func (p *points) bet(x, scale float64) {
	f, ok := stake(&p.e, x, scale)
	if !ok {
		return
	}
	weight := 1 / (float64(p.betting+1) * float64(p.betting+2))
	for i := range p.r {
		p.r[i] = min((p.r[i]+weight)*f[i], infinite)
	}
	p.betting++
}

// stake adds ln f of one point to every bet and returns f = 2/(1+exp(−2cx)).
// Without a scale there is no bet.
func stake(into *[bets]float64, x, scale float64) (f [bets]float64, ok bool) {
	if scale == 0 {
		return f, false
	}
	const most = 1e6 // of its kind; symmetric, so that nothing is won by it
	y := 2 * smallestBet * max(-most, min(x/scale, most))
	z := math.Exp(-math.Abs(y)) // squared for each next bet
	for i := range f {
		f[i] = 2 / (1 + z)
		if y < 0 {
			f[i] *= z
		}
		into[i] += math.Ln2 + min(y, 0) - math.Log1p(z)
		y, z = 2*y, z*z
	}
	return f, true
}

// logEver is ln E.
func (p *points) logEver() float64 { return logMeanExp(p.e[:], 0) }

// recent is R, 1 before it begins.
func (p *points) recent() float64 {
	sum := 1 / float64(p.betting+1) // of the beginnings to come
	for _, r := range p.r {
		sum += r / bets
	}
	return sum
}

// log is ln(¾E + ¼R).
func (p *points) log() float64 {
	ever, recent := p.logEver()+math.Log1p(-restartShare), math.Log(restartShare*p.recent())
	most := max(ever, recent)
	return most + math.Log(math.Exp(ever-most)+math.Exp(recent-most))
}

func (p *points) weigh(e *Evidence) opinion {
	e.Alpha, e.Margin = p.alpha, p.params.HarmMargin
	ever, all, goal, enough := p.logEver(), p.log(), math.Log(1/p.alpha), math.Log(1/p.params.Beta)
	e.E, e.P, e.TowardsFail = fromLog(ever), min(1, fromLog(-all)), towards(all, goal)
	p.describe(e, sequence{alpha: p.alpha, tOpt: defaultTOpt, burnIn: defaultBurnIn})
	own := opinion{now: Continue, atEnd: Pass, reason: p.compared(p.name, e)}
	if p.n > 0 {
		own.reason += fmt.Sprintf(" (e=%s)", number(e.E))
	}
	if all >= goal && ever < goal {
		own.reason += fmt.Sprintf(", but worse of late (r=%s)", number(p.recent()))
	}
	if p.logs() && p.n > scalePoints {
		proof := logMeanExp(p.s[:], 0)
		e.safe(proof, enough)
		own.proved = proof >= enough
	}
	return own
}

func (p *points) visit(s *state) {
	p.differences.visit(s)
	s.slice(p.e[:])
	s.slice(p.s[:])
	s.slice(p.r[:])
	s.counts(&p.betting)
}
