package rehearsal

import (
	"fmt"
	"slices"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

// Expect is one thing that must hold of a signal: a limit over a time, or a
// profile, which is the curve that it should follow, with bands.
//
// The signals of users are measured where the load is generated: errors (ratio),
// latency-p50, latency-p90, latency-p99, latency-max (from the moment a request
// was due), rate (good answers per second). The others are replicas, queue and
// utilisation (ratio), of scaling, and those that the manifest defines itself.
type Expect struct {
	Name   string `json:"name,omitempty"` // default: signal and time, such as "latency-p99 during slow-db"
	Signal string `json:"signal"`
	Of     string `json:"of,omitempty"` // name of a load; default: all of them together

	// When it must hold; exactly one is required. All but always name a fault, a
	// load, or "drills": during it; outside, at all other times; before, until its
	// first start; after, from its last end on.
	Always  bool   `json:"always,omitempty"`
	During  string `json:"during,omitempty"`
	Outside string `json:"outside,omitempty"`
	Before  string `json:"before,omitempty"`
	After   string `json:"after,omitempty"`

	// Settle skips this much after the start of that time; for outside and after,
	// after the end of what is named.
	Settle rollout.Duration `json:"settle,omitempty"`

	// The limits of the signal over that time as a whole.
	Below *Amount `json:"below,omitempty"`
	Above *Amount `json:"above,omitempty"`

	// Profile is the band in which each second of the signal should be, from the
	// start of the load at 0s, with straight lines from point to point.
	Profile []ProfilePoint `json:"profile,omitempty"`
	Misses  rollout.Weight `json:"misses,omitempty"` // share of the profile's seconds that may be outside; default none
}

// ProfilePoint is the band in which a signal should be at a moment.
type ProfilePoint struct {
	At   rollout.Duration `json:"at"` // since the beginning of the load
	Low  *Amount          `json:"low,omitempty"`
	High *Amount          `json:"high,omitempty"`
}

// DuringDrills is what Expect.During and Outside call the time of the drills.
const DuringDrills = "drills"

// The signals that users notice, and those of scaling.
const (
	SignalErrors     = evidence.SeriesErrors
	SignalP50        = evidence.SeriesMedian
	SignalP90        = "latency-p90"
	SignalP99        = evidence.SeriesLatency
	SignalLatencyMax = "latency-max"
	SignalRate       = evidence.SeriesRate
	SignalReplicas   = evidence.SeriesReplicas
	SignalQueue      = evidence.SeriesQueue
	SignalUsed       = scaling.Utilisation
)

// unitOf is the unit of a signal; known reports whether there is such a signal.
func unitOf(signal string) (unit string, known bool) {
	switch signal {
	case SignalErrors, SignalUsed:
		return UnitRatio, true
	case SignalP50, SignalP90, SignalP99, SignalLatencyMax:
		return UnitSeconds, true
	case SignalRate:
		return UnitRate, true
	case SignalReplicas, SignalQueue:
		return UnitCount, true
	}
	return "", false
}

func signals() []string {
	return []string{SignalErrors, SignalP50, SignalP90, SignalP99, SignalLatencyMax, SignalRate, SignalReplicas, SignalQueue, SignalUsed}
}

// ofScaling reports whether a signal is one of scaling, and not of users.
func ofScaling(signal string) bool {
	return signal == SignalReplicas || signal == SignalQueue || signal == SignalUsed
}

// Title is what the criterion is called.
func (e Expect) Title() string {
	switch {
	case e.Name != "":
		return e.Name
	case e.During != "":
		return e.subject() + " during " + e.During
	case e.Outside != "":
		return e.subject() + " outside " + e.Outside
	case e.Before != "":
		return e.subject() + " before " + e.Before
	case e.After != "":
		return e.subject() + " after " + e.After
	}
	return e.subject()
}

func (e Expect) subject() string {
	if e.Of != "" {
		return e.Signal + " of " + e.Of
	}
	return e.Signal
}

// problems says what is wrong with an expectation of the manifest.
func (e Expect) problems(path string, m Manifest) []rollout.Problem {
	v := validation{path: path}
	unit, known := m.signalUnit(e.Signal)
	_, own := m.signalNamed(e.Signal)
	v.require(known, "signal", "%q is not a signal: there %s", e.Signal, areThere(m.expectable()))
	v.require(e.Below != nil || e.Above != nil || len(e.Profile) > 0, "", "says nothing: give below, above or profile")
	times := 0
	for _, given := range []bool{e.Always, e.During != "", e.Outside != "", e.Before != "", e.After != ""} {
		if given {
			times++
		}
	}
	v.require(times == 1, "", "say when: one of always: true, during, outside, before or after")
	named := slices.Concat(m.faultNames(), m.loadNames(), []string{DuringDrills})
	for _, t := range []struct{ key, name string }{{"during", e.During}, {"outside", e.Outside}, {"before", e.Before}, {"after", e.After}} {
		v.require(t.name == "" || slices.Contains(named, t.name), t.key, "there is no fault or load %q: there %s", t.name, areThere(named))
		v.require(t.name != DuringDrills || len(m.Drills) > 0, t.key, "there are no drills")
	}
	v.require(e.Of == "" || slices.Contains(m.loadNames(), e.Of), "of", "there is no load %q: there %s", e.Of, areThere(m.loadNames()))
	v.require(e.Of == "" || !own, "of", "%s is read of the service, and not of a load: leave it out", e.Signal)
	v.require(!known || own || ofScaling(e.Signal) || len(m.Load) > 0, "signal", "%s is measured by a load, and there is none", e.Signal)
	v.require(!ofScaling(e.Signal) || m.Scaling != nil, "signal", "%s is a signal of scaling: say where it is read", e.Signal)
	v.require(e.Signal != SignalUsed || m.Scaling == nil || !m.Scaling.Signals.Utilisation.IsZero(), "signal", "utilisation is not read: say under scaling.signals.utilisation where")
	check := func(key string, a *Amount) {
		v.require(a == nil || !known || a.Unit == unit, key, "%s is measured in another unit: write it like %s", e.Signal, inUnit(1, unit))
		v.require(a == nil || own || a.Value >= 0 && (e.Signal != SignalErrors || a.Value <= 1), key, "%s is not a value of %s: it is never below 0, and a share never above 100%%", a, e.Signal)
	}
	v.require(own || ofScaling(e.Signal) || !m.unmet(e.During, e.Of), "during", "no load is sent any more when %s begins: nothing would be measured", e.During)
	check("below", e.Below)
	check("above", e.Above)
	v.require(e.Below == nil || e.Above == nil || e.Above.Value < e.Below.Value, "above", "%s is not below %s: nothing is between them", e.Above, e.Below)
	v.require(e.Settle >= 0, "settle", "%s is below 0", e.Settle)
	for i, p := range e.Profile {
		at := fmt.Sprintf("profile[%d]", i)
		v.require(i == 0 || p.At > e.Profile[i-1].At, at+".at", "%s does not come after the point before", p.At)
		v.require(p.Low != nil || p.High != nil, at, "says nothing: give low or high")
		v.require(p.Low == nil || p.High == nil || p.Low.Value <= p.High.Value, at, "low is above high")
		check(at+".low", p.Low)
		check(at+".high", p.High)
	}
	return v.problems
}
