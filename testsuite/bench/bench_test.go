package bench

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
)

// found is what this run's benchmarks found.
var found Table

func TestMain(m *testing.M) {
	code := m.Run()
	procs.Clean()
	if err := found.Print(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	if missed := found.Missed(); len(missed) > 0 {
		fmt.Fprintf(os.Stderr, "bounds are missed: %s\n", strings.Join(missed, "; "))
		code = max(code, 1)
	}
	os.Exit(code)
}

// report adds a row to the table, and its value to the benchmark's own line.
func report(b *testing.B, unit string, r Row) {
	b.ReportMetric(r.Value, unit)
	found.Add(r)
}

// patience bounds how long a rollout may take to get somewhere.
const patience = time.Minute

// orderFor is a rollout that passes every check where candidate and baseline
// are alike. It has real checks, so that its windows are worth as much as
// anybody's. The steps rise evenly.
func orderFor(service string, drivers rollout.Drivers, bakes ...time.Duration) rollout.Order {
	keep, warm := rollout.Duration(5*time.Second), rollout.Duration(0)
	spec := rollout.Spec{
		Kind: "Rollout", Service: service, Environment: "bench", Owner: "team",
		Release:  rollout.Release{Version: candidate, Artifact: "checkout@sha256:9f86d081884c7d659a2feaa0c55ad015"},
		Target:   drivers,
		Strategy: rollout.Strategy{KeepBaseline: &keep, WarmUp: &warm},
		Checks:   []rollout.Check{{Name: "errors", Failures: `http_requests_total{code=~"5.."}`, Requests: "http_requests_total"}},
		Drain:    rollout.Duration(time.Second),
	}
	for i, bake := range bakes {
		weight := rollout.All / rollout.Weight(len(bakes)+1) * rollout.Weight(i+1)
		spec.Strategy.Canary = append(spec.Strategy.Canary, rollout.Step{Weight: weight, Bake: rollout.Duration(bake)})
	}
	return rollout.Order{Spec: spec, Actor: "ci@example.com", Reason: "a measurement"}
}

// The versions of every simulated service.
const (
	baseline  = "2.4.1"
	candidate = "2.5.0"
)

// abortCommand is what the command line sends.
func abortCommand(id string) rollout.Command {
	return rollout.Command{ID: id, Name: rollout.CommandAbort, Actor: "ana@example.com", Reason: "a measurement", At: time.Now()}
}

// startRollout starts a rollout as the command line does.
func startRollout(b *testing.B, c client.Client, o rollout.Order) client.WorkflowRun {
	b.Helper()
	run, err := c.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{
		ID: rollout.WorkflowID(o.Spec.Key()), TaskQueue: rollout.QueueControl,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            "a measurement",
	}, rollout.WorkflowType, o)
	require.NoError(b, err)
	return run
}

// history reads all events of a workflow as they are now.
func history(b *testing.B, c client.Client, id string) *historypb.History {
	b.Helper()
	out := &historypb.History{}
	events := c.GetWorkflowHistory(context.Background(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(b, err)
		out.Events = append(out.Events, event)
	}
	return out
}

// eventually calls until it returns true, every few milliseconds.
func eventually(b *testing.B, what string, until func() bool) {
	b.Helper()
	for end := time.Now().Add(patience); !until(); time.Sleep(5 * time.Millisecond) {
		require.True(b, time.Now().Before(end), "not in time: %s", what)
	}
}

// milliseconds of a duration, with its fraction.
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
