package analysis

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// told returns the window as the check's judge needs it, or why a side that
// counted requests does not say of them what is judged: a missing observation is
// never a zero. A side without requests, or without values for a judge of values,
// adds nothing to the minimum evidence, and needs no word here.
func (c *Config) told(w Window) (Window, error) {
	var err error
	if w.Candidate, err = c.tells(w.Candidate); err == nil && !c.Judge.Absolute() {
		w.Baseline, err = c.tells(w.Baseline)
	}
	return w, err
}

func (c *Config) tells(side *Counts) (*Counts, error) {
	p := &c.Judge
	switch {
	case side == nil:
	case p.TailLadder != nil && side.total() > 0 && len(side.Buckets) == 0:
		return nil, fmt.Errorf("requests without buckets do not say how long they took, which %s judges", p.Name())
	case p.RateRatio == nil && p.GroupSequential == nil && p.SLORate == nil && p.BurnRate == nil && p.Threshold == nil:
	case p.Threshold != nil && side.Value != nil:
	case side.Requests == 0 && len(side.Buckets) > 0 && p.Absolute():
		slow, err := side.Slower(c.SLO)
		return &slow, err
	case side.uncounted || side.Requests == 0 && len(side.Buckets) > 0:
		return nil, fmt.Errorf("no failures are given: %s needs requests and failures, 0 if there were none", p.Name())
	}
	return side, nil
}

// Slower makes requests and failures of a histogram: those that took longer than
// the objective, in seconds, have failed. The objective must be one of its
// bounds: how many of a bucket were slower than a time within it nobody knows.
func (c Counts) Slower(slo float64) (Counts, error) {
	if slo <= 0 {
		return Counts{}, errors.New("buckets do not say what failed: requests and failures are needed, or an slo")
	}
	below, above := 0.0, math.Inf(1)
	for text, n := range c.Buckets {
		bound, err := strconv.ParseFloat(text, 64)
		switch {
		case err != nil:
			return Counts{}, fmt.Errorf("bucket %q is no upper bound", text)
		case math.Abs(bound-slo) <= slo*1e-9:
			total := c.Buckets["+Inf"]
			return Counts{Requests: total, Failures: max(total-n, 0)}, nil
		case bound < slo:
			below = max(below, bound)
		default:
			above = min(above, bound)
		}
	}
	return Counts{}, fmt.Errorf("the slo of %g s is no bound of the histogram (nearest: %g and %g), so that nobody knows how many were slower: take one of its bounds, or give it this one", slo, below, above)
}
