package analysis

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

const (
	leastPlacebo = 30   // windows that φ is learned in
	placeboAlpha = 0.01 // of the judge over two halves of the baseline
)

// relative is a judge that compares the two sides by tests of ratio.go.
type relative interface {
	method

	// all returns the tests and their states.
	all() ([]*ratioTest, []*ratio)

	// look returns what each test would see of a window; nothing of one that
	// cannot be folded.
	look(w Window) []arms
}

// Learn learns dispersion, margin and exchangeability of a check from windows
// whose two sides are both baseline, in any order; those of other checks, late
// and impossible ones are left out. For tailLadder it also fixes the latencies,
// unless c.Bounds does. It returns nil for a judge that has nothing to learn,
// and an error when c is refused.
//
// φ needs 30 windows. The margin needs 20 blocks of 5, 15 or 60 minutes, and
// is 1.1 without. With both, the judge itself is asked at α = 0.01 whether the
// halves can be told apart (see Learned.NotExchangeable).
func Learn(c Config, placebo []Window) (*Learned, error) {
	c = c.withDefaults()
	c.Learned = nil
	windows := history(c.Name, placebo)
	if c.Judge.TailLadder != nil && len(c.Bounds) == 0 {
		c.Bounds = c.Judge.TailLadder.bounds(windows, c.SLO)
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	m, err := c.newMethod()
	if err != nil {
		return nil, err
	}
	judge, compares := m.(relative)
	if !compares {
		return nil, nil
	}
	l := &Learned{Tests: learnTests(judge, windows)}
	if l.Lacks = lacks(l.Tests, windows); l.Lacks != "" {
		l.forget()
		return l, nil
	}
	c.Learned = l
	return l, l.compare(c, windows)
}

// history puts windows in the order of time, without those that cannot be
// folded.
func history(check string, windows []Window) []Window {
	var ordered []Window
	for _, w := range windows {
		if (w.Check == check || w.Check == "" || check == "") && w.Validate() == nil {
			ordered = append(ordered, w)
		}
	}
	slices.SortStableFunc(ordered, func(a, b Window) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
	})
	end := math.Inf(-1)
	return slices.DeleteFunc(ordered, func(w Window) bool {
		late := w.Start < end
		if !late {
			end = w.End
		}
		return late
	})
}

// bounds fixes the latencies from both halves together.
func (l *TailLadder) bounds(windows []Window, slo float64) []float64 {
	var total histogram
	for _, w := range windows {
		for _, side := range []*Counts{w.Baseline, w.Candidate} {
			h, err := side.histogram()
			switch {
			case err != nil:
			case total.total() == 0:
				total = h
			case h.shape() == total.shape():
				for i, n := range h.counts {
					total.counts[i] += n
				}
			}
		}
	}
	if total.total() == 0 {
		return nil
	}
	quantiles := l.Quantiles
	if len(quantiles) == 0 {
		quantiles = defaultQuantiles
	}
	return chooseBounds(total, quantiles, slo)
}

func (c *Counts) histogram() (histogram, error) {
	if c == nil {
		return histogram{}, errors.New("no side")
	}
	return parseHistogram(c.Buckets)
}

// learnTests learns φ and the margin of each of a judge's tests.
func learnTests(judge relative, windows []Window) []LearnedTest {
	tests, states := judge.all()
	learned, noise, totals := make([]LearnedTest, len(tests)), make([]noise, len(tests)), make([]arms, len(tests))
	for i := range noise {
		noise[i] = newNoise()
	}
	for _, w := range windows {
		for i, a := range judge.look(w) {
			tests[i].fold(states[i], a)
			noise[i].fold(w.Start, w.End, a)
			totals[i] = totals[i].plus(a)
			if a.nc > 0 && a.nb > 0 {
				learned[i].Windows++
			}
		}
	}
	for i, s := range states {
		d := s.dispersion
		learned[i].Counted, learned[i].Residuals, learned[i].Variance = d.windows, d.sum, d.variance
		learned[i].Rate = totals[i].rate()
		learned[i].Margin = noise[i].margin()
	}
	if ladder, is := judge.(*tailLadder); is {
		for i, bound := range ladder.bounds {
			learned[i].Bound = bound
		}
	}
	return learned
}

// lacks is why a history is not enough to learn from.
func lacks(tests []LearnedTest, windows []Window) string {
	most := 0
	for _, t := range tests {
		most = max(most, t.Windows)
	}
	var both twins
	for _, w := range windows {
		both.fold(w)
	}
	switch {
	case len(windows) == 0:
		return "no windows"
	case both.identical():
		return "both halves are one series"
	case most < leastPlacebo:
		return fmt.Sprintf("%d windows with requests on both halves, need %d", most, leastPlacebo)
	default:
		return ""
	}
}

// forget keeps the bounds only.
func (l *Learned) forget() {
	for i, t := range l.Tests {
		l.Tests[i] = LearnedTest{Bound: t.Bound}
	}
}

// compare asks the judge whether it can tell the halves apart, either way
// round: neither of them is the candidate.
func (l *Learned) compare(c Config, windows []Window) error {
	c.Alpha = placeboAlpha / 2
	intervals := make([][2]*float64, len(l.Tests))
	for _, swap := range []bool{false, true} {
		m, err := c.newMethod()
		judge, compares := m.(relative)
		if err != nil || !compares {
			return err
		}
		for _, w := range windows {
			if swap {
				w.Baseline, w.Candidate = w.Candidate, w.Baseline
			}
			what, err := judge.fold(w)
			l.NotExchangeable = l.NotExchangeable || err == nil && what == failing
		}
		if tests, states := judge.all(); !swap {
			for i, s := range states {
				intervals[i] = tests[i].interval(s, placeboAlpha)
			}
		}
	}
	if l.NotExchangeable {
		for i := range l.Tests {
			l.Tests[i].Interval = &intervals[i]
		}
	}
	return nil
}
