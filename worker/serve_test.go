package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"log/slog"

	"github.com/stretchr/testify/require"
)

// nowhere is an address that nobody listens on.
func nowhere(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func TestCommandLine(t *testing.T) {
	t.Setenv("TEMPORAL_ADDRESS", nowhere(t))
	t.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(t.TempDir(), "none.toml"))
	wrong := file(t, "evidence: {s3: {}}")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	tests := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"help", []string{"--help"}, 0, "bakeoff-worker --register"},
		{"help of verify", []string{"verify", "--help"}, 0, "--open"},
		{"unknown flag", []string{"--queue", "x"}, 2, "unknown flag: --queue; try --help"},
		{"unknown argument", []string{"control"}, 2, `unexpected argument "control"`},
		{"unknown queue", []string{"--listen", "127.0.0.1:0", "--queues", "x"}, 2, `"x" is not a queue`},
		{"wrong configuration", []string{"--config", wrong}, 1, "evidence.s3 is not served by this version"},
		{"no configuration", []string{"--config", "/not/there"}, 1, "read configuration: open /not/there"},
		{"address taken", []string{"--listen", taken.Addr().String()}, 1, "serve /healthz and /metrics"},
		{"no Temporal", []string{"--listen", "127.0.0.1:0"}, 1, "(set temporal.address in the configuration, or TEMPORAL_ADDRESS)"},
		{"verify without histories", []string{"verify", "--golden", t.TempDir()}, 1, "no histories"},
		{"verify of a directory that is not there", []string{"verify", "--golden=/not/there"}, 1, "/not/there"},
		{"verify without Temporal", []string{"verify", "--open"}, 1, "no answer from Temporal"},
		{"verify with an argument too many", []string{"verify", "--open", "x"}, 2, `unexpected argument "x"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			require.Equal(t, tt.code, run(tt.args, &out, &out), out.String())
			require.Contains(t, out.String(), tt.want)
			require.NotContains(t, out.String(), "panic")
		})
	}
}

func TestClientOptions(t *testing.T) {
	t.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(t.TempDir(), "none.toml"))
	t.Setenv("TEMPORAL_ADDRESS", "env:1")
	t.Setenv("TEMPORAL_NAMESPACE", "env")
	o, err := clientOptions(temporalConfig{})
	require.NoError(t, err)
	require.Equal(t, []string{"env:1", "env"}, []string{o.HostPort, o.Namespace})
	o, err = clientOptions(temporalConfig{Address: "file:1", Namespace: "file"})
	require.NoError(t, err)
	require.Equal(t, []string{"file:1", "file"}, []string{o.HostPort, o.Namespace})
	require.Regexp(t, `^bakeoff-worker/[^/]+/\d+$`, o.Identity)
	require.Zero(t, o.WorkerHeartbeatInterval, "the SDK's default is on; pushed cancellation needs it")

	t.Setenv("TEMPORAL_ADDRESS", "")
	t.Setenv("TEMPORAL_NAMESPACE", "")
	o, err = clientOptions(temporalConfig{})
	require.NoError(t, err)
	require.Equal(t, []string{"localhost:7233", "default"}, []string{o.HostPort, o.Namespace})
	t.Setenv("TEMPORAL_PROFILE", "missing")
	_, err = clientOptions(temporalConfig{})
	require.ErrorContains(t, err, "profiles of the temporal CLI")
}

func TestListenAddress(t *testing.T) {
	require.Equal(t, "flag:1", listenAddress("flag:1", "file:1"))
	require.Equal(t, "file:1", listenAddress("", "file:1"))
	require.Equal(t, "127.0.0.1:9464", listenAddress("", ""))
}

func TestPages(t *testing.T) {
	m := newMeter()
	m.handler().Counter("bakeoff_drift").Inc(1)
	registry, err := newRegistry(m)
	require.NoError(t, err)
	log := slog.New(slog.DiscardHandler)
	p, err := site{newHealth(nil), registry, &alerts{live: loaded(t, ""), log: log}, log}.serve("127.0.0.1:0")
	require.NoError(t, err)
	defer p.close()
	get := func(path string) (int, string) {
		resp, err := http.Get("http://" + p.address() + path)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(body)
	}
	code, body := get("/metrics")
	require.Equal(t, 200, code)
	for _, want := range []string{"bakeoff_drift_total 1", "go_goroutines", "process_resident_memory_bytes"} {
		require.Contains(t, body, want)
	}
	code, _ = get("/healthz")
	require.Equal(t, 200, code)
	code, _ = get("/alerts")
	require.Equal(t, 405, code)
}

func TestHangupReloads(t *testing.T) {
	path := file(t, "limits: {default: {requireOwner: true}}")
	l, err := newLive(path)
	require.NoError(t, err)
	d := &daemon{live: l, log: slog.New(slog.DiscardHandler)}
	go d.reloadOnHangup(t.Context(), d.hangups())
	require.NoError(t, os.WriteFile(path, []byte("limits: {default: {requirePurpose: true}}"), 0o600))
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	require.Eventually(t, func() bool { return l.config().Limits["default"].RequirePurpose }, waitFor, tick)
	require.NoError(t, os.WriteFile(path, []byte("nonsense: 1"), 0o600))
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	time.Sleep(100 * time.Millisecond)
	require.True(t, l.config().Limits["default"].RequirePurpose)
}
