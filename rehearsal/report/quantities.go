package report

import (
	"fmt"
	"math"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
	"bakeoff/rollout"
)

// quantity is one figure of one run, with the values that are paired with those
// of other runs by name.
type quantity struct {
	name   string
	of     string
	unit   string
	better direction
	needs  []string // parts of the fingerprint on which it depends
	pairs  []pair
}

type pair struct {
	name  string
	value float64
}

// direction in which a figure gets better.
type direction int

const (
	either direction = iota // neither is better
	lower
	higher
)

// The parts on which figures depend. What is practised, such as the rollout,
// its baseline and the tool, may differ: that is what a comparison is for. What
// users meet depends on how often they are sent to a candidate and back; a drill
// does not on the rollout that comes after it.
var (
	ofDrills   = []string{"drills", "environment", "variables", "load", "faults", "seed"}
	underLoad  = append([]string{"outcome"}, ofDrills...)
	ofReplicas = append([]string{"scaling"}, underLoad...)
)

const timeToRestore = "time to restore"

// slots is into how many stretches series are cut to be paired.
const slots = 24

// quantities are all figures of a run; slot is the length of the stretches of
// its series, in seconds.
func quantities(run evidence.Run, slot float64) []quantity {
	var out []quantity
	for _, d := range run.Drills {
		out = append(out, drillQuantities(run, d)...)
	}
	out = append(out, breachQuantities(run)...)
	for _, s := range run.Series {
		if s.Name != evidence.SeriesWeight {
			out = append(out, seriesQuantity(s, slot))
		}
	}
	for _, l := range run.Load {
		if l.Sent > 0 {
			out = append(out, quantity{name: "requests failed", of: l.Name, unit: chart.Ratio, needs: underLoad}.single(float64(l.Failed)/float64(l.Sent)))
		}
		if l.Latency.Known() {
			out = append(out, quantity{name: "latency p99, all requests", of: l.Name, unit: chart.Seconds, needs: underLoad}.single(l.Latency.P99))
		}
	}
	if l := run.Ledger; l != nil {
		out = append(out, quantity{name: "transactions lost, doubled or altered", unit: chart.Count, needs: underLoad}.single(float64(l.Lost+l.Doubled+l.Altered)))
	}
	return append(out, scalingQuantities(run.Scaling)...)
}

func drillQuantities(run evidence.Run, d evidence.Drill) []quantity {
	all := make([]quantity, 4)
	for i, name := range []string{timeToRestore, "requests lost", "longest gap", "latency p99 in drills"} {
		all[i] = quantity{name: name, of: d.Name, unit: chart.Seconds, better: lower, needs: ofDrills}
	}
	all[1].unit = chart.Count
	add := func(i int, r evidence.Repeat, value float64) {
		all[i].pairs = append(all[i].pairs, pair{fmt.Sprintf("seed %d, drill %d", run.Seed, r.Number), value})
	}
	for _, r := range d.Repeats {
		if took, ok := restored(r); ok {
			add(0, r, took)
		}
		if u := r.Users; u != nil && u.Requests > 0 {
			add(1, r, float64(u.Failed))
			add(2, r, std(u.LongestGap))
		}
		if u := r.Users; u != nil && u.Latency.Known() {
			add(3, r, u.Latency.P99)
		}
	}
	return all
}

// breachQuantities are of the rollout itself, where it went back by its own checks.
func breachQuantities(run evidence.Run) []quantity {
	var out []quantity
	b := breachOf(run)
	add := func(name string, took *rollout.Duration) {
		if took != nil {
			out = append(out, quantity{name: name, of: "the rollout itself", unit: chart.Seconds, needs: underLoad}.single(std(*took)))
		}
	}
	if b != nil {
		add("time to detect", b.Detect)
		add(timeToRestore, b.Restore)
	}
	return out
}

// seriesQuantity pairs the medians of even stretches of time.
func seriesQuantity(s evidence.Series, slot float64) quantity {
	q := quantity{name: signal(s.Name), of: s.Of, unit: s.Unit, needs: underLoad}
	switch s.Name {
	case evidence.SeriesErrors, evidence.SeriesLatency, evidence.SeriesMedian, evidence.SeriesQueue:
		q.better = lower
	case evidence.SeriesRate:
		q.better = higher
	case evidence.SeriesReplicas:
		q.needs = ofReplicas
	}
	for i := range slots {
		var within []float64
		for j, x := range s.Seconds[:min(len(s.Seconds), len(s.Values))] {
			if x >= slot*float64(i) && x < slot*float64(i+1) {
				within = append(within, s.Values[j])
			}
		}
		if m := middle(within); finite(m) {
			q.pairs = append(q.pairs, pair{fmt.Sprintf("stretch %d", i+1), m})
		}
	}
	return q
}

// single is a figure that a run has once, and that is better when it is lower.
func (q quantity) single(value float64) quantity {
	q.better, q.pairs = lower, []pair{{"all", value}}
	return q
}

func scalingQuantities(s *evidence.Scaling) []quantity {
	if s == nil {
		return nil
	}
	var out []quantity
	add := func(name, unit string, value float64) {
		out = append(out, quantity{name: name, unit: unit, needs: ofReplicas}.single(value))
	}
	add("overshoot", "replicas", float64(s.Overshoot))
	add("oscillations", chart.Count, float64(s.Oscillations))
	add("longest queue", chart.Count, s.QueueMax)
	if s.Up != nil {
		add("time to scale up", chart.Seconds, std(*s.Up))
	}
	if s.Down != nil {
		add("time to scale down", chart.Seconds, std(*s.Down))
	}
	return out
}

// slotOf is the length of a stretch: the shortest run, cut into even ones.
func slotOf(runs []evidence.Run) float64 {
	shortest := math.Inf(1)
	for _, run := range runs {
		if length := clockAxis(run).High; length > 0 {
			shortest = math.Min(shortest, length)
		}
	}
	if !finite(shortest) {
		return 1
	}
	return shortest / slots
}
