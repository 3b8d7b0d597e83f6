package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	kv "go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
	"bakeoff/rollout/tracing"
)

// tracer makes a trace of each rollout, fleet and rehearsal: a span for the whole,
// one for each part of it (a step, the promotion, the way back), and one for each
// activity. It adds no command to a workflow, and what is replayed is not told again.
type tracer struct {
	interceptor.WorkerInterceptorBase
	spans *tracing.Exporter
}

// interceptors are what stands between Temporal and workflows and activities:
// nothing, where no traces are sent.
func interceptors(spans *tracing.Exporter) []interceptor.WorkerInterceptor {
	if spans == nil {
		return nil
	}
	return []interceptor.WorkerInterceptor{&tracer{spans: spans}}
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (t *tracer) InterceptWorkflow(ctx workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	r := &tracedRun{spans: t.spans, begun: map[string]trace.SpanContext{}}
	r.Next = next
	switch info := workflow.GetInfo(ctx); info.WorkflowType.Name {
	case rollout.TargetType, rollout.StopType: // they stand for years: their rollouts are told of
	default:
		r.id = info.WorkflowExecution.RunID
	}
	return r
}

// tracedRun is one run of a workflow, as far as it has been told.
type tracedRun struct {
	interceptor.WorkflowInboundInterceptorBase
	spans *tracing.Exporter

	id         string            // "": it is not traced
	parent, is trace.SpanContext // is: invalid until the workflow has begun
	part       *part             // the present one
	begun      map[string]trace.SpanContext
}

// part is a stretch of a run that has a span of its own.
type part struct {
	name       string
	from       time.Time
	attributes []kv.KeyValue
}

// Init implements interceptor.WorkflowInboundInterceptor.
func (r *tracedRun) Init(next interceptor.WorkflowOutboundInterceptor) error {
	out := &tracedCalls{run: r}
	out.Next = next
	return r.Next.Init(out)
}

// ExecuteWorkflow implements interceptor.WorkflowInboundInterceptor.
func (r *tracedRun) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	if r.id == "" {
		return r.Next.ExecuteWorkflow(ctx, in)
	}
	info := workflow.GetInfo(ctx)
	if r.parent, _ = tracing.Read(interceptor.WorkflowHeader(ctx)); !r.parent.IsValid() {
		r.parent = askedBy(in.Args)
	}
	r.is = tracing.Of(r.id, "", r.parent)
	out, err := r.Next.ExecuteWorkflow(ctx, in)
	r.endPart(ctx)
	r.tell(ctx, tracing.Span{Name: info.WorkflowType.Name, Is: r.is, Parent: r.parent, From: info.WorkflowStartTime,
		Attributes: about(info.WorkflowExecution, in.Args, out), Err: err})
	return out, err
}

// ExecuteUpdate implements interceptor.WorkflowInboundInterceptor: an order that was
// given to a run is a span, linked to that of whoever gave it.
func (r *tracedRun) ExecuteUpdate(ctx workflow.Context, in *interceptor.UpdateInput) (any, error) {
	from := workflow.Now(ctx)
	out, err := r.Next.ExecuteUpdate(ctx, in)
	if r.is.IsValid() {
		id := workflow.GetCurrentUpdateInfo(ctx).ID
		r.tell(ctx, tracing.Span{Name: in.Name, Is: tracing.Of(r.id, "update/"+id, r.is), Parent: r.is, From: from,
			Attributes: about(workflow.Execution{}, in.Args, out), Links: []trace.SpanContext{askedBy(in.Args)}})
	}
	return out, err
}

// tell sends a span that ends now, unless that was done before.
func (r *tracedRun) tell(ctx workflow.Context, s tracing.Span) {
	if s.To = workflow.Now(ctx); !workflow.IsReplaying(ctx) {
		r.spans.Tell(s)
	}
}

// spanFor is the span that an act belongs to. Acts are in order, but for what ends
// late: the first act of the next part ends the one before.
func (r *tracedRun) spanFor(ctx workflow.Context, activityID string, args []any) trace.SpanContext {
	name := partOf(activityID)
	if name == "" {
		return r.is
	}
	span, known := r.begun[name]
	if !known {
		r.endPart(ctx)
		span = tracing.Of(r.id, name, r.is)
		r.begun[name] = span
		r.part = &part{name: name, from: workflow.Now(ctx)}
	}
	if r.part != nil && r.part.name == name {
		for _, arg := range args {
			r.part.attributes = append(r.part.attributes, aboutPart(arg)...)
		}
	}
	return span
}

// endPart tells of the present part.
func (r *tracedRun) endPart(ctx workflow.Context) {
	p := r.part
	if p == nil {
		return
	}
	r.part = nil
	r.tell(ctx, tracing.Span{Name: p.name, Is: r.begun[p.name], Parent: r.is, From: p.from, Attributes: p.attributes})
}

// partOf is the part of a run that an activity's id names; "" for the whole.
func partOf(activityID string) string {
	first, _, _ := strings.Cut(activityID, ".")
	if n := stepOf(activityID); n > 0 {
		return fmt.Sprintf("step %d", n)
	}
	switch first {
	case "promote", "restore":
		return first
	case "keep":
		return "keep baseline"
	case "cleanup":
		return "clean up"
	}
	return ""
}

// stepOf is the step that an activity's id names, as s02.w05.observe does; 0 for none.
func stepOf(activityID string) int {
	first, _, _ := strings.Cut(activityID, ".")
	digits, ok := strings.CutPrefix(first, "s")
	if n, err := strconv.Atoi(digits); ok && err == nil && rollout.StepID(n) == first {
		return n
	}
	return 0
}

// tracedCalls lets the span of what a run does go along with it.
type tracedCalls struct {
	interceptor.WorkflowOutboundInterceptorBase
	run *tracedRun
}

// ExecuteActivity implements interceptor.WorkflowOutboundInterceptor.
func (c *tracedCalls) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	if c.run.is.IsValid() {
		o := workflow.GetActivityOptions(ctx)
		tracing.Write(interceptor.WorkflowHeader(ctx), c.run.spanFor(ctx, o.ActivityID, args), o.Summary)
	}
	return c.Next.ExecuteActivity(ctx, activityType, args...)
}

// ExecuteChildWorkflow implements interceptor.WorkflowOutboundInterceptor.
func (c *tracedCalls) ExecuteChildWorkflow(ctx workflow.Context, childType string, args ...any) workflow.ChildWorkflowFuture {
	tracing.Write(interceptor.WorkflowHeader(ctx), c.run.is, "")
	return c.Next.ExecuteChildWorkflow(ctx, childType, args...)
}
