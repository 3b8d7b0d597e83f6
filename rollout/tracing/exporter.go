package tracing

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// answerWithin bounds one request to the collector.
const answerWithin = 5 * time.Second

// Options say where spans go.
type Options struct {
	Service string // service.name, unless OTEL_SERVICE_NAME says another

	// URL is the collector's, with or without the path of its traces. "": the
	// standard OTEL_EXPORTER_OTLP_* variables say where, and with which headers.
	URL string
	// Headers are those that URL asks for, read at each request. They go nowhere else.
	Headers func() (map[string]string, error)

	// Says is told when sending begins to fail, and with nil when it works again.
	Says func(error)
}

// Exporter sends spans by OTLP over HTTP, a few seconds late. It keeps nobody
// waiting: where the collector does not take them, spans are lost. A nil Exporter
// sends nothing.
type Exporter struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	sender   *honest
}

// Start begins to send. That the collector cannot be reached is no error.
func Start(ctx context.Context, o Options) (*Exporter, error) {
	how := []otlptracehttp.Option{otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
		Enabled: true, InitialInterval: time.Second, MaxInterval: answerWithin, MaxElapsedTime: 2 * answerWithin,
	})}
	if o.URL != "" {
		how = append(how, otlptracehttp.WithEndpointURL(tracesOf(o.URL)), otlptracehttp.WithHTTPClient(named(o.Headers)),
			otlptracehttp.WithHeaders(map[string]string{})) // those of the variables are for another place
	}
	plain, err := otlptracehttp.New(ctx, how...)
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	about, _ := resource.New(ctx, resource.WithHost(), resource.WithProcessPID(), resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", o.Service)), resource.WithFromEnv()) // what a variable says wrongly is left out
	sender := &honest{SpanExporter: plain, says: o.Says}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(sender, sdktrace.WithBatchTimeout(2*time.Second)),
		sdktrace.WithResource(about), sdktrace.WithIDGenerator(ids{}),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())), // rollouts are rare
	)
	return &Exporter{provider: provider, tracer: provider.Tracer("bakeoff"), sender: sender}, nil
}

// tracesOf is where a collector takes traces, whose address may be all that is known.
func tracesOf(url string) string {
	url = strings.TrimRight(url, "/")
	if scheme, rest, ok := strings.Cut(url, "://"); ok && !strings.Contains(rest, "/") {
		return scheme + "://" + rest + "/v1/traces"
	}
	return url
}

// Tracer starts spans that are over soon.
func (e *Exporter) Tracer() trace.Tracer {
	if e == nil {
		return noop.Tracer{}
	}
	return e.tracer
}

// Tell sends a span that is over. The same span told twice is one span.
func (e *Exporter) Tell(s Span) {
	ctx := context.WithValue(trace.ContextWithSpanContext(context.Background(), s.Parent), fixedKey{}, s.Is)
	var links []trace.Link
	for _, l := range s.Links {
		if l.IsValid() {
			links = append(links, trace.Link{SpanContext: l})
		}
	}
	_, span := e.Tracer().Start(ctx, s.Name, trace.WithTimestamp(s.From), trace.WithAttributes(s.Attributes...), trace.WithLinks(links...))
	if s.Err != nil {
		span.SetStatus(codes.Error, s.Err.Error())
	}
	span.End(trace.WithTimestamp(s.To))
}

// Close sends what is left, as long as ctx allows.
func (e *Exporter) Close(ctx context.Context) {
	if e == nil {
		return
	}
	if err := e.provider.Shutdown(ctx); err != nil {
		e.sender.note(err)
	}
}

// ids draws ids by chance, but for spans that bring theirs.
type ids struct{}

// NewIDs implements trace.IDGenerator.
func (i ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if s, ok := ctx.Value(fixedKey{}).(trace.SpanContext); ok {
		return s.TraceID(), s.SpanID()
	}
	var id trace.TraceID
	_, _ = rand.Read(id[:]) // it never fails
	return id, i.NewSpanID(ctx, id)
}

// NewSpanID implements trace.IDGenerator.
func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	if s, ok := ctx.Value(fixedKey{}).(trace.SpanContext); ok {
		return s.SpanID()
	}
	var id trace.SpanID
	_, _ = rand.Read(id[:]) // it never fails
	return id
}

// honest says once that spans are lost, and not with each batch.
type honest struct {
	sdktrace.SpanExporter
	says func(error)

	mu      sync.Mutex
	failing bool
}

// ExportSpans implements sdktrace.SpanExporter.
func (h *honest) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	h.note(h.SpanExporter.ExportSpans(ctx, spans))
	return nil
}

// note says what has changed.
func (h *honest) note(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if failed := err != nil; failed != h.failing && h.says != nil {
		h.says(err)
	}
	h.failing = err != nil
}

// named is a client that sends headers along, and follows no redirects: they would
// take the headers to somebody who was never named.
func named(headers func() (map[string]string, error)) *http.Client {
	return &http.Client{Timeout: answerWithin, Transport: withHeaders{headers}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type withHeaders struct {
	headers func() (map[string]string, error)
}

// RoundTrip implements http.RoundTripper.
func (w withHeaders) RoundTrip(req *http.Request) (*http.Response, error) {
	if w.headers == nil {
		return http.DefaultTransport.RoundTrip(req)
	}
	headers, err := w.headers()
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	return http.DefaultTransport.RoundTrip(req)
}
