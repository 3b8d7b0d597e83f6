package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
	"bakeoff/testsuite/collector"
	"bakeoff/testsuite/procs"
)

// pipeline is the trace of whoever runs the command line.
const (
	pipeline       = "0af7651916cd43dd8448eb211c80319c"
	pipelinesSpan  = "b7ad6b7169203331"
	pipelineParent = "00-" + pipeline + "-" + pipelinesSpan + "-01"
)

// tracingTo is the worker's configuration.
func tracingTo(c *collector.Collector) string {
	return fmt.Sprintf("tracing: {otlp: %q, bearer: {env: BAKEOFF_TEST_TOKEN}}\n", c.URL)
}

// tree is the spans of one trace.
type tree struct {
	t     *testing.T
	spans []collector.Span
}

// one is the only span of a name.
func (tr tree) one(name string) collector.Span {
	tr.t.Helper()
	found := tr.all(name)
	require.Len(tr.t, found, 1, "%s in %v", name, tr.names())
	return found[0]
}

func (tr tree) all(name string) (out []collector.Span) {
	for _, s := range tr.spans {
		if s.Name == name {
			out = append(out, s)
		}
	}
	return out
}

func (tr tree) names() (out []string) {
	for _, s := range tr.spans {
		out = append(out, s.Name)
	}
	return out
}

// path is the names from the first span of the trace to this one.
func (tr tree) path(s collector.Span) string {
	for _, parent := range tr.spans {
		if parent.ID == s.Parent {
			return tr.path(parent) + " / " + s.Name
		}
	}
	return s.Name
}

// tree returns when the trace has spans of these names.
func treeOf(t *testing.T, c *collector.Collector, trace string, names ...string) tree {
	t.Helper()
	var out tree
	until(t, fmt.Sprintf("spans %v", names), func() bool {
		out = tree{t, c.Spans(trace)}
		for _, name := range names {
			if len(out.all(name)) == 0 {
				return false
			}
		}
		return true
	})
	return out
}

// From the command to the request that the router gets, all is one trace, which
// goes on with that of the pipeline.
func TestTraceOfPromotion(t *testing.T) {
	c := found(t)
	to := collector.Start(t)
	c.server = c.server.With("OTEL_EXPORTER_OTLP_ENDPOINT="+to.URL, "TRACEPARENT="+pipelineParent, "BAKEOFF_TEST_TOKEN=s3cret")
	c.worker = procs.StartWorker(t, c.server, tracingTo(to))
	s := c.scene(t)
	hook := make(chan string, 10)
	hooks := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { hook <- r.Header.Get("Traceparent") }))
	t.Cleanup(hooks.Close)
	e := s.run(fmt.Sprintf("hooks: [{at: beforeStep, http: %q}]", hooks.URL))
	e.requires(s, 0, rollout.Promoted, "")

	tr := treeOf(t, to, pipeline, "bakeoff run", "Rollout", "clean up")
	for _, span := range tr.spans {
		require.Equal(t, pipeline, span.Trace)
		require.Empty(t, span.Failed, span.Name)
	}
	first := tr.one("bakeoff run")
	require.Equal(t, pipelinesSpan, first.Parent)
	require.Equal(t, "bakeoff", first.Service)
	require.Equal(t, "Promoted", first.Facts["bakeoff.outcome"])

	whole := tr.one("Rollout")
	require.Equal(t, "bakeoff run / Rollout", tr.path(whole))
	require.Equal(t, s.target(), whole.Facts["bakeoff.target"])
	require.Equal(t, "Promoted", whole.Facts["bakeoff.outcome"])
	require.Equal(t, e.RunID, whole.Facts["temporalRunID"])
	require.Equal(t, "a test", whole.Facts["bakeoff.order.reason"])

	require.Equal(t, "10%", tr.one("step 1").Facts["bakeoff.weight"])
	require.Equal(t, "50%", tr.one("step 2").Facts["bakeoff.weight"])
	require.GreaterOrEqual(t, tr.one("step 2").To.Sub(tr.one("step 2").From), bake)
	require.False(t, tr.one("step 2").From.Before(tr.one("step 1").To))
	var shifts []string
	for _, shift := range tr.all("SetTraffic") {
		require.Equal(t, s.target(), shift.Facts["bakeoff.target"])
		shifts = append(shifts, tr.path(shift)+": "+shift.Facts["bakeoff.weight"]+", "+shift.Facts["bakeoff.summary"])
	}
	require.Equal(t, []string{
		"bakeoff run / Rollout / step 1 / SetTraffic: 10%, send 10% to 2.5.0",
		"bakeoff run / Rollout / step 2 / SetTraffic: 50%, send 50% to 2.5.0",
		"bakeoff run / Rollout / promote / SetTraffic: 100%, send 100% to 2.5.0",
	}, shifts)
	require.Equal(t, "bakeoff run / Rollout / promote / Promote", tr.path(tr.one("Promote")))
	watched := tr.all("Observe")[0]
	require.Equal(t, "bakeoff run / Rollout / step 1 / Observe", tr.path(watched))
	require.Equal(t, "1", watched.Facts["bakeoff.step"])
	require.Contains(t, watched.Facts, "bakeoff.verdict.errors")

	var admitted []string
	for _, admit := range tr.all("Admit") {
		admitted = append(admitted, tr.path(admit))
	}
	require.Equal(t, []string{"bakeoff run / Admit", "bakeoff run / Rollout / Admit"}, admitted)

	for i, request := range s.asked("PUT /weights 200") {
		require.Equal(t, "00-"+pipeline+"-"+tr.all("SetTraffic")[i].ID+"-01", request.Header.Get("Traceparent"))
	}
	require.Contains(t, <-hook, pipeline)
	byWorker := 0
	for _, h := range to.Headers() {
		if h.Get("Authorization") == "Bearer s3cret" {
			byWorker++
		}
	}
	require.Positive(t, byWorker)

	const later = "4bf92f3577b34da6a3ce929d0e0e4736"
	c.server = c.server.With("OTEL_EXPORTER_OTLP_ENDPOINT="+to.URL, "TRACEPARENT=00-"+later+"-"+pipelinesSpan+"-01")
	s.result("rollback", s.target(), "--reason", "it loses carts").requires(s, 0, rollout.Promoted, "")
	tr = treeOf(t, to, later, "bakeoff rollback", "Rollout")
	require.Equal(t, "bakeoff rollback / Rollout", tr.path(tr.one("Rollout")))
	require.Equal(t, baseline, tr.one("Rollout").Facts["bakeoff.candidate"])
}

// A rollout that goes back says why in its trace, also when its workers died in
// between; one that nobody traced has a trace by the id of its run.
func TestTraceOfRollback(t *testing.T) {
	c := found(t)
	to := collector.Start(t)
	c.server = c.server.With("BAKEOFF_TEST_TOKEN=s3cret")
	c.worker = procs.StartWorker(t, c.server, tracingTo(to))
	s := c.scene(t)
	s.start(oneLong)
	s.bakes(1000)
	c.worker.Kill()
	s.breaks()
	c.worker = procs.StartWorker(t, c.server, tracingTo(to))
	e := s.ends(10, rollout.RolledBack, rollout.CauseVerdict)

	tr := treeOf(t, to, strings.ReplaceAll(e.RunID, "-", ""), "Rollout", "restore", "RestoreTraffic", "step 1")
	whole := tr.one("Rollout")
	require.Empty(t, whole.Parent)
	require.Empty(t, whole.Failed, "it did its job")
	require.Equal(t, "RolledBack", whole.Facts["bakeoff.outcome"])
	require.Equal(t, "verdict", whole.Facts["bakeoff.cause"])
	require.Contains(t, whole.Facts["bakeoff.reason"], "errors")
	require.NotEmpty(t, whole.Facts["bakeoff.time_to_restore_seconds"])
	require.Equal(t, "Rollout / step 1", tr.path(tr.one("step 1")), "begun by one worker and told by the other")
	require.Equal(t, "Rollout / restore / RestoreTraffic", tr.path(tr.one("RestoreTraffic")))
	var actions []string
	for _, watched := range tr.all("Observe") {
		actions = append(actions, watched.Facts["bakeoff.action"])
	}
	require.Contains(t, actions, string(rollout.RollBack))
}

// Who aborts has a trace of their own, to which that of the rollout is linked. An
// order that waited in the queue is in the trace of whoever gave it.
func TestTraceOfOrders(t *testing.T) {
	c := found(t)
	to := collector.Start(t)
	server := c.server.With("BAKEOFF_TEST_TOKEN=s3cret", "OTEL_EXPORTER_OTLP_ENDPOINT="+to.URL)
	c.server = server
	c.worker = procs.StartWorker(t, c.server, tracingTo(to))
	s := c.scene(t)
	s.start(oneLong, "policy: {onNewRelease: queue}")
	s.bakes(1000)
	running := s.status().RunID
	c.server = server.With("BAKEOFF_TEST_TOKEN=s3cret", "TRACEPARENT="+pipelineParent)
	out := s.cli("start", s.file(oneLong), "--reason", "the next")
	require.Zero(t, out.Code, out.Stderr)
	c.server = server
	s.order(0, "abort")

	var first collector.Span
	until(t, "the aborted one is told", func() bool {
		for _, span := range to.Spans("") {
			if span.Facts["temporalRunID"] == running && span.Name == "Rollout" {
				first = span
			}
		}
		return first.ID != ""
	})
	tr := treeOf(t, to, first.Trace, "abort", "bakeoff start")
	require.Equal(t, "bakeoff start / Rollout", tr.path(first))
	require.Equal(t, "Aborted", first.Facts["bakeoff.outcome"])
	abort := tr.one("abort")
	require.Equal(t, "tester@example.com", abort.Facts["bakeoff.order.actor"])
	require.Equal(t, "the test says so", abort.Facts["bakeoff.order.reason"])
	require.Len(t, abort.Links, 1)
	ordered := treeOf(t, to, abort.Links[0], "bakeoff abort").one("bakeoff abort")
	require.NotEqual(t, first.Trace, ordered.Trace)
	require.Equal(t, s.target(), ordered.Facts["bakeoff.target"])

	s.order(0, "resume")
	s.bakes(1000)
	next := s.status().RunID
	require.NotEqual(t, running, next)
	s.order(0, "abort")
	whole := treeOf(t, to, pipeline, "Rollout").one("Rollout")
	require.Equal(t, next, whole.Facts["temporalRunID"])
	require.Equal(t, pipelinesSpan, whole.Parent, "the command itself sent no span")
}

// The units of a fleet are in its trace; who puts back what a rollout left that was
// cut off is in that one's.
func TestTraceOfFleet(t *testing.T) {
	c := found(t)
	to := collector.Start(t)
	c.server = c.server.With("OTEL_EXPORTER_OTLP_ENDPOINT="+to.URL, "TRACEPARENT="+pipelineParent, "BAKEOFF_TEST_TOKEN=s3cret")
	c.worker = procs.StartWorker(t, c.server, tracingTo(to))
	f := c.convoy(t, "a", "b")
	lost := c.scene(t)
	lost.name = "lost"
	lost.start(oneLong)
	e := f.result("run", f.fleet(), "--reason", "a test")
	require.Zero(t, e.code, e.Reason)
	tr := treeOf(t, to, pipeline, "bakeoff run", "Fleet")
	require.Equal(t, "bakeoff run / Fleet", tr.path(tr.one("Fleet")))
	require.Equal(t, "Promoted", tr.one("Fleet").Facts["bakeoff.outcome"])
	var units []string
	for _, unit := range tr.all("Rollout") {
		require.Equal(t, "bakeoff run / Fleet / Rollout", tr.path(unit))
		units = append(units, unit.Facts["bakeoff.target"])
	}
	require.ElementsMatch(t, []string{f.target() + "/a", f.target() + "/b"}, units)

	lost.bakes(1000)
	lost.terminate()
	lost.ends(11, rollout.Aborted, "")
	until(t, "the one that put back is told", func() bool { return len((tree{t, to.Spans(pipeline)}).all("Rollout")) == 3 })
	tr = tree{t, to.Spans(pipeline)}
	for _, whole := range tr.all("Rollout") {
		if whole.Facts["bakeoff.target"] == lost.target() {
			require.Equal(t, "bakeoff start / Rollout", tr.path(whole))
			require.Equal(t, "Aborted", whole.Facts["bakeoff.outcome"])
		}
	}
	require.NotEmpty(t, tr.all("RestoreTraffic"))
}

// A rehearsal, its load, its faults, its drills and what they led to are one trace.
func TestTraceOfRehearsal(t *testing.T) {
	c := found(t)
	to := collector.Start(t)
	c.server = c.server.With("OTEL_EXPORTER_OTLP_ENDPOINT="+to.URL, "BAKEOFF_TEST_TOKEN=s3cret")
	h, _ := c.faultyHall(t, tracingTo(to))
	status, out := h.rehearse(h.browse("15s"), "faults: [{name: slow, at: 1s, for: 5s, toxiproxy: {proxy: users, latency: 50ms}}]",
		"drills: [{from: step 1, repeat: 2, after: 1s, restoreWithin: 10s}]")
	require.Equal(t, evidence.Passed, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)

	var trace string
	until(t, "the rehearsal is told", func() bool {
		for _, span := range to.Spans("") {
			if span.Name == "Rehearsal" {
				trace = span.Trace
			}
		}
		return trace != ""
	})
	tr := treeOf(t, to, trace, "bakeoff rehearse")
	require.Equal(t, "bakeoff rehearse / Rehearsal", tr.path(tr.one("Rehearsal")))
	require.Equal(t, "Passed", tr.one("Rehearsal").Facts["bakeoff.outcome"])
	require.Equal(t, "slow", tr.all("HoldFault")[0].Facts["bakeoff.fault"])
	require.Equal(t, "browse", tr.all("Attack")[0].Facts["bakeoff.load"])
	drills := tr.all("Rollout")
	require.Len(t, drills, 2)
	for _, drill := range drills {
		require.Equal(t, "bakeoff rehearse / Rehearsal / Rollout", tr.path(drill))
		require.Equal(t, "RolledBack", drill.Facts["bakeoff.outcome"])
		require.Contains(t, drill.Facts["bakeoff.order.reason"], "from step 1")
	}
	require.Len(t, tr.all("RestoreTraffic"), 2)
}

// A collector that is away, or that never answers, keeps nobody waiting: rollouts,
// commands and a worker that stops go on as without it. The worker says so once.
func TestTraceWithoutCollector(t *testing.T) {
	c := found(t)
	to := collector.Start(t)
	to.Answers(http.StatusInternalServerError)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections, and says nothing
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	c.server = c.server.With("BAKEOFF_TEST_TOKEN=s3cret", "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+silent.Addr().String())
	refusing := procs.StartWorker(t, c.server, tracingTo(to))
	hanging := procs.StartWorker(t, c.server, fmt.Sprintf("tracing: {otlp: %q}\n", "http://"+silent.Addr().String()))
	s := c.scene(t)
	s.run(oneStep).requires(s, 0, rollout.Promoted, "")
	stays := s.stayed(bake, 1000, rollout.All)
	require.Less(t, stays[0].length(), 2*bake, "nothing waited for the collector")

	began := time.Now()
	require.Zero(t, s.cli("status", s.target()).Code)
	require.Less(t, time.Since(began), 3*time.Second)
	for _, w := range []*procs.Worker{refusing, hanging} {
		until(t, "the worker says so", func() bool { return strings.Contains(w.Tail(200), "traces are lost") })
		began := time.Now()
		require.Zero(t, w.Stop(t))
		require.Less(t, time.Since(began), 7*time.Second)
		require.Equal(t, 1, strings.Count(w.Tail(500), "traces are lost"), w.Tail(500))
	}
}
