package analysis

import (
	"errors"
	"fmt"
)

// MannWhitney decides whether the candidate's values are higher than the
// baseline's, by the rank-sum test of Wilcoxon, Mann and Whitney: for offline
// comparison of two runs, one look at the end. Each window gives one value of
// each side, or of one; the sides need not be of one length.
//
//	U = Σ ranks(candidate) − n(n+1)/2,  CLES = U/(nm) = P(c > b) + P(c = b)/2
//	p = P(|U−nm/2| ≥ |u−nm/2|), two-sided
//
// Up to 50 values a side p is exact with ties, by the shift algorithm
// (Streitberg and Röhmel 1986); above, normal with the corrections for ties and
// continuity. At 50 values a side the two differ by less than 0.01 (measured).
//
// Fail: p ≤ Alpha and CLES ≥ Effect (for "decrease" ≤ 1−Effect). Fewer than
// MinSamples on a side: Inconclusive. It proves nothing, so that under
// nonInferior its best verdict is Inconclusive. Constant or identical sides
// have p = 1. Values that are NaN or infinite are refused; more than 10,080 a
// side are an Error.
type MannWhitney struct {
	// Direction of harm: "increase" (default), "decrease" or "either".
	Direction string `json:"direction,omitempty"`

	// Alpha is the level of the test; default 0.05, up to 0.5. It is its own,
	// not a share of the policy's.
	Alpha float64 `json:"alpha,omitempty"`

	// Effect is the least CLES that can fail; default 0.56, 0.5 to 1.
	Effect float64 `json:"effect,omitempty"`

	// MinSamples is how many values each side needs; default 8, 2 to 10,080.
	MinSamples int `json:"minSamples,omitempty"`
}

const (
	either    = "either"
	mostExact = 50 // values of a side that are still judged exactly
)

type mannWhitney struct {
	name   string
	params MannWhitney
	samples
}

func newMannWhitney(c Config) (*mannWhitney, error) {
	p := *c.Judge.MannWhitney
	if p.Direction == "" {
		p.Direction = increase
	}
	p.Alpha = or(p.Alpha, 0.05)
	p.Effect = or(p.Effect, 0.56)
	p.MinSamples = int(or(float64(p.MinSamples), 8))
	err := errors.Join(
		c.direction(p.Direction, increase, decrease, either),
		c.within("alpha", p.Alpha, 1e-12, 0.5),
		c.within("effect", p.Effect, 0.5, 1),
		c.within("minSamples", float64(p.MinSamples), 2, mostValues),
	)
	return &mannWhitney{name: c.Name, params: p}, err
}

func (m *mannWhitney) fold(w Window) (outcome, error) {
	if err := finite(w); err != nil {
		return judged, err
	}
	m.samples.fold(w)
	return judged, nil
}

// twoSided is the p-value, exact where that is affordable.
func (r ranking) twoSided() float64 {
	if max(r.n, r.m) <= mostExact {
		return r.exactTwoSided()
	}
	return r.normalTwoSided()
}

func (m *mannWhitney) weigh(e *Evidence) opinion {
	e.Alpha = m.params.Alpha
	if o, ok := m.missing(m.name); ok {
		return o
	}
	n, b := len(m.candidate), len(m.baseline)
	if least := min(n, b); least < m.params.MinSamples {
		return opinion{now: Continue, atEnd: Inconclusive,
			reason: fmt.Sprintf("%s: insufficient, %d values on one side, need %d", m.name, least, m.params.MinSamples)}
	}
	r := rank(m.candidate, m.baseline)
	e.P, e.Effect = r.twoSided(), r.superiority()
	o := opinion{now: Continue, atEnd: Pass, reason: fmt.Sprintf("%s: CLES %s (p=%s, %d values against %d)",
		m.name, number(e.Effect), number(e.P), n, b)}
	if e.P <= m.params.Alpha && m.harmful(e.Effect) {
		o.atEnd = Fail
	}
	return o
}

func (m *mannWhitney) harmful(effect float64) bool {
	up, down := effect >= m.params.Effect, 1-effect >= m.params.Effect
	return up && m.params.Direction != decrease || down && m.params.Direction != increase
}

func (m *mannWhitney) visit(s *state) { m.samples.visit(s) }
