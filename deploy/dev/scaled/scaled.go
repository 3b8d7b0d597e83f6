// Package scaled is a small autoscaled service: requests join a queue, replicas,
// each a process of its own, work it off at a fixed rate, and an autoscaler
// starts and stops replicas. It is what a rehearsal of autoscaling is tried on,
// and it can be made to scale badly in three ways.
//
// [Service.Serve] is the process from start to stop; autoscaler.decide is the
// control loop; [Replica] is the other program.
package scaled

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// queueLimit is how many requests may wait: more get 503.
	queueLimit = 10000
	// drainWithin bounds how long requests may go on after the stop began.
	drainWithin = 5 * time.Second
)

// buckets are the bounds of the latency histogram, in seconds.
var buckets = []float64{.01, .025, .05, .075, .1, .15, .25, .5, .75, 1, 1.5, 2.5, 5, 10}

// Options are what the service is made of.
type Options struct {
	Policy    Policy
	Rate      float64       // requests a second of one replica
	SlowStart time.Duration // how long a replica takes to be ready
	StuckAt   int           // no more replicas than that are really started; 0: as many as wanted
}

// Service is the queue with its replicas. Make it with New.
type Service struct {
	options Options
	program []string // of a replica
	queue   chan *request
	meter   *meter
	wanted  atomic.Int64
	mux     *http.ServeMux

	arrivals  prometheus.Counter
	requests  *prometheus.CounterVec
	durations prometheus.Observer
}

// request is one that waits for its answer.
type request struct {
	came     time.Time
	answered chan bool
}

// New returns a service whose replicas are run by the given command, which has
// to call [Replica].
func New(o Options, program ...string) (*Service, error) {
	if err := o.Policy.Validate(); err != nil {
		return nil, err
	}
	if !(o.Rate > 0 && o.Rate <= 1000) {
		return nil, fmt.Errorf("rate: %g is not above 0 and at most 1000 requests a second", o.Rate)
	}
	if o.SlowStart < 0 || o.StuckAt < 0 {
		return nil, errors.New("slow-start and stuck-at must not be negative")
	}
	s := &Service{options: o, program: program, queue: make(chan *request, queueLimit), meter: newMeter(), mux: http.NewServeMux()}
	s.wanted.Store(int64(o.Policy.Min))
	s.measure()
	s.mux.HandleFunc("/{$}", s.answer)
	s.mux.HandleFunc("GET /healthz", s.health)
	return s, nil
}

// measure makes the page /metrics.
func (s *Service) measure() {
	registry := prometheus.NewRegistry()
	gauge := func(name, help string, value func() float64) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("replicas_ready", "Replicas that serve.", func() float64 { ready, _ := s.meter.last(); return float64(ready) })
	gauge("replicas_wanted", "Replicas that the autoscaler asks for.", func() float64 { return float64(s.wanted.Load()) })
	gauge("queue_length", "Requests that wait for a replica.", func() float64 { return float64(len(s.queue)) })
	gauge("replicas_utilisation", "Share of their time that replicas are busy.", func() float64 { _, u := s.meter.last(); return u })
	s.arrivals = prometheus.NewCounter(prometheus.CounterOpts{Name: "arrivals_total", Help: "Requests that came."})
	s.requests = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "http_requests_total", Help: "Requests answered, by status code."}, []string{"code"})
	durations := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "http_request_duration_seconds", Help: "How long answers took, from arrival.", Buckets: buckets})
	s.durations = durations
	registry.MustRegister(s.arrivals, s.requests, durations)
	s.mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
}

// ServeHTTP answers one request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// health is 200 when as many replicas are ready as there are at least.
func (s *Service) health(w http.ResponseWriter, _ *http.Request) {
	if ready, _ := s.meter.last(); ready < s.options.Policy.Min {
		http.Error(w, "replicas start", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// answer waits for its turn, and for a replica.
func (s *Service) answer(w http.ResponseWriter, r *http.Request) {
	one := &request{came: time.Now(), answered: make(chan bool, 1)}
	s.arrivals.Inc()
	code := http.StatusOK
	select {
	case s.queue <- one:
		select {
		case answered := <-one.answered:
			if !answered {
				code = http.StatusBadGateway
			}
		case <-r.Context().Done(): // nobody waits any more: its turn still comes
			return
		}
	default:
		code = http.StatusServiceUnavailable
	}
	w.WriteHeader(code)
	fmt.Fprintln(w, http.StatusText(code))
	s.requests.WithLabelValues(strconv.Itoa(code)).Inc()
	s.durations.Observe(time.Since(one.came).Seconds())
}

// Serve answers on the listener until ctx ends. Then it takes no new connection,
// answers the requests that it has, for at most five seconds, and stops every
// replica.
func (s *Service) Serve(ctx context.Context, l net.Listener) error {
	scaling, stop := context.WithCancel(context.WithoutCancel(ctx))
	scaled := make(chan error, 1)
	go func() { scaled <- s.scale(scaling) }()
	server := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	var err error
	select {
	case err = <-served:
	case err = <-scaled:
		scaled <- nil
	case <-ctx.Done():
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainWithin)
		defer cancel()
		if err = server.Shutdown(drain); err != nil {
			err = errors.Join(err, server.Close())
		}
	}
	stop()
	return errors.Join(err, <-scaled)
}

// scale is the control loop: it measures, decides, and starts and stops
// replicas, until ctx ends; then it stops all.
func (s *Service) scale(ctx context.Context) error {
	var replicas []*replica
	defer func() {
		for _, r := range replicas {
			close(r.stop)
		}
		for _, r := range replicas {
			<-r.done
		}
	}()
	decides := newAutoscaler(s.options.Policy)
	tick := time.NewTicker(s.options.Policy.Interval)
	defer tick.Stop()
	for {
		var err error
		if replicas, err = s.adjust(replicas); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		ready, utilisation := s.meter.read()
		was := s.wanted.Swap(int64(decides.decide(time.Now(), load{ready, float64(len(s.queue)), utilisation})))
		if now := s.wanted.Load(); now != was {
			slog.Info("scaled", "from", was, "to", now, "ready", ready, "queue", len(s.queue), "utilisation", utilisation)
		}
	}
}

// adjust makes as many replicas as are wanted: it replaces those that died, and
// stops the youngest first.
func (s *Service) adjust(replicas []*replica) ([]*replica, error) {
	replicas = slices.DeleteFunc(replicas, func(r *replica) bool {
		select {
		case <-r.done:
			return true
		default:
			return false
		}
	})
	wanted := int(s.wanted.Load())
	if s.options.StuckAt > 0 {
		wanted = min(wanted, s.options.StuckAt)
	}
	for len(replicas) < wanted {
		r, err := s.start()
		if err != nil {
			return replicas, err
		}
		replicas = append(replicas, r)
	}
	for len(replicas) > wanted {
		last := len(replicas) - 1
		close(replicas[last].stop)
		replicas = replicas[:last]
	}
	return replicas, nil
}
