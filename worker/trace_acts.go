package main

import (
	"context"

	kv "go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"bakeoff/rollout/tracing"
)

// InterceptActivity implements interceptor.WorkerInterceptor.
func (t *tracer) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	a := &tracedAct{spans: t.spans}
	a.Next = next
	return a
}

// tracedAct makes a span of each attempt of an activity that belongs to a trace.
// Drivers find it in their context, and let it go along with their requests.
type tracedAct struct {
	interceptor.ActivityInboundInterceptorBase
	spans *tracing.Exporter
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (a *tracedAct) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	parent, summary := tracing.Read(interceptor.Header(ctx))
	if !parent.IsValid() {
		return a.Next.ExecuteActivity(ctx, in)
	}
	info := activity.GetInfo(ctx)
	facts := append(about(info.WorkflowExecution, in.Args, nil), kv.String("temporalActivityID", info.ActivityID))
	if summary != "" {
		facts = append(facts, kv.String("bakeoff.summary", summary))
	}
	if n := stepOf(info.ActivityID); n > 0 {
		facts = append(facts, kv.Int("bakeoff.step", n))
	}
	if info.Attempt > 1 {
		facts = append(facts, kv.Int("bakeoff.attempt", int(info.Attempt)))
	}
	ctx, span := a.spans.Tracer().Start(trace.ContextWithRemoteSpanContext(ctx, parent), info.ActivityType.Name, trace.WithAttributes(facts...))
	defer span.End()
	out, err := a.Next.ExecuteActivity(ctx, in)
	span.SetAttributes(aboutResult(out)...)
	if err != nil && ctx.Err() == nil && !temporal.IsCanceledError(err) { // what was told to stop has not failed
		span.SetStatus(codes.Error, err.Error())
	}
	return out, err
}
