package rehearsal

import (
	"slices"

	"bakeoff/rehearsal/fault"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// PlannedProbe is a probe worked out.
type PlannedProbe struct {
	Probe  Probe    `json:"probe"` // every default written out
	Before bool     `json:"before,omitempty"`
	After  []string `json:"after,omitempty"` // the faults after which it is asked
	When   string   `json:"when,omitempty"`  // it is asked all along, in words
	During []Span   `json:"during,omitempty"`
}

// Span is a time of a run, since the beginning of the load.
type Span struct {
	From  rollout.Duration `json:"from"`
	Until rollout.Duration `json:"until"`
}

// PlannedProbes works the probes out: a continuous one is asked while its faults
// are planned to be in force. The run takes at most as long as given.
func (m Manifest) PlannedProbes(longest rollout.Duration) []PlannedProbe {
	var out []PlannedProbe
	for _, p := range m.Probes {
		p = p.withDefaults()
		planned := PlannedProbe{Probe: p, Before: p.before()}
		if p.after() {
			planned.After = m.about(p)
		}
		if p.continuous() {
			planned.When, planned.During = p.when(), m.spansOf(p, longest)
		}
		out = append(out, planned)
	}
	return out
}

// about are the faults that a probe is about.
func (m Manifest) about(p Probe) []string {
	if p.During != "" {
		return []string{p.During}
	}
	return m.faultNames()
}

// spansOf is when a continuous probe is asked.
func (m Manifest) spansOf(p Probe, longest rollout.Duration) []Span {
	times := []span{{0, longest.Std()}}
	if !p.Always {
		times = nil
		for _, f := range fault.Schedule(m.Seed, m.Faults) {
			if slices.Contains(m.about(p), f.Fault.Name) {
				times = append(times, span{f.From.Std(), f.Until.Std()})
			}
		}
	}
	if p.Signal != "" {
		times = m.whileSent(p, apart(times))
	}
	var out []Span
	for _, s := range apart(times) {
		out = append(out, Span{rollout.Duration(s.from), rollout.Duration(s.to)})
	}
	return out
}

// whileSent is what of some times a probe can ask its loads for.
func (m Manifest) whileSent(p Probe, times []span) []span {
	var out []span
	for _, l := range m.loadsOf(p) {
		from, to := (l.At + p.Over + toldAfter).Std(), (l.At + l.For).Std()
		for _, t := range times {
			if s := (span{max(from, t.from), min(to, t.to)}); s.from < s.to {
				out = append(out, s)
			}
		}
	}
	return out
}

// loadsOf are the loads whose signal a probe asks for.
func (m Manifest) loadsOf(p Probe) []load.Load {
	return slices.DeleteFunc(slices.Clone(m.Load), func(l load.Load) bool { return p.Of != "" && p.Of != l.Name })
}

// Lately is how far back probes ask for signals of a load, each length once.
func (m Manifest) Lately(name string) []rollout.Duration {
	var out []rollout.Duration
	for _, p := range m.probes() {
		if p.Signal != "" && (p.Of == "" || p.Of == name) && !slices.Contains(out, p.Over) {
			out = append(out, p.Over)
		}
	}
	return out
}
