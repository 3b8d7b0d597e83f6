package prometheus_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/prometheus"
	"bakeoff/rollout"
	"bakeoff/testsuite/conform"
	"bakeoff/testsuite/procs"
)

// patience is how long a scrape and what follows from it may take here.
const patience = 20 * time.Second

// target is a process that Prometheus scrapes. Its page can be replaced.
type target struct {
	*httptest.Server
	page atomic.Pointer[http.HandlerFunc]
}

func newTarget(t *testing.T) *target {
	t.Helper()
	x := &target{}
	x.shows("")
	x.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*x.page.Load())(w, r) }))
	t.Cleanup(x.Close)
	return x
}

func (x *target) shows(lines ...string) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, strings.Join(lines, "\n"))
	})
	x.page.Store(&page)
}

// startPrometheus runs a server that scrapes the targets every second, each
// with its own labels, and returns its URL.
func startPrometheus(t *testing.T, targets map[*target]string) string {
	t.Helper()
	return startOver(t, t.TempDir(), targets)
}

// startOver is startPrometheus over the data that lies in dir already.
func startOver(t *testing.T, dir string, targets map[*target]string) string {
	t.Helper()
	config := "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n- job_name: service\n  static_configs:\n"
	for x, labels := range targets {
		config += fmt.Sprintf("  - {targets: [%q], labels: {%s}}\n", strings.TrimPrefix(x.URL, "http://"), labels)
	}
	return procs.StartPrometheus(t, dir, config)
}

func connect(t *testing.T, url string) *prometheus.Server {
	t.Helper()
	s, err := prometheus.New(activities.With{"url": url, "delay": "1s"}, prometheus.Bearer{})
	require.NoError(t, err)
	return s
}

// awaitReading reads one check until it is as wanted.
func awaitReading(t *testing.T, s activities.Metrics, check rollout.Check, wanted func(activities.CheckReading) bool) activities.CheckReading {
	t.Helper()
	var got activities.CheckReading
	var err error
	require.Eventually(t, func() bool {
		var reading activities.Reading
		reading, err = s.Read(context.Background(), activities.MetricsQuery{Checks: []rollout.Check{check}, Sides: bothSides(), At: time.Now()})
		got = reading.Checks[check.Name]
		return err == nil && wanted(got)
	}, patience, 50*time.Millisecond, "wanted reading never came")
	return got
}

// page is what a version shows that has counted so much. The labels, if any,
// end with a comma.
func page(labels string, requests, failures int) []string {
	return []string{
		fmt.Sprintf(`x{%scode="200"} %d`, labels, requests-failures),
		fmt.Sprintf(`x{%scode="500"} %d`, labels, failures),
		fmt.Sprintf(`h_bucket{%sle="0.1"} %d`, labels, requests-failures),
		fmt.Sprintf(`h_bucket{%sle="1"} %d`, labels, requests),
		fmt.Sprintf(`h_bucket{%sle="+Inf"} %d`, labels, requests),
		fmt.Sprintf(`h_count{%s} %d`, labels, requests),
	}
}

func requests(r activities.CheckReading, side activities.Side) float64 {
	sum := 0.0
	for _, n := range r.Sides[side].Requests {
		sum += n
	}
	return sum
}

func TestRealCounters(t *testing.T) {
	t.Parallel()
	stable, canary := newTarget(t), newTarget(t)
	s := connect(t, startPrometheus(t, map[*target]string{stable: `version: "1.0", track: stable`, canary: `version: "2.0", track: canary`}))
	tail := rollout.Check{Name: "tail", Histogram: "h"}
	none := awaitReading(t, s, errorsCheck, func(r activities.CheckReading) bool { return r.Error == "" })
	require.Empty(t, none.Sides, "nothing was counted yet")

	stable.shows(page("", 1000, 10)...)
	canary.shows(page("", 50, 5)...)
	bothCounted := func(r activities.CheckReading) bool {
		return len(r.Sides[activities.Baseline].Failures) > 0 && len(r.Sides[activities.Candidate].Failures) > 0
	}
	got := awaitReading(t, s, errorsCheck, bothCounted)
	host := func(x *target) string { return strings.TrimPrefix(x.URL, "http://") }
	// Both sides' keys differ in instance and track only: version is left out.
	key := fmt.Sprintf(`x{code="500",instance=%q,job="service",track="canary"}`, host(canary))
	require.Equal(t, map[string]float64{key: 5}, got.Sides[activities.Candidate].Failures)
	require.EqualValues(t, 50, requests(got, activities.Candidate))
	require.EqualValues(t, 1000, requests(got, activities.Baseline))

	hist := awaitReading(t, s, tail, func(r activities.CheckReading) bool { return len(r.Sides) == 2 })
	require.Equal(t, map[string]map[string]float64{
		fmt.Sprintf(`h{instance=%q,job="service",track="stable"}`, host(stable)): {"0.1": 990, "1": 1000, "+Inf": 1000},
	}, hist.Sides[activities.Baseline].Buckets)

	pair := errorsCheck
	pair.By = &rollout.By{Baseline: `track="stable"`, Candidate: `track="canary"`}
	require.EqualValues(t, 50, requests(awaitReading(t, s, pair, bothCounted), activities.Candidate))

	canary.shows(page("", 3, 0)...)                                        // started anew: the same key, a lower value
	awaitReading(t, s, errorsCheck, func(r activities.CheckReading) bool { // two queries: a scrape may come between them
		return requests(r, activities.Candidate) == 3 && maps.Equal(r.Sides[activities.Candidate].Failures, map[string]float64{key: 0})
	})

	canary.Close() // gone, and Prometheus says so itself
	awaitReading(t, s, errorsCheck, func(r activities.CheckReading) bool {
		return r.Error == "" && len(r.Sides) == 1 && requests(r, activities.Baseline) == 1000
	})
}

// Samples with a time of their own get no stale marker: Prometheus goes on
// answering for five minutes.
func TestRealVanishedWithoutMarker(t *testing.T) {
	t.Parallel()
	stable := newTarget(t)
	s := connect(t, startPrometheus(t, map[*target]string{stable: `job: service`}))
	now := time.Now()
	show := func(version string, ago time.Duration) {
		stable.shows(fmt.Sprintf(`x{version=%q,code="200"} 7 %d`, version, now.Add(-ago).UnixMilli()))
		raw := rollout.Check{Name: "raw", Query: fmt.Sprintf(`timestamp(x{version=%q} offset %ds)`, version, int(ago.Seconds())-15)}
		awaitReading(t, s, raw, func(r activities.CheckReading) bool {
			v := r.Sides[activities.Baseline].Value
			return v != nil && math.Abs(*v-float64(now.Add(-ago).UnixMilli())/1000) < 0.002
		})
	}
	show("1.0", 270*time.Second)
	show("1.0", 180*time.Second)
	show("1.0", 90*time.Second)
	show("2.0", 80*time.Second)
	got := awaitReading(t, s, errorsCheck, func(r activities.CheckReading) bool { return r.Error == "" })
	require.Contains(t, got.Sides, activities.Baseline, "sampled every 90 s")
	require.NotContains(t, got.Sides, activities.Candidate, "sampled once, 80 s ago")
}

func TestRealNativeHistogram(t *testing.T) {
	t.Parallel()
	stable := newTarget(t)
	s := connect(t, startPrometheus(t, map[*target]string{stable: `version: "1.0"`}))
	ptr := func(n uint64) *uint64 { return &n }
	i32 := func(n int32) *int32 { return &n }
	u32 := func(n uint32) *uint32 { return &n }
	name, kind, zero, sum := "h", dto.MetricType_HISTOGRAM, 1e-9, 3.0
	family := &dto.MetricFamily{Name: &name, Type: &kind, Metric: []*dto.Metric{{Histogram: &dto.Histogram{
		SampleCount: ptr(10), SampleSum: &sum, Schema: i32(3), ZeroThreshold: &zero, ZeroCount: ptr(1),
		// With schema 3 bucket i ends at 2^(i/8): two at -24 (0.125), one at -23, six at 0 (1 s).
		PositiveSpan:  []*dto.BucketSpan{{Offset: i32(-24), Length: u32(2)}, {Offset: i32(22), Length: u32(1)}},
		PositiveDelta: []int64{2, -1, 5},
	}}}}
	proto := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		format := expfmt.NewFormat(expfmt.TypeProtoDelim)
		w.Header().Set("Content-Type", string(format))
		_ = expfmt.NewEncoder(w, format).Encode(family)
	})
	stable.page.Store(&proto)
	got := awaitReading(t, s, rollout.Check{Name: "tail", Histogram: "h"}, func(r activities.CheckReading) bool { return len(r.Sides) == 1 })
	for _, h := range got.Sides[activities.Baseline].Buckets {
		for bound, want := range map[string]float64{"0.105112": 1, "0.125": 3, "0.148651": 4, "0.840896": 4, "1": 10, "64": 10, "+Inf": 10} {
			require.Equal(t, want, h[bound], bound)
		}
	}
	require.Len(t, got.Sides[activities.Baseline].Buckets, 1)
}

func TestRealRefusals(t *testing.T) {
	t.Parallel()
	s := connect(t, startPrometheus(t, nil))
	for query, why := range map[string]string{
		"sum(": "bad_data",
		`label_replace(vector(1), "a", "1", "", "") * on(a) group_left vector(time() * label`: "bad_data",
		`"text"`: "unexpected value type",
		`1/0`:    "query is +Inf",
	} {
		got := awaitReading(t, s, rollout.Check{Name: "q", Query: query}, func(activities.CheckReading) bool { return true })
		require.ErrorContains(t, errorOf(got), why)
	}
	got := awaitReading(t, s, errorsCheck, func(activities.CheckReading) bool { return true })
	require.Empty(t, got.Error)
	require.Empty(t, got.Sides)
}

// world is one Prometheus for all tests of the suite. Each takes its own pair
// of versions and a proxy that can misbehave.
type world struct {
	target *target
	url    string
	mu     sync.Mutex
	counts map[string][2]int // version → requests, failures
	taken  int
}

func TestConformance(t *testing.T) {
	t.Parallel()
	w := &world{target: newTarget(t), counts: map[string][2]int{}}
	w.url = startPrometheus(t, map[*target]string{w.target: `job: service`})
	conform.Metrics(t, w.fixture)
}

// answer lets versions answer requests, some of which fail, and waits until
// Prometheus says so.
func (w *world) answer(t *testing.T, more map[string][2]int) {
	t.Helper()
	w.mu.Lock()
	for version, n := range more {
		w.counts[version] = [2]int{w.counts[version][0] + n[0], w.counts[version][1] + n[1]}
	}
	counts := maps.Clone(w.counts)
	w.mu.Unlock()
	var lines []string
	for version, n := range counts {
		lines = append(lines, page(fmt.Sprintf("version=%q,", version), n[0], n[1])...)
	}
	w.target.shows(lines...)
	for version := range more {
		seen := rollout.Check{Name: "seen", Query: fmt.Sprintf(`sum(x{version=%q})`, version)}
		awaitReading(t, connect(t, w.url), seen, func(r activities.CheckReading) bool {
			v := r.Sides[activities.Baseline].Value
			return v != nil && int(*v) == counts[version][0]
		})
	}
}

func (w *world) fixture(t *testing.T) conform.MetricsFixture {
	w.mu.Lock()
	w.taken++
	baseline, candidate := fmt.Sprintf("1.%d", w.taken), fmt.Sprintf("2.%d", w.taken)
	w.mu.Unlock()
	w.answer(t, map[string][2]int{baseline: {1000, 10}, candidate: {50, 5}})
	sides := map[activities.Side]activities.Version{activities.Baseline: {Version: baseline}, activities.Candidate: {Version: candidate}}
	front, faults := newFront(t, w.url)
	s, err := prometheus.New(activities.With{"url": front, "deadline": "1s"}, prometheus.Bearer{})
	require.NoError(t, err)
	return conform.MetricsFixture{
		Server: conform.Server{Faults: faults, Deadline: time.Second},
		Driver: s,
		Sides:  sides,
		Nobody: activities.Version{Version: "0.0"},
		Rate:   &rollout.Check{Name: "errors", Failures: `x{code=~"5.."}`, Requests: "x"},
		Tail:   &rollout.Check{Name: "latency", Histogram: "h"},
		Query:  &rollout.Check{Name: "total", Query: `sum(x{version="{{.Version}}"})`},
		Values: map[activities.Side]float64{activities.Baseline: 1000, activities.Candidate: 50},
		Bad:    &rollout.Check{Name: "bad", Query: "sum("},
		Answer: func(t *testing.T, side activities.Side, requests, failures int) {
			t.Helper()
			w.answer(t, map[string][2]int{sides[side].Version: {requests, failures}})
		},
	}
}

// newFront stands before a server and can misbehave.
func newFront(t *testing.T, behind string) (string, conform.Faults) {
	t.Helper()
	where, err := url.Parse(behind)
	require.NoError(t, err)
	through := httputil.NewSingleHostReverseProxy(where)
	var fault atomic.Pointer[http.HandlerFunc]
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := fault.Load(); f != nil {
			(*f)(w, r)
			return
		}
		through.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	does := func(f http.HandlerFunc) { fault.Store(&f) }
	return front.URL, conform.Faults{
		Throttle: func(_ *testing.T, after time.Duration) {
			does(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", fmt.Sprint(int(after.Seconds())))
				http.Error(w, "too many queries", http.StatusTooManyRequests)
			})
		},
		Refuse: func(_ *testing.T, why string) {
			does(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, why, http.StatusForbidden) })
		},
		Break: func(*testing.T) {
			does(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "broken", http.StatusInternalServerError) })
		},
		Hang: func(*testing.T) {
			does(func(_ http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm() // only a read body lets the server see its client leave
				<-r.Context().Done()
			})
		},
		Heal: func(*testing.T) { fault.Store(nil) },
	}
}
