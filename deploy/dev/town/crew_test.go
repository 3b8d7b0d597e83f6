package town

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newCrew(t *testing.T) *Crew {
	t.Helper()
	c := &Crew{Dir: t.TempDir(), Env: os.Environ()}
	require.NoError(t, os.Mkdir(filepath.Join(c.Dir, logFolder), 0o755))
	t.Cleanup(func() { _ = Stop(c.Dir) })
	return c
}

func TestStopEndsAllThatWasStarted(t *testing.T) {
	c := newCrew(t)
	var started []identity
	for _, name := range []string{temporalName, WorkerName, caddyName} {
		m, err := c.Start(name, "/bin/sh", "-c", "sleep 60 & echo child $!; echo ready; wait")
		require.NoError(t, err)
		require.NoError(t, m.Await(t.Context(), 5*time.Second, func() bool { return m.IsReady() }))
		var pid int
		_, err = fmt.Sscan(m.Said("child"), &pid)
		require.NoError(t, err)
		child, err := identify(pid)
		require.NoError(t, err)
		started = append(started, m.identity, child)
	}
	started = append(started, drive(t, c.Dir, "shop"), drive(t, c.Dir, "branches/us"))
	for _, p := range started {
		require.True(t, p.alive())
	}
	require.NoError(t, Stop(c.Dir))
	for _, p := range started {
		require.True(t, p.goneWithin(time.Second), "a child may end a moment after its leader")
	}
	require.NoFileExists(t, filepath.Join(c.Dir, pidsFile))
	require.NoError(t, Stop(c.Dir), "nothing left is success")
	require.Error(t, Stop(filepath.Join(c.Dir, "mistyped")))
}

// drive starts a process and records it as the process driver does.
func drive(t *testing.T, dir, state string) identity {
	t.Helper()
	cmd := exec.Command("/bin/sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	require.NoError(t, cmd.Start())
	go func() { _ = cmd.Wait() }()
	p, err := identify(cmd.Process.Pid)
	require.NoError(t, err)
	body, err := json.Marshal(map[string]any{"version": "1.0.0", "replicas": []any{map[string]any{"port": 1, "process": p}}})
	require.NoError(t, err)
	folder := filepath.Join(dir, state, "versions")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "1.0.0.json"), body, 0o644))
	return p
}

func TestStopLeavesStrangersAlone(t *testing.T) {
	c := newCrew(t)
	cmd := exec.Command("/bin/sleep", "60")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	stranger, err := identify(cmd.Process.Pid)
	require.NoError(t, err)
	reused := stranger
	reused.Start-- // the pid was another process's once
	body, err := json.Marshal([]Named{{"caddy", reused}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(c.Dir, pidsFile), body, 0o644))
	require.NoError(t, Stop(c.Dir))
	require.True(t, stranger.alive())
}

func TestStopKillsWhoeverDoesNotListen(t *testing.T) {
	c := newCrew(t)
	m, err := c.Start("deaf", "/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
	require.NoError(t, err)
	require.NoError(t, m.Await(t.Context(), 5*time.Second, func() bool { return m.IsReady() }))
	require.NoError(t, m.stop(200*time.Millisecond))
	require.False(t, m.alive())
}

func TestAwaitTellsWhyAProcessEnded(t *testing.T) {
	c := newCrew(t)
	m, err := c.Start("broken", "/bin/sh", "-c", "echo no such file; exit 3")
	require.NoError(t, err)
	err = m.Await(t.Context(), 5*time.Second, func() bool { return false })
	require.ErrorContains(t, err, "broken ended:\n  no such file")

	m, err = c.Start("slow", "/bin/sleep", "60")
	require.NoError(t, err)
	err = m.Await(t.Context(), 50*time.Millisecond, func() bool { return false })
	require.ErrorContains(t, err, "slow: not ready after 50ms")
}

func TestMissingProgramsAreNamedWithTheirTarget(t *testing.T) {
	t.Setenv("PATH", "")
	_, err := Find(t.TempDir(), "bakeoff-demo")
	require.ErrorContains(t, err, "bakeoff-worker is missing: `make build` builds it")
	require.ErrorContains(t, err, "bakeoff-dev is missing: `make dev` builds it")
	require.ErrorContains(t, err, "bakeoff-demo is missing: `make dev` builds it")
	require.ErrorContains(t, err, "`make caddy`")
}

func TestCaddyMustHonourWeightsOfZero(t *testing.T) {
	for version, want := range map[string]bool{"v2.9.0 h1:x": true, "v2.11.9": true, "v3.0.1": true, "v2.8.4": false, "unknown": false, "": false} {
		require.Equal(t, want, isRecent(version), version)
	}
}

func TestADirectoryInUseIsRefused(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mine.txt"), nil, 0o644))
	_, err := Open(dir, "")
	require.ErrorContains(t, err, "is not empty")
	require.FileExists(t, filepath.Join(dir, "mine.txt"))
}

func TestVariablesLeadToNoOtherTemporal(t *testing.T) {
	got := variables([]string{"HOME=/h", "TEMPORAL_ADDRESS=production:7233", "BAKEOFF_ACTOR=me", "XDG_DATA_HOME=/x", "TMPDIR=/y"}, "/d")
	require.Equal(t, []string{"HOME=/h", "TMPDIR=/d/tmp", "TEMPORAL_CONFIG_FILE=/d/temporal.toml", "XDG_DATA_HOME=/d/caddy", "XDG_CONFIG_HOME=/d/caddy"}, got)
}

func TestWhatCameByItselfEndsToo(t *testing.T) {
	c := newCrew(t)
	cmd := exec.Command("/bin/sleep", "60") // such as one that a fault brought back
	cmd.Env, cmd.SysProcAttr = []string{temporary(c.Dir)}, &syscall.SysProcAttr{Setsid: true}
	require.NoError(t, cmd.Start())
	go func() { _ = cmd.Wait() }()
	left := Left(c.Dir)
	require.Len(t, left, 1)
	require.Equal(t, "/bin/sleep 60", left[0].Name)
	require.Empty(t, Left(t.TempDir()), "it belongs to another town")
	require.NoError(t, Stop(c.Dir))
	require.Empty(t, Left(c.Dir))
	require.False(t, left[0].alive())
}

func TestFreeAddressesAreDifferent(t *testing.T) {
	var a, b string
	require.NoError(t, FreeAddresses(&a, &b))
	require.NotEqual(t, a, b)
	require.Regexp(t, `^127\.0\.0\.1:\d+$`, a)
}
