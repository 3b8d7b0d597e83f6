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

var defaultQuantiles = []float64{.5, .75, .9, .95, .99, .999}

// ChooseBounds returns the latencies at which tailLadder counts, rising: the
// bounds of the baseline's histogram nearest to its quantiles .5 to .999 and,
// when slo is above 0, to the SLO, both in seconds. It returns nil when the
// baseline has no requests or its buckets cannot be.
func ChooseBounds(baseline Counts, slo float64) []float64 {
	h, err := parseHistogram(baseline.Buckets)
	if err != nil || h.total() == 0 {
		return nil
	}
	return chooseBounds(h, defaultQuantiles, slo)
}

func chooseBounds(h histogram, quantiles []float64, slo float64) []float64 {
	var bounds []float64
	for _, q := range quantiles {
		bounds = append(bounds, nearest(h.bounds, h.quantile(q)))
	}
	if slo > 0 {
		bounds = append(bounds, nearest(h.bounds, slo))
	}
	slices.Sort(bounds)
	return slices.Compact(bounds)
}

// tailLadder is the judge; its rungs are the latencies.
type tailLadder struct {
	name      string
	alpha     float64
	beta      float64
	quantiles []float64
	slo       float64
	test      *ratioTest
	params    RateRatio

	bounds []float64 // empty while learning
	rungs  []ratio
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
	t := &tailLadder{name: c.Name, alpha: c.Alpha, beta: p.Beta, quantiles: l.Quantiles, slo: c.SLO, test: newRatioTest(p), params: p}
	if len(t.quantiles) == 0 {
		t.quantiles = defaultQuantiles
	}
	bounds := slices.Clone(c.Bounds)
	slices.Sort(bounds)
	t.freeze(slices.Compact(bounds))
	return t, nil
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
	t.bounds, t.rungs, t.sample = bounds, make([]ratio, len(bounds)), histogram{}
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
	if baseline.total() == 0 || candidate.total() == 0 {
		return judged, nil
	}
	for i, bound := range t.bounds {
		xb, _ := baseline.above(bound)
		xc, _ := candidate.above(bound)
		t.test.fold(&t.rungs[i], arms{nc: candidate.total(), xc: xc, nb: baseline.total(), xb: xb})
	}
	if t.fails() {
		return failing, nil
	}
	return judged, nil
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

// mean returns the logarithm of a weighted mean of e-values, each given as its
// logarithm, and the rung with the largest part of it.
func (t *tailLadder) mean(log func(*ratio) float64) (mean float64, leader int) {
	parts := make([]float64, len(t.rungs))
	for i := range t.rungs {
		parts[i] = log(&t.rungs[i]) + math.Log(t.share(i)*float64(len(t.rungs)))
		if parts[i] > parts[leader] {
			leader = i
		}
	}
	return logMeanExp(parts, 0), leader
}

func (t *tailLadder) fails() bool {
	goal := math.Log(2 / t.alpha)
	harm, recent := false, false
	for i := range t.rungs {
		harm = harm || t.rungs[i].reaches(goal)
		recent = recent || t.rungs[i].restart.log() >= goal
	}
	if harm {
		e, leader := t.mean((*ratio).logHarm)
		harm = e >= goal && t.test.relevant(&t.rungs[leader])
	}
	if recent {
		r, leader := t.mean(logRestart)
		recent = r >= goal && t.test.relevantSince(&t.rungs[leader])
	}
	return harm || recent
}

func logRestart(r *ratio) float64 { return r.restart.log() }

func (t *tailLadder) weigh(e *Evidence) opinion {
	e.Alpha, e.Margin = t.alpha, t.params.HarmMargin
	if len(t.bounds) == 0 {
		return opinion{now: Continue, atEnd: NoData, reason: t.name + ": still learning the baseline's latencies"}
	}
	goal, enough := math.Log(2/t.alpha), math.Log(1/t.beta)
	harm, leader := t.mean((*ratio).logHarm)
	recent, latest := t.mean(logRestart)
	if recent > harm {
		leader = latest
	}
	lead := &t.rungs[leader]
	e.Ratio, e.Bound, e.Dispersion = lead.mantelHaenszel(), t.bounds[leader], lead.dispersion.phi()
	e.Interval = t.test.interval(lead, t.alpha*t.share(leader))
	e.harm(harm, recent, goal)
	safe := t.logSafe()
	e.safe(safe, enough)
	reason := e.effect(fmt.Sprintf("%s above %s s", t.name, number(e.Bound)))
	if recent > harm && recent >= goal {
		reason += fmt.Sprintf(", but worse of late (r=%s)", number(fromLog(recent)))
	}
	return opinion{now: Continue, atEnd: Pass, reason: reason, proved: safe >= enough}
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
		t.rungs = make([]ratio, len(t.bounds))
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
