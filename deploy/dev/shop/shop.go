// Package shop is the sample service of the demonstration: a small web shop
// whose versions differ in how often they fail and how slow they are. It is
// what Bakeoff rolls out there, so it has what a rollout needs of a service: a
// health page, metrics by version, and an end that answers whoever was asking.
//
// [Serve] is the process from start to stop; [BehaviourOf] says how versions
// differ.
package shop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// VersionHeader is in every answer of the shop: which version gave it.
const VersionHeader = "X-Version"

// drainWithin bounds how long requests may go on after the stop began.
const drainWithin = 10 * time.Second

// buckets are the bounds of the latency histogram, in seconds.
var buckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5}

// Shop is one running version: an http.Handler with the pages /, /checkout,
// /healthz and /metrics, and /orders where it keeps them. It is safe for
// concurrent use.
type Shop struct {
	Version   string
	Behaviour Behaviour

	mux       *http.ServeMux
	requests  *prometheus.CounterVec
	durations prometheus.Observer
	orders    Orders // nil: it has none
	draining  atomic.Bool
	uniform   func() float64 // a sample of [0, 1)
}

// New returns the shop of a version with a behaviour, which takes orders where
// it has a place for them; nil: it takes none.
func New(version string, b Behaviour, orders Orders) *Shop {
	labels := prometheus.Labels{"version": version}
	s := &Shop{Version: version, Behaviour: b, orders: orders, mux: http.NewServeMux(), uniform: rand.Float64}
	s.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "http_requests_total", Help: "Requests answered, by status code.", ConstLabels: labels,
	}, []string{"code"})
	durations := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "http_request_duration_seconds", Help: "How long answers took.", ConstLabels: labels, Buckets: buckets,
	})
	s.durations = durations
	for _, code := range []int{http.StatusOK, http.StatusInternalServerError} {
		s.requests.WithLabelValues(strconv.Itoa(code)) // no failure yet is 0, not unknown
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(s.requests, durations)
	s.mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	s.mux.HandleFunc("GET /healthz", s.health)
	s.mux.HandleFunc("GET /{$}", s.answer(page(items)))
	s.mux.HandleFunc("/checkout", s.answer(page(map[string]any{"order": "accepted"})))
	if orders != nil {
		s.mux.HandleFunc("POST /orders", s.answer(s.take))
		s.mux.HandleFunc("GET /orders/{id}", s.answer(s.find))
	}
	return s
}

// ServeHTTP answers one request.
func (s *Shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(VersionHeader, s.Version)
	s.mux.ServeHTTP(w, r)
}

var items = []map[string]any{
	{"item": "espresso machine", "price": 249.00},
	{"item": "grinder", "price": 129.00},
	{"item": "cup", "price": 9.50},
}

// page always shows the same.
func page(body any) func(*http.Request) (int, any) {
	return func(*http.Request) (int, any) { return http.StatusOK, body }
}

// answer makes a page that takes as long, and fails as often, as the version
// does. What fails does nothing.
func (s *Shop) answer(page func(*http.Request) (code int, body any)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		select {
		case <-time.After(s.Behaviour.Latency(s.uniform())):
		case <-r.Context().Done(): // nobody waits for the answer any more
			return
		}
		code, body := http.StatusInternalServerError, any(map[string]any{"error": "out of stock, and out of order"})
		if !s.Behaviour.Fails(s.uniform()) {
			code, body = page(r)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(body) // the client is gone when this fails
		s.requests.WithLabelValues(strconv.Itoa(code)).Inc()
		s.durations.Observe(time.Since(began).Seconds())
	}
}

// health is 200, and 503 once the shop drains, or while it cannot keep orders.
func (s *Shop) health(w http.ResponseWriter, r *http.Request) {
	if why := s.ready(r.Context()); why != "" {
		http.Error(w, why, http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// Serve answers on the listener until ctx ends. Then it takes no new
// connection, answers the requests that it has, for at most ten seconds, and
// returns nil when all were answered.
func Serve(ctx context.Context, l net.Listener, s *Shop) error {
	server := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	slog.Info("draining", "version", s.Version)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainWithin)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("drain: %w", errors.Join(err, server.Close()))
	}
	return nil
}
