//go:build linux

package faults

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rehearsal/fault"
)

func contextFor(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

func holds(t *testing.T, file, body string) {
	t.Helper()
	have, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, body, string(have))
}

func TestDrift(t *testing.T) {
	w := newWorld(t)
	const body = "pool: 20\nurl: x\x00\xff\r\n"
	file := filepath.Join(w.dir, "app.yaml")
	require.NoError(t, os.WriteFile(file, []byte(body), 0o640))
	d := w.driver(t)
	o := order("drift", fault.Fault{Drift: &fault.Drift{File: file, Replace: map[string]string{"pool: 20": "pool: 1", "url": "uri"}}})
	inject(t, d, o)
	holds(t, file, "pool: 1\nuri: x\x00\xff\r\n")
	require.NoError(t, d.Remove(t.Context(), o))
	holds(t, file, body)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode())
	entries, err := os.ReadDir(w.dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "the file, the registry, and nothing else")

	whole := order("whole", fault.Fault{For: brief, Drift: &fault.Drift{File: file, Content: ptr("")}})
	inject(t, d, whole)
	endedBy(t, d, whole, "expiry")
	holds(t, file, body)
}

func TestDriftThatSomebodyElseChanged(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(w.dir, "app.yaml")
	require.NoError(t, os.WriteFile(file, []byte("a"), 0o644))
	d := w.driver(t)
	o := order("drift", fault.Fault{Drift: &fault.Drift{File: file, Content: ptr("b")}})
	inject(t, d, o)
	require.NoError(t, os.WriteFile(file, []byte("mine"), 0o644))
	require.NoError(t, d.Remove(t.Context(), o))
	holds(t, file, "a")
	holds(t, strings.TrimSuffix(d.registry.file(o.ID), ".json")+".found", "mine")
}

func TestDriftIsRefused(t *testing.T) {
	w := newWorld(t)
	outside := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(outside, []byte("x"), 0o600))
	link := filepath.Join(w.dir, "link")
	require.NoError(t, os.Symlink(outside, link))
	big := filepath.Join(w.dir, "big")
	require.NoError(t, os.WriteFile(big, make([]byte, longestFile+1), 0o644))
	small := filepath.Join(w.dir, "small")
	require.NoError(t, os.WriteFile(small, []byte("x"), 0o644))
	for want, drift := range map[string]fault.Drift{
		"no such file or directory":                   {File: filepath.Join(w.dir, "none"), Content: ptr("")},
		"leads to another file":                       {File: link, Content: ptr("")},
		"has 1048577 bytes: at most 1 MiB":            {File: big, Content: ptr("")},
		"is not a regular file":                       {File: filepath.Join(w.dir, "registry"), Content: ptr("")},
		`does not hold "y"`:                           {File: small, Replace: map[string]string{"y": "z"}},
		"may not be touched here: the worker allows ": {File: outside, Content: ptr("")},
	} {
		err := w.driver(t).Inject(t.Context(), order("drift", fault.Fault{Drift: &drift}))
		require.ErrorIs(t, err, activities.ErrFinal)
		require.ErrorContains(t, err, want)
	}
	records, err := w.driver(t).registry.list()
	require.NoError(t, err)
	require.Empty(t, records)
}

const libfaketime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"

func TestClock(t *testing.T) {
	if _, err := exec.LookPath("faketime"); err != nil {
		lacks(t, "needs faketime: ", err)
	}
	w := newWorld(t)
	stamp, out := filepath.Join(w.dir, "stamp"), filepath.Join(w.dir, "out")
	c := w.process(t, "plain", "sleep", "600")
	shell := &child{pidFile: filepath.Join(w.dir, "clock.pid"), args: []string{"sh", "-c", "while :; do date +%s > " + out + ".new; mv " + out + ".new " + out + "; sleep 0.02; done"},
		env: []string{"LD_PRELOAD=" + libfaketime, "FAKETIME_TIMESTAMP_FILE=" + stamp, "FAKETIME_NO_CACHE=1"}}
	shell.start(t)
	t.Cleanup(shell.end)
	w.with["processes"] = map[string]Process{"clock": {PIDFile: shell.pidFile}, "plain": {PIDFile: c.pidFile}}
	d := w.driver(t)
	skewed := func(by time.Duration) func() bool {
		return func() bool {
			body, err := os.ReadFile(out)
			seconds, err2 := strconv.ParseInt(strings.TrimSpace(string(body)), 10, 64)
			off := time.Since(time.Unix(seconds, 0)) + by
			return err == nil && err2 == nil && off.Abs() < 5*time.Second
		}
	}
	require.Eventually(t, skewed(0), soon, 10*time.Millisecond)
	for i, before := range []string{"", "+60\n"} { // without a file, and with one
		if before != "" {
			require.NoError(t, os.WriteFile(stamp+".new", []byte(before), 0o644))
			require.NoError(t, os.Rename(stamp+".new", stamp))
		}
		o := order("skew"+strconv.Itoa(i), fault.Fault{Clock: &fault.Clock{Process: "clock", Skew: "-2h"}})
		inject(t, d, o)
		require.Eventually(t, skewed(-2*time.Hour), soon, 10*time.Millisecond)
		require.NoError(t, d.Remove(t.Context(), o))
		require.Eventually(t, skewed(time.Duration(i)*time.Minute), soon, 10*time.Millisecond)
	}
	ofClock := fault.Fault{Clock: &fault.Clock{Process: "clock", Skew: "-2h"}}
	require.True(t, d.Same(ofClock, fault.Fault{Drift: &fault.Drift{File: stamp, Content: ptr("+60")}}), "the clock is in that file")
	err := d.Inject(t.Context(), order("plain", fault.Fault{Clock: &fault.Clock{Process: "plain", Skew: "+1h"}}))
	require.ErrorIs(t, err, activities.ErrFinal)
	require.ErrorContains(t, err, "process plain: it was not started for clock faults: start it with LD_PRELOAD=")

	require.NoError(t, os.WriteFile(c.pidFile, []byte(strconv.Itoa(os.Getpid())), 0o644))
	err = d.Inject(t.Context(), order("own", fault.Fault{Clock: &fault.Clock{Process: "plain", Skew: "+1h"}}))
	require.ErrorContains(t, err, "process plain is this worker, whose clock no fault changes: name another process")

	w.process(t, "go") // needs no environment to be refused
	err = w.driver(t).Inject(t.Context(), order("go", fault.Fault{Clock: &fault.Clock{Process: "go", Skew: "+1h"}}))
	require.ErrorContains(t, err, "it is a program in Go")
}
