package temporald_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"bakeoff/deploy/dev/temporald"
)

const queue = "test"

var target = temporal.NewSearchAttributeKeyKeyword("RolloutTarget")

func start(t *testing.T, o temporald.Options) *temporald.Server {
	t.Helper()
	s, err := temporald.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	return s
}

func dial(t *testing.T, s *temporald.Server) client.Client {
	t.Helper()
	c, err := client.DialContext(t.Context(), client.Options{
		HostPort:  s.Address(),
		Namespace: s.Namespace(),
		Logger:    log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func work(t *testing.T, c client.Client) {
	t.Helper()
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflow(waitForGo)
	w.RegisterWorkflow(watch)
	w.RegisterActivity(untilCancelled)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
}

// waitForGo upserts every kind of search attribute and ends at a signal.
func waitForGo(ctx workflow.Context) (string, error) {
	err := workflow.UpsertTypedSearchAttributes(ctx,
		target.ValueSet("test/checkout"),
		temporal.NewSearchAttributeKeyInt64("RolloutWeight").ValueSet(500),
		temporal.NewSearchAttributeKeyBool("RolloutNeedsHuman").ValueSet(true))
	if err != nil {
		return "", err
	}
	var word string
	workflow.GetSignalChannel(ctx, "go").Receive(ctx, &word)
	return word, nil
}

// watch cancels an activity that never heartbeats and returns what it said.
func watch(ctx workflow.Context) error {
	ctx, cancel := workflow.WithCancel(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
	}))
	future := workflow.ExecuteActivity(ctx, untilCancelled)
	workflow.GetSignalChannel(ctx, "running").Receive(ctx, nil)
	cancel()
	return future.Get(ctx, nil)
}

var running = make(chan struct{}, 1)

func untilCancelled(ctx context.Context) error {
	running <- struct{}{}
	<-ctx.Done()
	return ctx.Err()
}

func startWorkflow(t *testing.T, c client.Client, id string, f any) client.WorkflowRun {
	t.Helper()
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: queue}, f)
	require.NoError(t, err)
	return run
}

func TestStartServesNamespaceWithSearchAttributes(t *testing.T) {
	s := start(t, temporald.Options{Namespace: "town"})
	c := dial(t, s)

	listed, err := c.OperatorService().ListSearchAttributes(t.Context(), &operatorservice.ListSearchAttributesRequest{Namespace: "town"})
	require.NoError(t, err)
	require.Len(t, listed.GetCustomAttributes(), len(temporald.SearchAttributes))
	for _, a := range temporald.SearchAttributes {
		require.Equal(t, a.Type, listed.GetCustomAttributes()[a.Name], a.Name)
	}
	described, err := c.WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: "town"})
	require.NoError(t, err)
	require.Equal(t, 7*24*time.Hour, described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())
	require.Empty(t, s.UIAddress())
	require.Empty(t, s.MetricsAddress())
}

func TestMemoryIsForgotten(t *testing.T) {
	s := start(t, temporald.Options{})
	startWorkflow(t, dial(t, s), "gone", waitForGo)
	require.NoError(t, s.Stop())

	s = start(t, temporald.Options{Database: temporald.Memory})
	_, err := dial(t, s).DescribeWorkflowExecution(t.Context(), "gone", "")
	var notFound *serviceerror.NotFound
	require.ErrorAs(t, err, &notFound)
}

func TestRestartKeepsWorkflows(t *testing.T) {
	// The odd name must not become part of a SQLite URI.
	o := temporald.Options{Database: filepath.Join(t.TempDir(), "a b?%41.db")}
	s := start(t, o)
	run := startWorkflow(t, dial(t, s), "kept", waitForGo)
	require.NoError(t, s.Stop())
	require.FileExists(t, o.Database)

	c := dial(t, start(t, o))
	described, err := c.DescribeWorkflowExecution(t.Context(), "kept", "")
	require.NoError(t, err)
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, described.GetWorkflowExecutionInfo().GetStatus())
	require.Equal(t, run.GetRunID(), described.GetWorkflowExecutionInfo().GetExecution().GetRunId())

	work(t, c)
	require.NoError(t, c.SignalWorkflow(t.Context(), "kept", "", "go", "done"))
	var word string
	require.NoError(t, c.GetWorkflow(t.Context(), "kept", "").Get(t.Context(), &word))
	require.Equal(t, "done", word)
	// Visibility is written by a task of its own, a little later.
	require.Eventually(t, func() bool {
		counted, err := c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
			Query: "RolloutTarget = 'test/checkout' AND RolloutWeight = 500 AND RolloutNeedsHuman = true",
		})
		return err == nil && counted.GetCount() == 1
	}, 20*time.Second, 20*time.Millisecond)
}

func TestStartAddsMissingSearchAttributes(t *testing.T) {
	all := temporald.SearchAttributes
	t.Cleanup(func() { temporald.SearchAttributes = all })
	o := temporald.Options{Database: filepath.Join(t.TempDir(), "old.db")}
	temporald.SearchAttributes = []temporald.SearchAttribute{
		{Name: "Mine", Type: enumspb.INDEXED_VALUE_TYPE_KEYWORD},
		{Name: "RolloutStep", Type: enumspb.INDEXED_VALUE_TYPE_INT},
	}
	require.NoError(t, start(t, o).Stop())

	temporald.SearchAttributes = all
	c := dial(t, start(t, o))
	listed, err := c.OperatorService().ListSearchAttributes(t.Context(), &operatorservice.ListSearchAttributesRequest{Namespace: "default"})
	require.NoError(t, err)
	require.Len(t, listed.GetCustomAttributes(), len(all)+1)
	require.Contains(t, listed.GetCustomAttributes(), "Mine")
	work(t, c)
	run := startWorkflow(t, c, "uses them", waitForGo)
	require.NoError(t, c.SignalWorkflow(t.Context(), "uses them", "", "go", "done"))
	require.NoError(t, run.Get(t.Context(), nil))
}

func TestStartRefusesAttributeOfAnotherType(t *testing.T) {
	all := temporald.SearchAttributes
	t.Cleanup(func() { temporald.SearchAttributes = all })
	o := temporald.Options{Database: filepath.Join(t.TempDir(), "other.db")}
	temporald.SearchAttributes = []temporald.SearchAttribute{{Name: "RolloutStep", Type: enumspb.INDEXED_VALUE_TYPE_KEYWORD}}
	require.NoError(t, start(t, o).Stop())

	temporald.SearchAttributes = all
	_, err := temporald.Start(t.Context(), o)
	require.ErrorContains(t, err, "search attribute RolloutStep is Keyword, want Int")
}

func TestStartRefusesWhatIsInUse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "one.db")
	s := start(t, temporald.Options{Database: file})

	_, err := temporald.Start(t.Context(), temporald.Options{Database: file})
	require.ErrorContains(t, err, "is another server using it?")
	_, err = temporald.Start(t.Context(), temporald.Options{Address: s.Address()})
	require.ErrorContains(t, err, "reserving address "+s.Address())
	_, err = temporald.Start(t.Context(), temporald.Options{UIAddress: s.Address()})
	require.ErrorContains(t, err, "reserving UI address "+s.Address())
	_, err = temporald.Start(t.Context(), temporald.Options{Database: filepath.Join(file, "none.db")})
	require.ErrorContains(t, err, "locking database")
	_, err = temporald.Start(t.Context(), temporald.Options{LogLevel: "shout"})
	require.ErrorContains(t, err, "parsing log level")
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := temporald.Start(ctx, temporald.Options{})
	require.ErrorIs(t, err, context.Canceled)
}

func TestUIShowsNamespaces(t *testing.T) {
	s := start(t, temporald.Options{Address: "0.0.0.0:0", UIAddress: "127.0.0.1:0"})
	host, _, err := net.SplitHostPort(s.Address())
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", host)
	require.Contains(t, get(t, "http://"+s.UIAddress()+"/api/v1/namespaces"), `"name": "default"`)
	require.Contains(t, get(t, "http://"+s.UIAddress()+"/"), "<!doctype html>")
}

func TestMetricsCountActions(t *testing.T) {
	o := temporald.Options{MetricsAddress: "127.0.0.1:0"}
	s := start(t, o)
	c := dial(t, s)
	work(t, c)
	run := startWorkflow(t, c, "counted", waitForGo)
	require.NoError(t, c.SignalWorkflow(t.Context(), "counted", "", "go", "done"))
	require.NoError(t, run.Get(t.Context(), nil))

	text := get(t, "http://"+s.MetricsAddress()+"/metrics")
	for _, action := range []string{"grpc_StartWorkflowExecution", "grpc_SignalWorkflowExecution", "command_UpsertWorkflowSearchAttributes"} {
		require.Regexp(t, regexp.MustCompile(`(?m)^action\{.*action_type="`+action+`".*namespace="default".*\} 1$`), text)
	}
	// The listener goes with the server, so that a restart can have the address.
	o.MetricsAddress = s.MetricsAddress()
	require.NoError(t, s.Stop())
	require.Equal(t, o.MetricsAddress, start(t, o).MetricsAddress())
}

// TestCancellationIsPushed holds the two switches for worker commands: without
// them an activity that does not heartbeat never learns that it was cancelled.
func TestCancellationIsPushed(t *testing.T) {
	c := dial(t, start(t, temporald.Options{}))
	work(t, c)
	run := startWorkflow(t, c, "cancels", watch)
	<-running
	require.NoError(t, c.SignalWorkflow(t.Context(), "cancels", "", "running", nil))
	err := run.Get(t.Context(), nil)
	require.True(t, temporal.IsCanceledError(err), "%v", err)
}

func get(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", body)
	return string(body)
}
