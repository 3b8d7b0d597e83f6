package analysis

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// TailLadder decides whether the candidate is slower (or larger) than the
// baseline anywhere from its median to its far tail. At each of a few latencies,
// frozen at the histogram bounds nearest to the baseline's quantiles, the
// requests above it are the events of one test of ratio.go:
//
//	E = Σ w_i·E_i / Σ w_i,  R alike,  w = 1, at the SLO's bound 2
//
// Fail: E or R ≥ 2/α where the leading latency, the one with the largest part
// of it, also has MinCanaryEvents and MinAbsDelta. Proved: E_safe ≥ 1/β at every
// latency that anything exceeded. Ratio and Interval are those of the leading
// latency, at its part of α.
//
// Windows whose buckets have other bounds than the first are refused. While
// latencies are learned from the first windows (until the baseline has 1,000
// requests, at most 10 windows) nothing is judged.
type TailLadder struct {
	// Quantiles of the baseline; default .5 .75 .9 .95 .99 .999, at most 10.
	Quantiles []float64 `json:"quantiles,omitempty"`

	// As in RateRatio.
	HarmMargin      float64  `json:"harmMargin,omitempty"`
	SafeMargin      float64  `json:"safeMargin,omitempty"`
	MinAbsDelta     *float64 `json:"minAbsDelta,omitempty"`
	MinCanaryEvents float64  `json:"minCanaryEvents,omitempty"`
	Beta            float64  `json:"beta,omitempty"`
}

const (
	learnRequests = 1000
	learnWindows  = 10
	mostRungs     = 12
)

// tailLadder is the judge; its rungs are the latencies.
type tailLadder struct {
	name      string
	alpha     float64
	beta      float64
	quantiles []float64
	slo       float64
	params    RateRatio
	learned   *Learned // from the placebo history

	bounds []float64 // empty while learning
	tests  []*ratioTest
	rungs  []ratio
	counts []arms    // of the present window
	shape  uint64    // of the buckets; 0 before the first
	sample histogram // of the baseline, while learning
	looked int       // windows learned from
}

func newTailLadder(c Config) (*tailLadder, error) {
	l := c.Judge.TailLadder
	p := RateRatio{HarmMargin: l.HarmMargin, SafeMargin: l.SafeMargin, MinAbsDelta: l.MinAbsDelta, MinCanaryEvents: l.MinCanaryEvents, Beta: l.Beta}.withDefaults(c)
	if err := errors.Join(p.check(c), l.check(c)); err != nil {
		return nil, err
	}
	t := &tailLadder{name: c.Name, alpha: c.Alpha, beta: p.Beta, quantiles: l.Quantiles, slo: c.SLO, params: p, learned: c.Learned}
	t.params.HarmMargin = l.HarmMargin // 0: that of each latency
	if len(t.quantiles) == 0 {
		t.quantiles = defaultQuantiles
	}
	bounds := slices.Clone(c.Bounds)
	if len(bounds) == 0 {
		bounds = c.Learned.bounds()
	}
	slices.Sort(bounds)
	t.freeze(slices.Compact(bounds))
	return t, nil
}

func (t *tailLadder) all() ([]*ratioTest, []*ratio) {
	states := make([]*ratio, len(t.rungs))
	for i := range t.rungs {
		states[i] = &t.rungs[i]
	}
	return t.tests, states
}

func (l *TailLadder) check(c Config) error {
	if len(l.Quantiles) > mostRungs-2 || len(c.Bounds) > mostRungs {
		return fmt.Errorf("check %q: at most %d quantiles or %d bounds", c.Name, mostRungs-2, mostRungs)
	}
	var problems []error
	for _, q := range l.Quantiles {
		problems = append(problems, c.within("quantiles", q, 0.01, 0.99999))
	}
	for _, b := range c.Bounds {
		problems = append(problems, c.within("bounds", b, -1e9, 1e9))
	}
	return errors.Join(problems...)
}

func (t *tailLadder) freeze(bounds []float64) {
	t.bounds, t.sample = bounds, histogram{}
	t.arrange()
}

// arrange makes one test for each latency, with what the placebo history
// taught of it.
func (t *tailLadder) arrange() {
	t.rungs, t.tests, t.counts = make([]ratio, len(t.bounds)), make([]*ratioTest, len(t.bounds)), make([]arms, len(t.bounds))
	for i, bound := range t.bounds {
		p := t.params
		p.HarmMargin = or(p.HarmMargin, t.learned.margin(bound))
		t.tests[i] = newRatioTest(p)
		t.tests[i].teach(t.learned.at(bound))
	}
}

func (t *tailLadder) fold(w Window) (outcome, error) {
	baseline, candidate, err := t.read(w)
	if err != nil {
		return judged, err
	}
	if len(t.bounds) == 0 {
		t.learn(baseline)
		return unjudged, nil
	}
	for i, a := range t.exceeded(baseline, candidate) {
		t.tests[i].fold(&t.rungs[i], a)
	}
	if t.accusations().condemned {
		return failing, nil
	}
	return judged, nil
}

// exceeded counts on both sides the requests above each latency. The slice is
// overwritten by the next call.
func (t *tailLadder) exceeded(baseline, candidate histogram) []arms {
	for i, bound := range t.bounds {
		xb, _ := baseline.above(bound)
		xc, _ := candidate.above(bound)
		t.counts[i] = arms{nc: candidate.total(), xc: xc, nb: baseline.total(), xb: xb}
	}
	return t.counts
}

func (t *tailLadder) look(w Window) []arms {
	baseline, candidate, err := t.read(w)
	if err != nil {
		return nil
	}
	return t.exceeded(baseline, candidate)
}

// read returns both histograms, empty for a side not seen. It refuses bounds
// other than those of the first window, and a first window without the
// latencies that were fixed in advance.
func (t *tailLadder) read(w Window) (baseline, candidate histogram, err error) {
	sides := [2]histogram{}
	shape := t.shape
	for i, c := range []*Counts{w.Baseline, w.Candidate} {
		if c == nil || len(c.Buckets) == 0 {
			continue
		}
		if sides[i], err = parseHistogram(c.Buckets); err != nil {
			return baseline, candidate, err
		}
		if shape == 0 {
			shape, err = sides[i].shape(), t.fits(sides[i])
		}
		if err != nil {
			return baseline, candidate, err
		}
		if sides[i].shape() != shape {
			return baseline, candidate, errors.New("the buckets have other bounds than before")
		}
	}
	t.shape = shape
	return sides[0], sides[1], nil
}

func (t *tailLadder) fits(h histogram) error {
	for _, b := range t.bounds {
		if _, ok := h.above(b); !ok {
			return fmt.Errorf("no bucket for the bound %g", b)
		}
	}
	return nil
}

// learn adds a window of the baseline and, when there is enough, freezes the
// latencies. Ten windows without a request leave nothing to choose from, so
// that the first requests after them are then enough.
func (t *tailLadder) learn(baseline histogram) {
	t.looked++
	if len(t.sample.counts) == 0 {
		t.sample = baseline
	} else {
		for i, n := range baseline.counts {
			t.sample.counts[i] += n
		}
	}
	if n := t.sample.total(); n >= learnRequests || t.looked >= learnWindows && n > 0 {
		t.freeze(chooseBounds(t.sample, t.quantiles, t.slo))
	}
}

// share is a rung's part of the whole weight.
func (t *tailLadder) share(rung int) float64 {
	whole, mine := float64(len(t.bounds)), 1.0
	if t.slo > 0 {
		whole++
		if t.bounds[rung] == nearest(t.bounds, t.slo) {
			mine = 2
		}
	}
	return mine / whole
}

// parts returns the logarithm of each rung's part of the weighted mean of
// e-values, that of the mean, and the rung with the largest part. log is an
// e-value's logarithm.
func (t *tailLadder) parts(log func(*ratio) float64) (parts []float64, mean float64, leader int) {
	parts = make([]float64, len(t.rungs))
	for i := range t.rungs {
		parts[i] = log(&t.rungs[i]) + math.Log(t.share(i)*float64(len(t.rungs)))
		if parts[i] > parts[leader] {
			leader = i
		}
	}
	return parts, logMeanExp(parts, 0), leader
}

func logRestart(r *ratio) float64 { return r.restart.log() }

func (t *tailLadder) weigh(e *Evidence) opinion {
	e.Alpha, e.Margin = t.alpha, or(t.params.HarmMargin, leastMargin)
	if len(t.bounds) == 0 {
		return opinion{now: Continue, atEnd: NoData, reason: t.name + ": still learning the baseline's latencies"}
	}
	goal, enough := math.Log(2/t.alpha), math.Log(1/t.beta)
	_, harm, leader := t.parts((*ratio).logHarm)
	_, recent, latest := t.parts(logRestart)
	if recent > harm {
		leader = latest
	}
	lead, test := &t.rungs[leader], t.tests[leader]
	e.Margin, e.Dispersion = test.d[harmNull], test.dispersion(lead).phi()
	e.Ratio, e.Bound = lead.mantelHaenszel(), t.bounds[leader]
	e.Interval = test.interval(lead, t.alpha*t.share(leader))
	e.harm(harm, recent, goal)
	safe := t.logSafe()
	e.safe(safe, enough)
	own := opinion{now: Continue, atEnd: Pass, proved: safe >= enough}
	own.reason = e.effect(fmt.Sprintf("%s above %s s", t.name, number(e.Bound)))
	if recent > harm && recent >= goal {
		own.reason += fmt.Sprintf(", but worse of late (r=%s)", number(fromLog(recent)))
	}
	a := t.accusations()
	test.qualify(&own, t.params.SafeMargin, a.stands && !a.condemned)
	return own
}

// logSafe is the least ln E_safe of the latencies that anything exceeded: each
// of them has to be proved, and the others have nothing to prove.
func (t *tailLadder) logSafe() float64 {
	least := math.Inf(1)
	for i := range t.rungs {
		if t.rungs[i].windows > 0 {
			least = min(least, t.rungs[i].logSafe())
		}
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return least
}

func (t *tailLadder) visit(s *state) {
	s.list(&t.bounds, mostRungs)
	if len(t.rungs) != len(t.bounds) {
		t.arrange()
	}
	for i := range t.rungs {
		t.rungs[i].visit(s)
	}
	t.shape = s.word(t.shape)
	s.list(&t.sample.bounds, mostBounds)
	s.list(&t.sample.counts, mostBounds)
	s.counts(&t.looked)
	if len(t.sample.bounds) != len(t.sample.counts) {
		s.broken = true
	}
}
