package tracing

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
)

const (
	// headerKey is where Temporal's own tracing for any language looks, so that
	// activities on other people's workers go on with the trace.
	headerKey = "_tracer-data"
	// summaryKey is beside the span there: the sentence about an activity.
	summaryKey = "bakeoff-summary"
)

// Write lets a span go along in a header of Temporal, with a sentence about what is
// asked for, which may be "". An invalid span writes nothing.
func Write(header map[string]*commonpb.Payload, span trace.SpanContext, summary string) {
	if !span.IsValid() || header == nil {
		return
	}
	carrier := propagation.MapCarrier{}
	w3c.Inject(trace.ContextWithSpanContext(context.Background(), span), carrier)
	if summary != "" {
		carrier[summaryKey] = summary
	}
	if payload, err := converter.GetDefaultDataConverter().ToPayload(map[string]string(carrier)); err == nil {
		header[headerKey] = payload
	}
}

// Read returns what Write wrote. A header that cannot be read is none: no rollout
// fails for its trace.
func Read(header map[string]*commonpb.Payload) (span trace.SpanContext, summary string) {
	carrier := map[string]string{}
	if payload := header[headerKey]; payload == nil || converter.GetDefaultDataConverter().FromPayload(payload, &carrier) != nil {
		return trace.SpanContext{}, ""
	}
	ctx := w3c.Extract(context.Background(), propagation.MapCarrier(carrier))
	return trace.SpanContextFromContext(ctx), carrier[summaryKey]
}

// Client lets a span go along with the workflows and activities that a client
// starts. What a workflow is told goes on with it by what it says itself.
func Client(span trace.SpanContext) interceptor.ClientInterceptor { return &along{span: span} }

type along struct {
	interceptor.ClientInterceptorBase
	span trace.SpanContext
}

// InterceptClient implements interceptor.ClientInterceptor.
func (a *along) InterceptClient(next interceptor.ClientOutboundInterceptor) interceptor.ClientOutboundInterceptor {
	out := &calls{span: a.span}
	out.Next = next
	return out
}

type calls struct {
	interceptor.ClientOutboundInterceptorBase
	span trace.SpanContext
}

func (c *calls) ExecuteWorkflow(ctx context.Context, in *interceptor.ClientExecuteWorkflowInput) (client.WorkflowRun, error) {
	Write(interceptor.Header(ctx), c.span, "")
	return c.Next.ExecuteWorkflow(ctx, in)
}

func (c *calls) ExecuteActivity(ctx context.Context, in *interceptor.ClientExecuteActivityInput) (client.ActivityHandle, error) {
	Write(interceptor.Header(ctx), c.span, in.Options.Summary)
	return c.Next.ExecuteActivity(ctx, in)
}
