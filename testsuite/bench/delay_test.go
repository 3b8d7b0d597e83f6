package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
)

// delaysFile is where BenchmarkDelay writes its table for docs/judges.md.
var delaysFile = flag.String("delays", "", "file for the table of BenchmarkDelay, as Markdown")

// delayTrials is how many rollouts of each kind BenchmarkDelay runs, all at once.
const delayTrials = 10

// regression is a candidate that is bad from its first request on.
type regression struct {
	name     string
	rate     float64 // requests a second of both versions together
	weight   rollout.Weight
	failures map[string]float64 // by version
	poll     time.Duration
}

func regressions() []regression {
	dead := regression{name: "every request fails; 100 requests a second, weight 1%", rate: 100, weight: 100, failures: map[string]float64{baseline: 0.001, candidate: 1}}
	worse := regression{name: "3 % fail instead of 1 %; 1,000 requests a second, weight 10%", rate: 1000, weight: 1000, failures: map[string]float64{baseline: 0.01, candidate: 0.03}}
	var out []regression
	for _, r := range []regression{dead, worse} {
		for _, r.poll = range []time.Duration{time.Second, 5 * time.Second} {
			out = append(out, r)
		}
	}
	return out
}

// BenchmarkDelay measures real rollouts of bad candidates, from the first bad
// request to the verdict in history and to the traffic being restored, beside
// the delay that the judge itself has on the windows of the same rollouts.
// Requests arrive at random; metrics are scraped at each poll, so that scraping
// adds nothing to it, and the driver's delay is 0. There is no warm-up: it would
// come on top.
func BenchmarkDelay(b *testing.B) {
	server := procs.StartServer(b)
	evidence := b.TempDir()
	procs.StartWorker(b, server, "evidence: {directory: "+evidence+"}")
	var rows []delayRow
	for i, r := range regressions() {
		row := delayRow{regression: r}
		var scenes []*delayScene
		for trial := range delayTrials {
			scenes = append(scenes, beginDelay(b, server, r, fmt.Sprintf("delay-%d-%d", i, trial)))
		}
		for _, s := range scenes {
			row.add(s.end(b, server, filepath.Join(evidence, "bench", s.service)))
			s.users.leave()
		}
		rows = append(rows, row)
		found.Add(Row{Name: "first bad request → Fail, poll " + r.poll.String() + ": " + r.name, Value: Median(row.failed).Seconds(), Unit: "s",
			Note: fmt.Sprintf("the judge itself %.1f s, restored %.1f s, medians of %d", Median(row.judged).Seconds(), Median(row.restored).Seconds(), delayTrials)})
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(Median(rows[0].failed).Seconds(), "s-dead")
	if *delaysFile != "" {
		require.NoError(b, os.WriteFile(*delaysFile, []byte(delayTable(rows)), 0o600))
	}
}

// delayScene is one rollout of a bad candidate.
type delayScene struct {
	service string
	users   *users
}

// beginDelay starts a rollout on a service that has had users for a while.
func beginDelay(b *testing.B, server *procs.Server, r regression, service string) *delayScene {
	b.Helper()
	s := &delayScene{service: service, users: newUsers(b, r)}
	spec := strings.Join([]string{
		"kind: Rollout", "service: " + service, "environment: bench",
		"release: {version: " + candidate + `, artifact: "registry.example/checkout@sha256:9f86d081884c7d659a2feaa0c55ad015"}`,
		fmt.Sprintf("target: {deploy: {driver: http, with: {url: %q}}, traffic: {driver: http, with: {url: %[1]q}}, metrics: {driver: scrape}}", s.users.url),
		fmt.Sprintf("strategy: {window: {first: 1m, poll: %s}, warmUp: 0s, canary: [{weight: %s, bake: 5m}], keepBaseline: 0s}", r.poll, r.weight),
		"drain: 1s",
		`checks: [{name: errors, failures: 'http_requests_total{code=~"5.."}', requests: http_requests_total, by: version}]`,
	}, "\n") + "\n"
	file := filepath.Join(b.TempDir(), service+".yaml")
	require.NoError(b, os.WriteFile(file, []byte(spec), 0o600))
	out := procs.CLI(context.Background(), b, server, "start", file, "--reason", "a measurement")
	require.Zero(b, out.Code, out.Stderr)
	return s
}

// delayed is what one rollout took, from its first bad request on.
type delayed struct {
	judged   time.Duration // to the end of the window that the judge fails at
	failed   time.Duration // to the verdict in history
	restored time.Duration // to the traffic being back, as history has it
	bad      int           // requests that failed at the candidate
}

// end waits until the rollout is back where it began.
func (s *delayScene) end(b *testing.B, server *procs.Server, evidence string) delayed {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 6*time.Minute)
	defer cancel()
	waited := procs.CLI(ctx, b, server, "wait", "bench/"+s.service)
	require.Equal(b, 10, waited.Code, "rolled back: %s %s", waited.Stdout, waited.Stderr)
	out := procs.CLI(ctx, b, server, "history", "bench/"+s.service, "-o", "json")
	require.Zero(b, out.Code, out.Stderr)
	at := map[rollout.EventKind]time.Time{}
	for line := range strings.Lines(out.Stdout) {
		var e rollout.Event
		require.NoError(b, json.Unmarshal([]byte(line), &e), line)
		if _, again := at[e.Kind]; !again {
			at[e.Kind] = e.Time
		}
	}
	first, bad := s.users.lost(candidate)
	return delayed{
		judged: failsAt(b, evidence).Sub(first), failed: at[rollout.EventBreach].Sub(first),
		restored: at[rollout.EventTrafficRestored].Sub(first), bad: bad,
	}
}

// failsAt folds the windows that a rollout recorded once more and returns the
// end of the one at which the judge fails.
func failsAt(b *testing.B, directory string) time.Time {
	b.Helper()
	var windows []analysis.Window
	require.NoError(b, filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for line := range strings.Lines(string(text)) {
			w, err := analysis.DecodeWindow([]byte(line))
			require.NoError(b, err, line)
			windows = append(windows, w)
		}
		return err
	}))
	slices.SortFunc(windows, func(v, w analysis.Window) int { return cmp.Compare(v.Start, w.Start) })
	judge, err := analysis.New(analysis.Config{Name: "errors", Judge: analysis.Params{RateRatio: &analysis.RateRatio{}}})
	require.NoError(b, err)
	for _, w := range windows {
		require.NoError(b, judge.Fold(w))
		if judge.Failed() {
			return time.UnixMilli(int64(1000 * w.End))
		}
	}
	require.Fail(b, "the windows of the rollout do not fail", "%d of them in %s", len(windows), directory)
	return time.Time{}
}

// delayRow is all rollouts of one kind.
type delayRow struct {
	regression
	judged, failed, restored []time.Duration
	bad                      []int
}

func (r *delayRow) add(d delayed) {
	r.judged, r.failed, r.restored = append(r.judged, d.judged), append(r.failed, d.failed), append(r.restored, d.restored)
	r.bad = append(r.bad, d.bad)
}

// delayTable is the rows for docs/judges.md, each cell the median and, in
// brackets, the longest.
func delayTable(rows []delayRow) string {
	cell := func(all []time.Duration) string {
		return fmt.Sprintf("%.1f s (%.1f)", Median(all).Seconds(), Quantile(all, 1).Seconds())
	}
	var out strings.Builder
	out.WriteString("| candidate | `poll` | scrape | `delay` | the judge, on these windows | Fail in history | traffic restored | bad requests | rollouts |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&out, "| %s | %s | at each poll | 0s | %s | %s | %s | %d (%d) | %d |\n",
			r.name, r.poll, cell(r.judged), cell(r.failed), cell(r.restored), Median(r.bad), Quantile(r.bad, 1), len(r.failed))
	}
	return out.String()
}
