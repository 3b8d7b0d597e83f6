package load

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// stretch is a time of a run in which a load sends at most so many requests a
// second: from its beginning until just before its end, both since the run's start.
type stretch struct {
	from, until time.Duration
	most        float64
}

// Together is the most requests a second that loads mean to send at any moment of a
// run: the highest sum of what each sends at its highest while its rate is the same,
// or changes evenly. Loads that never run at the same time are not added up. Each is
// without problems, and counts as [Load.Peak] says; replays count nothing.
func Together(loads []Load) float64 {
	var all [][]stretch
	for _, l := range loads {
		all = append(all, l.stretches())
	}
	return highest(all)
}

// TogetherOf is [Together] of schedules, which know what replays send: each the most
// in any one second, from its first request until a second after its last.
func TogetherOf(schedules []*Schedule) float64 {
	var all [][]stretch
	for _, s := range schedules {
		if s.offsets == nil {
			all = append(all, s.load.stretches())
			continue
		}
		at, last := s.load.At.Std(), s.offsets[len(s.offsets)-1]
		all = append(all, []stretch{{at, at + last + time.Second, s.Peak()}})
	}
	return highest(all)
}

// stretches are those of a load, in their order.
func (l Load) stretches() []stretch {
	at := l.At.Std()
	switch {
	case l.Replay != nil:
		return nil
	case l.Closed != nil:
		return []stretch{{at, at + l.For.Std(), l.Peak()}}
	}
	var out []stretch
	for _, p := range l.pieces() {
		most := max(p.first, p.last) * float64(l.steps())
		out = append(out, stretch{at + nanos(p.from), at + nanos(p.until), most})
	}
	return out
}

// nanos undoes what seconds in floating point add to a moment, so that a load which
// begins when another ends does not meet it.
func nanos(seconds float64) time.Duration { return time.Duration(math.Round(seconds * 1e9)) }

// highest is the highest sum of the stretches of several loads.
func highest(loads [][]stretch) float64 {
	type change struct {
		at   time.Duration
		load int
		most float64
	}
	var changes []change
	for i, stretches := range loads {
		for _, s := range stretches {
			changes = append(changes, change{s.from, i, s.most}, change{s.until, i, 0})
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) }) // an end before the beginning after it
	now, top := make([]float64, len(loads)), 0.0
	for i, c := range changes {
		now[c.load] = c.most
		if i+1 < len(changes) && changes[i+1].at == c.at {
			continue // all that happens at one moment
		}
		sum := 0.0
		for _, rate := range now {
			sum += rate
		}
		top = max(top, sum)
	}
	return top
}
