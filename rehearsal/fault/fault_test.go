package fault_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/fault"
	"bakeoff/rollout"
)

const second = rollout.Duration(time.Second)

func ptr[T any](v T) *T { return &v }

// slow is a fault without any problem.
func slow() fault.Fault {
	return fault.Fault{Name: "slow-db", At: 60 * second, For: 30 * second,
		Toxiproxy: &fault.Toxiproxy{Proxy: "db", Latency: second / 5, Jitter: second / 50, Toxicity: ptr(rollout.Weight(1000))}}
}

// of is one with another kind.
func of(kind func(*fault.Fault)) fault.Fault {
	f := fault.Fault{Name: "f", For: 10 * second}
	kind(&f)
	return f
}

func told(found []rollout.Problem) []string {
	var out []string
	for _, p := range found {
		out = append(out, p.String())
	}
	return out
}

func TestWhatAFaultSaysOfItself(t *testing.T) {
	tests := []struct {
		fault          fault.Fault
		text, touching string
	}{
		{slow(), "toxiproxy db: latency 200ms ± 20ms, 10% of the connections", ""},
		{of(func(f *fault.Fault) { f.Toxiproxy = &fault.Toxiproxy{Proxy: "db", Down: true} }), "toxiproxy db: down", "proxy db"},
		{of(func(f *fault.Fault) {
			f.Toxiproxy = &fault.Toxiproxy{Proxy: "db", Bandwidth: 9, Timeout: ptr(second), ResetPeer: ptr(second), Direction: "upstream"}
		}), "toxiproxy db: 9 KiB/s, nothing passes, connections reset, upstream", ""},
		{of(func(f *fault.Fault) { f.Process = &fault.Process{Name: "db", Do: fault.Kill} }), "process db: kill", "process db"},
		{of(func(f *fault.Fault) { f.Worker = &fault.Process{PIDFile: "/run/w.pid", Do: fault.Freeze} }), "worker /run/w.pid: freeze", "process /run/w.pid"},
		{of(func(f *fault.Fault) { f.Errors = &fault.Errors{Proxy: "pay"} }), "errors pay: 100% of the requests get 503", "proxy pay"},
		{of(func(f *fault.Fault) { f.Drift = &fault.Drift{File: "/etc/app.yaml", Content: ptr("")} }), "drift /etc/app.yaml", "file /etc/app.yaml"},
		{of(func(f *fault.Fault) { f.Disk = &fault.Disk{Path: "/data", Leave: 7} }), "disk /data: 7 bytes left", "disk /data"},
		{of(func(f *fault.Fault) { f.Clock = &fault.Clock{Process: "db", Skew: "-2h"} }), "clock db: -2h", "clock of db"},
		{of(func(f *fault.Fault) { f.Metrics = &fault.Metrics{Proxy: "prom"} }), "metrics prom: out of reach", "proxy prom"},
		{of(func(f *fault.Fault) { f.Task = &fault.Task{TaskQueue: "chaos", Activity: "PodKill"} }), "task PodKill on chaos", ""},
		{fault.Fault{}, "nothing", ""},
	}
	kinds := map[string]bool{}
	for _, tt := range tests {
		require.Equal(t, tt.text, tt.fault.String())
		require.Equal(t, tt.touching, tt.fault.Touches())
		if kind := tt.fault.Kind(); kind != "" {
			require.Empty(t, told(tt.fault.Problems("faults[0]")), tt.text)
			kinds[kind] = true
		}
	}
	require.Len(t, kinds, len(fault.Kinds()), "every kind is in this table")
}

func TestProblemsOfOneFault(t *testing.T) {
	toxic := func(change func(*fault.Toxiproxy)) fault.Fault {
		f := slow()
		change(f.Toxiproxy)
		return f
	}
	tests := map[string]struct {
		fault fault.Fault
		want  []string
	}{
		"no expiry": {of(func(f *fault.Fault) { f.For, f.Metrics = 0, &fault.Metrics{Proxy: "prom"} }),
			[]string{"f.for: is missing, or not above 0s: a fault needs an expiry, so that it ends even if nobody removes it"}},
		"too short": {of(func(f *fault.Fault) { f.For, f.Metrics = second/100, &fault.Metrics{Proxy: "prom"} }), []string{"f.for: 10ms is too short: at least 100ms"}},
		"overlong":  {of(func(f *fault.Fault) { f.For, f.Metrics = 90000*second, &fault.Metrics{Proxy: "prom"} }), []string{"f.for: 25h is too long: at most 1d"}},
		"empty": {fault.Fault{}, []string{"f.name: is missing", "f.for: is missing, or not above 0s: a fault needs an expiry, so that it ends even if nobody removes it",
			"f.name: says nothing that goes wrong: add one of toxiproxy, process, errors, drift, disk, clock, metrics, worker, task"}},
		"two kinds": {of(func(f *fault.Fault) { f.Metrics, f.Clock = &fault.Metrics{Proxy: "p"}, &fault.Clock{} }),
			[]string{"f.metrics: is the second kind: make it a fault of its own beside clock"}},
		"name":            {of(func(f *fault.Fault) { f.Name, f.Metrics = "a/b", &fault.Metrics{Proxy: "p"} }), []string{`f.name: "a/b" needs 1 to 63 letters, digits, '.', '_' or '-'`}},
		"no proxy":        {toxic(func(x *fault.Toxiproxy) { x.Proxy = "" }), []string{"f.toxiproxy.proxy: is missing: name a proxy of the Toxiproxy server"}},
		"no effect":       {toxic(func(x *fault.Toxiproxy) { x.Latency, x.Jitter = 0, 0 }), []string{"f.toxiproxy.proxy: nothing is wrong with it: add latency, bandwidth, timeout, resetPeer or down"}},
		"jitter alone":    {toxic(func(x *fault.Toxiproxy) { x.Latency, x.Down, x.Toxicity = 0, true, nil }), []string{"f.toxiproxy.down: a proxy that is down has no other effects: leave them out", "f.toxiproxy.jitter: needs latency", "f.toxiproxy.jitter: 20ms is more than the latency of 0s"}},
		"too fine":        {toxic(func(x *fault.Toxiproxy) { x.ResetPeer = ptr(rollout.Duration(1)) }), []string{"f.toxiproxy.resetPeer: 1ns is too fine: Toxiproxy counts in milliseconds"}},
		"direction":       {toxic(func(x *fault.Toxiproxy) { x.Direction = "up" }), []string{`f.toxiproxy.direction: "up" is not one of downstream, upstream`}},
		"no toxicity":     {toxic(func(x *fault.Toxiproxy) { x.Toxicity = ptr(rollout.Weight(0)) }), []string{"f.toxiproxy.toxicity: 0% of the connections is no fault"}},
		"process":         {of(func(f *fault.Fault) { f.Process = &fault.Process{Do: "maim"} }), []string{"f.process.name: give either name, as in the worker's configuration, or pidFile", `f.process.do: "maim" is not one of kill, freeze`}},
		"pid file":        {of(func(f *fault.Fault) { f.Worker = &fault.Process{PIDFile: "/run/../w", Do: "kill"} }), []string{`f.worker.pidFile: "/run/../w" is not an absolute path without . and ..`}},
		"status":          {of(func(f *fault.Fault) { f.Errors = &fault.Errors{Proxy: "p", Status: 200, Path: "x"} }), []string{"f.errors.status: 200 is not an error: 400 to 599", `f.errors.path: "x" does not begin with /`}},
		"drift":           {of(func(f *fault.Fault) { f.Drift = &fault.Drift{File: "app.yaml"} }), []string{`f.drift.file: "app.yaml" is not an absolute path without . and ..`, "f.drift.file: say what is in it: either content or replace"}},
		"drift of little": {of(func(f *fault.Fault) { f.Drift = &fault.Drift{File: "/a", Replace: map[string]string{"x": "x"}} }), []string{`f.drift.replace: "x" is replaced by "x", which changes nothing`}},
		"disk":            {of(func(f *fault.Fault) { f.Disk = &fault.Disk{Path: "/d", Size: 5, Leave: 9} }), []string{"f.disk.size: 5 bytes: a loop file system has 1 MiB to 1 GiB (1048576 to 1073741824)", "f.disk.leave: 9 bytes are more than its size"}},
		"skew":            {of(func(f *fault.Fault) { f.Clock = &fault.Clock{Process: "p", Skew: "2h"} }), []string{`f.clock.skew: "2h" is not a skew: write +2h or -90s`}},
		"no skew":         {of(func(f *fault.Fault) { f.Clock = &fault.Clock{Process: "p", Skew: "+0s"} }), []string{"f.clock.skew: 0s is not a skew"}},
		"task":            {of(func(f *fault.Fault) { f.Task = &fault.Task{} }), []string{"f.task.taskQueue: is missing: where the activity is polled for", "f.task.activity: is missing: the registered name of the activity"}},
		"metrics":         {of(func(f *fault.Fault) { f.Metrics = &fault.Metrics{} }), []string{"f.metrics.proxy: is missing: name the Toxiproxy proxy in front of the metrics"}},
	}
	for name, tt := range tests {
		require.Equal(t, tt.want, told(tt.fault.Problems("f")), name)
	}
}

func TestFaultsThatGetInEachOthersWay(t *testing.T) {
	down := func(name string, at, within rollout.Duration) fault.Fault {
		return fault.Fault{Name: name, At: at, Within: within, For: 10 * second, Metrics: &fault.Metrics{Proxy: "prom"}}
	}
	require.Empty(t, fault.Problems("faults", []fault.Fault{slow(), {Name: "slower", At: slow().At, For: second, Toxiproxy: &fault.Toxiproxy{Proxy: "db", Latency: second}}}))
	require.Empty(t, fault.Problems("faults", []fault.Fault{down("a", 0, 0), down("b", 10*second, 0)}))
	require.Equal(t, []string{"faults[1].at: b changes the proxy prom while a does: let one end before the other begins"},
		told(fault.Problems("faults", []fault.Fault{down("a", 0, second), down("b", 10*second, 0)})))
	require.Equal(t, []string{"faults[1].name: a is the name of faults[0], too"},
		told(fault.Problems("faults", []fault.Fault{down("a", 0, 0), down("a", 60*second, 0)})))
}

func TestResetsNeedNewConnections(t *testing.T) {
	reset := of(func(f *fault.Fault) { f.Toxiproxy = &fault.Toxiproxy{Proxy: "db", ResetPeer: ptr(0 * second)} })
	faults := []fault.Fault{reset, slow(), of(func(f *fault.Fault) { f.Toxiproxy = &fault.Toxiproxy{Proxy: "db", Latency: second} })}
	require.Empty(t, fault.KeepAliveProblems("faults", faults, nil))
	require.Equal(t, []string{"faults[0].toxiproxy.resetPeer: reaches new connections alone, and load browse keeps its connections: write keepAlive: false there"},
		told(fault.KeepAliveProblems("faults", faults, []string{"browse"})))
}

func TestSchedule(t *testing.T) {
	drawn := fault.Fault{Name: "drawn", At: 5 * second, Within: 100 * second, For: second, Metrics: &fault.Metrics{Proxy: "p"}}
	faults := []fault.Fault{slow(), drawn}
	plan := fault.Schedule(42, faults)
	require.Equal(t, plan, fault.Schedule(42, faults))
	require.NotEqual(t, plan, fault.Schedule(43, faults))
	require.Equal(t, fault.Planned{Fault: drawn, From: 18213 * second / 1000, Until: 19213 * second / 1000}, plan[0], "recorded runs are repeated with these numbers")
	require.Equal(t, fault.Planned{Fault: slow(), From: 60 * second, Until: 90 * second}, plan[1])
	require.Equal(t, plan[:1], fault.Schedule(42, faults[1:]), "another fault does not move this one")
	require.Equal(t, plan, fault.Schedule(42, []fault.Fault{drawn, slow()}), "the order of the list does not matter")
	for s := range int64(200) {
		from := fault.Schedule(s, faults[1:])[0].From
		require.True(t, from >= 5*second && from <= 105*second, from)
		require.Equal(t, s == 42, from == plan[0].From, "seed %d", s)
	}
}
