// Package tracing tells of rollouts as OpenTelemetry traces: one trace for a
// rollout, from the command that asked for it to the requests that its drivers
// send. [Start] sends spans to a collector; [Write] and [Read] carry a span along
// with what Temporal hands over.
//
// Spans of what lasts (a rollout, a step) are told when they are over, by
// [Exporter.Tell]: whichever worker is there then. So their ids cannot be drawn by
// chance; they follow from the run's id.
package tracing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// w3c carries the span alone. Baggage would come to stand in history, with
// whatever others have put into it.
var w3c = propagation.TraceContext{}

// parentKey is how W3C names the span that goes along.
const parentKey = "traceparent"

// ParseParent reads a W3C traceparent; what is none is an invalid span.
func ParseParent(traceparent string) trace.SpanContext {
	ctx := w3c.Extract(context.Background(), propagation.MapCarrier{parentKey: traceparent})
	return trace.SpanContextFromContext(ctx)
}

// Parent is the W3C traceparent of a span; "" of an invalid one.
func Parent(span trace.SpanContext) string {
	carrier := propagation.MapCarrier{}
	w3c.Inject(trace.ContextWithSpanContext(context.Background(), span), carrier)
	return carrier[parentKey]
}

// Of is the span of a part of a run; "" is the run itself. It is in the trace of
// its parent. A run that nobody traced has its own trace, whose id is the run's
// without dashes.
func Of(runID, part string, parent trace.SpanContext) trace.SpanContext {
	hash := sha256.Sum256([]byte(runID + "/" + part))
	span := parent.WithSpanID(trace.SpanID(hash[:8])).WithRemote(false)
	if parent.IsValid() {
		return span
	}
	var own trace.TraceID
	if n, err := hex.Decode(own[:], []byte(strings.ReplaceAll(runID, "-", ""))); err != nil || n != len(own) || !own.IsValid() {
		own = trace.TraceID(hash[8:24]) // not one of Temporal's ids
	}
	return span.WithTraceID(own).WithTraceFlags(trace.FlagsSampled)
}

// Span is something that is over.
type Span struct {
	Name       string
	Is         trace.SpanContext // made by Of
	Parent     trace.SpanContext // invalid: it is the first of its trace
	From, To   time.Time
	Attributes []attribute.KeyValue
	Links      []trace.SpanContext // what it has to do with in other traces
	Err        error               // why it needs a person; nil where it did its job
}

// fixedKey holds the ids of the span that is being started.
type fixedKey struct{}
