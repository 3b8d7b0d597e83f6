package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
)

// page reads one of a worker's own pages.
func page(t *testing.T, w *procs.Worker, path string) (status int, text string) {
	t.Helper()
	resp, err := http.Get(w.URL(t) + path)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

// Two workers that share the queues carry one rollout, and their pages tell of
// it.
func TestQueues(t *testing.T) {
	c := found(t)
	control := procs.StartWorker(t, c.server, "", "--queues", "control")
	acts := procs.StartWorker(t, c.server, "", "--queues", "analysis,infra,rehearsal")
	good, bad := c.scene(t), c.scene(t)
	good.name, bad.name = "good", "bad"
	bad.breaks()
	bad.start()
	good.start()
	good.bakes(1000)
	until(t, "the gauges of a running rollout", func() bool {
		_, text := page(t, control, "/metrics")
		return strings.Contains(text, `bakeoff_rollouts_open{environment="staging",phase="Running",service="good"} 1`) &&
			strings.Contains(text, `bakeoff_candidate_weight_ratio{environment="staging",service="good"} 0.1`)
	})
	bad.ends(10, rollout.RolledBack, rollout.CauseVerdict)
	good.ends(0, rollout.Promoted, "")
	for _, w := range []*procs.Worker{control, acts} {
		status, text := page(t, w, "/healthz")
		require.Equal(t, http.StatusOK, status, text)
	}
	_, text := page(t, control, "/metrics")
	for series, least := range map[string]int{
		`bakeoff_rollouts_started_total{environment="staging",service="good"}`:                       1,
		`bakeoff_rollouts_completed_total{environment="staging",outcome="Promoted",service="good"}`:  1,
		`bakeoff_rollouts_completed_total{environment="staging",outcome="RolledBack",service="bad"}`: 1,
		`bakeoff_verdicts_total{check="errors",environment="staging",service="good",verdict="Pass"}`: 2,
		`bakeoff_verdicts_total{check="errors",environment="staging",service="bad",verdict="Fail"}`:  1,
		`bakeoff_time_to_restore_seconds_count{environment="staging",service="bad"}`:                 1,
		`bakeoff_step_duration_seconds_count{environment="staging",service="good",state="active"}`:   3,
	} {
		_, value, found := strings.Cut(text, series+" ")
		require.True(t, found, series)
		value, _, _ = strings.Cut(value, "\n")
		n, err := strconv.Atoi(value)
		require.NoError(t, err, series)
		// A workflow task that a busy machine has to repeat counts again.
		require.GreaterOrEqual(t, n, least, series)
		require.LessOrEqual(t, n, 2*least, series)
	}
}

// A worker that is asked to stop in mid-window hands the window over, and the
// rollout does not notice.
func TestHandOver(t *testing.T) {
	s := open(t).scene(t)
	s.start("strategy: {" + window + ", canary: [{weight: 10%, bake: 10s}], keepBaseline: 0s}")
	s.bakes(1000)
	next := procs.LaunchWorker(t, s.town.server, "")
	until(t, "another worker polls", func() bool { return strings.Contains(next.Tail(20), "msg=serving") })
	require.Zero(t, s.town.worker.Stop(t))
	_, err := http.Get(s.town.worker.URL(t) + "/healthz")
	require.Error(t, err)
	s.ends(0, rollout.Promoted, "")
	require.Equal(t, promotedOne, s.world.Log())
	stays := s.stayed(2*bake, 1000, rollout.All)
	require.Less(t, stays[0].length(), 3*bake, "nothing waited for the old worker")
	for _, e := range s.told(rollout.EventWindow) {
		require.NotContains(t, e.Data, "unwatched", e.Text)
		require.NotContains(t, e.Data, "error", e.Text)
	}
}

// Every worker knows that it polls, however many others do. Orchestrators wait
// for that before they stop an old one.
func TestEveryWorkerGetsReady(t *testing.T) {
	c := open(t)
	for range 5 {
		began := time.Now()
		procs.StartWorker(t, c.server, "")
		require.Less(t, time.Since(began), 15*time.Second)
	}
}

// A running worker takes over a new configuration, and keeps the old one when
// the new one is wrong.
func TestReload(t *testing.T) {
	c := found(t)
	config := filepath.Join(t.TempDir(), "worker.yaml")
	write := func(text string) { require.NoError(t, os.WriteFile(config, []byte(text), 0o600)) }
	write("limits: {staging: {firstWeight: 50%}}\n")
	c.worker = procs.StartWorker(t, c.server, "", "--config", config)
	s := c.scene(t)
	reload := func(text, says string) {
		write(text)
		c.worker.Signal(syscall.SIGHUP)
		until(t, says, func() bool { return strings.Contains(c.worker.Tail(5), says) })
	}

	reload("limits: {staging: {firstWeight: 5%}}\n", "configuration reloaded")
	out := s.run(oneStep)
	require.Equal(t, 3, out.code)
	require.Contains(t, out.Reason, "at most 5%")
	reload("limits: {staging: {firstWeight: 500%}}\n", "reload refused")
	require.Equal(t, 3, s.run(oneStep).code, "as it was")
	require.Empty(t, s.http.Requests())

	reload(fmt.Sprintf("allow: {urls: [%q]}\n", s.url), "configuration reloaded")
	s.run(oneStep).requires(s, 0, rollout.Promoted, "")
}
