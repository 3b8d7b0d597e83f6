package procs_test

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/testsuite/procs"
)

func TestMain(m *testing.M) {
	code := m.Run()
	procs.Clean()
	os.Exit(code)
}

// The server keeps what it had over a restart, and a worker ends in order.
func TestServerWorkerAndCommandLine(t *testing.T) {
	t.Parallel()
	server := procs.StartServer(t)
	worker := procs.StartWorker(t, server, "")
	listed := procs.CLI(context.Background(), t, server, "list", "-o", "json")
	require.Zero(t, listed.Code, listed.Stderr)
	require.Zero(t, worker.Stop(t))
	server.Kill()
	server.Restart(t)
	procs.StartWorker(t, server, "")
	require.Equal(t, 2, procs.CLI(context.Background(), t, server, "abort").Code)
	require.Zero(t, server.Stop(t))
}
