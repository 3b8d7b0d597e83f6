package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"bakeoff/rollout"
	"bakeoff/rollout/tracing"
)

// tracingConfig says where traces of rollouts go. The zero value sends none.
type tracingConfig struct {
	OTLP    string               `json:"otlp,omitempty"`    // the collector's URL: OTLP over HTTP
	Bearer  *secretRef           `json:"bearer,omitempty"`  // for that URL alone
	Headers map[string]secretRef `json:"headers,omitempty"` // for that URL alone
}

// validate says what is wrong with where traces go.
func (c tracingConfig) validate() (out []rollout.Problem) {
	add := func(path, format string, args ...any) {
		out = append(out, rollout.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	if c.OTLP == "" {
		if c.Bearer != nil || len(c.Headers) > 0 {
			add("tracing", "a credential is sent only to the URL that stands beside it: give otlp, too")
		}
		return out
	}
	if u, err := url.Parse(c.OTLP); err != nil || u.Host == "" || !slices.Contains([]string{"http", "https"}, u.Scheme) {
		add("tracing.otlp", "%q is not a URL of a collector: write http://host:4318", c.OTLP)
	} else if u.User != nil {
		add("tracing.otlp", "a URL holds no credential: give it by bearer or headers")
	}
	if c.Bearer != nil {
		if _, err := c.Bearer.fetch(); err != nil {
			add("tracing.bearer", "%v", err)
		}
	}
	for name, ref := range c.Headers {
		if _, err := ref.fetch(); err != nil {
			add("tracing.headers."+name, "%v", err)
		}
	}
	return out
}

// read fetches what is sent along.
func (c tracingConfig) read() (map[string]string, error) {
	out := map[string]string{}
	for name, ref := range c.Headers {
		value, err := ref.fetch()
		if err != nil {
			return nil, err
		}
		out[name] = value
	}
	if c.Bearer != nil {
		token, err := c.Bearer.fetch()
		if err != nil {
			return nil, err
		}
		out["Authorization"] = "Bearer " + token
	}
	return out, nil
}

// start begins to send traces, where they go anywhere.
func (c tracingConfig) start(ctx context.Context, log *slog.Logger) (*tracing.Exporter, error) {
	if c.OTLP == "" {
		return nil, nil
	}
	return tracing.Start(ctx, tracing.Options{Service: "bakeoff-worker", URL: c.OTLP, Headers: c.read, Says: func(err error) {
		if err != nil {
			log.Warn("traces are lost, and nothing else: the collector does not take them", "otlp", c.OTLP, "error", err)
		} else {
			log.Info("traces are taken again", "otlp", c.OTLP)
		}
	}})
}

// lastTraces bounds how long a stopping worker waits for the collector.
const lastTraces = time.Second

func (p *daemon) stopTracing() {
	ctx, cancel := context.WithTimeout(context.Background(), lastTraces)
	defer cancel()
	p.traces.Close(ctx)
}
