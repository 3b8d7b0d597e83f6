package main

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/rollout/tracing"
	"bakeoff/testsuite/collector"
)

const pipelines = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// tracedCLI is a command in an environment.
func tracedCLI(t *testing.T, env map[string]string) (*cli, *bytes.Buffer) {
	t.Helper()
	for name, value := range env { // OpenTelemetry reads them itself, too
		t.Setenv(name, value)
	}
	var said bytes.Buffer
	return &cli{process: &process{err: &said, getenv: func(name string) string { return env[name] }}}, &said
}

func TestTraceOfCommand(t *testing.T) {
	to := collector.Start(t)
	c, said := tracedCLI(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": to.URL, "OTEL_EXPORTER_OTLP_HEADERS": "x-key=k", "TRACEPARENT": pipelines})
	c.beginTrace(t.Context())
	c.beginTrace(t.Context())
	c.traced.result(rollout.Status{Target: "production/checkout", Outcome: rollout.RolledBack})
	goesAlong := c.connection.span
	c.endTrace(&cobra.Command{Use: "bakeoff"}, exitRolledBack, exit(exitRolledBack))

	spans := to.Spans("0af7651916cd43dd8448eb211c80319c")
	require.Len(t, spans, 1)
	require.Equal(t, "b7ad6b7169203331", spans[0].Parent)
	require.Equal(t, goesAlong.SpanID().String(), spans[0].ID)
	require.Equal(t, "bakeoff", spans[0].Service)
	require.Equal(t, map[string]string{"bakeoff.target": "production/checkout", "bakeoff.outcome": "RolledBack", "process.exit.code": "10"}, spans[0].Facts)
	require.NotEmpty(t, spans[0].Failed)
	require.Equal(t, "k", to.Headers()[0].Get("X-Key"))
	require.Empty(t, said.String())
}

// Without a collector the pipeline's own span goes along.
func TestTraceparentGoesAlong(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"alone":    {},
		"disabled": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
		"none":     {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
		"grpc":     {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
	} {
		t.Run(name, func(t *testing.T) {
			env["TRACEPARENT"] = pipelines
			c, said := tracedCLI(t, env)
			c.beginTrace(t.Context())
			c.endTrace(&cobra.Command{}, exitOK, nil)
			require.Equal(t, pipelines, tracing.Parent(c.connection.span))
			require.Equal(t, name == "grpc", bytes.Contains(said.Bytes(), []byte("only http/protobuf is supported")), said.String())
		})
	}
	c, _ := tracedCLI(t, map[string]string{"TRACEPARENT": "nonsense"})
	c.beginTrace(t.Context())
	require.Empty(t, tracing.Parent(c.connection.span))
}

// An order and a command say whose trace they go on with.
func TestOrdersSayTheirTrace(t *testing.T) {
	p := process{getenv: func(name string) string { return map[string]string{"TRACEPARENT": pipelines}[name] }}
	f := running(t)
	typed(t.Context(), f, p, "start", file(t, smallest))
	require.Equal(t, pipelines, f.submitted[0].Order.Trace)
	typed(t.Context(), f, p, "pause", "production/checkout", "--reason", "r")
	require.Equal(t, pipelines, f.updates[0].Trace)
}

func TestSilentCollectorCostsASecond(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = silent.Close() }()
	c, said := tracedCLI(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + silent.Addr().String()})
	c.beginTrace(t.Context())
	began := time.Now()
	c.endTrace(&cobra.Command{}, exitOK, nil)
	require.Less(t, time.Since(began), 2*lastTraces)
	require.Contains(t, said.String(), "no trace of this command is sent")
}
