package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"bakeoff/rollout"
	"bakeoff/rollout/tracing"
)

// traced is the span of this run of the program, from when it turns to Temporal. It
// goes on with the trace of whoever runs it (TRACEPARENT), and rollouts go on with
// it. Where no collector is named it is not sent, and TRACEPARENT goes along as it is.
type traced struct {
	exporter *tracing.Exporter
	span     trace.Span // nil: none was begun
}

// lastTraces bounds how long the end of a command waits for the collector.
const lastTraces = time.Second

// beginTrace begins the span, once.
func (c *cli) beginTrace(ctx context.Context) {
	if c.connection.span.IsValid() {
		return
	}
	c.connection.span = tracing.ParseParent(c.getenv("TRACEPARENT"))
	if !c.sendsTraces() {
		return
	}
	exporter, err := tracing.Start(ctx, tracing.Options{Service: "bakeoff", Says: c.untraced})
	if err != nil {
		c.untraced(err)
		return
	}
	_, span := exporter.Tracer().Start(trace.ContextWithRemoteSpanContext(ctx, c.connection.span), "bakeoff")
	c.traced = traced{exporter, span}
	c.connection.span = span.SpanContext()
}

// sendsTraces reads OpenTelemetry's standard variables: whether there is a collector.
func (c *cli) sendsTraces() bool {
	of := func(name string) string {
		return orElse(c.getenv("OTEL_EXPORTER_OTLP_TRACES_"+name), c.getenv("OTEL_EXPORTER_OTLP_"+name))
	}
	if of("ENDPOINT") == "" || c.getenv("OTEL_SDK_DISABLED") == "true" || c.getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	if protocol := of("PROTOCOL"); protocol == "grpc" {
		c.untraced(fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %s, but only http/protobuf is supported", protocol))
		return false
	}
	return true
}

// untraced says that there will be no span of this command. That is no reason to
// fail.
func (c *cli) untraced(err error) {
	if err != nil {
		fmt.Fprintf(c.err, "bakeoff: no trace of this command is sent: %v\n", err)
	}
}

// result notes what the command was about, and where that stands.
func (t traced) result(s rollout.Status) {
	if t.span == nil {
		return
	}
	for name, value := range map[string]string{"bakeoff.target": s.Target, "temporalWorkflowID": s.WorkflowID, "temporalRunID": s.RunID,
		"bakeoff.outcome": string(s.Outcome), "bakeoff.cause": string(s.Cause), "bakeoff.reason": s.Reason} {
		if value != "" {
			t.span.SetAttributes(attribute.String(name, value))
		}
	}
}

// endTrace ends the span and sends it. A code that fails a pipeline is an error of
// the span, too.
func (c *cli) endTrace(ran *cobra.Command, code int, err error) {
	span := c.traced.span
	if span == nil {
		return
	}
	span.SetName(ran.CommandPath())
	span.SetAttributes(attribute.Int("process.exit.code", code))
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
	ctx, cancel := context.WithTimeout(context.Background(), lastTraces)
	defer cancel()
	c.traced.exporter.Close(ctx)
}
