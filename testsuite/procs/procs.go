// Package procs runs Bakeoff's own programs as processes, for tests and
// benchmarks that look from outside: the embedded Temporal server, workers and
// the command line. Start with [StartServer].
//
// bakeoff and bakeoff-worker are built from the tree under test, once for each
// test binary. bakeoff-dev takes minutes to build cold, so it is taken from
// bin/ ("make dev"); where it is missing, tests are skipped, and fail in CI.
package procs

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Patience bounds how long a process may take to start or to stop.
const Patience = time.Minute

// Root is the repository's root folder.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// built is the folder of the programs; "": nothing was built.
var built string

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "bakeoff-procs-")
	if err != nil {
		return "", err
	}
	built = dir
	for name, folder := range map[string]string{"bakeoff": "./starter", "bakeoff-worker": "./worker"} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, name), folder)
		cmd.Dir = Root()
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return dir, nil
})

// Program returns the path of bakeoff or bakeoff-worker, built from this tree.
func Program(t testing.TB, name string) string {
	t.Helper()
	dir, err := build()
	require.NoError(t, err)
	return filepath.Join(dir, name)
}

// DevProgram returns the path of a program of deploy/dev, built from this tree.
// It is for those that build in seconds, which bakeoff-dev does not.
func DevProgram(t testing.TB, name string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	cmd := exec.Command("go", "build", "-o", program, "./cmd/"+name)
	cmd.Dir = filepath.Join(Root(), "deploy", "dev")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "build %s: %s", name, out)
	return program
}

// Clean removes what was built. Call it at the end of TestMain.
func Clean() {
	if built != "" {
		_ = os.RemoveAll(built)
	}
}

// Process is a program that runs. It is killed when the test ends.
type Process struct {
	Name string
	Log  string // the file that has its output

	cmd  *exec.Cmd
	done chan struct{}
}

// Start runs a program with its output in a file.
func Start(t testing.TB, name, program string, env []string, args ...string) *Process {
	t.Helper()
	log, err := os.CreateTemp(t.TempDir(), name+"-*.log")
	require.NoError(t, err)
	defer func() { _ = log.Close() }() // the process has its own handle
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), env...), log, log
	require.NoError(t, cmd.Start(), name)
	p := &Process{Name: name, Log: log.Name(), cmd: cmd, done: make(chan struct{})}
	go func() { _ = cmd.Wait(); close(p.done) }()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of %s's log:\n%s", name, p.Tail(30))
		}
		p.Kill()
	})
	return p
}

// Kill ends it as a crash would, and returns when it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Signal sends a signal; it is no error when the process has ended.
func (p *Process) Signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// Stop asks it to end and returns its exit code.
func (p *Process) Stop(t testing.TB) int {
	t.Helper()
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(Patience):
		t.Fatalf("%s does not stop", p.Name)
	}
	return p.cmd.ProcessState.ExitCode()
}

// AwaitLine returns when a line of the log begins so, with the rest of the line.
func (p *Process) AwaitLine(t testing.TB, prefix string) string {
	t.Helper()
	end := time.Now().Add(Patience)
	for {
		for _, line := range p.lines() {
			if rest, found := strings.CutPrefix(line, prefix); found {
				return rest
			}
		}
		select {
		case <-p.done:
			t.Fatalf("%s ended before it said %q:\n%s", p.Name, prefix, p.Tail(30))
		case <-time.After(20 * time.Millisecond):
			require.True(t, time.Now().Before(end), "%s did not say %q:\n%s", p.Name, prefix, p.Tail(30))
		}
	}
}

// Tail is the last lines of the log.
func (p *Process) Tail(n int) string {
	lines := p.lines()
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func (p *Process) lines() []string {
	f, err := os.Open(p.Log)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	var lines []string
	for s := bufio.NewScanner(f); s.Scan(); {
		lines = append(lines, s.Text())
	}
	return lines
}
