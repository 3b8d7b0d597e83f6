package httpworld

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"bakeoff/activities"
	"bakeoff/testsuite/sim"
)

// ShowPage makes a version's own metrics page say this and nothing else, such
// as nothing at all, or what belongs to another version.
func (h *Handler) ShowPage(version, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pages[version] = text
}

// HealPage ends what ShowPage began.
func (h *Handler) HealPage(version string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.pages, version)
}

func (h *Handler) shownPage(version string) (text string, shown bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	text, shown = h.pages[version]
	return text, shown
}

// contentType is that of Prometheus' text format.
const contentType = "text/plain; version=0.0.4; charset=utf-8"

// versionMetrics serves one version's page; 404 where it has none.
func (h *Handler) versionMetrics(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("version")
	if text, shown := h.shownPage(name); shown {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, text)
		return
	}
	if _, ok := h.world.Counters(name); !ok {
		http.NotFound(w, r)
		return
	}
	h.page(w, r, name)
}

// allMetrics serves what a Prometheus that scrapes the service would see.
func (h *Handler) allMetrics(w http.ResponseWriter, r *http.Request) {
	h.page(w, r, h.world.State().Versions...)
}

// page writes counters in Prometheus' text format:
//
//	http_requests_total{version,code="200"|"500"}
//	http_request_duration_seconds{version}, a histogram
//
// The world's faults of metrics apply: a page that cannot be read is a 500, a
// throttled one a 429.
func (h *Handler) page(w http.ResponseWriter, r *http.Request, versions ...string) {
	if err := h.readable(r.Context()); err != nil {
		w.Header().Set("Content-Type", "application/json")
		respondError(w, r, err)
		return
	}
	var requests, duration strings.Builder
	for _, name := range versions {
		if c, ok := h.world.Counters(name); ok {
			writeRequests(&requests, name, c)
			writeDuration(&duration, name, c)
		}
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = fmt.Fprintf(w, "# HELP http_requests_total Requests answered.\n# TYPE http_requests_total counter\n%s"+
		"# HELP http_request_duration_seconds How long answers took.\n# TYPE http_request_duration_seconds histogram\n%s",
		requests.String(), duration.String())
}

// readable asks the world for nothing, which fails as any reading would.
func (h *Handler) readable(ctx context.Context) error {
	_, err := h.world.Read(ctx, activities.MetricsQuery{At: time.Time{}})
	return err
}

func writeRequests(to *strings.Builder, version string, c sim.Counters) {
	fmt.Fprintf(to, "http_requests_total{version=%q,code=\"200\"} %s\n", version, number(c.Requests-c.Failures))
	fmt.Fprintf(to, "http_requests_total{version=%q,code=\"500\"} %s\n", version, number(c.Failures))
}

func writeDuration(to *strings.Builder, version string, c sim.Counters) {
	bounds := slices.SortedFunc(maps.Keys(c.Buckets), func(a, b string) int { return cmp.Compare(seconds(a), seconds(b)) })
	for _, bound := range bounds {
		fmt.Fprintf(to, "http_request_duration_seconds_bucket{version=%q,le=%q} %s\n", version, bound, number(c.Buckets[bound]))
	}
	fmt.Fprintf(to, "http_request_duration_seconds_sum{version=%q} %s\n", version, number(c.Sum()))
	fmt.Fprintf(to, "http_request_duration_seconds_count{version=%q} %s\n", version, number(c.Requests))
}

// seconds reads a bound; what is none sorts last, with +Inf.
func seconds(bound string) float64 {
	if le, err := strconv.ParseFloat(bound, 64); err == nil {
		return le
	}
	return math.Inf(1)
}

// number writes a counter in full precision, so that it never goes down by
// rounding.
func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
