package scrape_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/scrape"
	"bakeoff/rollout"
)

// pod is one endpoint with a metrics page.
type pod struct {
	*httptest.Server
	page  atomic.Value // string
	reads atomic.Int32
}

func newPod(t *testing.T, lines ...string) *pod {
	t.Helper()
	p := &pod{}
	p.shows(lines...)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.reads.Add(1)
		if r.URL.Path != "/metrics" {
			http.NotFound(w, r)
			return
		}
		_, _ = fmt.Fprint(w, p.page.Load())
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *pod) shows(lines ...string) { p.page.Store(strings.Join(append(lines, ""), "\n")) }

var (
	errorsCheck  = rollout.Check{Name: "errors", Failures: `x{code=~"5.."}`, Requests: "x"}
	latencyCheck = rollout.Check{Name: "latency", Histogram: "h"}
)

func version(name string, pods ...*pod) activities.Version {
	v := activities.Version{Version: name}
	for _, p := range pods {
		v.Endpoints = append(v.Endpoints, p.URL)
	}
	return v
}

func read(t *testing.T, checks []rollout.Check, baseline, candidate activities.Version) (activities.Reading, error) {
	t.Helper()
	s, err := scrape.New(nil)
	require.NoError(t, err)
	sides := map[activities.Side]activities.Version{activities.Baseline: baseline}
	if candidate.Version != "" {
		sides[activities.Candidate] = candidate
	}
	return s.Read(t.Context(), activities.MetricsQuery{Checks: checks, Sides: sides})
}

func readOne(t *testing.T, check rollout.Check, baseline, candidate activities.Version) activities.CheckReading {
	t.Helper()
	reading, err := read(t, []rollout.Check{check}, baseline, candidate)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), reading.At, time.Minute)
	require.Len(t, reading.Checks, 1)
	return reading.Checks[check.Name]
}

func TestNew(t *testing.T) {
	s, err := scrape.New(activities.With{"path": "/internal/metrics", "deadline": "1s"})
	require.NoError(t, err)
	require.Zero(t, s.Delay())
	for why, with := range map[string]activities.With{
		"must begin with /":   {"path": "metrics"},
		"neither ? nor #":     {"path": "/metrics?all"},
		"must be positive":    {"deadline": "0s"},
		`unknown field "url"`: {"url": "http://x"},
	} {
		_, err := scrape.New(with)
		require.ErrorContains(t, err, why)
	}
}

func TestSupports(t *testing.T) {
	s, err := scrape.New(nil)
	require.NoError(t, err)
	require.NoError(t, s.Supports(errorsCheck))
	require.NoError(t, s.Supports(latencyCheck))
	require.EqualError(t, s.Supports(rollout.Check{Query: "sum(x)"}), "scrape cannot evaluate queries: use prometheus")
	require.ErrorContains(t, s.Supports(rollout.Check{Histogram: "rate(x[1m])"}), "is not a plain selector")
}

func TestCounters(t *testing.T) {
	a := newPod(t, "# TYPE x counter", `x{code="200"} 90`, `x{code="500"} 3`, `y 1`)
	b := newPod(t, `x{code="200",version="1.0"} 10`)
	c := newPod(t, `x{code="200"} 1e3 1700000000000`)
	got := readOne(t, errorsCheck, version("1.0", a, b, a), version("2.0", c))
	require.Equal(t, activities.CheckReading{Sides: map[activities.Side]activities.SideReading{
		activities.Baseline: {
			Requests: map[string]float64{a.URL + ` x{code="200"}`: 90, a.URL + ` x{code="500"}`: 3, b.URL + ` x{code="200"}`: 10},
			Failures: map[string]float64{a.URL + ` x{code="500"}`: 3},
		},
		activities.Candidate: {Requests: map[string]float64{c.URL + ` x{code="200"}`: 1000}, Failures: map[string]float64{}},
	}}, got)
}

// A restarted process has the same keys and lower values.
func TestKeysOutliveARestart(t *testing.T) {
	p := newPod(t, `x{code="200",b="1"} 90`)
	before := readOne(t, errorsCheck, version("1.0", p), activities.Version{})
	p.shows(`x{b="1",code="200"} 2`)
	after := readOne(t, errorsCheck, version("1.0", p), activities.Version{})
	key := p.URL + ` x{b="1",code="200"}`
	require.Equal(t, map[string]float64{key: 90}, before.Sides[activities.Baseline].Requests)
	require.Equal(t, map[string]float64{key: 2}, after.Sides[activities.Baseline].Requests)
}

func TestHistogram(t *testing.T) {
	p := newPod(t, "# TYPE h histogram", `h_bucket{le="0.10"} 5`, `h_bucket{le="1.0"} 8`, `h_bucket{le="+Inf"} 9`, `h_sum 4`, `h_count 9`)
	untyped := newPod(t, `h_bucket{le="0.1"} 1`, `h_bucket{le="+Inf"} 2`)
	got := readOne(t, latencyCheck, version("1.0", p), version("2.0", untyped))
	require.Equal(t, activities.CheckReading{Sides: map[activities.Side]activities.SideReading{
		activities.Baseline:  {Buckets: map[string]map[string]float64{p.URL + " h{}": {"0.1": 5, "1": 8, "+Inf": 9}}},
		activities.Candidate: {Buckets: map[string]map[string]float64{untyped.URL + " h{}": {"0.1": 1, "+Inf": 2}}},
	}}, got)
}

// The counts of histograms are counters too.
func TestCountOfAHistogram(t *testing.T) {
	p := newPod(t, "# TYPE h histogram", `h_bucket{le="+Inf"} 9`, `h_count 9`, `h_sum 1`, `bad 2`)
	got := readOne(t, rollout.Check{Name: "c", Requests: "h_count", Failures: "bad"}, version("1.0", p), activities.Version{})
	require.Equal(t, map[string]float64{p.URL + " h_count{}": 9}, got.Sides[activities.Baseline].Requests)
}

func TestPagesAreReadOnce(t *testing.T) {
	shared := newPod(t, `x{version="1.0"} 5`, `x{version="2.0"} 7`)
	reading, err := read(t, []rollout.Check{errorsCheck, latencyCheck}, version("1.0", shared), version("2.0", shared))
	require.NoError(t, err)
	require.EqualValues(t, 1, shared.reads.Load())
	sides := reading.Checks["errors"].Sides
	require.Equal(t, map[string]float64{shared.URL + " x{}": 5}, sides[activities.Baseline].Requests)
	require.Equal(t, map[string]float64{shared.URL + " x{}": 7}, sides[activities.Candidate].Requests)
	require.Empty(t, reading.Checks["latency"].Sides, "no series: absent, no error")
	require.Empty(t, reading.Checks["latency"].Error)
}

func TestErrorsOfChecks(t *testing.T) {
	good := newPod(t, `x{code="200"} 5`)
	old := newPod(t, `x{version="1.0"} 5`)
	dead := newPod(t)
	dead.Close()
	canary := rollout.Check{Name: "errors", Failures: `x{code="500"}`, Requests: "x", By: &rollout.By{Baseline: `track="stable"`, Candidate: `track="canary"`}}
	moved := httptest.NewServer(http.RedirectHandler("http://elsewhere/", http.StatusFound))
	t.Cleanup(moved.Close)
	for why, c := range map[string]struct {
		check     rollout.Check
		candidate activities.Version
	}{
		"scrape cannot evaluate queries": {rollout.Check{Name: "q", Query: "x"}, version("2.0", good)},
		"is not a plain selector":        {rollout.Check{Name: "q", Histogram: "sum(x)"}, version("2.0", good)},
		"has no endpoints":               {errorsCheck, version("2.0")},
		"endpoint " + dead.URL:           {errorsCheck, version("2.0", good, dead)},
		"404 Not Found":                  {errorsCheck, activities.Version{Version: "2.0", Endpoints: []string{good.URL + "/sub"}}},
		"redirects to http://elsewhere/": {errorsCheck, activities.Version{Version: "2.0", Endpoints: []string{moved.URL}}},
		"is not an http(s) URL":          {errorsCheck, activities.Version{Version: "2.0", Endpoints: []string{"unix:///run/x"}}},
		"candidate: endpoint " + old.URL + ` of version 2.0 answers for version "1.0" (label version)`: {errorsCheck, version("2.0", good, old)},
		`answers for version "stable" (label track)`:                                                   {canary, version("2.0", newPod(t, `x{track="stable"} 5`))},
		"text format parsing error":                                                                    {errorsCheck, version("2.0", newPod(t, "<html>"))},
		`x{pod="a"} is NaN`:                                                                            {errorsCheck, version("2.0", newPod(t, `x{pod="a"} NaN`, `x{pod="b"} 1`))},
		"x{} is negative (-1)":                                                                         {errorsCheck, version("2.0", newPod(t, "x -1"))},
		"x{} is +Inf":                                                                                  {errorsCheck, version("2.0", newPod(t, "x +Inf"))},
		"x{} stands twice":                                                                             {errorsCheck, version("2.0", newPod(t, "x 1", "x 1"))},
		"up to 1 is NaN":                                                                               {latencyCheck, version("2.0", newPod(t, "# TYPE h histogram", `h_bucket{le="1"} NaN`, "h_count 1"))},
		"negative bucket population":                                                                   {latencyCheck, version("2.0", newPod(t, "# TYPE h histogram", `h_bucket{le="1"} -1`, "h_count 1"))},
		"h{} has no bucket +Inf":                                                                       {latencyCheck, version("2.0", newPod(t, `h_bucket{le="1"} 1`))},
		"unexpected end of input":                                                                      {errorsCheck, version("2.0", truncated(t))},
	} {
		got := readOne(t, c.check, version("1.0", good), c.candidate)
		require.ErrorContains(t, errors.New(got.Error), why)
		require.Empty(t, got.Sides)
	}
}

// truncated is a pod whose page ends within a line.
func truncated(t *testing.T) *pod {
	p := newPod(t)
	p.page.Store("x 1\nx{code=")
	return p
}

// Endpoints may be written without a scheme, with a slash at the end and with
// a path of their own.
func TestFormsOfEndpoints(t *testing.T) {
	p := newPod(t, "x 1")
	for _, endpoint := range []string{p.URL, p.URL + "/", strings.TrimPrefix(p.URL, "http://")} {
		got := readOne(t, errorsCheck, activities.Version{Version: "1.0", Endpoints: []string{endpoint}}, activities.Version{})
		require.Empty(t, got.Error)
		require.Equal(t, map[string]float64{endpoint + " x{}": 1}, got.Sides[activities.Baseline].Requests)
	}
}

// When one endpoint may answer later, the call is worth another try.
func TestNothingCouldBeRead(t *testing.T) {
	dead := newPod(t)
	dead.Close()
	wrong := activities.Version{Version: "2.0", Endpoints: []string{newPod(t).URL + "/sub"}}
	_, err := read(t, []rollout.Check{errorsCheck}, version("1.0", dead), wrong)
	require.ErrorContains(t, err, dead.URL)
	require.NotErrorIs(t, err, activities.ErrFinal)
	_, err = read(t, []rollout.Check{errorsCheck}, wrong, activities.Version{})
	require.ErrorIs(t, err, activities.ErrFinal)
}

func TestContextEnds(t *testing.T) {
	s, err := scrape.New(nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Read(ctx, activities.MetricsQuery{Checks: []rollout.Check{errorsCheck}})
	require.ErrorIs(t, err, context.Canceled)
}
