package temporald_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"bakeoff/deploy/dev/temporald"
)

// guarded is a server that asks for tokens.
type guarded struct {
	*temporald.Server
	keys *temporald.Keys
}

func guard(t *testing.T) *guarded {
	t.Helper()
	directory := filepath.Join(t.TempDir(), "auth")
	s := start(t, temporald.Options{AuthDirectory: directory})
	keys, err := temporald.ReadKeys(directory)
	require.NoError(t, err)
	return &guarded{s, keys}
}

// as connects with a token; with "" without one.
func (g *guarded) as(t *testing.T, token string) client.Client {
	t.Helper()
	o := client.Options{HostPort: g.Address(), Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		ConnectionOptions: client.ConnectionOptions{TLSDisabled: true}}
	if token != "" {
		o.Credentials = client.NewAPIKeyStaticCredentials(token)
	}
	c, err := client.NewLazyClient(o)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// token holds for d, which may be over.
func (g *guarded) token(t *testing.T, subject, permission string, d time.Duration) string {
	t.Helper()
	token, err := g.keys.Token(subject, []string{permission}, time.Now().Add(d))
	require.NoError(t, err)
	return token
}

func (g *guarded) writer(t *testing.T, subject string) client.Client {
	t.Helper()
	return g.as(t, g.token(t, subject, "default:write", time.Hour))
}

func TestOnlyWritersChangeAnything(t *testing.T) {
	g := guard(t)
	writer := g.writer(t, "ci")
	startWorkflow(t, writer, "guarded", waitForGo)
	foreign := guard(t).token(t, "ana@example.com", "default:write", time.Hour)
	for _, test := range []struct {
		name, token  string
		looks, works bool
	}{
		{"no token", "", false, false},
		{"no JWT", "a password", false, false},
		{"expired", g.token(t, "ana@example.com", "default:write", -time.Minute), false, false},
		{"of another key", foreign, false, false},
		{"of another namespace", g.token(t, "ana@example.com", "town:write", time.Hour), false, false},
		{"reader", g.token(t, "eve@example.com", "default:read", time.Hour), true, false},
		{"writer", g.token(t, "ana@example.com", "default:write", time.Hour), true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := g.as(t, test.token)
			_, err := c.DescribeWorkflowExecution(t.Context(), "guarded", "")
			requireAllowed(t, test.looks, err)
			_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "by " + test.name, TaskQueue: queue}, waitForGo)
			requireAllowed(t, test.works, err)
			requireAllowed(t, test.works, c.SignalWorkflow(t.Context(), "guarded", "", "hello", "you"))
		})
	}
}

func requireAllowed(t *testing.T, allowed bool, err error) {
	t.Helper()
	if allowed {
		require.NoError(t, err)
		return
	}
	var denied *serviceerror.PermissionDenied
	require.ErrorAs(t, err, &denied)
}

func answering(ctx workflow.Context) error {
	if err := workflow.SetUpdateHandler(ctx, "ask", func(workflow.Context, string) (string, error) { return "answer", nil }); err != nil {
		return err
	}
	workflow.GetSignalChannel(ctx, "go").Receive(ctx, nil)
	return workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: "child"}), asChild).Get(ctx, nil)
}

func asChild(workflow.Context) error { return nil }

// Bakeoff relies on this: starts and signals bear the name of who sent them. An
// update bears that of the worker that took it, and who asked is only claimed.
func TestEventsBearTheCaller(t *testing.T) {
	g := guard(t)
	served := g.writer(t, "worker")
	w := worker.New(served, queue, worker.Options{})
	w.RegisterWorkflow(answering)
	w.RegisterWorkflow(asChild)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)

	run := startWorkflow(t, g.writer(t, "ci"), "stamped", answering)
	asked, err := g.writer(t, "bo@example.com").UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: "stamped", UpdateName: "ask", Args: []any{"x"}, WaitForStage: client.WorkflowUpdateStageCompleted})
	require.NoError(t, err)
	require.NoError(t, asked.Get(t.Context(), nil))
	require.NoError(t, g.writer(t, "ana@example.com").SignalWorkflow(t.Context(), "stamped", "", "go", nil))
	require.NoError(t, run.Get(t.Context(), nil))

	stamped := principals(t, served, "stamped")
	require.Equal(t, "jwt ci", stamped[enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED])
	require.Equal(t, "jwt ana@example.com", stamped[enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED])
	require.Equal(t, "jwt worker", stamped[enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED])
	require.Equal(t, "", principals(t, served, "child")[enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED])
}

// principals are the callers that events of each type bear; the last one counts.
func principals(t *testing.T, c client.Client, id string) map[enumspb.EventType]string {
	t.Helper()
	out := map[enumspb.EventType]string{}
	for events := c.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
		e, err := events.Next()
		require.NoError(t, err)
		out[e.GetEventType()] = principal(e)
	}
	return out
}

func principal(e *historypb.HistoryEvent) string {
	if e.GetPrincipal() == nil {
		return ""
	}
	return e.GetPrincipal().GetType() + " " + e.GetPrincipal().GetName()
}
