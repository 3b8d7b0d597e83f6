//go:build linux

package faults

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rehearsal/fault"
	"bakeoff/testsuite/ports"
)

// What may not be done is refused before anything is registered or touched.
func TestRefusedBeforeAnythingBegins(t *testing.T) {
	w := newWorld(t)
	_, upstream := w.web(t, "db")
	w.proxy(t, "off", "127.0.0.1:1")
	off, err := w.toxiproxy.Proxy("off")
	require.NoError(t, err)
	require.NoError(t, off.Disable())
	victim := w.process(t, "victim")
	limits := w.with["limits"].(fault.Limits)
	limits.Proxies, limits.Processes = []string{"db", "none", "off"}, []string{"victim", "nobody"}
	w.with["limits"] = limits
	tests := map[string]struct {
		fault  fault.Fault
		change func(*activities.FaultOrder)
		want   string
	}{
		"no expiry of its own":    {latencyOf("db"), func(o *activities.FaultOrder) { o.Fault.For = 0 }, "fault.for: is missing, or not above 0s: a fault needs an expiry"},
		"no expiry of the order":  {latencyOf("db"), func(o *activities.FaultOrder) { o.Until = time.Time{} }, "it has no expiry"},
		"expired":                 {latencyOf("db"), func(o *activities.FaultOrder) { o.Until = time.Now().Add(-time.Second) }, "before it began"},
		"overlong":                {latencyOf("db"), func(o *activities.FaultOrder) { o.Fault.For = 61 * second }, "fault.for: 1m1s is longer than the 1m that the worker allows"},
		"no id":                   {latencyOf("db"), func(o *activities.FaultOrder) { o.ID = "" }, "it has no id"},
		"a proxy outside":         {latencyOf("bank"), nil, "fault.toxiproxy.proxy: bank may not be touched here: the worker allows db, none, off"},
		"an unknown proxy":        {latencyOf("none"), nil, "has no proxy none, only db, off"},
		"a disabled proxy":        {latencyOf("off"), nil, "proxy off of Toxiproxy is disabled already: enable it first"},
		"a process outside":       {freezeOf("sshd"), nil, "fault.process.name: sshd may not be touched here: the worker allows victim, nobody"},
		"an unknown process":      {freezeOf("nobody"), nil, "this worker knows no process nobody: add it to its processes"},
		"a pid file outside":      {fault.Fault{Process: &fault.Process{PIDFile: "/run/sshd.pid", Do: fault.Kill}}, nil, "/run/sshd.pid may not be touched here"},
		"for somebody else":       {fault.Fault{Task: &fault.Task{TaskQueue: "chaos", Activity: "PodKill"}}, nil, "chaos may not be touched here: the worker allows none"},
		"an impossible disk size": {fault.Fault{Disk: &fault.Disk{Path: w.dir + "/x", Size: 1}}, nil, "a loop file system has 1 MiB to 1 GiB"},
	}
	for name, tt := range tests {
		o := order("f", tt.fault)
		if tt.change != nil {
			tt.change(&o)
		}
		err := w.driver(t).Inject(t.Context(), o)
		require.ErrorIs(t, err, activities.ErrFinal, name)
		require.ErrorContains(t, err, tt.want, name)
	}
	records, err := w.driver(t).registry.list()
	require.NoError(t, err)
	require.Empty(t, records)
	require.True(t, w.untouched(t, "db", upstream))
	require.False(t, isFrozen(victim.it))
}

// What cannot begin is known before, by what the beginning itself would find; and
// nothing is touched by looking.
func TestImpossible(t *testing.T) {
	w := newWorld(t)
	_, upstream := w.web(t, "db")
	w.proxy(t, "off", "127.0.0.1:1")
	off, err := w.toxiproxy.Proxy("off")
	require.NoError(t, err)
	require.NoError(t, off.Disable())
	victim := w.process(t, "victim")
	gone := w.process(t, "gone")
	gone.end()
	conf, link, folder := filepath.Join(w.dir, "conf"), filepath.Join(w.dir, "link"), filepath.Join(w.dir, "folder")
	require.NoError(t, os.WriteFile(conf, []byte("pool: 20"), 0o644))
	require.NoError(t, os.Symlink("/etc/hostname", link))
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "x"), 0o755))
	d := w.driver(t)
	for name, tt := range map[string]struct {
		fault      fault.Fault
		field, why string
	}{
		"a proxy":                  {latencyOf("db"), "toxiproxy.proxy", ""},
		"an unknown proxy":         {latencyOf("none"), "toxiproxy.proxy", "has no proxy none, only db, off"},
		"a disabled proxy":         {latencyOf("off"), "toxiproxy.proxy", "proxy off of Toxiproxy is disabled already: enable it first"},
		"of the metrics":           {fault.Fault{Metrics: &fault.Metrics{Proxy: "none"}}, "metrics.proxy", "has no proxy none, only db, off"},
		"a process":                {freezeOf("victim"), "process.name", ""},
		"an unknown process":       {freezeOf("nobody"), "process.name", "this worker knows no process nobody: add it to its processes"},
		"a process that is gone":   {freezeOf("gone"), "process.name", "does not run: start it"},
		"of an unknown worker":     {fault.Fault{Worker: &fault.Process{Name: "nobody", Do: fault.Kill}}, "worker.name", "this worker knows no process nobody"},
		"its clock":                {fault.Fault{Clock: &fault.Clock{Process: "nobody", Skew: "+1h"}}, "clock.process", "this worker knows no process nobody"},
		"a clock without faketime": {fault.Fault{Clock: &fault.Clock{Process: "victim", Skew: "+1h"}}, "clock.process", "process victim: it is a program in Go"},
		"by a pid file":            {fault.Fault{Process: &fault.Process{PIDFile: victim.pidFile, Do: fault.Kill}}, "process.pidFile", ""},
		"no pid file":              {fault.Fault{Process: &fault.Process{PIDFile: w.dir + "/none.pid", Do: fault.Kill}}, "process.pidFile", "none.pid: no such file or directory: start the process that writes it"},
		"a drift":                  {fault.Fault{Drift: &fault.Drift{File: conf, Replace: map[string]string{"20": "2"}}}, "drift.file", ""},
		"no file":                  {fault.Fault{Drift: &fault.Drift{File: w.dir + "/none", Content: ptr("x")}}, "drift.file", "no such file or directory: a drift changes a file that is there"},
		"no such text":             {fault.Fault{Drift: &fault.Drift{File: conf, Replace: map[string]string{"30": "3"}}}, "drift.file", `conf does not hold "30": replace names texts that are in the file`},
		"a forbidden file":         {fault.Fault{Drift: &fault.Drift{File: link, Content: ptr("x")}}, "drift.file", "link leads to another file: fault.drift.file: /etc/hostname may not be touched here"},
		"a folder in use":          {fault.Fault{Disk: &fault.Disk{Path: folder, Size: 16 << 20}}, "disk.path", "is not empty: what is in it would be hidden"},
		"the machine's disk":       {fault.Fault{Disk: &fault.Disk{Path: folder}}, "disk.path", "is not a file system of its own: mount a small one there"},
	} {
		tt.fault.For = second
		field, why := d.Impossible(t.Context(), tt.fault)
		require.Equal(t, tt.field, field, name)
		require.Contains(t, why, tt.why, name)
		require.NotContains(t, why, activities.ErrFinal.Error(), name)
		require.Equal(t, tt.why == "", why == "", "%s: %s", name, why)
	}
	require.True(t, w.untouched(t, "db", upstream))
	require.False(t, isFrozen(victim.it))
	holds(t, conf, "pool: 20")
	records, err := d.registry.list()
	require.NoError(t, err)
	require.Empty(t, records)
	w.with["toxiproxy"] = ""
	_, why := w.driver(t).Impossible(t.Context(), latencyOf("db"))
	require.Equal(t, "this worker has no Toxiproxy: configure the URL of its API", why)
	w.with["toxiproxy"] = "http://" + ports.Free(t)
	_, why = w.driver(t).Impossible(t.Context(), latencyOf("db"))
	require.Contains(t, why, "for its proxies")
}

// What another rehearsal disturbs just now is as it was when that ends.
func TestWhatIsDisturbedIsNotImpossible(t *testing.T) {
	w := newWorld(t)
	w.web(t, "db")
	w.process(t, "victim")
	conf := filepath.Join(w.dir, "conf")
	require.NoError(t, os.WriteFile(conf, []byte("pool: 20"), 0o644))
	d := w.driver(t)
	changed := fault.Fault{For: second, Drift: &fault.Drift{File: conf, Replace: map[string]string{"20": "2"}}}
	drift := order("drift", changed)
	inject(t, d, drift)
	inject(t, d, order("down", fault.Fault{Metrics: &fault.Metrics{Proxy: "db"}}))
	inject(t, d, order("frozen", freezeOf("victim")))
	for _, f := range []fault.Fault{latencyOf("db"), freezeOf("victim"), changed} {
		_, why := d.Impossible(t.Context(), f)
		require.Empty(t, why)
	}
	require.NoError(t, d.Remove(t.Context(), drift))
	require.NoError(t, os.WriteFile(conf, []byte("pool: 2"), 0o644))
	_, why := d.Impossible(t.Context(), changed)
	require.Contains(t, why, "does not hold")
}

func latencyOf(proxy string) fault.Fault {
	return fault.Fault{Toxiproxy: &fault.Toxiproxy{Proxy: proxy, Latency: second}}
}

func freezeOf(name string) fault.Fault {
	return fault.Fault{Process: &fault.Process{Name: name, Do: fault.Freeze}}
}

func TestOneFaultAtATimeOnOneThing(t *testing.T) {
	w := newWorld(t)
	w.web(t, "db")
	limits := w.with["limits"].(fault.Limits)
	limits.AtOnce = 2
	w.with["limits"] = limits
	d := w.driver(t)
	down := order("down", fault.Fault{Metrics: &fault.Metrics{Proxy: "db"}})
	inject(t, d, down)
	errors := order("errors", fault.Fault{Errors: &fault.Errors{Proxy: "db"}})
	require.ErrorContains(t, d.Inject(t.Context(), errors), "the proxy db is changed by fault down of staging/test/run-1/down until ")
	w.web(t, "other")
	inject(t, d, order("second", fault.Fault{Metrics: &fault.Metrics{Proxy: "other"}}))
	third := order("third", fault.Fault{Errors: &fault.Errors{Proxy: "third"}})
	require.ErrorContains(t, d.Inject(t.Context(), third), "the worker allows 2 faults at once, and these are in force: ")
	require.NoError(t, d.Remove(t.Context(), down))
	inject(t, d, errors)
	changed := errors
	changed.Fault.Errors = &fault.Errors{Proxy: "db", Status: 500}
	require.NoError(t, d.Remove(t.Context(), errors))
	require.ErrorIs(t, d.Inject(t.Context(), changed), activities.ErrFinal)
}

func TestConfigurationThatIsRefused(t *testing.T) {
	for want, with := range map[string]activities.With{
		`directory: "faults" is not an absolute path`:                            {"directory": "faults"},
		`toxiproxy: "127.0.0.1:8474" is not a URL such as http://127.0.0.1:8474`: {"directory": "/x", "toxiproxy": "127.0.0.1:8474"},
		`unknown field "direktory"`:                                              {"direktory": "/x"},
		"processes.db: give either pidFile or executable":                        {"directory": "/x", "processes": map[string]Process{"db": {}}},
		`processes.db: "db.pid" is not an absolute path`:                         {"directory": "/x", "processes": map[string]Process{"db": {PIDFile: "db.pid"}}},
		`limits.kinds[0]: "flood" is not one of toxiproxy, process`:              {"directory": "/x", "limits": fault.Limits{Kinds: []string{"flood"}}},
	} {
		_, err := New(with)
		require.ErrorContains(t, err, want)
	}
}
