package procs

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Server is an embedded Temporal server with a database file.
type Server struct {
	*Process
	Address string
	Metrics string // URL of its own metrics page

	program string
	args    []string
	auth    string // the folder of the key that signs tokens; "": everybody is let in
	token   string // of whoever calls
	env     []string
}

// StartServer runs bakeoff-dev without a UI.
func StartServer(t testing.TB) *Server {
	t.Helper()
	return startServer(t, "")
}

// StartGuardedServer is the same of a server that asks callers for tokens. Who
// calls is said by As.
func StartGuardedServer(t testing.TB) *Server {
	t.Helper()
	return startServer(t, filepath.Join(t.TempDir(), "auth"))
}

func startServer(t testing.TB, auth string) *Server {
	t.Helper()
	program := filepath.Join(Root(), "bin", "bakeoff-dev")
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("bin/bakeoff-dev is missing: make dev")
		}
		t.Skip("SKIP: bin/bakeoff-dev is missing: make dev")
	}
	args := []string{"--ui-address", "", "--db", filepath.Join(t.TempDir(), "temporal.db")}
	if auth != "" {
		args = append(args, "--auth", "--auth-directory", auth)
	}
	s := &Server{program: program, auth: auth, args: append(args, "--address", "127.0.0.1:0", "--metrics-address", "127.0.0.1:0")}
	s.Restart(t)
	s.Address, s.Metrics = s.says("temporal"), s.says("metrics")
	s.args = append(s.args[:len(s.args)-4], "--address", s.Address, "--metrics-address", hostOf(t, s.Metrics))
	return s
}

// says is the second word of the line of the log that begins with the first.
func (p *Process) says(first string) string {
	for _, line := range p.lines() {
		if words := strings.Fields(line); len(words) > 1 && words[0] == first {
			return words[1]
		}
	}
	return ""
}

func hostOf(t testing.TB, page string) string {
	t.Helper()
	u, err := url.Parse(page)
	require.NoError(t, err)
	return u.Host
}

// Restart starts the server over the same database. End it before with Stop
// or Kill.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Process = Start(t, "bakeoff-dev", s.program, nil, s.args...)
	s.AwaitLine(t, "ready")
}

// As is the same server, called with a token for somebody that holds for d, which
// may be over. A permission is namespace:role.
func (s *Server) As(t testing.TB, subject, permission string, d time.Duration) *Server {
	t.Helper()
	out, err := exec.Command(s.program, "token", "--auth-directory", s.auth, "--subject", subject, "--permissions", permission, "--expires", d.String()).Output()
	require.NoError(t, err)
	called := *s
	called.token = strings.TrimSpace(string(out))
	return &called
}

// With is the same server, called by programs with these variables.
func (s *Server) With(env ...string) *Server {
	called := *s
	called.env = env
	return &called
}

// Token is what As called the server with.
func (s *Server) Token() string { return s.token }

// Env is what points programs to the server, and says who calls.
func (s *Server) Env() []string {
	env := []string{"TEMPORAL_ADDRESS=" + s.Address}
	if s.auth != "" {
		env = append(env, "TEMPORAL_TLS=false", "TEMPORAL_API_KEY="+s.token)
	}
	return append(env, s.env...)
}

// Worker is one bakeoff-worker.
type Worker struct {
	*Process
}

// URL is where it serves /healthz, /metrics and /alerts.
func (w *Worker) URL(t testing.TB) string {
	t.Helper()
	return strings.TrimSuffix(strings.TrimSpace(w.AwaitLine(t, "health ")), "/healthz")
}

// StartWorker runs a worker and returns when it polls. The config may be "".
func StartWorker(t testing.TB, s *Server, config string, args ...string) *Worker {
	t.Helper()
	w := LaunchWorker(t, s, config, args...)
	w.AwaitLine(t, "ready")
	return w
}

// LaunchWorker runs a worker and returns at once. The config may be "".
func LaunchWorker(t testing.TB, s *Server, config string, args ...string) *Worker {
	t.Helper()
	args = append([]string{"--listen", "127.0.0.1:0"}, args...)
	if config != "" {
		file := filepath.Join(t.TempDir(), "bakeoff-worker.yaml")
		require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
		args = append(args, "--config", file)
	}
	return &Worker{Start(t, "bakeoff-worker", Program(t, "bakeoff-worker"), s.Env(), args...)}
}

// Run is what one call of the command line gave.
type Run struct {
	Code   int
	Stdout string
	Stderr string
}

// CLI runs bakeoff to its end. A context that ends interrupts it as Ctrl-C
// would.
func CLI(ctx context.Context, t testing.TB, s *Server, args ...string) Run {
	t.Helper()
	cmd := exec.CommandContext(ctx, Program(t, "bakeoff"), args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Env = append(append(os.Environ(), s.Env()...), "BAKEOFF_ACTOR=tester@example.com")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && ctx.Err() == nil {
		require.NoError(t, err, args)
	}
	return Run{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}
