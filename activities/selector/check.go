package selector

import (
	"errors"
	"fmt"
	"strings"

	"bakeoff/rollout"
)

// BoundLabel is the label that holds the upper bound of a bucket.
const BoundLabel = "le"

const bucketSuffix = "_bucket"

// Sources are the selectors of one check. Those that it does not use are zero.
type Sources struct {
	Requests, Failures Selector
	Histogram          Selector // named without _bucket
}

// ForCheck reads the selectors of a check and what tells its versions apart.
// A check with a query has none. Its errors are for the person who wrote the
// check.
func ForCheck(c rollout.Check) (Sources, error) {
	var s Sources
	var err error
	read := func(into *Selector, field, text string) {
		if err == nil && text != "" {
			if *into, err = Parse(text); err != nil {
				err = fmt.Errorf("%s: %w", field, err)
			}
		}
	}
	read(&s.Requests, "requests", c.Requests)
	read(&s.Failures, "failures", c.Failures)
	read(&s.Histogram, "histogram", c.Histogram)
	if err != nil {
		return Sources{}, err
	}
	s.Histogram.Name = strings.TrimSuffix(s.Histogram.Name, bucketSuffix)
	switch {
	case c.Query != "":
		return s, nil
	case c.Histogram != "":
		for _, m := range s.Histogram.Matchers {
			if m.Label == BoundLabel {
				return Sources{}, fmt.Errorf("histogram: %s: all buckets are read, so no bound can be chosen", m)
			}
		}
	case c.Requests == "" || c.Failures == "":
		return Sources{}, errors.New("nothing is measured: give failures and requests, a histogram or a query")
	}
	for _, side := range []bool{true, false} {
		if _, err := ForSide(c.By, side, "any"); err != nil {
			return Sources{}, err
		}
	}
	return s, nil
}

// Buckets returns the selector of a classic histogram's buckets.
func (s Sources) Buckets() Selector { return s.Histogram.Named(s.Histogram.Name + bucketSuffix) }

// ForSide returns what selects one side's series: its version in the label
// that by names (default "version"), or the side's own matchers.
func ForSide(by *rollout.By, baseline bool, version string) ([]Matcher, error) {
	switch {
	case by == nil:
		by = &rollout.By{Label: "version"}
		fallthrough
	case by.Label != "":
		m, err := NewMatcher(by.Label, Equal, version)
		if err != nil {
			return nil, fmt.Errorf("by: %w", err)
		}
		return []Matcher{m}, nil
	}
	text := by.Candidate
	if baseline {
		text = by.Baseline
	}
	found, err := ParseMatchers(text)
	if err != nil {
		return nil, fmt.Errorf("by: %w", err)
	}
	return found, nil
}
