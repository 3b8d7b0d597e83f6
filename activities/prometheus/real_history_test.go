package prometheus_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim"
)

// aDayOf writes the page of each minute of a day, as OpenMetrics: two instances
// of 1.0 of which one is, for minutes at a time, better or worse by a fifth,
// answering 6,000 requests a minute each. One restarts at noon.
func aDayOf(t *testing.T, from time.Time) string {
	t.Helper()
	var page strings.Builder
	r := rand.New(rand.NewPCG(1, 1))
	for _, instance := range []string{"a:80", "b:80"} {
		z, requests, failures := 0.0, 0.0, 0.0
		for i := range 1440 {
			if i == 720 && instance == "a:80" {
				requests, failures = 0, 0
			}
			z = 0.9*z + math.Sqrt(1-0.81)*r.NormFloat64()
			requests, failures = requests+6000, failures+math.Round(300*math.Exp(0.2*z))
			series := func(name, labels string, n float64) {
				fmt.Fprintf(&page, "%s{version=\"1.0\",instance=%q%s} %v %d\n", name, instance, labels, n, from.Add(time.Duration(i)*time.Minute).Unix())
			}
			series("x", `,code="200"`, requests-failures)
			series("x", `,code="500"`, failures)
			series("h_bucket", `,le="0.1"`, requests-failures)
			series("h_bucket", `,le="+Inf"`, requests)
		}
	}
	file := filepath.Join(t.TempDir(), "day.txt")
	require.NoError(t, os.WriteFile(file, []byte(page.String()+"# EOF\n"), 0o600))
	return file
}

// answered is how many requests stand in a reading.
func answered(r activities.SideReading) (sum float64) {
	for _, n := range r.Requests {
		sum += n
	}
	for _, h := range r.Buckets {
		sum += h["+Inf"]
	}
	return sum
}

// A day in a real Prometheus teaches the noise of its baseline, which was not
// written down anywhere.
func TestRealHistory(t *testing.T) {
	t.Parallel()
	now := time.Now().Add(-4 * time.Hour).Truncate(time.Second) // Prometheus' head holds the last hours
	dir := t.TempDir()
	blocks, err := exec.Command(procs.OnPath(t, "promtool"), "tsdb", "create-blocks-from", "openmetrics",
		aDayOf(t, now.Add(-24*time.Hour)), filepath.Join(dir, "data")).CombinedOutput()
	require.NoError(t, err, string(blocks))
	s := connect(t, startOver(t, dir, nil))
	awaitReading(t, s, rollout.Check{Name: "open", Query: "1"}, func(r activities.CheckReading) bool { return len(r.Sides) > 0 })
	tail := rollout.Check{Name: "latency", Histogram: "h", Weight: 1}
	rate := rollout.Check{Name: "errors", Failures: `x{code=~"5.."}`, Requests: "x", Weight: 1}

	for _, check := range []rollout.Check{rate, tail} {
		moments, err := s.History(t.Context(), activities.HistoryQuery{Check: check, Version: activities.Version{Version: "1.0"},
			From: now.Add(-24 * time.Hour), To: now.Add(-time.Minute), Step: 30 * time.Second})
		require.NoError(t, err)
		require.Equal(t, 2*time.Minute, moments[1].At.Sub(moments[0].At), "twice the interval of its samples")
		require.Len(t, moments[100].Instances, 2)
		reading, err := s.Read(t.Context(), activities.MetricsQuery{Checks: []rollout.Check{check}, At: moments[100].At,
			Sides: map[activities.Side]activities.Version{activities.Baseline: {Version: "1.0"}}})
		require.NoError(t, err)
		require.Equal(t, answered(reading.Checks[check.Name].Sides[activities.Baseline]),
			answered(moments[100].Instances["a:80"])+answered(moments[100].Instances["b:80"]), "the past is what was read when it was the present")
	}

	w := sim.New("1.0")
	drivers := w.Registry()
	drivers.Metrics["prometheus"] = func(activities.With) (activities.Metrics, error) { return s, nil }
	a := &activities.Activities{Drivers: drivers, Now: func() time.Time { return now }}
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(a)
	begun := time.Now()
	done, err := env.ExecuteActivity(a.Preflight, activities.PreflightInput{Checks: []rollout.Check{rate, tail}, Alpha: 0.01,
		Job: activities.Job{Baseline: "1.0", Candidate: "2.0", Drivers: rollout.Drivers{
			Deploy: rollout.Driver{Driver: "sim"}, Traffic: rollout.Driver{Driver: "sim"}, Metrics: &rollout.Driver{Driver: "prometheus"}}}})
	require.NoError(t, err)
	var out activities.PreflightOutput
	require.NoError(t, done.Get(&out))
	for _, check := range []string{"errors", "latency"} {
		require.Contains(t, out.Learned, check)
		require.Greater(t, out.Learned[check].Tests[0].Margin, 1.2)
		require.Contains(t, strings.Join(out.Warnings, "\n"), check+": cannot be judged finer than ×")
	}
	t.Logf("in %s: %s", time.Since(begun), out.Warnings)
}
