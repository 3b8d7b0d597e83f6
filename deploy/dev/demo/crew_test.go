package demo

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

func newCrew(t *testing.T) *crew {
	t.Helper()
	c := &crew{dir: t.TempDir(), env: os.Environ()}
	require.NoError(t, os.Mkdir(filepath.Join(c.dir, logFolder), 0o755))
	t.Cleanup(func() { _ = Stop(c.dir) })
	return c
}

func TestStopEndsAllThatWasStarted(t *testing.T) {
	c := newCrew(t)
	var started []identity
	for _, name := range []string{temporalName, workerName, caddyName} {
		m, err := c.start(name, "/bin/sh", "-c", "sleep 60 & echo child $!; echo ready; wait")
		require.NoError(t, err)
		require.NoError(t, m.await(t.Context(), 5*time.Second, func() bool { return m.isReady() }))
		var pid int
		_, err = fmt.Sscan(m.said("child"), &pid)
		require.NoError(t, err)
		child, err := identify(pid)
		require.NoError(t, err)
		started = append(started, m.identity, child)
	}
	started = append(started, driven(t, c.dir, shopFolder), driven(t, c.dir, filepath.Join(branchFolder, "us")))
	for _, p := range started {
		require.True(t, p.alive())
	}
	require.NoError(t, Stop(c.dir))
	for _, p := range started {
		require.True(t, p.goneWithin(time.Second), "a child may end a moment after its leader")
	}
	require.NoFileExists(t, filepath.Join(c.dir, pidsFile))
	require.NoError(t, Stop(c.dir), "nothing left is success")
	require.Error(t, Stop(filepath.Join(c.dir, "mistyped")))
}

// driven starts a process and records it as the process driver does.
func driven(t *testing.T, dir, state string) identity {
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
	body, err := json.Marshal([]named{{"caddy", reused}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(c.dir, pidsFile), body, 0o644))
	require.NoError(t, Stop(c.dir))
	require.True(t, stranger.alive())
}

func TestStopKillsWhoeverDoesNotListen(t *testing.T) {
	c := newCrew(t)
	m, err := c.start("deaf", "/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
	require.NoError(t, err)
	require.NoError(t, m.await(t.Context(), 5*time.Second, func() bool { return m.isReady() }))
	require.NoError(t, m.stop(200*time.Millisecond))
	require.False(t, m.alive())
}

func TestAwaitTellsWhyAProcessEnded(t *testing.T) {
	c := newCrew(t)
	m, err := c.start("broken", "/bin/sh", "-c", "echo no such file; exit 3")
	require.NoError(t, err)
	err = m.await(t.Context(), 5*time.Second, func() bool { return false })
	require.ErrorContains(t, err, "broken ended:\n  no such file")

	m, err = c.start("slow", "/bin/sleep", "60")
	require.NoError(t, err)
	err = m.await(t.Context(), 50*time.Millisecond, func() bool { return false })
	require.ErrorContains(t, err, "slow: not ready after 50ms")
}

func TestMissingProgramsAreNamedWithTheirTarget(t *testing.T) {
	t.Setenv("PATH", "")
	_, err := find(t.TempDir())
	require.ErrorContains(t, err, "bakeoff-worker is missing: `make build` builds it")
	require.ErrorContains(t, err, "bakeoff-dev is missing: `make dev` builds it")
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
	d := &demo{options: Options{Dir: dir}}
	_, err := d.makeDir()
	require.ErrorContains(t, err, "is not empty")
	require.FileExists(t, filepath.Join(dir, "mine.txt"))
}

func TestVariablesLeadToNoOtherTemporal(t *testing.T) {
	got := variables([]string{"HOME=/h", "TEMPORAL_ADDRESS=production:7233", "BAKEOFF_ACTOR=me", "XDG_DATA_HOME=/x"}, "/d")
	require.Equal(t, []string{"HOME=/h", "TEMPORAL_CONFIG_FILE=/d/temporal.toml", "XDG_DATA_HOME=/d/caddy", "XDG_CONFIG_HOME=/d/caddy"}, got)
}
