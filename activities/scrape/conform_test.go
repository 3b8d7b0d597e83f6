package scrape_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/scrape"
	"bakeoff/rollout"
	"bakeoff/testsuite/conform"
)

func TestConformance(t *testing.T) {
	conform.Metrics(t, func(t *testing.T) conform.MetricsFixture {
		s, err := scrape.New(activities.With{"deadline": "200ms"})
		require.NoError(t, err)
		f := &fleet{counts: map[activities.Side][2]int{activities.Baseline: {1000, 10}, activities.Candidate: {50, 5}}}
		return conform.MetricsFixture{
			Server: conform.Server{Faults: f.faults(), Deadline: 200 * time.Millisecond},
			Driver: s,
			Sides: map[activities.Side]activities.Version{
				activities.Baseline:  {Version: "1.0", Endpoints: f.endpoints(t, activities.Baseline)},
				activities.Candidate: {Version: "2.0", Endpoints: f.endpoints(t, activities.Candidate)},
			},
			Nobody: activities.Version{Version: "3.0", Endpoints: f.endpoints(t, "nobody")},
			Rate:   &rollout.Check{Name: "errors", Failures: `x{code=~"5.."}`, Requests: "x"},
			Tail:   &rollout.Check{Name: "latency", Histogram: "h"},
			Bad:    &rollout.Check{Name: "bad", Query: "sum(x)"},
			Answer: func(_ *testing.T, side activities.Side, requests, failures int) { f.answer(side, requests, failures) },
		}
	})
}

// fleet is what all endpoints of a test have in common.
type fleet struct {
	mu     sync.Mutex
	counts map[activities.Side][2]int // requests, failures of each of the two endpoints together
	fault  http.HandlerFunc
}

// endpoints starts two endpoints, of which the second counts nothing.
func (f *fleet) endpoints(t *testing.T, side activities.Side) []string {
	t.Helper()
	var all []string
	for i := range 2 {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			fault, n := f.fault, f.counts[side]
			f.mu.Unlock()
			switch {
			case fault != nil:
				fault(w, r)
			case i == 0 && n[0] > 0:
				_, _ = fmt.Fprintf(w, "x{code=\"200\"} %d\nx{code=\"500\"} %d\n", n[0]-n[1], n[1])
				_, _ = fmt.Fprintf(w, "# TYPE h histogram\nh_bucket{le=\"1\"} %d\nh_bucket{le=\"+Inf\"} %d\nh_count %d\n", n[0]-n[1], n[0], n[0])
			}
		}))
		t.Cleanup(s.Close)
		all = append(all, s.URL)
	}
	return all
}

func (f *fleet) answer(side activities.Side, requests, failures int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.counts[side]
	f.counts[side] = [2]int{n[0] + requests, n[1] + failures}
}

func (f *fleet) does(fault http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

func (f *fleet) faults() conform.Faults {
	says := func(code int, why string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, why, code) }
	}
	return conform.Faults{
		Throttle: func(_ *testing.T, after time.Duration) {
			f.does(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", fmt.Sprint(int(after.Seconds())))
				says(http.StatusTooManyRequests, "too often")(w, r)
			})
		},
		Refuse: func(_ *testing.T, why string) { f.does(says(http.StatusForbidden, why)) },
		Break:  func(*testing.T) { f.does(says(http.StatusInternalServerError, "broken")) },
		Hang:   func(*testing.T) { f.does(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }) },
		Heal:   func(*testing.T) { f.does(nil) },
	}
}
