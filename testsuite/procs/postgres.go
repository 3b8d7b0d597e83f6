package procs

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/testsuite/ports"
)

// Postgres is a real PostgreSQL over a folder of its own.
type Postgres struct {
	*Process
	URL string // of its database postgres, for whoever may be everything
}

// StartPostgres runs a PostgreSQL, and returns when it answers. Without the
// Debian package postgresql the test is skipped, and fails in CI.
func StartPostgres(t testing.TB) *Postgres {
	t.Helper()
	programs := postgresPrograms(t)
	dir, err := os.MkdirTemp("", "bakeoff-postgres-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	var as []string // PostgreSQL does not run as root
	if os.Getuid() == 0 {
		as = []string{OnPath(t, "setpriv"), "--reuid=postgres", "--regid=postgres", "--init-groups"}
		out, err := exec.Command("chown", "postgres:postgres", dir).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	files, address := filepath.Join(dir, "data"), ports.Free(t)
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	made := slices.Concat(as, []string{filepath.Join(programs, "initdb"), "--pgdata=" + files, "--username=bakeoff", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"})
	initialize := exec.CommandContext(ctx, made[0], made[1:]...)
	initialize.Dir = dir
	out, err := initialize.CombinedOutput()
	require.NoError(t, err, string(out))

	run := slices.Concat(as, []string{filepath.Join(programs, "postgres"), "-D", files, "-p", port,
		"-c", "listen_addresses=" + host, "-c", "unix_socket_directories=", "-c", "log_line_prefix=", "-c", "shared_buffers=16MB"})
	p := Start(t, "postgres", run[0], nil, run[1:]...)
	t.Cleanup(func() { // killed, it would leave its children for a moment, and they the folder
		p.Signal(syscall.SIGINT)
		select {
		case <-p.done:
		case <-time.After(Patience):
			t.Error("postgres does not stop")
		}
	})
	p.AwaitLine(t, "LOG:  database system is ready to accept connections")
	return &Postgres{p, "postgres://bakeoff@" + address + "/postgres?sslmode=disable"}
}

// postgresPrograms returns the folder of the newest PostgreSQL: Debian does not
// put it on PATH.
func postgresPrograms(t testing.TB) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	require.NoError(t, err)
	if len(found) == 0 {
		return filepath.Dir(OnPath(t, "postgres"))
	}
	return filepath.Dir(found[len(found)-1])
}
