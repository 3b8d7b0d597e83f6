package tracing_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"bakeoff/rollout/tracing"
	"bakeoff/testsuite/collector"
)

const (
	parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	runID  = "01a203ad-f15d-73be-8010-9ae76777e973"
)

func TestOf(t *testing.T) {
	above := tracing.ParseParent(parent)
	whole := tracing.Of(runID, "", above)
	require.Equal(t, above.TraceID(), whole.TraceID())
	require.Equal(t, whole, tracing.Of(runID, "", above), "whoever tells of it")
	require.NotEqual(t, whole.SpanID(), tracing.Of(runID, "step 1", above).SpanID())
	require.NotEqual(t, whole.SpanID(), tracing.Of("another", "", above).SpanID())
	require.False(t, tracing.Of(runID, "", tracing.ParseParent(strings.TrimSuffix(parent, "1")+"0")).IsSampled(), "whoever is above has decided")

	own := tracing.Of(runID, "", trace.SpanContext{})
	require.Equal(t, strings.ReplaceAll(runID, "-", ""), own.TraceID().String(), "to be found by the run")
	require.True(t, own.IsSampled())
	require.True(t, tracing.Of("no id of Temporal's", "", trace.SpanContext{}).IsValid())
}

func TestParent(t *testing.T) {
	require.Equal(t, parent, tracing.Parent(tracing.ParseParent(parent)))
	for _, wrong := range []string{"", "00", "00-0-0-01", "x" + parent} {
		require.False(t, tracing.ParseParent(wrong).IsValid(), wrong)
	}
	require.Empty(t, tracing.Parent(trace.SpanContext{}))
}

func TestHeader(t *testing.T) {
	span := tracing.ParseParent(parent)
	header := map[string]*commonpb.Payload{}
	tracing.Write(header, span, "send 5% to 2.5.0")
	got, summary := tracing.Read(header)
	require.Equal(t, span, got)
	require.Equal(t, "send 5% to 2.5.0", summary)

	// What others write: their baggage does not come to stand in history.
	theirs, err := converter.GetDefaultDataConverter().ToPayload(map[string]string{"traceparent": parent, "baggage": "user=ana"})
	require.NoError(t, err)
	got, summary = tracing.Read(map[string]*commonpb.Payload{"_tracer-data": theirs})
	require.Equal(t, span, got)
	require.Empty(t, summary)
	again := map[string]*commonpb.Payload{}
	tracing.Write(again, got, "")
	require.JSONEq(t, `{"traceparent":"`+parent+`"}`, string(again["_tracer-data"].Data))

	for name, wrong := range map[string]map[string]*commonpb.Payload{
		"none": nil, "another": {"x": theirs}, "no map": {"_tracer-data": {Data: []byte("1")}},
	} {
		got, _ = tracing.Read(wrong)
		require.False(t, got.IsValid(), name)
	}
	tracing.Write(nil, span, "")
	tracing.Write(header, trace.SpanContext{}, "")
	require.Len(t, header, 1)
}

func begin(t *testing.T, o tracing.Options) *tracing.Exporter {
	t.Helper()
	o.Service = "test"
	e, err := tracing.Start(t.Context(), o)
	require.NoError(t, err)
	return e
}

func finish(e *tracing.Exporter) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	e.Close(ctx)
}

func TestExporter(t *testing.T) {
	// Headers of the standard variables are for another place.
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-other=secret")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	to := collector.Start(t)
	e := begin(t, tracing.Options{URL: to.URL + "/", Headers: func() (map[string]string, error) { return map[string]string{"X-Key": "k"}, nil }})
	is := tracing.Of(runID, "", trace.SpanContext{})
	at := time.Unix(1_700_000_000, 0)
	told := tracing.Span{Name: "Rollout", Is: is, From: at, To: at.Add(time.Hour), Links: []trace.SpanContext{{}, tracing.ParseParent(parent)}}
	e.Tell(told)
	e.Tell(told)
	part := tracing.Of(runID, "step 1", is)
	e.Tell(tracing.Span{Name: "step 1", Is: part, Parent: is, From: at.Add(time.Second), To: at.Add(time.Minute)})
	_, act := e.Tracer().Start(trace.ContextWithRemoteSpanContext(t.Context(), part), "Observe")
	act.End()
	_, quiet := e.Tracer().Start(trace.ContextWithRemoteSpanContext(t.Context(), tracing.ParseParent(strings.TrimSuffix(parent, "1")+"0")), "quiet")
	quiet.End()
	finish(e)
	spans := to.Spans("")
	require.Len(t, spans, 3)
	require.Equal(t, collector.Span{Trace: is.TraceID().String(), ID: is.SpanID().String(), Service: "test", Name: "Rollout",
		From: at, To: at.Add(time.Hour), Facts: map[string]string{}, Links: []string{"0af7651916cd43dd8448eb211c80319c"}}, spans[0])
	require.Equal(t, is.SpanID().String(), spans[1].Parent)
	require.Equal(t, part.SpanID().String(), spans[2].Parent)
	require.Equal(t, "k", to.Headers()[0].Get("X-Key"))
	require.Empty(t, to.Headers()[0].Get("X-Other"))
}

// Nothing waits for a collector that refuses, or does not answer; it is said once,
// and again when it is well.
func TestExporterKeepsNobodyWaiting(t *testing.T) {
	to := collector.Start(t)
	to.Answers(http.StatusInternalServerError)
	said := make(chan error, 100)
	e := begin(t, tracing.Options{URL: to.URL, Says: func(err error) { said <- err }})
	tell := func() {
		e.Tell(tracing.Span{Name: "Rollout", Is: tracing.Of(runID, "", trace.SpanContext{}), From: time.Now(), To: time.Now()})
	}
	for range 3 {
		before := len(to.Headers())
		tell()
		require.Eventually(t, func() bool { return len(to.Headers()) > before }, 10*time.Second, 10*time.Millisecond)
	}
	require.ErrorContains(t, <-said, "500")
	to.Answers(http.StatusOK)
	tell()
	require.NoError(t, <-said)
	finish(e)
	require.Empty(t, said)

	var asked atomic.Int64
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = silent.Close() }()
	e = begin(t, tracing.Options{URL: "http://" + silent.Addr().String(), Says: func(error) { asked.Add(1) }})
	began := time.Now()
	for range 10_000 { // more than are kept
		tell()
	}
	require.Less(t, time.Since(began), 2*time.Second)
	began = time.Now()
	finish(e)
	require.Less(t, time.Since(began), 2*time.Second)
	require.EqualValues(t, 1, asked.Load())
}

func TestNoExporter(*testing.T) {
	var e *tracing.Exporter
	e.Tell(tracing.Span{Name: "Rollout"})
	finish(e)
}
