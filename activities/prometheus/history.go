package prometheus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"bakeoff/activities"
	"bakeoff/activities/selector"
)

// instanceLabels tell the instances of a version apart: the first of them that
// all series have, and that has several values. What a collector passes on has
// the collector's own address as its instance.
var instanceLabels = []string{"exported_instance", "pod", "instance"}

// record is one selector of a check over the past.
type record struct {
	name string // of its series in the reading
	what selector.Selector
	into func(r *activities.SideReading, key, bound string, v float64)
	past model.Matrix
}

// History reads counters as Read does, but summed up by instance, so that the
// answer is small: one query_range for each selector. The number of series and
// their sampling interval decide the step (see grid). A check whose series
// are too many, or have no label of their instance, is activities.ErrPast.
//
// A counter that began anew shrinks its instance's sum. A series without a
// stale marker stands still for 5 minutes before it is absent.
func (s *Server) History(ctx context.Context, q activities.HistoryQuery) ([]activities.Moment, error) {
	sources, err := selector.ForCheck(q.Check)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	if q.Check.Query != "" {
		return nil, errors.New("history: a query has none")
	}
	sides, err := selector.ForSide(q.Check.By, true, q.Version.Version)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	selected := func(what selector.Selector, into func(*activities.SideReading, string, string, float64)) *record {
		return &record{name: cmp.Or(sources.Histogram.Name, what.Name), what: what.With(sides...), into: into}
	}
	keys := selector.Keys{Sides: sides}
	if q.Check.Histogram == "" {
		return s.past(ctx, q, keys, 1, selected(sources.Requests, intoRequests), selected(sources.Failures, intoFailures))
	}
	moments, err := s.past(ctx, q, keys, 1, selected(sources.Buckets(), intoBuckets))
	if err == nil && moments == nil {
		moments, err = s.past(ctx, q, keys, nativeWeight, selected(sources.Histogram, intoBuckets))
	}
	return moments, err
}

func intoRequests(r *activities.SideReading, key, _ string, v float64) {
	increment(&r.Requests, key, v)
}

func intoFailures(r *activities.SideReading, key, _ string, v float64) {
	increment(&r.Failures, key, v)
}

func intoBuckets(r *activities.SideReading, key, bound string, v float64) {
	if r.Buckets == nil {
		r.Buckets = map[string]map[string]float64{}
	}
	buckets := r.Buckets[key]
	increment(&buckets, bound, v)
	r.Buckets[key] = buckets
}

func increment(into *map[string]float64, key string, v float64) {
	if *into == nil {
		*into = map[string]float64{}
	}
	(*into)[key] += v
}

// past reads the records, the first of which says how much there is; nil when
// it has no series.
func (s *Server) past(ctx context.Context, q activities.HistoryQuery, keys selector.Keys, weight float64, records ...*record) ([]activities.Moment, error) {
	g, err := s.grid(ctx, records[0].what, q, weight)
	if err != nil || g.points == 0 {
		return nil, err
	}
	for _, r := range records {
		if r.past, err = s.sums(ctx, r.what, g); err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
	}
	if !grows(records[0].past) {
		return nil, nil
	}
	label, err := instanceLabel(records)
	if err != nil {
		return nil, err
	}
	moments := g.moments()
	for _, r := range records {
		for _, stream := range r.past {
			if err := r.fill(moments, g, keys, label, stream); err != nil {
				return nil, fmt.Errorf("history: %w", err)
			}
		}
	}
	return moments, nil
}

// sums asks for the sums by instance at each moment.
func (s *Server) sums(ctx context.Context, what selector.Selector, g grid) (model.Matrix, error) {
	expr := byInstance(what)
	answer, err := s.ask(ctx, expr, func(ctx context.Context, timeout v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
		return s.api.QueryRange(ctx, expr, v1.Range{Start: g.start, End: g.end(), Step: g.step}, timeout)
	})
	if err != nil {
		return nil, err
	}
	matrix, ok := answer.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("%s: the answer is not a matrix", expr)
	}
	return matrix, nil
}

func byInstance(what selector.Selector) string {
	return fmt.Sprintf("sum by (%s, %s) (%s)", selector.BoundLabel, strings.Join(instanceLabels, ", "), what)
}

// grows reports whether anything was counted; a server that takes no notice of
// the times asked for always says the same.
func grows(past model.Matrix) bool {
	return slices.ContainsFunc(past, func(s *model.SampleStream) bool {
		n := len(s.Values)
		return len(s.Histograms) > 1 || n > 1 && s.Values[0].Value != s.Values[n-1].Value
	})
}

// instanceLabel chooses the label by which instances are told apart.
func instanceLabel(records []*record) (string, error) {
	sole := ""
	for _, label := range instanceLabels {
		values := map[model.LabelValue]bool{}
		for _, r := range records {
			for _, stream := range r.past {
				values[stream.Metric[model.LabelName(label)]] = true
			}
		}
		switch {
		case values[""] || len(values) == 0:
		case len(values) > 1:
			return label, nil
		default:
			sole = label
		}
	}
	if sole == "" {
		return "", fmt.Errorf("the series of %s tell no instances apart, for want of one of the labels %s: %w",
			records[0].what, strings.Join(instanceLabels, ", "), activities.ErrPast)
	}
	return sole, nil
}

// fill puts one series into the moments. What is not at one of them was not
// asked for, and is left out.
func (r *record) fill(moments []activities.Moment, g grid, keys selector.Keys, label string, stream *model.SampleStream) error {
	_, labels := series(stream.Metric)
	key, instance := keys.Of(r.name, labels), labels[label]
	put := func(at model.Time, bound string, v float64) {
		i, there := g.index(at)
		if !there || math.IsNaN(v) {
			return
		}
		reading := moments[i].Instances[instance]
		r.into(&reading, key, bound, v)
		moments[i].Instances[instance] = reading
	}
	bound, err := boundOf(labels)
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	for _, v := range stream.Values {
		put(v.Timestamp, bound, float64(v.Value))
	}
	for _, h := range stream.Histograms {
		buckets, err := native(h.Histogram)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		for bound, n := range buckets {
			put(h.Timestamp, bound, n)
		}
	}
	return nil
}

// boundOf is the bound of a bucket as Read writes it, "" of anything else.
func boundOf(labels map[string]string) (string, error) {
	text := labels[selector.BoundLabel]
	if text == "" {
		return "", nil
	}
	bound, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(bound) {
		return "", fmt.Errorf("upper bound %q is not a number", text)
	}
	return selector.Bound(bound), nil
}
