package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

func token(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(append([]string{"token"}, args...), &stdout, &stderr), stderr.String())
	return strings.TrimSpace(stdout.String())
}

// A token holds for every run of the server over the same folder.
func TestTokenOutlivesTheServer(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "auth")
	args := []string{"--auth", "--auth-directory", directory, "--address", "127.0.0.1:0", "--db", ":memory:"}
	p := startProcess(t, args...)
	require.Contains(t, strings.Join(p.lines, "\n"), "TEMPORAL_TLS=false")
	ana := token(t, "--auth-directory", directory, "--subject", "ana@example.com", "--permissions", "default:write")
	for range 2 {
		c, err := client.DialContext(t.Context(), client.Options{HostPort: strings.Fields(p.lines[0])[1],
			Credentials: client.NewAPIKeyStaticCredentials(ana), ConnectionOptions: client.ConnectionOptions{TLSDisabled: true}})
		require.NoError(t, err)
		_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: "test"}, waitForGo)
		require.NoError(t, err)
		c.Close()
		stops(t, p)
		p = startProcess(t, args...)
	}
	stops(t, p)
}

func stops(t *testing.T, p *process) {
	t.Helper()
	begin := time.Now()
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.Wait())
	require.Less(t, time.Since(begin), 10*time.Second)
}

// Whoever has the key can be anybody.
func TestKeyIsItsOwnersAlone(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "auth")
	stops(t, startProcess(t, "--auth", "--auth-directory", directory, "--address", "127.0.0.1:0", "--db", ":memory:"))
	info, err := os.Stat(filepath.Join(directory, "signing-key.pem"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestBrokenKeyIsNamed(t *testing.T) {
	directory := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(directory, "signing-key.pem"), []byte("a password"), 0o600))
	var stdout, stderr bytes.Buffer
	require.Equal(t, 1, run([]string{"--auth", "--auth-directory", directory, "--address", "127.0.0.1:0", "--db", ":memory:"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "signing-key.pem is not PEM")
}
