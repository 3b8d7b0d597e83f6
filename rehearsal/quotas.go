package rehearsal

import (
	"fmt"
	"slices"

	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// validateQuotas holds what happens to the bounds of the run, as far as that is
// known without recordings.
func (m *Manifest) validateQuotas(v *validation) {
	q, longest := m.Quotas, m.Longest()
	v.require(q.Requests >= 0, "quotas.requests", "is below 0")
	var sent []load.Load
	for i, l := range m.Load {
		ends := l.At + l.For
		v.require(ends <= longest, fmt.Sprintf("load[%d].for", i), "it ends %s after the beginning, and the run is stopped after %s: shorten it, or raise quotas.for", ends, longest)
		if len(l.Problems("")) == 0 { // what a replay sends stands in its recording
			sent = append(sent, l)
		}
	}
	for i, f := range m.Faults {
		ends := f.At + f.Within + f.For
		v.require(ends <= longest, fmt.Sprintf("faults[%d].for", i), "it may end %s after the beginning, and the run is stopped after %s: shorten it, or raise quotas.for", ends, longest)
	}
	if q.Rate == nil {
		return
	}
	v.require(*q.Rate > 0, "quotas.rate", "%s lets nothing be sent: raise it, or leave it out", *q.Rate)
	peak := load.Together(sent)
	v.require(*q.Rate <= 0 || peak <= float64(*q.Rate), "quotas.rate", "all loads together may send %s at once, more than %s", load.Rate(peak), *q.Rate)
}

// loadEnds is when the last load ends, or that of a name; known reports whether
// that stands in the manifest: of recordings it may not.
func (m Manifest) loadEnds(of string) (end rollout.Duration, known bool) {
	for _, l := range m.Load {
		if of == "" || l.Name == of {
			end, known = max(end, l.At+l.For), true
			if l.Replay != nil && l.For == 0 {
				return 0, false
			}
		}
	}
	return end, known
}

// validateMoments refuses faults that begin when everything else must be over.
func (m *Manifest) validateMoments(v *validation) {
	ends, known := m.loadEnds("")
	if !known && len(m.Load) > 0 || m.Outcome != "" {
		return
	}
	drills := rollout.Duration(0)
	for _, d := range m.Drills {
		drills += m.drillTakes(d) * rollout.Duration(max(d.Repeat, 1))
	}
	for i, f := range m.Faults {
		v.require(f.At < max(ends, drills) || len(m.Load)+len(m.Drills) == 0, fmt.Sprintf("faults[%d].at", i),
			"it begins when load and drills are over, at %s: nobody would meet it", max(ends, drills))
	}
}

// unmet reports whether a fault begins when no load is sent any more.
func (m Manifest) unmet(fault, of string) bool {
	ends, known := m.loadEnds(of)
	i := slices.Index(m.faultNames(), fault)
	return known && i >= 0 && m.Faults[i].At >= ends
}
