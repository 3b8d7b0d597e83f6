package report

import (
	"fmt"
	"math"
	"slices"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
)

// The sides of a rollout, as series name them.
const (
	baseline  = "baseline"
	candidate = "candidate"
)

// since is t in seconds of the run; NaN when it is not known.
func since(run evidence.Run, t *time.Time) float64 {
	if t == nil || t.IsZero() || run.StartedAt.IsZero() {
		return math.NaN()
	}
	return t.Sub(run.StartedAt).Seconds()
}

// clockAxis is the time of the run, up to its end and its last sample.
func clockAxis(run evidence.Run) chart.Axis {
	a := chart.Axis{Label: "time since the start (minutes:seconds)", Unit: chart.Clock, High: run.EndedAt.Sub(run.StartedAt).Seconds()}
	if run.StartedAt.IsZero() {
		a.High = 0
	}
	for _, s := range run.Series {
		for _, x := range s.Seconds {
			if finite(x) {
				a.High = math.Max(a.High, x)
			}
		}
	}
	if a.High < 10 {
		a.Unit, a.Label = chart.Seconds, "time since the start"
	}
	return a
}

// named are the series of a name, those of the sides left out where there are
// others.
func named(run evidence.Run, name string) []evidence.Series {
	var all, whole []evidence.Series
	for _, s := range run.Series {
		if s.Name != name || len(s.Seconds) == 0 {
			continue
		}
		all = append(all, s)
		if s.Of != baseline && s.Of != candidate {
			whole = append(whole, s)
		}
	}
	if len(whole) > 0 {
		return whole
	}
	return all
}

// colors gives each load, or side, one color in all panels.
type colors map[string]int

func (c colors) of(name string) int {
	if _, known := c[name]; !known {
		c[name] = len(c)
	}
	return c[name]
}

func (c colors) lines(series []evidence.Series, thin bool) []chart.Line {
	var out []chart.Line
	for _, s := range series {
		line := chart.Line{Name: label(s), Key: s.Of, X: s.Seconds, Y: s.Values, Color: c.of(s.Of), Thin: thin}
		if s.Name == evidence.SeriesMedian {
			line.Key = label(s)
		}
		out = append(out, line)
	}
	return out
}

var signalNames = map[string]string{
	evidence.SeriesErrors: "errors", evidence.SeriesLatency: "latency p99", evidence.SeriesMedian: "latency p50",
	evidence.SeriesRate: "requests", evidence.SeriesWeight: "share", evidence.SeriesReplicas: "replicas", evidence.SeriesQueue: "queue",
}

// signal is how people call a series.
func signal(name string) string {
	if known := signalNames[name]; known != "" {
		return known
	}
	return name
}

func label(s evidence.Series) string {
	if s.Of == "" {
		return signal(s.Name)
	}
	return signal(s.Name) + ", " + s.Of
}

// mostRows of the table beside a picture: more of them nobody reads, and the
// series themselves are in the evidence.
const mostRows = 40

// sampled is the table beside a picture of series: of each stretch of time the
// largest value.
func sampled(axis chart.Axis, series []evidence.Series) table {
	t := table{Columns: columns("From")}
	for _, s := range series {
		t.Columns = append(t.Columns, column{Name: label(s), Number: true})
	}
	if len(series) == 0 || axis.High <= 0 {
		return table{}
	}
	step := math.Max(1, math.Ceil(axis.High/mostRows))
	for from := 0.0; from < axis.High; from += step {
		row, seen := texts(chart.Value(from, axis.Unit)), false
		for _, s := range series {
			peak := largest(s, from, from+step)
			seen = seen || finite(peak)
			row = append(row, cell{Text: chart.Value(peak, s.Unit)})
		}
		if seen {
			t.Rows = append(t.Rows, row)
		}
	}
	t.Note = fmt.Sprintf("Each row is the largest value within %s.", chart.Value(step, chart.Seconds))
	return t
}

// largest value from a second on until before another; NaN if there is none.
func largest(s evidence.Series, from, to float64) float64 {
	peak := math.Inf(-1)
	for i, x := range s.Seconds[:min(len(s.Seconds), len(s.Values))] {
		if x >= from && x < to && finite(s.Values[i]) {
			peak = math.Max(peak, s.Values[i])
		}
	}
	return peak
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// kinds of moments that are in the run.
func kinds(run evidence.Run, kind string) []evidence.Moment {
	return slices.DeleteFunc(slices.Clone(run.Timeline), func(m evidence.Moment) bool { return m.Kind != kind })
}

// faultSpans are the faults as they were or, of a run that ended before it
// could write them down, as its timeline has them.
func faultSpans(run evidence.Run, until float64) []chart.Span {
	var out []chart.Span
	for _, f := range run.Faults {
		out = append(out, inForce(run, f)...)
	}
	if len(run.Faults) == 0 {
		for _, m := range kinds(run, evidence.MomentFault) {
			out = append(out, span(run, m, until))
		}
	}
	return out
}

// inForce are the stretches of a fault: where it was interrupted, there is none.
func inForce(run evidence.Run, f evidence.Fault) []chart.Span {
	var out []chart.Span
	for _, s := range f.InForce() {
		out = append(out, chart.Span{From: since(run, &s.From), To: since(run, &s.To), Kind: chart.Fault, Text: f.Name + ": " + f.What})
	}
	return out
}

// span is a moment that lasts; one without an end lasts until the end.
func span(run evidence.Run, m evidence.Moment, until float64) chart.Span {
	s := chart.Span{From: since(run, &m.Time), To: until, Kind: chart.Kind(m.Kind), Text: m.Text}
	if m.Until != nil {
		s.To = since(run, m.Until)
	}
	return s
}
