package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// pages serves /healthz, /metrics and /alerts.
type pages struct {
	listener net.Listener
	server   *http.Server
}

// site is what the pages show, and who takes alerts.
type site struct {
	health  *health
	metrics *prometheus.Registry
	alerts  *alerts
	log     *slog.Logger
}

// serve begins to answer on the address. The health page says "starting" until
// its queues are polled.
func (s site) serve(address string) (*pages, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve /healthz and /metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", s.health)
	mux.Handle("POST /alerts", s.alerts)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, // one bad collector hides no other
		ErrorLog:      slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}))
	p := &pages{listener: listener, server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second}}
	go func() {
		if err := p.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("/healthz and /metrics are no longer served", "error", err)
		}
	}()
	return p, nil
}

// address is where the pages are, with the port that was picked.
func (p *pages) address() string { return p.listener.Addr().String() }

// close ends the pages, after those that are being answered.
func (p *pages) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = p.server.Shutdown(ctx) // nothing depends on it any more
}

// newRegistry collects what the process, the SDK and the workflows report.
func newRegistry(m *meter) (*prometheus.Registry, error) {
	r := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{m, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("collect metrics: %w", err)
		}
	}
	return r, nil
}
