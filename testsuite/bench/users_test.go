package bench

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
	"bakeoff/testsuite/sim/httpworld"
)

// users ask a simulated service, one request after the other at random moments
// (Poisson), and get the version that the weights in force give them by
// chance. Unlike the world's own counters theirs are whole, and it is known
// when each request was made.
type users struct {
	world      *sim.World
	regression regression
	url        string
	leave      func() // ends the requests

	mu     sync.Mutex
	served map[string]*served
}

// served is what one version has answered.
type served struct {
	requests, failures int
	firstBad           time.Time
}

// newUsers begins to ask, until it leaves or the benchmark ends. The service's metrics pages
// say what they were answered.
func newUsers(b *testing.B, r regression) *users {
	u := &users{world: sim.New(baseline), regression: r, served: map[string]*served{baseline: {}, candidate: {}}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /versions/{version}/metrics", u.page)
	mux.Handle("/", httpworld.New(u.world))
	s := httptest.NewServer(mux)
	u.url = s.URL
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { defer close(stopped); u.ask(stop) }()
	u.leave = sync.OnceFunc(func() { close(stop); <-stopped })
	b.Cleanup(func() { u.leave(); s.Close() })
	return u
}

// ask makes requests as time passes.
func (u *users) ask(stop <-chan struct{}) {
	r, next := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano()))), time.Now()
	for {
		weight := u.world.State().Weights[candidate]
		for now := time.Now(); !next.After(now); {
			u.answer(r, weight, next)
			next = next.Add(time.Duration(r.ExpFloat64() / u.regression.rate * float64(time.Second)))
		}
		select {
		case <-stop:
			return
		case <-time.After(max(time.Until(next), time.Millisecond)):
		}
	}
}

func (u *users) answer(r *rand.Rand, weight rollout.Weight, at time.Time) {
	version := baseline
	if r.IntN(int(rollout.All)) < int(weight) {
		version = candidate
	}
	fails := r.Float64() < u.regression.failures[version]
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.served[version]
	s.requests++
	if !fails {
		return
	}
	s.failures++
	if s.firstBad.IsZero() {
		s.firstBad = at
	}
}

// page is a version's metrics page.
func (u *users) page(w http.ResponseWriter, r *http.Request) {
	version := r.PathValue("version")
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.served[version]
	if s == nil {
		http.NotFound(w, r)
		return
	}
	_, _ = fmt.Fprint(w, "# TYPE http_requests_total counter\n")
	for code, n := range map[string]int{"200": s.requests - s.failures, "500": s.failures} {
		_, _ = fmt.Fprintf(w, "http_requests_total{version=%q,code=%q} %d\n", version, code, n)
	}
}

// lost is when a version failed first, and how often in all.
func (u *users) lost(version string) (first time.Time, failures int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.served[version].firstBad, u.served[version].failures
}
