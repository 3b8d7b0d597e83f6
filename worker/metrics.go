package main

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
)

// ownPrefix begins the names of Bakeoff's own metrics. Their labels are a
// promise to users, so that only tags set by our code become labels.
const ownPrefix = "bakeoff_"

// sdkTags are the tags that the SDK puts on everything by itself.
var sdkTags = []string{
	"namespace", "client_name", "worker_type", "poller_type", "workflow_type", "activity_type", "task_queue",
	"operation", "cause", "status_code", "failure_reason", "nexus_service", "nexus_operation",
}

// ownHelp explains Bakeoff's own metrics, by final name.
var ownHelp = map[string]string{
	"bakeoff_rollouts_started_total":     "Rollouts that were started.",
	"bakeoff_rollouts_completed_total":   "Rollouts that ended, by outcome.",
	"bakeoff_verdicts_total":             "Verdicts of checks at the end of windows.",
	"bakeoff_time_to_restore_seconds":    "Breach seen until the baseline was verified healthy again.",
	"bakeoff_step_duration_seconds":      "Time spent in a step, by state (active, paused, held).",
	"bakeoff_commands_total":             "Commands of operators, by answer.",
	"bakeoff_drift_total":                "Foreign changes of weights that were found.",
	"bakeoff_overrides_total":            "Commands that passed what policy asks for (break-glass).",
	"bakeoff_rehearsals_completed_total": "Rehearsals that ended, by outcome.",
	"bakeoff_notifications_total":        "Recipients that were told of something, by sink and result (sent, failed).",
}

// ownBuckets are the histogram bounds, in seconds, of what lasts longer than a
// request. Everything else has requestBuckets.
var (
	ownBuckets = map[string][]float64{
		"bakeoff_time_to_restore_seconds": {0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800},
		"bakeoff_step_duration_seconds":   {5, 15, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400},
	}
	requestBuckets = []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}
)

// meter collects what the Temporal SDK and workflow code report, for
// Prometheus. One name may come with varying tags, as it does from the SDK:
// each set of tags is a series of its own. It never panics; a name that was
// first a counter and then a gauge keeps its first kind, and reports of the
// other kind are dropped. Safe for concurrent use.
type meter struct {
	mu     sync.RWMutex
	series map[string]prometheus.Metric // by name and labels
	kinds  map[string]string            // final name → kind
}

var _ prometheus.Collector = (*meter)(nil)

func newMeter() *meter {
	return &meter{series: map[string]prometheus.Metric{}, kinds: map[string]string{}}
}

// Describe sends nothing: which metrics there are is known only when they are
// reported.
func (m *meter) Describe(chan<- *prometheus.Desc) {}

// Collect sends every series.
func (m *meter) Collect(out chan<- prometheus.Metric) {
	m.mu.RLock()
	all := slices.Collect(maps.Values(m.series))
	m.mu.RUnlock()
	for _, s := range all {
		out <- s
	}
}

// handler returns the SDK's door to the meter.
func (m *meter) handler() client.MetricsHandler { return metricsHandler{meter: m} }

// metricsHandler reports to a meter under a set of tags.
type metricsHandler struct {
	meter *meter
	tags  map[string]string
}

var _ client.MetricsHandler = metricsHandler{}

// WithTags returns a handler that has these tags too; a new value of a tag
// replaces the old one.
func (h metricsHandler) WithTags(tags map[string]string) client.MetricsHandler {
	merged := make(map[string]string, len(h.tags)+len(tags))
	maps.Copy(merged, h.tags)
	maps.Copy(merged, tags)
	return metricsHandler{meter: h.meter, tags: merged}
}

// Counter counts under the name with "_total" appended where it is missing.
// Negative increments are ignored.
func (h metricsHandler) Counter(name string) client.MetricsCounter {
	s, ok := find(h, "counter", withSuffix(name, "_total"), func(o prometheus.Opts) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts(o))
	})
	return counterFunc(func(n int64) {
		if ok && n > 0 {
			s.Add(float64(n))
		}
	})
}

// Gauge sets the value under the name as it is.
func (h metricsHandler) Gauge(name string) client.MetricsGauge {
	s, ok := find(h, "gauge", cleanName(name), func(o prometheus.Opts) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts(o))
	})
	return gaugeFunc(func(v float64) {
		if ok {
			s.Set(v)
		}
	})
}

// Timer keeps a histogram in seconds under the name with "_seconds" appended
// where it is missing.
func (h metricsHandler) Timer(name string) client.MetricsTimer {
	s, ok := find(h, "histogram", withSuffix(name, "_seconds"), func(o prometheus.Opts) prometheus.Histogram {
		buckets := ownBuckets[o.Name]
		if buckets == nil {
			buckets = requestBuckets
		}
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: o.Name, Help: o.Help, ConstLabels: o.ConstLabels, Buckets: buckets})
	})
	return timerFunc(func(d time.Duration) {
		if ok {
			s.Observe(d.Seconds())
		}
	})
}

// find returns the series of a name under the handler's tags and makes it the
// first time. It is false when the name is taken by another kind of metric.
func find[M prometheus.Metric](h metricsHandler, kind, name string, make func(prometheus.Opts) M) (M, bool) {
	labels := labelsOf(name, h.tags)
	key := seriesKey(name, labels)
	m := h.meter
	m.mu.RLock()
	s, there := m.series[key]
	m.mu.RUnlock()
	if !there {
		m.mu.Lock()
		defer m.mu.Unlock()
		if s, there = m.series[key]; !there {
			if taken := m.kinds[name]; taken != "" && taken != kind {
				var none M
				return none, false
			}
			help := ownHelp[name]
			if help == "" {
				help = "Reported by the Temporal SDK."
			}
			s = make(prometheus.Opts{Name: name, Help: help, ConstLabels: labels})
			m.series[key], m.kinds[name] = s, kind
		}
	}
	typed, ok := s.(M)
	return typed, ok
}

// labelsOf turns tags into labels that Prometheus accepts.
func labelsOf(name string, tags map[string]string) prometheus.Labels {
	labels := prometheus.Labels{}
	for _, tag := range slices.Sorted(maps.Keys(tags)) {
		if strings.HasPrefix(name, ownPrefix) && slices.Contains(sdkTags, tag) {
			continue
		}
		label := strings.TrimLeft(strings.ReplaceAll(cleanName(tag), ":", "_"), "_")
		if label == "" || label == "le" || label == "quantile" {
			label = "tag_" + label
		}
		labels[label] = strings.ToValidUTF8(tags[tag], "�")
	}
	return labels
}

func seriesKey(name string, labels prometheus.Labels) string {
	var b strings.Builder
	b.WriteString(name)
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		b.WriteString("\xff" + label + "\xff" + labels[label])
	}
	return b.String()
}

func withSuffix(name, suffix string) string {
	return strings.TrimSuffix(cleanName(name), suffix) + suffix
}

// cleanName replaces what a metric name cannot hold.
func cleanName(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == ':' {
			return r
		}
		return '_'
	}, name)
	if clean == "" || clean[0] >= '0' && clean[0] <= '9' {
		clean = "_" + clean
	}
	return clean
}

type counterFunc func(int64)

// Inc adds to the counter.
func (f counterFunc) Inc(n int64) { f(n) }

type gaugeFunc func(float64)

// Update sets the gauge.
func (f gaugeFunc) Update(v float64) { f(v) }

type timerFunc func(time.Duration)

// Record adds one duration.
func (f timerFunc) Record(d time.Duration) { f(d) }
