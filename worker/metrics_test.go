package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"net/http/httptest"
)

// exposition is what a Prometheus server would read from these collectors.
func exposition(t *testing.T, collectors ...prometheus.Collector) string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	for _, c := range collectors {
		require.NoError(t, registry.Register(c))
	}
	rec := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	require.Equal(t, 200, rec.Code, rec.Body.String())
	return rec.Body.String()
}

func TestMeterNamesAndUnits(t *testing.T) {
	m := newMeter()
	h := m.handler().WithTags(map[string]string{"namespace": "default"})
	h.Counter("temporal_request").Inc(2)
	h.Counter("temporal_local_activity_total").Inc(1)
	h.Counter("temporal_request").Inc(-5)
	h.Gauge("temporal_num_pollers").Update(5)
	h.Timer("temporal_request_latency").Record(20 * time.Millisecond)
	text := exposition(t, m)
	require.Contains(t, text, `temporal_request_total{namespace="default"} 2`)
	require.Contains(t, text, `temporal_local_activity_total{namespace="default"} 1`)
	require.NotContains(t, text, "total_total")
	require.Contains(t, text, `temporal_num_pollers{namespace="default"} 5`)
	require.Contains(t, text, `temporal_request_latency_seconds_bucket{namespace="default",le="0.025"} 1`)
	require.Contains(t, text, `temporal_request_latency_seconds_sum{namespace="default"} 0.02`)
}

func TestMeterTakesVaryingTags(t *testing.T) {
	m := newMeter()
	h := m.handler()
	h.Counter("temporal_request_failure").Inc(1)
	h.WithTags(map[string]string{"operation": "Poll"}).Counter("temporal_request_failure").Inc(2)
	h.WithTags(map[string]string{"operation": "Poll", "status_code": "INTERNAL"}).Counter("temporal_request_failure").Inc(3)
	h.WithTags(map[string]string{"operation": "Poll"}).WithTags(map[string]string{"operation": "Start"}).Counter("temporal_request_failure").Inc(4)
	text := exposition(t, m)
	require.Contains(t, text, "temporal_request_failure_total 1\n")
	require.Contains(t, text, `temporal_request_failure_total{operation="Poll"} 2`)
	require.Contains(t, text, `temporal_request_failure_total{operation="Poll",status_code="INTERNAL"} 3`)
	require.Contains(t, text, `temporal_request_failure_total{operation="Start"} 4`)
}

func TestMeterKeepsOnlyOurTagsOnOurMetrics(t *testing.T) {
	m := newMeter()
	sdk := map[string]string{"namespace": "default", "task_queue": "control", "workflow_type": "Rollout", "worker_type": "WorkflowWorker", "client_name": "temporal_go", "activity_type": "none"}
	ours := map[string]string{"environment": "production", "service": "checkout"}
	m.handler().WithTags(sdk).WithTags(ours).Counter("bakeoff_rollouts_started").Inc(1)
	m.handler().WithTags(ours).WithTags(sdk).Timer("bakeoff_time_to_restore").Record(3 * time.Second)
	text := exposition(t, m)
	require.Contains(t, text, `bakeoff_rollouts_started_total{environment="production",service="checkout"} 1`)
	require.Contains(t, text, `bakeoff_time_to_restore_seconds_bucket{environment="production",service="checkout",le="5"} 1`)
	require.NotContains(t, text, "task_queue")
	require.Contains(t, text, "# HELP bakeoff_rollouts_started_total Rollouts that were started.")
}

func TestMeterNeverPanics(t *testing.T) {
	m := newMeter()
	require.NotPanics(t, func() {
		for _, name := range []string{"", "9 lives", "naïve-name", "a.b", "x", "x_total"} {
			for _, tag := range []string{"", "le", "quantile", "__name__", "a-b", "a.b", "a:b", "9"} {
				h := m.handler().WithTags(map[string]string{tag: "v\xff", "le": "1"})
				h.Counter(name).Inc(1)
				h.Gauge(name).Update(1)
				h.Gauge(name + "_total").Update(1) // the counter's final name
				h.Timer(name).Record(-time.Second)
				h.WithTags(nil).Counter(name + "_seconds").Inc(1)
				h.Gauge(name + "_seconds").Update(1)
			}
		}
	})
	exposition(t, m)
}

func TestMeterIsSafeForConcurrentUse(t *testing.T) {
	m := newMeter()
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 500 {
				h := m.handler().WithTags(map[string]string{"queue": fmt.Sprint(i % 7)})
				h.Counter("c").Inc(1)
				h.Gauge("g").Update(float64(g))
				h.Timer("t").Record(time.Millisecond)
			}
		})
	}
	for range 20 {
		exposition(t, m)
	}
	all.Wait()
	total := 0.0
	for line := range strings.Lines(exposition(t, m)) {
		var n float64
		if _, err := fmt.Sscanf(line[strings.LastIndex(line, " ")+1:], "%g", &n); err == nil && strings.HasPrefix(line, "c_total") {
			total += n
		}
	}
	require.Equal(t, 4000.0, total)
}

var _ client.MetricsHandler = newMeter().handler()
