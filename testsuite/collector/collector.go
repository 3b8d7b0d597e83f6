// Package collector is an OpenTelemetry collector for tests: it takes traces by
// OTLP over HTTP and keeps their spans. Begin with [Start].
package collector

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is a span as it was sent. Ids are in hex; Parent is "" for the first of its
// trace.
type Span struct {
	Trace, ID, Parent string
	Service, Name     string
	From, To          time.Time
	Facts             map[string]string // its attributes
	Links             []string          // traces
	Failed            string            // its error; "" where it has none
}

// Collector keeps every span that it was sent.
type Collector struct {
	URL string

	mu      sync.Mutex
	spans   []Span
	headers []http.Header
	answer  int // where not 200
	server  *httptest.Server
}

// Start runs a collector until the test ends.
func Start(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{}
	c.server = httptest.NewServer(c)
	t.Cleanup(c.server.Close)
	c.URL = c.server.URL
	return c
}

// Answers makes it refuse what comes from now on; 200 ends that.
func (c *Collector) Answers(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = status
}

// ServeHTTP implements http.Handler.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in coltracepb.ExportTraceServiceRequest
	body, err := io.ReadAll(r.Body)
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &in) != nil {
		http.Error(w, "no traces", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headers = append(c.headers, r.Header)
	if c.answer != 0 && c.answer != http.StatusOK {
		w.WriteHeader(c.answer)
		return
	}
	for _, sent := range in.ResourceSpans {
		service := textOf(sent.GetResource().GetAttributes())["service.name"]
		for _, scope := range sent.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, spanOf(service, s))
			}
		}
	}
}

func spanOf(service string, s *tracepb.Span) Span {
	out := Span{Trace: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId), Parent: hex.EncodeToString(s.ParentSpanId),
		Service: service, Name: s.Name, Facts: textOf(s.Attributes),
		From: time.Unix(0, int64(s.StartTimeUnixNano)), To: time.Unix(0, int64(s.EndTimeUnixNano))} //nolint:gosec // times of today
	for _, l := range s.Links {
		out.Links = append(out.Links, hex.EncodeToString(l.TraceId))
	}
	if s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR {
		out.Failed = s.GetStatus().GetMessage()
	}
	return out
}

func textOf(attributes []*commonpb.KeyValue) map[string]string {
	out := map[string]string{}
	for _, a := range attributes {
		switch v := a.GetValue().GetValue().(type) {
		case *commonpb.AnyValue_StringValue:
			out[a.Key] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			out[a.Key] = strconv.FormatInt(v.IntValue, 10)
		case *commonpb.AnyValue_DoubleValue:
			out[a.Key] = strconv.FormatFloat(v.DoubleValue, 'g', -1, 64)
		}
	}
	return out
}

// Spans are those of one trace, or of all for "", by their beginning. A span that
// was sent twice is there once.
func (c *Collector) Spans(trace string) []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := map[string]bool{}
	var out []Span
	for _, s := range c.spans {
		if (trace == "" || s.Trace == trace) && !known[s.Trace+s.ID] {
			known[s.Trace+s.ID] = true
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b Span) int { return a.From.Compare(b.From) })
	return out
}

// Headers are those of each request.
func (c *Collector) Headers() []http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.headers)
}
