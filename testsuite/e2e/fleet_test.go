package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// convoy is a fleet whose units each have a world of their own.
type convoy struct {
	*scene // the service's; its own world is not used
	units  map[string]*scene

	strategy string            // line of the spec; default oneStep
	services map[string]string // of units that are services of their own
}

func (c *town) convoy(t *testing.T, units ...string) *convoy {
	t.Helper()
	out := &convoy{scene: c.scene(t), units: map[string]*scene{}, strategy: "  " + oneStep}
	for _, unit := range units {
		s := c.scene(t)
		s.name = out.name + "/" + unit
		out.units[unit] = s
	}
	return out
}

// fleet writes the fleet's spec: its lines, and the units' targets.
func (f *convoy) fleet(lines ...string) string {
	f.t.Helper()
	spec := []string{"kind: Fleet", "service: " + f.name, "environment: staging", "units:"}
	for _, unit := range slices.Sorted(maps.Keys(f.units)) {
		url, own := f.units[unit].url, ""
		if name := f.services[unit]; name != "" {
			own = "service: " + name + ", "
		}
		spec = append(spec, fmt.Sprintf("  %s: {%starget: {deploy: {with: {url: %q}}, traffic: {with: {url: %[3]q}}}}", unit, own, url))
	}
	spec = append(spec, lines...)
	spec = append(spec, "rollout:",
		"  release: {version: "+candidate+`, artifact: "registry.example/checkout@sha256:9f86d081884c7d659a2feaa0c55ad015"}`,
		"  target: {deploy: {driver: http}, traffic: {driver: http}, metrics: {driver: scrape}}",
		f.strategy, "  drain: 1s",
		`  checks: [{name: errors, failures: 'http_requests_total{code=~"5.."}', requests: http_requests_total, by: version}]`)
	file := f.t.TempDir() + "/fleet.yaml"
	require.NoError(f.t, os.WriteFile(file, []byte(strings.Join(spec, "\n")+"\n"), 0o600))
	return file
}

// begins starts a fleet and returns at once.
func (f *convoy) begins(lines ...string) {
	f.t.Helper()
	out := f.cli("start", f.fleet(lines...), "--reason", "a test")
	require.Zero(f.t, out.Code, out.Stderr)
}

// outcomes are those of the units of a result.
func (e ended) outcomes() map[string]rollout.Outcome {
	out := map[string]rollout.Outcome{}
	for _, u := range e.Units {
		out[u.Unit] = u.Outcome
	}
	return out
}

// forbids makes every later raise of any unit a violation.
func (f *convoy) forbids(since string) {
	for _, u := range f.units {
		u.world.Forbid(candidate, since)
	}
}

// allAsBefore requires that every unit is as it was.
func (f *convoy) allAsBefore() {
	f.t.Helper()
	for _, u := range f.units {
		u.asBefore()
	}
}

const twoWaves = "waves: [[a], [b, c]]"

func TestFleetPromotes(t *testing.T) {
	f := open(t).convoy(t, "a", "b", "c")
	e := f.result("run", f.fleet(twoWaves, "wait: 1s"), "--reason", "a test")
	require.Zero(t, e.code, e.Reason)
	require.Equal(t, rollout.Promoted, e.Outcome)
	require.Equal(t, "fleet/"+f.target(), e.WorkflowID)
	for name, u := range f.units {
		u.replacedBaseline()
		require.Equal(t, rollout.Promoted, e.outcomes()[name])
	}
	var kinds []rollout.EventKind
	for _, line := range f.story() {
		kinds = append(kinds, line.Kind)
	}
	require.Equal(t, rollout.EventSubmitted, kinds[0])
	require.Equal(t, rollout.EventEnded, kinds[len(kinds)-1])
	for kind, n := range map[rollout.EventKind]int{rollout.EventUnitStarted: 3, rollout.EventUnitKept: 3, rollout.EventUnitEnded: 3, rollout.EventGateWaiting: 1} {
		require.Len(t, slices.DeleteFunc(slices.Clone(kinds), func(k rollout.EventKind) bool { return k != kind }), n, "%s in %v", kind, kinds)
	}
	require.Equal(t, rollout.Promoted, f.units["a"].status().Outcome, "a unit has a target of its own")
}

// What a fleet promoted is what its units' Targets go back from.
func TestRollbackOfAFleetsUnit(t *testing.T) {
	f := open(t).convoy(t, "a", "b")
	one := f.units["a"]
	one.world.Behave("2.4.9", sim.Behaviour{Rate: 400, Failures: 0.01})
	one.run("service: "+f.name, "unit: a", newer("2.4.9"), oneStep).requires(one, 0, rollout.Promoted, "")
	e := f.result("run", f.fleet(), "--reason", "a test")
	require.Zero(t, e.code, e.Reason)
	for unit, was := range map[string]string{"a": "2.4.9", "b": baseline} {
		f.units[unit].result("rollback", f.units[unit].target(), "--reason", "it loses carts").requires(f.units[unit], 0, rollout.Promoted, "")
		require.Equal(t, was, f.units[unit].world.State().Primary, unit)
		orders := f.cli("history", f.units[unit].target(), "--orders")
		require.Contains(t, orders.Stdout, "by fleet/"+f.target(), unit)
	}
}

// Automation that starts the same release again at once begins no unit.
func TestFleetInQuarantine(t *testing.T) {
	f := open(t).convoy(t, "a", "b")
	f.units["b"].breaks()
	require.Equal(t, 10, f.result("run", f.fleet(twoOfThem), "--reason", "a test").code)
	writes := func() int { return len(f.units["a"].world.Log()) + len(f.units["b"].world.Log()) }
	before := writes()
	again := f.result("run", f.fleet(twoOfThem))
	require.Equal(t, 15, again.code, again.Reason)
	require.Equal(t, rollout.CauseQuarantine, again.Cause)
	require.Contains(t, again.Reason, "units.b: 2.5.0 is in quarantine since ")
	require.Contains(t, again.Reason, "; to try it again, say why with --reason")
	started := f.cli("start", f.fleet(twoOfThem))
	require.Equal(t, 15, started.Code, started.Stderr)
	require.Equal(t, before, writes(), "no unit began")
	f.allAsBefore()
	require.Zero(t, f.cli("start", f.fleet(twoOfThem), "--reason", "the shard was broken, not the release").Code)
	f.order(0, "abort")
}

const twoOfThem = "waves: [[a], [b]]"

func TestFleetWithinItsBudget(t *testing.T) {
	f := open(t).convoy(t, "a", "b", "c")
	f.units["b"].breaks()
	e := f.result("run", f.fleet(twoWaves, "failureBudget: 1"), "--reason", "a test")
	require.Zero(t, e.code, e.Reason)
	require.Equal(t, rollout.Promoted, e.Outcome)
	require.Contains(t, strings.Join(e.Warnings, "\n"), "b (RolledBack)")
	f.units["a"].replacedBaseline()
	f.units["b"].asBefore()
	f.units["c"].replacedBaseline()
}

// While a fleet runs its service is held; an abort takes all units back, those
// that were promoted too.
func TestFleetAborts(t *testing.T) {
	f := open(t).convoy(t, "a", "b", "c")
	f.begins(twoWaves)
	until(t, "mid-wave", func() bool { return f.units["b"].weight() == 1000 && f.units["c"].weight() == 1000 })
	f.isHeld()
	f.order(15, "promote")
	f.order(0, "pause")
	until(t, "paused", func() bool { return f.units["b"].status().Paused })
	require.Equal(t, rollout.Accepted, f.order(0, "resume").Answer, "the fleet, and not the Target that isHeld has made")
	until(t, "resumed", func() bool { return !f.units["b"].status().Paused })
	f.forbids("the abort")
	ordered := time.Now()
	answer := f.order(0, "abort")
	require.Equal(t, rollout.Accepted, answer.Answer)
	for name, u := range f.units {
		u.wroteBackWithin(abortWithin, ordered)
		require.Zero(t, u.weight(), "%s: the answer comes when every baseline is back", name)
	}
	e := f.ends(11, rollout.Aborted, "")
	require.Equal(t, map[string]rollout.Outcome{"a": rollout.Aborted, "b": rollout.Aborted, "c": rollout.Aborted}, e.outcomes())
	f.allAsBefore()
}

// isHeld requires that no plain rollout of the service can be started, of a unit
// that has not begun, or of none.
func (f *convoy) isHeld() {
	f.t.Helper()
	for _, line := range []string{"service: " + f.name, "unit: d"} {
		e := f.run("service: "+f.name, line)
		require.Equal(f.t, 15, e.code, e.Reason)
		require.Equal(f.t, rollout.CauseRunning, e.Cause)
		require.Contains(f.t, e.Reason, "fleet/"+f.target())
	}
	require.Empty(f.t, f.http.Requests())
	e := f.result("run", f.fleet(twoWaves), "--reason", "a test")
	require.Equal(f.t, 15, e.code, e.Reason)
	require.Contains(f.t, e.Reason, "is held by the fleet of "+candidate)
}

// A plain rollout of a unit refuses the fleet.
func TestFleetIsRefused(t *testing.T) {
	f := open(t).convoy(t, "a", "b", "c")
	b := f.units["b"]
	b.start("service: "+f.name, "unit: b", oneLong)
	b.bakes(1000)
	e := f.result("run", f.fleet(twoWaves), "--reason", "a test")
	require.Equal(t, 15, e.code, e.Reason)
	require.Contains(t, e.Reason, f.target()+"/b has a running rollout")
	require.Empty(t, f.units["a"].http.Requests())
	b.order(0, "abort")
}

// A fleet that is terminated takes its units along: they are cancelled. Whoever asks for
// the fleet waits for them, and hears of them.
func TestFleetTerminated(t *testing.T) {
	f := open(t).convoy(t, "a", "b", "c")
	f.begins(twoWaves)
	until(t, "mid-wave", func() bool { return f.units["b"].weight() == 1000 && f.units["c"].weight() == 1000 })
	f.forbids("the end of the fleet")
	waiting := f.inBackground("wait", f.target(), "-o", "json")
	f.terminated()
	e := f.order(0, "abort")
	require.Equal(t, rollout.Noop, e.Answer)
	f.allAsBefore()
	require.Equal(t, map[string]rollout.Outcome{"a": rollout.Aborted, "b": rollout.Aborted, "c": rollout.Aborted}, e.outcomes())
	e = f.read(<-waiting)
	e.requires(f.scene, 11, rollout.Aborted, "")
	require.Equal(t, "temporal:terminate", e.Actor)
	require.Contains(t, e.Reason, "(a test); every unit that had begun is back")
	require.Equal(t, rollout.Aborted, f.status().Outcome)
	require.Equal(t, rollout.Noop, f.order(0, "restore").Answer)
	for _, u := range f.units {
		u.ends(11, rollout.Aborted, "")
	}
	require.NotContains(t, f.cli("doctor").Stdout, f.target())
	story := f.story()
	require.Equal(t, []rollout.EventKind{rollout.EventEnded, rollout.EventUnitEnded, rollout.EventUnitEnded, rollout.EventUnitEnded},
		[]rollout.EventKind{story[len(story)-4].Kind, story[len(story)-3].Kind, story[len(story)-2].Kind, story[len(story)-1].Kind})
}

// A unit that is terminated, too, stays where it is: whoever asks for the fleet is told
// to restore it.
func TestFleetTerminatedWithAUnit(t *testing.T) {
	f := open(t).convoy(t, "a", "b")
	f.begins()
	b := f.units["b"]
	until(t, "both bake", func() bool { return f.units["a"].weight() == 1000 && b.weight() == 1000 })
	f.terminated()
	b.terminate()
	for _, name := range []string{"wait", "status", "abort", "restore"} {
		args := []string{name, f.target()}
		if name == "abort" || name == "restore" {
			args = append(args, "--reason", "the test says so")
		}
		e := f.result(args...)
		require.Equal(t, map[string]int{"wait": 14, "status": 0, "abort": 14, "restore": 15}[name], e.code, "%s: %s", name, e.Reason)
		require.Contains(t, e.Reason, "not back: "+b.target()+": bakeoff restore "+b.target(), name)
	}
	require.Contains(t, f.cli("doctor").Stdout, "put users back: bakeoff restore "+b.target())
	require.Equal(t, rollout.Accepted, b.order(0, "restore").Answer)
	require.True(t, b.world.State().Weights.Equal(rollout.Split{baseline: rollout.All}), b.world.State().Weights.String())
	e := f.ends(11, rollout.Aborted, "")
	require.Contains(t, e.Reason, "every unit that had begun is back")
	require.NotContains(t, f.cli("doctor").Stdout, "restore "+b.target())
}

// terminated terminates the fleet's workflow.
func (f *convoy) terminated() {
	f.t.Helper()
	require.NoError(f.t, f.town.client(f.t).TerminateWorkflow(f.t.Context(), "fleet/"+f.target(), "", "a test"))
}

// What a unit's rollout had changed that is terminated is put back by another; the
// fleet goes back with it.
func TestFleetLosesAUnit(t *testing.T) {
	c := open(t)
	for name, lost := range map[string]string{"Baking": "b", "Kept": "a", "Twice": "b"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := c.convoy(t, "a", "b", "c")
			f.begins(twoWaves)
			until(t, "mid-wave", func() bool { return f.units["b"].weight() == 1000 && f.units["c"].weight() == 1000 })
			u := f.units[lost]
			waiting := u.inBackground("wait", u.target(), "-o", "json")
			old := u.status().RunID
			u.terminate()
			if name == "Twice" {
				until(t, "it is taken over", func() bool { s := u.status(); return s.RunID != old && s.Phase == rollout.PhaseRollingBack })
				u.terminate()
			}
			e := f.ends(10, rollout.RolledBack, rollout.CauseLost)
			require.Contains(t, e.Reason, lost+": Aborted: its rollout was cut off: it was terminated")
			require.Equal(t, map[string]rollout.Outcome{"a": rollout.Aborted, "b": rollout.Aborted, "c": rollout.Aborted}, e.outcomes())
			f.allAsBefore()
			u.read(<-waiting).requires(u, 11, rollout.Aborted, "")
			var told []string
			for _, line := range f.story() {
				if line.Kind == rollout.EventUnitStarted && line.Data["recovers"] != nil {
					told = append(told, line.Text)
				}
			}
			require.Contains(t, told, u.target()+" is put back")
		})
	}
}

// Units may be services of their own, in the order of what they need. One whose
// target somebody else holds when its turn comes has failed, and all go back.
func TestFleetOfServices(t *testing.T) {
	f := open(t).convoy(t, "a", "b")
	other := f.town.scene(t)
	other.name = f.name + "-payments"
	f.services = map[string]string{"b": other.name}
	f.begins("after: {b: [a]}")
	f.units["a"].bakes(1000)
	other.start(oneLong)
	e := f.ends(10, rollout.RolledBack, rollout.CauseRunning)
	require.Equal(t, map[string]rollout.Outcome{"a": rollout.Aborted, "b": rollout.Refused}, e.outcomes())
	require.Contains(t, e.Reason, "staging/"+other.name+" has a running rollout already")
	f.units["a"].asBefore()
	require.Empty(t, f.units["b"].http.Requests())
	other.order(0, "abort")
}
