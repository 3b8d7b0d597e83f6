package load_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
	"bakeoff/rollout/tracing"
)

// parents are the spans that the requests of an arrival name, by what OpenTelemetry
// itself makes of their headers.
func parents(requests []load.Request) []trace.SpanContext {
	var out []trace.SpanContext
	for _, r := range requests {
		for _, h := range r.Headers {
			if h.Name == "traceparent" {
				out = append(out, tracing.ParseParent(h.Value))
			}
		}
	}
	return out
}

// About as many arrivals as were asked for are traced, the same ones in every run,
// and a journey is one trace with a span for each of its requests.
func TestTracedArrivals(t *testing.T) {
	l := shop()
	l.Rate, l.Trace = 1000, 500 // 5% of 10,000
	one, two := schedule(t, l).Of("one"), schedule(t, l).Of("two")
	traced := map[string]bool{}
	for a := range one.Arrivals(0, 1) {
		requests := one.Journey(a)
		got := parents(requests)
		require.Equal(t, one.TraceID(a.Index) == "", two.TraceID(a.Index) == "")
		if one.TraceID(a.Index) == "" {
			require.Empty(t, got)
			continue
		}
		require.Len(t, got, len(requests))
		spans := map[trace.SpanID]bool{}
		for _, span := range got {
			require.True(t, span.IsValid() && span.IsSampled())
			require.Equal(t, one.TraceID(a.Index), span.TraceID().String())
			spans[span.SpanID()] = true
		}
		require.Len(t, spans, len(requests))
		require.Equal(t, requests, one.Journey(a), "the same again")
		require.NotEqual(t, one.TraceID(a.Index), two.TraceID(a.Index), "runs are told apart")
		traced[one.TraceID(a.Index)] = true
	}
	require.InDelta(t, 500, len(traced), 100)
	require.Equal(t, one.Digest(), two.Digest())
	require.NotEqual(t, schedule(t, shop()).Digest(), one.Digest())
}

// Loads without traces are what they were before there were any.
func TestDigestsStandStill(t *testing.T) {
	require.Equal(t, "sha256:073dfaef1e074325d13c5e71a605430b53cac22632351eb246fd4e4dea21829e", schedule(t, browse()).Digest())
	require.Equal(t, "sha256:18ecff8fe5d282f9593565e1514242a115a981f8094f76836bafec5ae85be27f", schedule(t, shop()).Digest())
}

// A recording's own trace gives way, and what is read back has none.
func TestTraceOfWhatWasRecorded(t *testing.T) {
	l := load.Load{Name: "again", URL: "http://h", Trace: rollout.All, Replay: &load.Replay{File: "f", Format: "json"}}
	s, err := load.New(42, l, []load.Recorded{{Method: "GET", Path: "/", Headers: map[string]string{"Traceparent": "00-1-2-01", "TraceState": "a=b", "X": "y"}}})
	require.NoError(t, err)
	request := s.Journey(load.Arrival{})[0]
	require.Equal(t, []string{"traceparent", "X"}, []string{request.Headers[0].Name, request.Headers[1].Name})
	require.Len(t, parents([]load.Request{request}), 1)

	l = shop()
	l.Trace = rollout.All
	for a := range schedule(t, l).ReadBack([]int{3, 4, 5, 6, 7, 8, 9}, 10).Arrivals(0, 1) {
		require.Empty(t, parents(schedule(t, l).ReadBack([]int{a.Index}, 10).Journey(a)))
	}
}

// The failed and the slowest are named, ten of each, and nothing that nobody got.
func TestTracesToLookAt(t *testing.T) {
	l := browse()
	l.Trace = rollout.All
	s, start := schedule(t, l).Of("one"), time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	traces := load.NewTraces(s, start)
	for i := 39; i >= 0; i-- { // files of several generators come in any order
		r := load.Record{Arrival: i, Planned: time.Duration(i) * time.Second, Latency: time.Duration(i) * time.Millisecond, Version: "2"}
		if i%2 == 1 {
			r.Kind = "status 503"
		}
		traces.Add(r)
	}
	for _, kind := range []string{load.KindMissed, load.KindStalled, load.KindStopped} {
		traces.Add(load.Record{Kind: kind, Latency: time.Hour})
	}
	got := traces.Evidence()
	require.Equal(t, []int{40, 20, 10, 10}, []int{got.Requests, got.Failed, len(got.FirstFailed), len(got.Slowest)})
	require.Equal(t, evidence.Trace{ID: s.TraceID(1), Step: 1, At: start.Add(time.Second), Latency: 0.001, Version: "2", Error: "status 503"}, got.FirstFailed[0])
	require.Equal(t, evidence.Trace{ID: s.TraceID(38), Step: 1, At: start.Add(38 * time.Second), Latency: 0.038, Version: "2"}, got.Slowest[0])
	require.Equal(t, s.TraceID(20), got.Slowest[9].ID)

	require.Nil(t, load.NewTraces(schedule(t, browse()), start).Evidence())
}

func TestProblemsOfTraces(t *testing.T) {
	l := shop()
	l.Trace, l.Headers, l.Journeys[1].Steps[0].Headers = 1, map[string]string{"Traceparent": "x"}, map[string]string{"tracestate": "x"}
	var said []string
	for _, p := range l.Problems("load[0]") {
		said = append(said, p.Path)
		require.Contains(t, p.Message, "is written by `trace`")
	}
	require.Equal(t, "load[0].headers.Traceparent load[0].journeys[1].steps[0].headers.tracestate", strings.Join(said, " "))
	l.Trace = 0
	require.Empty(t, l.Problems("load[0]"), "of one's own choice")
	l.Trace = rollout.All + 1
	require.Contains(t, l.Problems("load[0]")[0].Message, "write 0% to 100%")
}
