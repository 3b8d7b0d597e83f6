package report_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report"
	"bakeoff/rehearsal/seed"
	"bakeoff/rollout"
)

var began = time.Date(2026, 11, 22, 10, 15, 0, 0, time.UTC)

func after(seconds float64) time.Time {
	return began.Add(time.Duration(seconds * float64(time.Second)))
}

func to[T any](v T) *T { return &v }

// length of the rich run, in seconds.
const length = 420

// rich is a run in which everything was practised, and one criterion failed.
// slower makes its service slower by that factor.
func rich(id string, slower float64) evidence.Run {
	draw := seed.For(42, "sample", id)
	run := evidence.Run{
		Version: evidence.Version, ID: "staging/checkout-2.5.0/" + id, Name: "checkout-2.5.0", Suite: "weekly",
		Environment: "staging", Service: "checkout", Outcome: evidence.Failed,
		Reason:    "latency-p99 during slow-db was 1.04 s, at most 900 ms",
		StartedBy: "kim@example.com", Why: "before the release of 2.5.0", StartedAt: began, EndedAt: after(length),
		Tool: "v0.6.0", Seed: 42, WorkflowID: "rehearsal/staging/checkout-2.5.0", RunID: "0197-4f2a",
		Manifest: "kind: Rehearsal\nname: checkout-2.5.0\nenvironment: staging\nseed: 42\n",
		Fingerprint: evidence.Fingerprint{Digest: "sha256:0f3c", Parts: []evidence.Part{
			{Name: "data/orders", Digest: "sha256:77d1"}, {Name: "drills", Digest: "sha256:d211"}, {Name: "faults", Digest: "sha256:fa17"},
			{Name: "load", Digest: "sha256:10ad"}, {Name: "rollout", Digest: "sha256:a01e"}, {Name: "seed", Digest: "sha256:5eed"}, {Name: "tool", Digest: "sha256:0060"},
		}},
		Criteria: criteria(),
	}
	run.Faults = []evidence.Fault{
		{Name: "slow-db", What: "toxiproxy db: latency 200ms", StartedAt: after(60), EndedAt: after(90.2), RemovedBy: "rehearsal", Verified: true},
		{Name: "card-provider-answers-with-errors", What: "toxiproxy cards: reset", StartedAt: after(300), EndedAt: after(320), RemovedBy: "expiry", Verified: true},
	}
	run.Series = series(draw, slower)
	addDrills(&run, draw, slower)
	addRest(&run, slower)
	return run
}

func criteria() []evidence.Criterion {
	return []evidence.Criterion{
		{Name: "latency-p99 during slow-db", Outcome: evidence.Failed, Reason: "latency-p99 was 1.04 s at 1:12, at most 900 ms", Value: to(1.04), Limit: to(0.9), Unit: "s",
			From: to(after(72)), Signal: evidence.SeriesLatency,
			Band: []evidence.BandPoint{{Second: 0, High: to(0.5)}, {Second: 58, High: to(0.5)}, {Second: 60, High: to(0.9), Low: to(0.2)}, {Second: 90, High: to(0.9), Low: to(0.2)},
				{Second: 96, High: to(0.5)}, {Second: length, High: to(0.5)}}},
		{Name: "errors always", Outcome: evidence.Passed, Reason: "errors were at most 0.42 %, at most 1 %", Value: to(0.0042), Limit: to(0.01), Unit: "ratio",
			Signal: evidence.SeriesErrors, Band: []evidence.BandPoint{{Second: 0, High: to(0.01)}, {Second: length, High: to(0.01)}}},
		{Name: "drill from step 1: restored within 10s", Outcome: evidence.Passed, Reason: "the slowest of 10 drills took 1.8 s, at most 10 s", Value: to(1.8), Limit: to(10.0), Unit: "s"},
		{Name: "transactions", Outcome: evidence.Passed, Reason: "none of 8,400 lost, doubled or altered", Value: to(0.0), Limit: to(0.0), Unit: "transactions"},
		{Name: "scaling", Outcome: evidence.Passed, Reason: "up in 38 s, down in 2 min 10 s"},
		{Name: "queue depth", Outcome: evidence.Unmeasured, Reason: "no sample of queue depth came between 0:00 and 7:00"},
	}
}

func series(draw *rand.Rand, slower float64) []evidence.Series {
	every := func(name, of, unit string, value func(x float64) float64) evidence.Series {
		s := evidence.Series{Name: name, Of: of, Unit: unit}
		for x := 0.0; x < length; x += 2 {
			s.Seconds, s.Values = append(s.Seconds, x), append(s.Values, math.Max(0, value(x)))
		}
		return s
	}
	during := func(x, from, until, rise float64) float64 {
		if x < from || x > until {
			return 0
		}
		return rise
	}
	noise := func(size float64) float64 { return size * draw.NormFloat64() }
	day := func(x float64) float64 { return 200 + 160*math.Sin(math.Pi*x/length) }
	needed := func(x float64) float64 { return math.Ceil(day(math.Max(0, x-38)) / 80) }
	return []evidence.Series{
		every("latency-p99", "browse", "s", func(x float64) float64 { return slower*(0.21+during(x, 60, 90, 0.68)) + noise(0.03) }),
		every("latency-p99", "pay", "s", func(x float64) float64 { return slower*(0.33+during(x, 60, 90, 0.42)) + noise(0.04) }),
		every("latency-p50", "browse", "s", func(x float64) float64 { return slower*(0.06+during(x, 60, 90, 0.2)) + noise(0.004) }),
		every("latency-p50", "pay", "s", func(x float64) float64 { return slower*(0.09+during(x, 60, 90, 0.2)) + noise(0.006) }),
		every("errors", "browse", "ratio", func(x float64) float64 { return 0.0008 + noise(0.0003) + during(x, 300, 320, 0.002) }),
		every("errors", "pay", "ratio", func(x float64) float64 { return 0.001 + noise(0.0004) + during(x, 300, 320, 0.003) }),
		every("latency-p99", "baseline", "s", func(x float64) float64 { return 0.25 + during(x, 60, 90, 0.5) + noise(0.02) }),
		every("latency-p99", "candidate", "s", func(x float64) float64 { return slower*(0.28+during(x, 60, 90, 0.6)) + noise(0.03) }),
		every("errors", "baseline", "ratio", func(float64) float64 { return 0.001 + noise(0.0003) }),
		every("errors", "candidate", "ratio", func(float64) float64 { return 0.0013 + noise(0.0004) }),
		every("rate", "browse", "/s", day),
		every("replicas", "", "replicas", func(x float64) float64 { return math.Min(6, math.Max(2, needed(x))) }),
		every("queue", "", "requests", func(x float64) float64 { return math.Max(0, 3*(day(x)-80*needed(x))) + math.Abs(noise(4)) }),
		every("cpu", "browse", "cores", func(x float64) float64 { return day(x)/300 + noise(0.02) }),
	}
}

func addDrills(run *evidence.Run, draw *rand.Rand, slower float64) {
	d := evidence.Drill{Name: "drill from step 1", Step: 1, Limit: rollout.Duration(10 * time.Second)}
	moment := func(kind string, seconds float64, text string, value *float64) {
		run.Timeline = append(run.Timeline, evidence.Moment{Time: after(seconds), Kind: kind, Text: text, Value: value})
	}
	for _, l := range []string{"browse", "pay"} {
		run.Timeline = append(run.Timeline, evidence.Moment{Time: began, Until: to(after(length)), Kind: evidence.MomentLoad, Name: l, Text: "load " + l + " began"})
	}
	var took []float64
	for i := range 10 {
		start := 100 + 18*float64(i)
		parts := []float64{0.3 + 0.2*draw.Float64(), 0.05 + 0.02*draw.Float64(), slower * (0.4 + 0.3*draw.Float64()), slower * (0.5 + 0.4*draw.Float64())}
		breach := start + 6
		seen, decided := breach+parts[0], breach+parts[0]+parts[1]
		back := decided + parts[2]
		healthy := back + parts[3]
		moment(evidence.MomentWeight, start+1, "the candidate got 10 %", to(0.1))
		moment(evidence.MomentBreach, breach, fmt.Sprintf("drill %d: the verdict was injected", i+1), nil)
		moment(evidence.MomentDecision, decided, fmt.Sprintf("drill %d: went back", i+1), nil)
		moment(evidence.MomentRestored, back, fmt.Sprintf("drill %d: the baseline had all traffic", i+1), nil)
		moment(evidence.MomentWeight, back, "the baseline got all traffic", to(0.0))
		run.Timeline = append(run.Timeline, evidence.Moment{Time: after(start), Until: to(after(healthy + 1)), Kind: evidence.MomentDrill, Name: d.Name, Text: fmt.Sprintf("drill %d", i+1)})
		took = append(took, healthy-breach)
		d.Repeats = append(d.Repeats, evidence.Repeat{Number: i + 1, Outcome: evidence.Passed, Reason: "restored within 10s", StartedAt: after(start), EndedAt: after(healthy + 1),
			BreachAt: to(after(breach)), SeenAt: to(after(seen)), DecidedAt: to(after(decided)), RestoredAt: to(after(back)), HealthyAt: to(after(healthy)), Same: true,
			Users: &evidence.Continuity{From: after(breach), To: after(healthy), Requests: 420 + i, Failed: i % 3, LongestGap: rollout.Duration(time.Duration(40+7*i) * time.Millisecond),
				Latency: evidence.Quantiles{P50: 0.061, P90: 0.15, P99: slower * (0.3 + 0.05*draw.Float64()), Max: 0.8}}})
	}
	restore := report.Distribution(took, 0.95)
	d.Restore = &restore
	run.Drills = append(run.Drills, d)
	slices.SortStableFunc(run.Timeline, func(a, b evidence.Moment) int { return a.Time.Compare(b.Time) })
}

func addRest(run *evidence.Run, slower float64) {
	run.Load = []evidence.Load{
		{Name: "browse", Digest: "sha256:b0", Sent: 84_000, Failed: 71, Errors: map[string]int{"timeout": 11, "status 502": 60}, Rate: 200, ArrivalErrorP99: 0.0007,
			Latency: evidence.Quantiles{P50: 0.061, P90: 0.14, P99: slower * 0.88, Max: 1.04}, Service: evidence.Quantiles{P50: 0.06, P90: 0.13, P99: 0.71, Max: 1.01}, StartedAt: began, EndedAt: after(length)},
		{Name: "pay", Digest: "sha256:aa", Sent: 8_400, Failed: 9, Rate: 20, Missed: 2, ArrivalErrorP99: 0.0009,
			Latency: evidence.Quantiles{P50: 0.09, P90: 0.2, P99: slower * 0.74, Max: 0.98}, Service: evidence.Quantiles{P50: 0.09, P90: 0.19, P99: 0.72, Max: 0.9}, StartedAt: began, EndedAt: after(length),
			Traces: &evidence.Traces{Requests: 84, Failed: 1,
				FirstFailed: []evidence.Trace{{ID: "4bf92f3577b34da6a3ce929d0e0e4736", Step: 2, At: after(63.2), Latency: 0.2, Version: "2.5.0", Error: "status 502"}},
				Slowest:     []evidence.Trace{{ID: "00f067aa0ba902b7c8e1f0a4d2b37715", Step: 1, At: after(74), Latency: 0.98}}}},
	}
	run.Ledger = &evidence.Ledger{Written: 8_391, Unsure: 9, Tables: []evidence.Table{{Name: "prices", Before: "sha256:aaaabbbbccccdddd", After: "sha256:aaaabbbbccccdddd", Rows: 1200}}}
	run.Scaling = &evidence.Scaling{Outcome: evidence.Passed, Reason: "up in 38 s, down in 2 min 10 s, 0 oscillations", Up: to(rollout.Duration(38 * time.Second)), Down: to(rollout.Duration(130 * time.Second)),
		Overshoot: 1, Floor: 2, Ceiling: 5, CooldownKept: true, QueueMax: 88, LatencyMax: 0.42, Advice: []string{"Ask for 20 % more CPU for each replica, or set the target to 60 %: the queue grew for 38 s."}}
	run.Inputs = []evidence.Input{{Name: "orders", Source: "orders.dump", SourceSum: "sha256:1111222233334444", Digest: "sha256:5555666677778888", Rows: 50_000,
		Steps: []string{"template orders v2, seed 42", "mask email, card"}, TakenAt: to(began.AddDate(0, 0, -12))}}
	run.Actions = []evidence.Action{{Finding: "latency-p99 during slow-db was 1.04 s", Do: "give the pool of database connections a limit on waiting", Owner: "kim@example.com", Due: began.AddDate(0, 0, 14), From: run.ID},
		{Finding: "errors always: 2 % in the drill of last week", Do: "retry once", Due: began.AddDate(0, 0, -1), From: "an earlier run", Criterion: "errors always"},
		{Finding: "queue depth was not measured", Do: "export it", Owner: "sam@example.com", Due: began.AddDate(0, 0, 3), Done: to(began.AddDate(0, 0, -2)), From: "an earlier run", Criterion: "queue depth"}}
	run.Files = []evidence.File{{Name: "browse.results.gz", Digest: "sha256:9999000011112222", Bytes: 812_331},
		{Name: "inputs/orders.yaml", Digest: "sha256:3333000011112222", Bytes: 612}}
}

// refused is a run that ended before anything began.
func refused() evidence.Run {
	return evidence.Run{Version: 1, ID: "production/checkout-2.5.0/20261122T101500Z-0001", Name: "checkout-2.5.0", Environment: "production", Service: "checkout",
		Outcome: evidence.Refused, Reason: "the worker's policy marks production as a production environment", StartedBy: "kim@example.com", StartedAt: began, EndedAt: began, Tool: "v0.6.0"}
}

// poor is a run in which one drill was measured, and nothing else.
func poor() evidence.Run {
	run := refused()
	run.ID, run.Environment, run.Outcome, run.Reason = "staging/checkout-2.5.0/20261122T101500Z-0002", "staging", evidence.Unmeasured, "no sample of errors came"
	run.EndedAt = after(4)
	run.Criteria = []evidence.Criterion{{Name: "errors always", Outcome: evidence.Unmeasured, Reason: "no sample of errors came"}}
	run.Drills = []evidence.Drill{{Name: "drill from step 2", Step: 2, Repeats: []evidence.Repeat{{Number: 1, Outcome: evidence.Passed, Reason: "restored", StartedAt: began, EndedAt: after(4),
		Restore: &rollout.TimeToRestore{Decide: rollout.Duration(50 * time.Millisecond), Traffic: rollout.Duration(300 * time.Millisecond), Health: rollout.Duration(time.Second), Total: rollout.Duration(1350 * time.Millisecond)}}}}}
	return run
}
