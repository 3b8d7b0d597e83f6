package analysis

import (
	"errors"
	"fmt"
	"math"
)

// RateRatio decides whether the candidate's share of failed requests (errors,
// timeouts, any pair of counters) is worse than the baseline's: the exact
// sequential test of ratio.go. It may be looked at after every window.
//
// Fail: E or R ≥ 2/α, at least MinCanaryEvents events, and the harm at least
// MinAbsDelta; for R over the time since R was last below 1, because the
// difference over everything would hide a regression that began late. Proved:
// E_safe ≥ 1/β. Windows without traffic on both sides, or without any failure,
// say nothing; two sides without failures are therefore never proved.
type RateRatio struct {
	// Direction of harm: "increase" (default) or "decrease", which swaps the
	// sides (conversions, cache hits). Ratio stays candidate over baseline.
	Direction string `json:"direction,omitempty"`

	// HarmMargin is d0, the ratio still harmless, 1 to 10; default what the
	// placebo history calls for, at least 1.1.
	HarmMargin float64 `json:"harmMargin,omitempty"`

	// SafeMargin is m, the ratio that a proof of safety excludes; default
	// 1.5, 1.01 to 10.
	SafeMargin float64 `json:"safeMargin,omitempty"`

	// MinAbsDelta is the least difference of the shares,
	// Σ(x_c−kρ)/Σn_c(1−ρ), that Fail needs; default 0.0005, 0 to 1.
	MinAbsDelta *float64 `json:"minAbsDelta,omitempty"`

	// MinCanaryEvents is how many failures of the candidate (for "decrease":
	// of the baseline) Fail needs; default 3, 1 to 1e6.
	MinCanaryEvents float64 `json:"minCanaryEvents,omitempty"`

	// Beta is the chance that a harmful candidate is proved safe; default
	// that of the check, 0.05.
	Beta float64 `json:"beta,omitempty"`
}

const (
	increase = "increase"
	decrease = "decrease"
)

func (p RateRatio) withDefaults(c Config) RateRatio {
	if p.Direction == "" {
		p.Direction = increase
	}
	if p.MinAbsDelta == nil {
		delta := 0.0005
		p.MinAbsDelta = &delta
	}
	p.HarmMargin = or(p.HarmMargin, c.Learned.margin(0))
	p.SafeMargin = or(p.SafeMargin, 1.5)
	p.MinCanaryEvents = or(p.MinCanaryEvents, 3)
	p.Beta = or(p.Beta, c.Beta)
	return p
}

func (p RateRatio) check(c Config) error {
	var direction error
	if p.Direction != increase && p.Direction != decrease {
		direction = fmt.Errorf("check %q: direction is %q, must be %s or %s", c.Name, p.Direction, increase, decrease)
	}
	return errors.Join(direction,
		c.within("harmMargin", p.HarmMargin, 1, 10),
		c.within("safeMargin", p.SafeMargin, 1.01, 10),
		c.within("minAbsDelta", *p.MinAbsDelta, 0, 1),
		c.within("minCanaryEvents", p.MinCanaryEvents, 1, 1e6),
		c.within("beta", p.Beta, 1e-12, 0.5),
	)
}

// rateRatio is the judge: parameters, fixed test, state.
type rateRatio struct {
	name   string
	alpha  float64
	params RateRatio
	test   *ratioTest
	ratio  ratio
}

func newRateRatio(c Config) (*rateRatio, error) {
	p := c.Judge.RateRatio.withDefaults(c)
	if err := p.check(c); err != nil {
		return nil, err
	}
	r := &rateRatio{name: c.Name, alpha: c.Alpha, params: p, test: newRatioTest(p)}
	r.test.teach(c.Learned.at(0))
	return r, nil
}

func (r *rateRatio) fold(w Window) (outcome, error) {
	r.test.fold(&r.ratio, r.arms(w))
	if r.test.fails(&r.ratio, r.alpha) {
		return failing, nil
	}
	return judged, nil
}

// arms are the counts of a window, the side that may be harmed as the candidate.
func (r *rateRatio) arms(w Window) arms {
	if w.Baseline == nil || w.Candidate == nil {
		return arms{}
	}
	a := arms{nc: w.Candidate.Requests, xc: w.Candidate.Failures, nb: w.Baseline.Requests, xb: w.Baseline.Failures}
	if r.params.Direction == decrease {
		a = arms{nc: a.nb, xc: a.xb, nb: a.nc, xb: a.xc}
	}
	return a
}

func (r *rateRatio) all() ([]*ratioTest, []*ratio) {
	return []*ratioTest{r.test}, []*ratio{&r.ratio}
}

func (r *rateRatio) look(w Window) []arms { return []arms{r.arms(w)} }

func (r *rateRatio) weigh(e *Evidence) opinion {
	e.Alpha, e.Margin, e.Dispersion = r.alpha, r.params.HarmMargin, r.test.dispersion(&r.ratio).phi()
	e.Ratio = r.ratio.mantelHaenszel()
	e.Interval = r.test.interval(&r.ratio, r.alpha)
	safe := r.ratio.logSafe()
	e.harm(r.ratio.logHarm(), r.ratio.restart.log(), math.Log(2/r.alpha))
	e.safe(safe, math.Log(1/r.params.Beta))
	if r.params.Direction == decrease {
		e.invert()
	}
	own := opinion{now: Continue, atEnd: Pass, reason: e.effect(r.name), proved: safe >= math.Log(1/r.params.Beta)}
	accused := r.test.accuses(&r.ratio, r.alpha)
	if accused && r.ratio.logHarm() < math.Log(2/r.alpha) {
		own.reason += fmt.Sprintf(", but worse of late (r=%s)", number(r.ratio.restart.value()))
	}
	r.test.qualify(&own, r.params.SafeMargin, accused && !r.test.fails(&r.ratio, r.alpha))
	return own
}

func (r *rateRatio) visit(s *state) { r.ratio.visit(s) }
