package main

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/rollout/tracing"
	"bakeoff/testsuite/collector"
)

// sending begins to send traces to a collector; flush returns when it has them.
func sending(t *testing.T) (e *tracing.Exporter, to *collector.Collector, flush func()) {
	t.Helper()
	to = collector.Start(t)
	e, err := tracingConfig{OTLP: to.URL}.start(t.Context(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return e, to, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		e.Close(ctx)
	}
}

func TestTracingConfig(t *testing.T) {
	t.Setenv("TRACES_TOKEN", "s3cret")
	t.Setenv("TRACES_KEY", "k")
	l := loaded(t, "tracing: {otlp: \"http://collector:4318\", bearer: {env: TRACES_TOKEN}, headers: {X-Team: {env: TRACES_KEY}}}\n")
	headers, err := l.config().Tracing.read()
	require.NoError(t, err)
	require.Equal(t, map[string]string{"Authorization": "Bearer s3cret", "X-Team": "k"}, headers)

	e, err := tracingConfig{}.start(t.Context(), nil)
	require.NoError(t, err)
	require.Nil(t, e, "nothing is sent, and nothing stands in between")
	require.Nil(t, interceptors(e))
}

func TestWrongTracingConfig(t *testing.T) {
	for text, want := range map[string]string{
		"tracing: {otpl: http://c:4318}":                                  "did you mean otlp",
		"tracing: {otlp: 'c:4318'}":                                       "write http://host:4318",
		"tracing: {otlp: 'grpc://c:4317'}":                                "write http://host:4318",
		"tracing: {otlp: 'http://user:pass@c:4318'}":                      "a URL holds no credential",
		"tracing: {bearer: {env: TRACES_TOKEN}}":                          "give otlp, too",
		"tracing: {otlp: 'http://c:4318', bearer: {env: NOT_SET_AT_ALL}}": "NOT_SET_AT_ALL is not set",
		"tracing: {otlp: 'http://c:4318', bearer: s3cret}":                "tracing.bearer",
		"tracing: {otlp: 'http://c:4318', headers: {X-Key: {}}}":          "expected {env: NAME} or {file: PATH}",
	} {
		_, err := loadConfig(file(t, text+"\n"))
		require.ErrorContains(t, err, want, text)
	}
}

func TestTracingNeedsARestart(t *testing.T) {
	path := file(t, "listen: 127.0.0.1:0\n")
	l, err := newLive(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("listen: 127.0.0.1:0\ntracing: {otlp: 'http://c:4318'}\n"), 0o600))
	notes, err := l.reload()
	require.NoError(t, err)
	require.Equal(t, []string{"tracing needs a restart"}, notes)
}

// What is said is said with the collector's name, once, and again when it is well.
func TestLostTracesAreSaid(t *testing.T) {
	var log bytes.Buffer
	to := collector.Start(t)
	to.Answers(http.StatusBadRequest)
	e, err := tracingConfig{OTLP: to.URL}.start(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	e.Tell(tracing.Span{Name: "Rollout", From: time.Now(), To: time.Now()})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	e.Close(ctx)
	require.Contains(t, log.String(), "traces are lost")
	require.Contains(t, log.String(), to.URL)
}

// Histories that were recorded without traces replay with them, and what is
// replayed is not told.
func TestTracesOfHistories(t *testing.T) {
	spans, to, flush := sending(t)
	root := filepath.Join("..", "testsuite", "histories")
	paths, err := fs.Glob(os.DirFS(root), "v*/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		history, err := readHistory(os.DirFS(root), path)
		require.NoError(t, err, path)
		replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Interceptors: interceptors(spans)})
		require.NoError(t, err)
		registerWorkflows(replayer)
		started := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
		require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)), history, worker.ReplayWorkflowHistoryOptions{
			OriginalExecution: workflow.Execution{ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId()}}), path)
	}
	flush()
	for _, s := range to.Spans("") {
		t.Errorf("told again: %s of %s", s.Name, s.Facts["temporalWorkflowID"])
	}
}

func TestPartOf(t *testing.T) {
	for id, want := range map[string]string{
		"s02.w05.observe": "step 2", "s12.traffic": "step 12", "s02": "step 2", "promote": "promote", "promote.traffic": "promote", "keep.w01.observe": "keep baseline",
		"restore.traffic.2": "restore", "cleanup.remove": "clean up", "admit": "", "snapshot": "", "deploy": "", "sweep": "", "s2.traffic": "", "scaling": "", "": "",
	} {
		require.Equal(t, want, partOf(id), id)
	}
}

// acted is a run whose acts overlap: what belongs to a part that is over is in it
// all the same.
func acted(ctx workflow.Context, _ rollout.Order) (rollout.Status, error) {
	for _, id := range []string{"admit", "s01.traffic", "s01.w01.observe", "s02.traffic", "s01.hook", "restore.traffic"} {
		ctx := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{ActivityID: id, StartToCloseTimeout: time.Minute, Summary: "do " + id})
		in := activities.SetTrafficInput{Job: activities.Job{Target: "staging/checkout", Candidate: "2"}, Split: rollout.Split{"1": 9500, "2": 500}}
		if err := workflow.ExecuteActivity(ctx, "SetTraffic", in).Get(ctx, nil); err != nil {
			return rollout.Status{}, err
		}
	}
	return rollout.Status{Outcome: rollout.RolledBack, Cause: rollout.CauseVerdict, Reason: "errors"}, nil
}

func TestTraceOfRun(t *testing.T) {
	spans, to, flush := sending(t)
	var s testsuite.WorkflowTestSuite
	env := s.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: interceptors(spans)})
	env.RegisterWorkflowWithOptions(acted, workflow.RegisterOptions{Name: rollout.WorkflowType})
	env.RegisterActivityWithOptions(func(context.Context, activities.SetTrafficInput) (activities.SetTrafficOutput, error) {
		return activities.SetTrafficOutput{}, nil
	}, activity.RegisterOptions{Name: "SetTraffic"})
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	env.ExecuteWorkflow(rollout.WorkflowType, rollout.Order{Actor: "ana", Trace: parent})
	require.NoError(t, env.GetWorkflowError())
	flush()

	names := map[string]string{}
	var whole collector.Span
	for _, s := range to.Spans("0af7651916cd43dd8448eb211c80319c") {
		if names[s.ID] = s.Name; s.Name == rollout.WorkflowType {
			whole = s
		}
	}
	require.Equal(t, "b7ad6b7169203331", whole.Parent)
	require.Equal(t, "RolledBack", whole.Facts["bakeoff.outcome"])
	require.Equal(t, "ana", whole.Facts["bakeoff.order.actor"])
	in := map[string]string{}
	for _, s := range to.Spans("") {
		if s.Name == "SetTraffic" {
			require.Equal(t, "do "+s.Facts["temporalActivityID"], s.Facts["bakeoff.summary"])
			in[s.Facts["temporalActivityID"]] = names[s.Parent]
		} else if strings.HasPrefix(s.Name, "step") {
			require.Equal(t, "5%", s.Facts["bakeoff.weight"])
			require.Equal(t, whole.ID, s.Parent)
		}
	}
	require.Equal(t, map[string]string{"admit": "Rollout", "s01.traffic": "step 1", "s01.w01.observe": "step 1", "s02.traffic": "step 2",
		"s01.hook": "step 1", "restore.traffic": "restore"}, in)
}
