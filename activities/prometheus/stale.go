package prometheus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"bakeoff/activities/selector"
)

// gapsOver is where sampling intervals are learned from: long enough to hold
// two gaps of any interval that Prometheus can work with (below 5 minutes).
const gapsOver = 15 * time.Minute

// fresh returns the selected series without those that have gone away: see
// the package's comment. It asks for the values, for the times of their
// samples, and for the history only where a sample is older than staleAfter.
func (s *Server) fresh(ctx context.Context, what selector.Selector, at time.Time) (model.Vector, error) {
	vector, err := s.vector(ctx, what.String(), at)
	if err != nil || len(vector) == 0 {
		return nil, err
	}
	times, err := s.vector(ctx, "timestamp("+what.String()+")", at)
	if err != nil {
		return nil, err
	}
	ages := map[model.Fingerprint]time.Duration{}
	old := false
	for _, t := range times {
		age := at.Sub(moment(float64(t.Value)))
		ages[unnamed(t.Metric)] = age
		old = old || age > s.staleAfter
	}
	tolerated := map[model.Fingerprint]time.Duration{}
	if old {
		if tolerated, err = s.intervals(ctx, what, at); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(vector, func(sample *model.Sample) bool {
		id := unnamed(sample.Metric)
		age, ok := ages[id]
		return !ok || age > max(s.staleAfter, 2*tolerated[id])
	}), nil
}

// intervals returns how often each series was sampled: the median gap between
// its samples. A series with less than two samples is not in it.
func (s *Server) intervals(ctx context.Context, what selector.Selector, at time.Time) (map[model.Fingerprint]time.Duration, error) {
	expr := overGaps(what)
	answer, err := s.query(ctx, expr, at)
	if err != nil {
		return nil, err
	}
	matrix, ok := answer.(model.Matrix)
	if !ok {
		return nil, &checkError{err: fmt.Errorf("%s: the answer is a %s, not a matrix", expr, answer.Type())}
	}
	found := map[model.Fingerprint]time.Duration{}
	for _, stream := range matrix {
		var times []model.Time
		for _, v := range stream.Values {
			times = append(times, v.Timestamp)
		}
		for _, h := range stream.Histograms {
			times = append(times, h.Timestamp)
		}
		if len(times) >= 2 {
			found[unnamed(stream.Metric)] = medianGap(times)
		}
	}
	return found, nil
}

func overGaps(what selector.Selector) string {
	return what.String() + "[" + model.Duration(gapsOver).String() + "]"
}

// medianGap needs at least two times.
func medianGap(times []model.Time) time.Duration {
	slices.Sort(times)
	gaps := make([]time.Duration, len(times)-1)
	for i := range gaps {
		gaps[i] = times[i+1].Sub(times[i])
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

func (s *Server) vector(ctx context.Context, expr string, at time.Time) (model.Vector, error) {
	answer, err := s.query(ctx, expr, at)
	if err != nil {
		return nil, err
	}
	vector, ok := answer.(model.Vector)
	if !ok {
		return nil, &checkError{err: fmt.Errorf("%s: the answer is a %s, not a vector", expr, answer.Type())}
	}
	return vector, nil
}

// moment turns the server's seconds into a time, to its millisecond.
func moment(seconds float64) time.Time { return time.UnixMilli(int64(seconds*1000 + 0.5)) }

// unnamed identifies a series within one metric: functions drop the name.
func unnamed(m model.Metric) model.Fingerprint {
	m = maps.Clone(m)
	delete(m, model.MetricNameLabel)
	return m.Fingerprint()
}

// series splits a metric into its name and its other labels.
func series(m model.Metric) (name string, labels map[string]string) {
	labels = make(map[string]string, len(m))
	for label, value := range m {
		labels[string(label)] = string(value)
	}
	name = labels[model.MetricNameLabel]
	delete(labels, model.MetricNameLabel)
	return name, labels
}

// floats refuses native histograms where a counter is expected.
func floats(vector model.Vector) ([]selector.Sample, error) {
	samples := make([]selector.Sample, len(vector))
	for i, v := range vector {
		if v.Histogram != nil {
			return nil, errors.New(v.Metric.String() + " is a histogram, expected a counter")
		}
		name, labels := series(v.Metric)
		samples[i] = selector.Sample{Name: name, Labels: labels, Value: float64(v.Value)}
	}
	return samples, nil
}
