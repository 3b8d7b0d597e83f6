//go:build linux

package faults

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/fault"
)

// A fault that others end is over then, and nobody calls it in force until its time.
func TestFaultsThatOthersEnd(t *testing.T) {
	w := newWorld(t)
	_, upstream := w.web(t, "db")
	file := filepath.Join(w.dir, "app.yaml")
	require.NoError(t, os.WriteFile(file, []byte("a"), 0o600))
	frozen := w.process(t, "db")
	d := w.driver(t)
	toxic := fault.Fault{Toxiproxy: &fault.Toxiproxy{Proxy: "db", Latency: second}}
	closed := fault.Fault{Toxiproxy: &fault.Toxiproxy{Proxy: "db", Down: true}}
	do := func(change func() error) func() {
		return func() { require.NoError(t, change()) }
	}
	for _, tt := range []struct {
		name  string
		fault fault.Fault
		end   func()
	}{
		{"toxic-removed", toxic, do(func() error {
			p, err := w.toxiproxy.Proxy("db")
			require.NoError(t, err)
			return p.RemoveToxic(p.ActiveToxics[0].Name)
		})},
		{"all-reset", closed, do(w.toxiproxy.ResetState)},
		{"proxy-sent-elsewhere", fault.Fault{Errors: &fault.Errors{Proxy: "db"}}, do(func() error {
			p, err := w.toxiproxy.Proxy("db")
			require.NoError(t, err)
			p.Upstream = upstream
			return p.Save()
		})},
		{"file-written", fault.Fault{Drift: &fault.Drift{File: file, Content: ptr("b")}}, func() {
			require.NoError(t, os.WriteFile(file, []byte("mine"), 0o600))
		}},
		{"process-goes-on", fault.Fault{Process: &fault.Process{Name: "db", Do: fault.Freeze}}, func() {
			require.NoError(t, frozen.it.Signal(syscall.SIGCONT))
		}},
		{"proxy-deleted", toxic, do(func() error {
			p, err := w.toxiproxy.Proxy("db")
			require.NoError(t, err)
			return p.Delete()
		})},
	} {
		o := order(tt.name, tt.fault)
		inject(t, d, o)
		tt.end()
		endedBy(t, d, o, "others")
		ended, err := d.Ended(t.Context(), o.ID)
		require.NoError(t, err)
		require.Contains(t, ended.Error, "gone before its time")
		require.True(t, ended.EndedAt.Before(o.Until))
		require.NoError(t, d.Remove(t.Context(), o))
		endedBy(t, d, o, "others")
	}
	holds(t, file, "a")
}
