package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

func canary(checks ...rollout.Check) rollout.Spec {
	driver := rollout.Driver{Driver: "sim"}
	return rollout.Spec{
		Kind: "Rollout", Service: "checkout", Environment: "staging",
		Release:  rollout.Release{Version: "2.5.0", Artifact: "checkout@sha256:9f86d081884c7d659a2feaa0c55ad015"},
		Target:   rollout.Drivers{Deploy: driver, Traffic: driver, Metrics: &driver},
		Strategy: rollout.Strategy{Canary: []rollout.Step{{Weight: 1000, Bake: rollout.Duration(5 * time.Minute)}, {Weight: 5000, Bake: rollout.Duration(5 * time.Minute)}}},
		Checks:   checks, Policy: rollout.Policy{Alpha: 0.03},
	}
}

func counted() []rollout.Check {
	return []rollout.Check{
		{Name: "errors", Failures: "f", Requests: "r", Weight: 2},
		{Name: "latency", Histogram: "h", SLO: rollout.Duration(300 * time.Millisecond)},
		{Name: "objective", Failures: "f", Requests: "r", Judge: &rollout.Judge{SLORate: &rollout.SLORate{Objective: "90%"}}},
	}
}

// The recordings of a rollout, folded again with its spec, give what each of
// its windows came to, to the last bit.
func TestJudgeDerivesARolloutAgain(t *testing.T) {
	fine, good := sim.Behaviour{Rate: 1000, Failures: 0.01}, sim.Behaviour{Rate: 990, Failures: 0.0102}
	fails := sim.Behaviour{Rate: 1000, Failures: 0.02}
	slows := sim.Behaviour{Rate: 990, Failures: 0.0102, Latency: map[string]float64{"0.1": 0.9, "0.3": 0.97, "1": 1, "+Inf": 1}}
	first, second := stretch{step: 1, weight: 1000, bake: 5 * time.Minute}, stretch{step: 2, weight: 5000, bake: 5 * time.Minute}
	keep := stretch{step: 2, weight: rollout.All, bake: 2 * time.Minute, absolute: true}
	warmed := func(s stretch) stretch { s.warm = 33 * time.Second; return s }
	with := func(s stretch, b sim.Behaviour) stretch { s.unhealthy = &b; return s }
	for name, tt := range map[string]struct {
		candidate sim.Behaviour
		stretches []stretch
		change    func(*bakery)
		fails     string // "": every bake ends well
	}{
		"a rate fails":           {candidate: fails, stretches: []stretch{first}, fails: "errors"},
		"a tail fails":           {candidate: slows, stretches: []stretch{first}, fails: "latency"},
		"promoted":               {candidate: good, stretches: []stretch{first, second, keep}},
		"promoted after warm-up": {candidate: good, stretches: []stretch{warmed(first), warmed(second), keep}},
		"fails in the second step, after an approval": {candidate: good, fails: "errors",
			stretches: []stretch{first, {step: 1, weight: 1000, bake: 12 * time.Minute, waiting: true}, with(warmed(second), fails)}},
		"a bake begins anew": {candidate: good, stretches: []stretch{{step: 1, weight: 1000, bake: time.Minute}, warmed(first), second}},
		"latencies are learned on the way": {candidate: good, stretches: []stretch{first, second},
			change: func(b *bakery) { b.bounds = nil }},
		"a placebo has taught": {candidate: fails, stretches: []stretch{first}, fails: "errors", change: func(b *bakery) { b.learned = halved(t) }},
		"for a while nothing can be read": {candidate: good, change: func(b *bakery) {
			b.world.BreakCheck("errors", "502")
			b.watch(first)
			b.world.BreakCheck("errors", "")
		}, stretches: []stretch{first, second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBakery(t, canary(counted()...), fine, tt.candidate)
			require.NotEmpty(t, b.bounds["latency"], "Preflight has fixed them")
			if tt.change != nil {
				tt.change(b)
			}
			action := rollout.Watch
			for _, s := range tt.stretches {
				action = b.watch(s)
			}
			text, err := json.Marshal(canary(counted()...))
			require.NoError(t, err)
			b.derive(string(text))
			lines, _ := judged(t, string(text), b.recorded(""))
			for check, want := range b.results() {
				got := cameTo(lines, check, true)
				require.Equal(t, []float64{want.E, want.Ratio}, []float64{got.E, got.Ratio}, "%s: what was not judged any more changes nothing", check)
				require.Equal(t, tt.fails == check, got.Verdict == analysis.Fail, "%s: %s", check, got.Reason)
			}
			if tt.fails == "" {
				require.Equal(t, analysis.Pass, cameTo(lines, "*", true).Verdict)
				return
			}
			require.Equal(t, rollout.RollBack, action)
			require.Equal(t, analysis.Fail, cameTo(lines, "*", true).Verdict)
		})
	}
}

// results are the checks' last results, as a rollout's own.
func (b *bakery) results() map[string]rollout.CheckResult {
	out := map[string]rollout.CheckResult{}
	for _, w := range b.past {
		for _, c := range w.out.Checks {
			out[c.Name] = c
		}
	}
	return out
}

// halved is what two halves of a baseline taught that differ by a half.
func halved(t *testing.T) map[string]*analysis.Learned {
	var windows []analysis.Window
	for i := range 40 {
		windows = append(windows, analysis.Window{Check: "errors", Start: float64(60 * i), End: float64(60*i + 60),
			Baseline: &analysis.Counts{Requests: 30000, Failures: 300 + float64(i%5*30)}, Candidate: &analysis.Counts{Requests: 30000, Failures: 450 + float64(i%7*20)}})
	}
	l, err := analysis.Learn(analysis.Config{Name: "errors", Judge: analysis.Params{RateRatio: &analysis.RateRatio{}}}, windows)
	require.NoError(t, err)
	return map[string]*analysis.Learned{"errors": l}
}

// Judges of values and of budgets, alike.
func TestJudgeDerivesValuesAgain(t *testing.T) {
	spec := canary(
		rollout.Check{Name: "cpu", Query: "q"},
		rollout.Check{Name: "memory", Query: "q", Judge: &rollout.Judge{Threshold: &rollout.Threshold{Success: "result < 6"}}},
		rollout.Check{Name: "level", Query: "q", Judge: &rollout.Judge{MeanCS: &rollout.MeanCS{}}},
		rollout.Check{Name: "budget", Failures: "f", Requests: "r", Judge: &rollout.Judge{BurnRate: &rollout.BurnRate{Objective: "99%"}}})
	values := func(cpu float64) sim.Behaviour {
		return sim.Behaviour{Rate: 1000, Failures: 0.001, Values: map[string]float64{"cpu": cpu, "memory": 5, "level": 3 * cpu}}
	}
	for _, cpu := range []float64{0.4, 0.6} {
		b := newBakery(t, spec, values(0.41), values(cpu))
		action := b.watch(stretch{step: 1, weight: 1000, bake: 5 * time.Minute, warm: 30 * time.Second})
		require.Equal(t, cpu > 0.5, action == rollout.RollBack)
		text, err := json.Marshal(spec)
		require.NoError(t, err)
		b.derive(string(text))
	}
}

// Without what the recordings say of their judges the latencies would be
// others.
func TestRecordingsTeachTheirJudges(t *testing.T) {
	b := newBakery(t, canary(counted()...), sim.Behaviour{Rate: 1000}, sim.Behaviour{Rate: 990, Failures: 0.001})
	b.watch(stretch{step: 1, weight: 1000, bake: 5 * time.Minute})
	taught := 0
	for _, text := range b.recorded("") {
		w, err := analysis.DecodeWindow([]byte(text))
		require.NoError(t, err)
		require.Equal(t, 1, w.Step)
		if w.Taught != nil {
			taught++
			require.Equal(t, "latency", w.Check)
			require.Equal(t, b.bounds["latency"], w.Taught.Bounds)
		}
	}
	require.Equal(t, len(b.past), taught, "on the first line of each recording")
}
