//go:build linux

package faults

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/fault"
)

// One thing is one thing, whatever it is called.
func TestSame(t *testing.T) {
	w := newWorld(t)
	victim := w.process(t, "victim")
	w.process(t, "other")
	conf, link, pids := filepath.Join(w.dir, "conf"), filepath.Join(w.dir, "link"), filepath.Join(w.dir, "link.pid")
	require.NoError(t, os.WriteFile(conf, []byte("pool: 20"), 0o644))
	require.NoError(t, os.Symlink(conf, link))
	require.NoError(t, os.Symlink(victim.pidFile, pids))
	copied := filepath.Join(w.dir, "copy.pid")
	body, err := os.ReadFile(victim.pidFile)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(copied, body, 0o644))
	byFile := func(file, do string) fault.Fault {
		return fault.Fault{For: second, Process: &fault.Process{PIDFile: file, Do: do}}
	}
	driftOf := func(file string) fault.Fault { return fault.Fault{Drift: &fault.Drift{File: file, Content: ptr("x")}} }
	clockOf := func(process string) fault.Fault {
		return fault.Fault{Clock: &fault.Clock{Process: process, Skew: "+1h"}}
	}
	d := w.driver(t)
	for name, tt := range map[string]struct {
		a, b fault.Fault
		same bool
	}{
		"a name and its pid file":      {freezeOf("victim"), byFile(victim.pidFile, fault.Kill), true},
		"a link to its pid file":       {freezeOf("victim"), byFile(pids, fault.Freeze), true},
		"another file with its pid":    {freezeOf("victim"), byFile(copied, fault.Freeze), true},
		"as a worker":                  {freezeOf("victim"), fault.Fault{Worker: &fault.Process{Name: "victim", Do: fault.Kill}}, true},
		"another process":              {freezeOf("other"), byFile(victim.pidFile, fault.Freeze), false},
		"two that nobody knows":        {freezeOf("nobody"), freezeOf("no one"), false},
		"a file and a link to it":      {driftOf(conf), driftOf(link), true},
		"another file":                 {driftOf(conf), driftOf(victim.pidFile), false},
		"one clock":                    {clockOf("victim"), clockOf("victim"), true},
		"two clocks":                   {clockOf("victim"), clockOf("other"), false},
		"a process and its clock":      {freezeOf("victim"), clockOf("victim"), false},
		"two toxics":                   {latencyOf("db"), latencyOf("db"), false},
		"a proxy that is sent astray":  {fault.Fault{Metrics: &fault.Metrics{Proxy: "db"}}, fault.Fault{Errors: &fault.Errors{Proxy: "db"}}, true},
		"a folder by two of its names": {fault.Fault{Disk: &fault.Disk{Path: w.dir}}, fault.Fault{Disk: &fault.Disk{Path: w.dir + "/."}}, true},
	} {
		require.Equal(t, tt.same, d.Same(tt.a, tt.b), name)
		require.Equal(t, tt.same, d.Same(tt.b, tt.a), name)
	}

	inject(t, d, order("first", freezeOf("victim")))
	err = d.Inject(t.Context(), order("second", byFile(copied, fault.Freeze)))
	require.ErrorContains(t, err, "the process "+copied+" is changed by fault first of ")
	_, why := d.Impossible(t.Context(), byFile(copied, fault.Freeze))
	require.Empty(t, why, "it is as it was when the other one has ended")
}
