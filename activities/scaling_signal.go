package activities

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"bakeoff/analysis"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

// errFirst is the first reading of a counter: there is no increase yet.
var errFirst = errors.New("first reading")

// signal is one of those that are read.
type signal struct {
	name  string // as in manifests
	how   scaling.Signal
	field func(*scaling.Sample) **float64
}

// signalsOf lists the signals that are to be read, always in the same order.
func signalsOf(s scaling.Signals) []signal {
	var out []signal
	for _, one := range []signal{
		{"ready", s.Ready, func(s *scaling.Sample) **float64 { return &s.Ready }},
		{"wanted", s.Wanted, func(s *scaling.Sample) **float64 { return &s.Wanted }},
		{scaling.Queue, s.Queue, func(s *scaling.Sample) **float64 { return &s.Queue }},
		{scaling.Latency, s.Latency, func(s *scaling.Sample) **float64 { return &s.Latency }},
		{scaling.Rate, s.Rate, func(s *scaling.Sample) **float64 { return &s.Rate }},
		{scaling.Utilisation, s.Utilisation, func(s *scaling.Sample) **float64 { return &s.Utilisation }},
	} {
		if !one.how.IsZero() {
			out = append(out, one)
		}
	}
	return out
}

// everything accepts every series: an autoscaler counts for all versions
// together. No series has the label, and what is absent is empty.
var everything = &rollout.By{Baseline: `bakeoff_any=~".*"`, Candidate: `bakeoff_any=~".*"`}

// check is the signal as metrics drivers know it. A gauge is read like a counter:
// drivers return the values as they stand.
func (s signal) check() rollout.Check {
	c := rollout.Check{Name: s.name, By: everything}
	switch {
	case s.how.Query != "":
		c.Query = s.how.Query
	case s.how.Histogram != "":
		c.Histogram = s.how.Histogram
	default:
		c.Requests = s.how.Gauge + s.how.Counter // one of them
		c.Failures = c.Requests
	}
	return c
}

// neverRead says why a metrics driver can never read a signal; "" where it can.
func neverRead(s signal, metrics Metrics) string {
	reader, asks := metrics.(interface{ Supports(rollout.Check) error })
	if !asks {
		return ""
	}
	err := reader.Supports(s.check())
	if err == nil {
		return ""
	}
	return ofSignal(err.Error())
}

// ofSignal is what a metrics driver says of a check, without what a signal has not: a
// side, failures and requests.
func ofSignal(text string) string {
	for _, part := range []string{string(Candidate), "failures", "requests"} {
		text = strings.TrimPrefix(text, part+": ")
	}
	return text
}

// signalReader reads signals through one metrics driver.
type signalReader struct {
	metrics Metrics
	side    Version
	signals []signal
	last    reference            // counters, by signal
	at      map[string]time.Time // of the last reading, by signal
}

func (a *Activities) newSignalReader(driver *rollout.Driver, side Version, signals []signal) (*signalReader, error) {
	metrics, err := a.Drivers.metrics(driver)
	return &signalReader{metrics: metrics, side: side, signals: signals, last: reference{}, at: map[string]time.Time{}}, err
}

// readValue is a number, or why there is none.
type readValue struct {
	number float64
	why    error
}

// read reads every signal once, in their order, and says of which moment that is:
// metrics that are late are those of a moment before.
func (s *signalReader) read(ctx context.Context, now time.Time) (time.Time, []readValue) {
	at := now.Add(-s.metrics.Delay()).UTC().Truncate(time.Millisecond)
	var checks []rollout.Check
	for _, signal := range s.signals {
		checks = append(checks, signal.check())
	}
	within, done := context.WithTimeout(ctx, readWithin)
	defer done()
	reading, err := s.metrics.Read(within, MetricsQuery{Checks: checks, Sides: map[Side]Version{Candidate: s.side}, At: at})
	out := make([]readValue, len(s.signals))
	for i, signal := range s.signals {
		if out[i].why = err; err == nil {
			out[i].number, out[i].why = s.value(signal, reading.Checks[signal.name], at)
		}
	}
	return at, out
}

// value makes one number of a reading; an error says why there is none.
func (s *signalReader) value(g signal, r CheckReading, at time.Time) (float64, error) {
	side, there := r.Sides[Candidate]
	switch {
	case r.Error != "":
		return 0, errors.New(ofSignal(r.Error))
	case !there:
		return 0, errors.New("no series is selected")
	case g.how.Query != "":
		if side.Value == nil || math.IsNaN(*side.Value) || math.IsInf(*side.Value, 0) {
			return 0, errors.New("the query gave no number")
		}
		return *side.Value, nil
	case g.how.Gauge != "":
		return increase(nil, side.Requests), nil
	}
	return s.moved(g, side, at)
}

// moved is what a counter or a histogram did since the reading before.
func (s *signalReader) moved(g signal, side SideReading, at time.Time) (float64, error) {
	counts, found, err := s.last.counts(g.name, Candidate, side)
	before := s.at[g.name]
	s.last.remember(g.name, Candidate, side)
	s.at[g.name] = at
	switch {
	case err != nil:
		return 0, err
	case !found || !at.After(before):
		return 0, errFirst
	case g.how.Counter != "":
		return counts.Requests / at.Sub(before).Seconds(), nil
	case counts.Buckets["+Inf"] == 0:
		return 0, errFirst // nobody asked: there is no latency, and nothing is wrong
	}
	p99, err := analysis.Quantile(counts.Buckets, 0.99)
	if err != nil {
		return 0, fmt.Errorf("histogram: %w", err)
	}
	return p99, nil
}
