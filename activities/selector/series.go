package selector

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Sample is one series' value at one moment.
type Sample struct {
	Name   string
	Labels map[string]string // without the name
	Value  float64
}

// Keys names series the same at every read: by the source they come from (the
// endpoint; "" where there is one source only), the metric's name and all
// labels in alphabetical order except the bound of a bucket and those that
// only tell versions apart.
type Keys struct {
	Source string
	Sides  []Matcher // of ForSide: the labels of those with = are left out
}

// Of returns the key of a series: `name{a="1",b="2"}`, after the source.
func (k Keys) Of(name string, labels map[string]string) string {
	var b strings.Builder
	if k.Source != "" {
		b.WriteString(k.Source + " ")
	}
	b.WriteString(name + "{")
	first := true
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		if label == BoundLabel || label == nameLabel || labels[label] == "" || k.tellsVersions(label) {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		b.WriteString(label + "=" + strconv.Quote(labels[label]))
	}
	b.WriteByte('}')
	return b.String()
}

func (k Keys) tellsVersions(label string) bool {
	return slices.ContainsFunc(k.Sides, func(m Matcher) bool { return m.Label == label && m.Op == Equal })
}

// Counters adds the samples to into, by key. ±Inf, negative values and a series
// that stands twice are errors that name the series, and so is NaN, unless all
// of them are NaN: then there is no data.
func (k Keys) Counters(into map[string]float64, samples []Sample) error {
	if allNaN(samples) {
		return nil
	}
	for _, s := range samples {
		key := k.Of(s.Name, s.Labels)
		if err := countable(s.Value); err != nil {
			return fmt.Errorf("%s %w", key, err)
		}
		if _, twice := into[key]; twice {
			return fmt.Errorf("%s stands twice", key)
		}
		into[key] = s.Value
	}
	return nil
}

// Buckets adds the samples of a classic histogram to into, by key and by upper
// bound in its shortest form ("0.1", "1", "+Inf"), so that 1 and 1.0 are the
// same bound. A histogram without the bound +Inf is an error, as are the
// values that Counters refuses.
func (k Keys) Buckets(into map[string]map[string]float64, samples []Sample) error {
	if allNaN(samples) {
		return nil
	}
	for _, s := range samples {
		key := k.Of(strings.TrimSuffix(s.Name, bucketSuffix), s.Labels)
		bound, err := strconv.ParseFloat(s.Labels[BoundLabel], 64)
		if err != nil || math.IsNaN(bound) {
			return fmt.Errorf("%s: upper bound %q is not a number", key, s.Labels[BoundLabel])
		}
		if err := countable(s.Value); err != nil {
			return fmt.Errorf("%s up to %s %w", key, Bound(bound), err)
		}
		if into[key] == nil {
			into[key] = map[string]float64{}
		}
		if _, twice := into[key][Bound(bound)]; twice {
			return fmt.Errorf("%s up to %s stands twice", key, Bound(bound))
		}
		into[key][Bound(bound)] = s.Value
	}
	for _, key := range slices.Sorted(maps.Keys(into)) {
		if _, ok := into[key]["+Inf"]; !ok {
			return fmt.Errorf("%s has no bucket +Inf", key)
		}
	}
	return nil
}

// Bound writes the upper bound of a bucket.
func Bound(bound float64) string { return strconv.FormatFloat(bound, 'g', -1, 64) }

func allNaN(samples []Sample) bool {
	return !slices.ContainsFunc(samples, func(s Sample) bool { return !math.IsNaN(s.Value) })
}

// countable refuses what no counter can be.
func countable(v float64) error {
	switch {
	case math.IsNaN(v):
		return errors.New("is NaN")
	case math.IsInf(v, 0):
		return fmt.Errorf("is %v", v)
	case v < 0:
		return fmt.Errorf("is negative (%v)", v)
	}
	return nil
}
