package load

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/seed"
	"bakeoff/rollout"
)

// The fields of W3C Trace Context (https://www.w3.org/TR/trace-context/).
const (
	traceparent = "traceparent"
	tracestate  = "tracestate" // belongs to a traceparent, and goes with it
)

// TraceID is the id of the trace that all requests of an arrival carry; "" where
// they carry none. Which arrivals do follows from the seed alone, the id from the run,
// too, as {{id}} does: one trace is never that of two runs.
func (s *Schedule) TraceID(index int) string {
	if !s.isTraced(index) {
		return ""
	}
	trace, _ := s.traceIDs(index, 0)
	return trace
}

func (s *Schedule) isTraced(index int) bool {
	if s.load.Trace == 0 {
		return false
	}
	draws := seed.For(s.seed, "load", s.load.Name, "traced", strconv.Itoa(index))
	return rollout.Weight(draws.IntN(int(rollout.All))) < s.load.Trace
}

// traceIDs are the ids of an arrival's trace, and of the span that stands for one of
// its requests. Neither is 0, which W3C forbids.
func (s *Schedule) traceIDs(index, step int) (trace, span string) {
	draws := seed.For(s.seed, "load", s.load.Name, "trace", strconv.Itoa(index), s.run)
	trace = fmt.Sprintf("%016x%016x", draws.Uint64()|1, draws.Uint64())
	for range step {
		draws.Uint64()
	}
	return trace, fmt.Sprintf("%016x", draws.Uint64()|1)
}

// traced are the requests of an arrival with a traceparent, which says that the trace
// is sampled. One that was recorded gives way.
func (s *Schedule) traced(index int, requests []Request) []Request {
	out := slices.Clone(requests)
	for step, r := range out {
		trace, span := s.traceIDs(index, step)
		headers := slices.DeleteFunc(slices.Clone(r.Headers), func(h Header) bool { return isOfTrace(h.Name) })
		headers = append(headers, Header{traceparent, "00-" + trace + "-" + span + "-01"})
		slices.SortStableFunc(headers, func(a, b Header) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
		out[step].Headers = headers
	}
	return out
}

// isOfTrace reports whether a header says to which trace a request belongs.
func isOfTrace(name string) bool {
	return strings.EqualFold(name, traceparent) || strings.EqualFold(name, tracestate)
}

// mostTraces is how many traces of each kind are named in evidence.
const mostTraces = 10

// Traces picks, among the traced requests of a load, those that somebody will want to
// look at. What never reached the service has no trace there, and is not among them.
type Traces struct {
	schedule *Schedule
	start    time.Time
	out      evidence.Traces
}

// NewTraces begins to pick. The schedule is that of the run (see [Schedule.Of]), the
// start that of the load.
func NewTraces(s *Schedule, start time.Time) *Traces { return &Traces{schedule: s, start: start} }

// Add looks at one request.
func (t *Traces) Add(r Record) {
	if r.Kind == KindMissed || r.Kind == KindStalled || r.Kind == KindStopped {
		return
	}
	id := t.schedule.TraceID(r.Arrival)
	if id == "" {
		return
	}
	one := evidence.Trace{ID: id, Step: r.Step + 1, At: t.start.Add(r.Planned), Latency: r.Latency.Seconds(), Version: r.Version, Error: r.Kind}
	t.out.Requests++
	if r.Good() {
		t.out.Slowest = within(t.out.Slowest, one, func(a, b evidence.Trace) int {
			return cmp.Or(cmp.Compare(b.Latency, a.Latency), a.At.Compare(b.At))
		})
		return
	}
	t.out.Failed++
	t.out.FirstFailed = within(t.out.FirstFailed, one, func(a, b evidence.Trace) int { return a.At.Compare(b.At) })
}

// within puts one where it belongs, and keeps the first mostTraces.
func within(sorted []evidence.Trace, one evidence.Trace, compare func(a, b evidence.Trace) int) []evidence.Trace {
	at, _ := slices.BinarySearchFunc(sorted, one, compare)
	sorted = slices.Insert(sorted, at, one)
	return sorted[:min(len(sorted), mostTraces)]
}

// Evidence is what a run keeps of them; nil where the load traces nothing.
func (t *Traces) Evidence() *evidence.Traces {
	if t.schedule.load.Trace == 0 {
		return nil
	}
	out := t.out
	return &out
}
