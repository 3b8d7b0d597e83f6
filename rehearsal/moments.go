package rehearsal

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// span is a time of the run, since Facts.Zero: its beginning, and what is before
// its end.
type span struct{ from, to time.Duration }

// moments are those that an expectation is about.
type moments struct {
	spans   []span // one after another, and apart
	outside bool   // all but these
}

// moments says which moments an expectation is about.
func (f Facts) moments(e Expect) moments {
	settle := e.Settle.Std()
	switch {
	case e.During != "":
		spans := f.spans(e.During)
		for i := range spans {
			spans[i].from += settle
		}
		return moments{spans: apart(spans)}
	case e.Outside != "":
		spans := f.spans(e.Outside)
		for i := range spans {
			spans[i].to += settle
		}
		return moments{spans: apart(spans), outside: true}
	case e.Before != "":
		return moments{spans: apart(edges(f.spans(e.Before), settle, true))}
	case e.After != "":
		return moments{spans: apart(edges(f.spans(e.After), settle, false))}
	default:
		return moments{spans: []span{{settle, math.MaxInt64}}}
	}
}

// edges is the time before all spans or after them; none where there is no span: of
// what never came nobody knows when that would be.
func edges(spans []span, settle time.Duration, before bool) []span {
	if len(spans) == 0 {
		return nil
	}
	first, last := spans[0].from, spans[0].to
	for _, s := range spans {
		first, last = min(first, s.from), max(last, s.to)
	}
	if before {
		return []span{{settle, first}}
	}
	return []span{{last + settle, math.MaxInt64}}
}

// spans are the times of what has the name: as they really were.
func (f Facts) spans(name string) []span {
	var out []span
	add := func(from, to time.Time) {
		if !from.IsZero() {
			out = append(out, span{from.Sub(f.Zero), to.Sub(f.Zero)})
		}
	}
	if name == DuringDrills {
		for _, d := range f.Drills {
			for _, r := range d.Repeats {
				add(r.StartedAt, r.EndedAt)
			}
		}
	}
	for _, l := range f.Loads {
		if l.Name == name {
			add(l.StartedAt, l.EndedAt)
		}
	}
	for _, x := range f.Faults {
		if x.Name == name {
			for _, s := range x.InForce() {
				add(s.From, s.To)
			}
		}
	}
	return out
}

// apart puts spans in order, and those together that touch. Empty ones are left
// out.
func apart(spans []span) []span {
	var out []span
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for _, s := range spans {
		last := len(out) - 1
		switch {
		case s.from >= s.to:
		case last >= 0 && s.from <= out[last].to:
			out[last].to = max(out[last].to, s.to)
		default:
			out = append(out, s)
		}
	}
	return out
}

// hold reports whether a moment is one of them.
func (m moments) hold(at time.Duration) bool { return m.length(at, at+1) > 0 }

// length is how much of a time they are.
func (m moments) length(from, to time.Duration) time.Duration {
	var within time.Duration
	for _, s := range m.spans {
		within += max(min(s.to, to)-max(s.from, from), 0)
	}
	if m.outside {
		return to - from - within
	}
	return within
}

// leastBlind is how long a signal may always be out of sight.
const leastBlind = 5 * time.Second

// blind is the longest of these moments, in a time, at which a signal was not
// read; 0 where that is no more than a tenth of them, or leastBlind.
func (m moments) blind(seconds []float64, from, to time.Duration) time.Duration {
	longest, last := time.Duration(0), from
	for _, second := range seconds {
		if at := moment(second); at >= from && at <= to {
			longest, last = max(longest, m.length(last, at)), at
		}
	}
	longest = max(longest, m.length(last, to))
	if longest <= max(leastBlind, m.length(from, to)/10) {
		return 0
	}
	return longest
}
