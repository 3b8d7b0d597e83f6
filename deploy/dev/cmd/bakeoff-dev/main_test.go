package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// runAsMain makes the test binary behave as bakeoff-dev, so that signals can be
// tested on a process of its own without building it again.
const runAsMain = "BAKEOFF_DEV_TEST_RUN_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(runAsMain) != "" {
		main()
	}
	os.Exit(m.Run())
}

// process is a bakeoff-dev that printed ready.
type process struct {
	*exec.Cmd
	lines  []string
	stderr *bytes.Buffer
}

func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), stderr: &bytes.Buffer{}}
	p.Env = append(os.Environ(), runAsMain+"=1")
	p.Stderr = p.stderr
	stdout, err := p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	t.Cleanup(func() { _ = p.Process.Kill() }) // does nothing to one that ended
	for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
		p.lines = append(p.lines, scanner.Text())
		if scanner.Text() == "ready" {
			return p
		}
	}
	_ = p.Wait()
	require.FailNow(t, "ended before it was ready", "%s", p.stderr)
	return nil
}

// dial connects to the address that was printed. The caller closes the client.
func (p *process) dial(t *testing.T) client.Client {
	t.Helper()
	require.True(t, strings.HasPrefix(p.lines[0], "temporal "), p.lines[0])
	c, err := client.DialContext(t.Context(), client.Options{
		HostPort: strings.Fields(p.lines[0])[1],
		Logger:   log.NewStructuredLogger(slog.New(slog.DiscardHandler)), // it speaks of lost connections
	})
	require.NoError(t, err)
	return c
}

func waitForGo(ctx workflow.Context) (string, error) {
	var word string
	workflow.GetSignalChannel(ctx, "go").Receive(ctx, &word)
	return word, nil
}

func newWorker(t *testing.T, c client.Client) worker.Worker {
	t.Helper()
	w := worker.New(c, "test", worker.Options{})
	w.RegisterWorkflow(waitForGo)
	require.NoError(t, w.Start())
	return w
}

func TestNothingIsLost(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			args := []string{"--address", "127.0.0.1:0", "--ui-address", "127.0.0.1:0", "--db", filepath.Join(t.TempDir(), "dev.db")}
			p := startProcess(t, args...)
			c := p.dial(t)
			// A worker stays connected: its long polls must not hold up the stop.
			w := newWorker(t, c)
			_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "kept", TaskQueue: "test"}, waitForGo)
			require.NoError(t, err)
			require.NoError(t, firstTask(t, c))
			begin := time.Now()
			require.NoError(t, p.Process.Signal(signal))
			err = p.Wait()
			if signal != syscall.SIGKILL {
				require.NoError(t, err)
				require.Empty(t, p.stderr.String())
				require.Less(t, time.Since(begin), 10*time.Second)
			}

			c.Close() // before its worker, which would wait for the dead server to take its leave
			w.Stop()

			c = startProcess(t, args...).dial(t)
			described, err := c.DescribeWorkflowExecution(t.Context(), "kept", "")
			require.NoError(t, err)
			require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, described.GetWorkflowExecutionInfo().GetStatus())
			again := newWorker(t, c)
			defer c.Close()
			defer again.Stop()
			require.Equal(t, "done", finish(t, c))
		})
	}
}

// firstTask waits until the workflow's first task is in history.
func firstTask(t *testing.T, c client.Client) error {
	t.Helper()
	events := c.GetWorkflowHistory(t.Context(), "kept", "", true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil || event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			return err
		}
	}
	return errors.New("history ended")
}

func finish(t *testing.T, c client.Client) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, c.SignalWorkflow(ctx, "kept", "", "go", "done"))
	var word string
	require.NoError(t, c.GetWorkflow(ctx, "kept", "").Get(ctx, &word))
	return word
}

func TestCommandLine(t *testing.T) {
	for _, test := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"help shows an example", []string{"--help"}, 0, "Example", ""},
		{"unknown flag", []string{"--nope"}, 2, "", "-nope"},
		{"argument", []string{"start"}, 2, "", `unexpected argument "start"`},
		{"auth with a UI", []string{"--auth", "--ui-address", "127.0.0.1:0"}, 2, "", "leave it out with --auth"},
		{"help of token", []string{"token", "--help"}, 0, "TEMPORAL_TLS=false", ""},
		{"token for nobody", []string{"token", "--permissions", "default:read"}, 2, "", "say whom the token is for"},
		{"token for nothing", []string{"token", "--subject", "ana"}, 2, "", "say what they may do"},
		{"token for an unknown role", []string{"token", "--subject", "ana", "--permissions", "default:read,default:reed"}, 2, "", `"default:reed" is not namespace:role`},
		{"token without a namespace", []string{"token", "--subject", "ana", "--permissions", "write"}, 2, "", `"write" is not namespace:role`},
		{"token without a key", []string{"token", "--subject", "ana", "--permissions", "default:read", "--auth-directory", "nowhere"}, 1, "",
			"start bakeoff-dev --auth first"},
		{"token that never holds", []string{"token", "--subject", "ana", "--permissions", "default:read", "--expires", "soon"}, 2, "", "-expires"},
		{"address that is none", []string{"--address", "nowhere", "--db", ":memory:"}, 1, "", "bakeoff-dev: reserving address nowhere"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Equal(t, test.code, run(test.args, &stdout, &stderr))
			require.Contains(t, stdout.String(), test.stdout)
			require.Contains(t, stderr.String(), test.stderr)
		})
	}
}
