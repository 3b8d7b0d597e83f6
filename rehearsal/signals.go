package rehearsal

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

// Signal is one of the service itself, such as its connections or its memory. It is
// read while the practice goes on, and can be expected by its name.
type Signal struct {
	Name           string `json:"name"`
	scaling.Signal        // how it is read: exactly one of its fields

	// Unit is that of its values: s, ratio or /s. Default: s of a histogram, /s of a
	// counter; others are counted.
	Unit string `json:"unit,omitempty"`

	Metrics   *rollout.Driver  `json:"metrics,omitempty"`   // driver that reads it; default that of the rollout
	Endpoints []string         `json:"endpoints,omitempty"` // metrics pages that the scrape driver reads, without its path: all of them, added up; default: the hosts that the loads go to
	Poll      rollout.Duration `json:"poll,omitempty"`      // how often; default 1s
}

// A signal is read at most, and at least, so often: a profile is judged by the
// second, and what is read less often is taken as not read.
const (
	signalPoll  = rollout.Duration(time.Second)
	fastestPoll = rollout.Duration(100 * time.Millisecond)
	slowestPoll = rollout.Duration(leastBlind)
	mostSignals = 20
)

// PlannedSignals are the signals with every default written out.
func (m Manifest) PlannedSignals() []Signal {
	var out []Signal
	for _, s := range m.Signals {
		s.Unit = s.unit()
		s.Poll = cmp.Or(s.Poll, signalPoll)
		if len(s.Endpoints) == 0 {
			s.Endpoints = m.hosts()
		}
		out = append(out, s)
	}
	return out
}

func (s Signal) unit() string {
	switch {
	case s.Unit != "":
		return s.Unit
	case s.Histogram != "":
		return UnitSeconds
	case s.Counter != "":
		return UnitRate
	}
	return UnitCount
}

// SeenSignal is what was read of a signal, oldest first.
type SeenSignal struct {
	Name, Unit string
	At         []time.Time
	Values     []float64 // as many
	Unread     string    // why it could not be read, the last time; "": it always could
}

func (s SeenSignal) series(zero time.Time) evidence.Series {
	out := evidence.Series{Name: s.Name, Unit: s.Unit, Values: s.Values}
	for _, at := range s.At {
		out.Seconds = append(out.Seconds, at.Sub(zero).Seconds())
	}
	return out
}

// SignalSeries are the signals of the service as the reports draw them.
func (f Facts) SignalSeries() []evidence.Series {
	var out []evidence.Series
	for _, s := range f.Signals {
		if len(s.At) > 0 {
			out = append(out, s.series(f.Zero))
		}
	}
	return out
}

// signalOf is one of the signals of the service; nil where it is none.
func (f Facts) signalOf(name string) *SeenSignal {
	i := slices.IndexFunc(f.Signals, func(s SeenSignal) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &f.Signals[i]
}

// unitOf is the unit of any signal of the run.
func (f Facts) unitOf(name string) string {
	if s := f.signalOf(name); s != nil {
		return s.Unit
	}
	unit, _ := unitOf(name)
	return unit
}

// isSampled reports whether a signal is read at moments, and does not come of
// requests.
func (f Facts) isSampled(name string) bool { return ofScaling(name) || f.signalOf(name) != nil }

// notRead says why there is nothing of a signal.
func (f Facts) notRead(name string) string {
	if s := f.signalOf(name); s != nil && s.Unread != "" {
		return "there was nothing to measure it by in that time: it could not be read: " + s.Unread
	}
	return "there was nothing to measure it by in that time"
}

// signalNamed finds one of the manifest's signals.
func (m Manifest) signalNamed(name string) (Signal, bool) {
	i := slices.IndexFunc(m.Signals, func(s Signal) bool { return s.Name == name })
	if i < 0 {
		return Signal{}, false
	}
	return m.Signals[i], true
}

// signalUnit is the unit of a signal that may be expected; known reports whether
// there is such a signal.
func (m Manifest) signalUnit(name string) (unit string, known bool) {
	if s, own := m.signalNamed(name); own {
		return s.unit(), true
	}
	return unitOf(name)
}

// expectable are the names of everything that may be expected.
func (m Manifest) expectable() []string {
	out := signals()
	for _, s := range m.Signals {
		out = append(out, s.Name)
	}
	return out
}

// validateSignals looks at the signals of the service. Their names are not those of
// other series.
func (m *Manifest) validateSignals(v *validation) {
	v.require(len(m.Signals) <= mostSignals, "signals", "there are %d: at most %d", len(m.Signals), mostSignals)
	taken := append(signals(), evidence.SeriesWeight)
	for i, s := range m.Signals {
		path := fmt.Sprintf("signals[%d]", i)
		at := &validation{path: path}
		at.name(s.Name, "name")
		at.require(!slices.Contains(taken, s.Name), "name", "%q is the name of another signal already", s.Name)
		taken = append(taken, s.Name)
		at.require(s.given() == 1, "", "say where it is read: one of gauge, counter, histogram and query")
		at.require(slices.Contains([]string{"", UnitSeconds, UnitRatio, UnitRate}, s.Unit), "unit", "%q is not one of s, ratio, /s: leave it out of what is counted", s.Unit)
		at.require(s.Histogram == "" || s.unit() == UnitSeconds, "unit", "a histogram is read as its p99, in s")
		at.require(s.Poll == 0 || s.Poll >= fastestPoll && s.Poll <= slowestPoll, "poll", "%s is not from %s to %s", s.Poll, fastestPoll, slowestPoll)
		for k, endpoint := range s.Endpoints {
			at.require(!load.HasUser(endpoint), fmt.Sprintf("endpoints[%d]", k), "holds a user or a password, which would stand in the history and the evidence: leave it out")
		}
		v.problems = append(v.problems, at.problems...)
	}
}

// given counts the ways in which a signal is said to be read.
func (s Signal) given() int {
	n := 0
	for _, text := range []string{s.Gauge, s.Counter, s.Histogram, s.Query} {
		if text != "" {
			n++
		}
	}
	return n
}
