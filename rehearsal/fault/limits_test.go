package fault_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/fault"
	"bakeoff/rollout"
)

func TestLimits(t *testing.T) {
	limits := fault.Limits{
		AtOnce: 2, Longest: 60 * second, Kinds: fault.Kinds(), Proxies: []string{"db"}, Processes: []string{"demo-*"},
		PIDFiles: []string{"/run/demo/*.pid"}, Files: []string{"/etc/demo/*"}, Disks: []string{"/data"}, TaskQueues: []string{"chaos"},
	}
	require.Empty(t, limits.Validate("limits"))
	tests := map[string]struct {
		fault fault.Fault
		want  []string
	}{
		"within":            {slow(), nil},
		"a named process":   {of(func(f *fault.Fault) { f.Process = &fault.Process{Name: "demo-db", Do: "kill"} }), nil},
		"a pid file":        {of(func(f *fault.Fault) { f.Worker = &fault.Process{PIDFile: "/run/demo/w.pid", Do: "kill"} }), nil},
		"overlong":          {of(func(f *fault.Fault) { f.For, f.Disk = 61*second, &fault.Disk{Path: "/data"} }), []string{"faults[0].for: 1m1s is longer than the 1m that the worker allows"}},
		"another proxy":     {of(func(f *fault.Fault) { f.Metrics = &fault.Metrics{Proxy: "prom"} }), []string{"faults[0].metrics.proxy: prom may not be touched here: the worker allows db"}},
		"another process":   {of(func(f *fault.Fault) { f.Process = &fault.Process{Name: "init", Do: "kill"} }), []string{"faults[0].process.name: init may not be touched here: the worker allows demo-*"}},
		"a folder further":  {of(func(f *fault.Fault) { f.Worker = &fault.Process{PIDFile: "/run/demo/x/w.pid", Do: "kill"} }), []string{"faults[0].worker.pidFile: /run/demo/x/w.pid may not be touched here: the worker allows /run/demo/*.pid"}},
		"another clock":     {of(func(f *fault.Fault) { f.Clock = &fault.Clock{Process: "sshd", Skew: "+1s"} }), []string{"faults[0].clock.process: sshd may not be touched here: the worker allows demo-*"}},
		"another file":      {of(func(f *fault.Fault) { f.Drift = &fault.Drift{File: "/etc/passwd"} }), []string{"faults[0].drift.file: /etc/passwd may not be touched here: the worker allows /etc/demo/*"}},
		"another disk":      {of(func(f *fault.Fault) { f.Disk = &fault.Disk{Path: "/"} }), []string{"faults[0].disk.path: / may not be touched here: the worker allows /data"}},
		"another queue":     {of(func(f *fault.Fault) { f.Task = &fault.Task{TaskQueue: "prod"} }), []string{"faults[0].task.taskQueue: prod may not be touched here: the worker allows chaos"}},
		"another's upfront": {of(func(f *fault.Fault) { f.Errors = &fault.Errors{Proxy: "pay"} }), []string{"faults[0].errors.proxy: pay may not be touched here: the worker allows db"}},
	}
	for name, tt := range tests {
		require.Equal(t, tt.want, told(limits.Problems("faults", []fault.Fault{tt.fault})), name)
	}
}

func TestWithoutLimitsNothingIsAllowed(t *testing.T) {
	var limits fault.Limits
	require.Equal(t, []string{"faults[0].toxiproxy: the worker allows no faults at all: see rehearsals.faults.limits.kinds"}, told(limits.Problems("faults", []fault.Fault{slow()})))
	limits.Kinds = []string{fault.KindToxiproxy}
	require.Equal(t, []string{"faults[0].toxiproxy.proxy: db may not be touched here: the worker allows none"}, told(limits.Problems("faults", []fault.Fault{slow()})))
	limits.Proxies = []string{"db"}
	require.Empty(t, limits.Problems("faults", []fault.Fault{slow()}))
	long := slow()
	long.For = 601 * second
	require.Equal(t, []string{"faults[0].for: 10m1s is longer than the 10m that the worker allows"}, told(limits.Problems("faults", []fault.Fault{long})))
}

// Two are in force at once where their times may touch, whatever is drawn.
func TestLimitsCountWhatIsInForceAtOnce(t *testing.T) {
	limits := fault.Limits{Kinds: fault.Kinds(), Proxies: []string{"*"}}
	at := func(name string, from, within float64) fault.Fault {
		f := slow()
		f.Name, f.For = name, 10*second
		f.At, f.Within = rollout.Duration(from*float64(second)), rollout.Duration(within*float64(second))
		return f
	}
	require.Empty(t, limits.Problems("faults", []fault.Fault{at("a", 0, 0), at("b", 10, 0), at("c", 20, 0)}))
	require.Equal(t, []string{"faults[1].at: 2 faults may be in force at once (a, b), and the worker allows 1: let them follow each other"},
		told(limits.Problems("faults", []fault.Fault{at("a", 0, 0), at("b", 9.9, 0)})))
	require.Equal(t, []string{"faults[0].at: 2 faults may be in force at once (a, b), and the worker allows 1: let them follow each other"},
		told(limits.Problems("faults", []fault.Fault{at("a", 14, 0), at("b", 0, 5)})), "b may begin late")
	limits.AtOnce = 2
	require.Empty(t, limits.Problems("faults", []fault.Fault{at("a", 0, 0), at("b", 9, 0), at("c", 18, 0)}), "never three at once")
	require.Equal(t, []string{"faults[2].at: 3 faults may be in force at once (a, b, c), and the worker allows 2: let them follow each other"},
		told(limits.Problems("faults", []fault.Fault{at("a", 0, 0), at("b", 4, 0), at("c", 9, 0)})))
}

func TestLimitsThemselves(t *testing.T) {
	limits := fault.Limits{AtOnce: -1, Longest: -1, Kinds: []string{"flood"}, Proxies: []string{"["}, Files: []string{"etc/*"}}
	require.Equal(t, []string{
		"rehearsals.faults.atOnce: must not be negative",
		"rehearsals.faults.longest: must not be negative",
		`rehearsals.faults.kinds[0]: "flood" is not one of toxiproxy, process, errors, drift, disk, clock, metrics, worker, task`,
		`rehearsals.faults.proxies[0]: "[" is not a pattern: syntax error in pattern`,
		`rehearsals.faults.files[0]: "etc/*" is not an absolute path without . and ..`,
	}, told(limits.Validate("rehearsals.faults")))
}
