package scaling

import (
	"cmp"
	"math"
	"slices"
	"time"

	"bakeoff/rollout"
)

const (
	// tolerance is how much more than its capacity may arrive at a replica
	// before another one is needed: what the autoscaler of Kubernetes leaves
	// alone, too.
	tolerance = 1.1
	// loadTurn is the part of the peak by which the load has to go back for a
	// turn that gives replicas a reason to follow.
	loadTurn = 0.25
	// noise is the part of upWithin, on both sides, over which the load is
	// smoothed: what is shorter is not worth a replica.
	noise = 8
)

// figures is what the samples say, before it is held against what was expected.
type figures struct {
	e           Expect
	seen        Seen
	first, last time.Time // of the samples
	spacing     time.Duration

	ready, wanted, queue, latency, rate, trigger track

	peak     float64 // highest rate
	capacity float64 // requests a second of one replica; 0: not known
	needed   int     // at the peak; 0: not known
	unknown  string  // why it is not known; "": it is

	crossed time.Time // the trigger; zero: never
	asked   time.Time // first sample from crossed on with as many wanted as needed; zero: none
	enough  time.Time // the same of ready, while they were needed; zero: none
	ended   time.Time // first sample without the need; zero: not seen
	floor   time.Time // first sample from ended on with no more ready than replicas.min; zero: none

	oscillations []leg
}

// measure needs at least one sample.
func measure(e Expect, seen Seen) figures {
	samples := slices.Clone(seen.Samples)
	slices.SortStableFunc(samples, func(a, b Sample) int { return a.At.Compare(b.At) })
	f := figures{e: e.WithDefaults(), seen: seen, first: samples[0].At, last: samples[len(samples)-1].At, spacing: spacing(samples)}
	f.ready = trackOf(samples, func(s Sample) *float64 { return s.Ready })
	f.wanted = trackOf(samples, func(s Sample) *float64 { return s.Wanted })
	f.queue = trackOf(samples, func(s Sample) *float64 { return s.Queue })
	f.latency = trackOf(samples, func(s Sample) *float64 { return s.Latency })
	f.rate = trackOf(samples, func(s Sample) *float64 { return s.Rate }).smooth(f.e.UpWithin.Std() / noise)
	f.need()
	f.cross(samples)
	f.end()
	f.climb()
	f.descend()
	f.oscillations = oscillations(f.decisions().legs(float64(f.e.Swing), true), f.rate.legs(f.peak*loadTurn, false), f.isAllowedOvershoot)
	return f
}

// spacing is the median time between samples; 0 where there is one only.
func spacing(samples []Sample) time.Duration {
	var gaps []time.Duration
	for i := 1; i < len(samples); i++ {
		gaps = append(gaps, samples[i].At.Sub(samples[i-1].At))
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// allowedGap is the longest time without a reading that leaves a judgement
// possible: three polls, or a tenth of upWithin where that is longer. Where samples
// are further apart than polls, it is three of them, but no more than half of
// upWithin: who looks less often cannot say what was kept.
func (f *figures) allowedGap() time.Duration {
	within := f.e.UpWithin.Std()
	return max(min(3*f.spacing, within/2), 3*f.e.Poll.Std(), within/10)
}

// need finds what the load needs at its peak: needed, or ⌈peak ÷ (1.1 ×
// capacity)⌉, or what the autoscaler settled at, and the one of capacity and
// needed from the other.
func (f *figures) need() {
	f.peak = f.rate.most()
	switch {
	case f.peak == 0:
		f.needed = f.e.Needed
		if f.needed == 0 {
			f.unknown = cmp.Or(f.missing(Rate, f.rate), "there was no load")
		}
		return
	case f.e.Capacity > 0:
		f.capacity = float64(f.e.Capacity)
		f.needed = int(math.Ceil(f.peak / (tolerance * f.capacity)))
		return
	case f.e.Needed > 0:
		f.needed = f.e.Needed
	default:
		f.needed, f.unknown = f.settled()
	}
	if f.needed > 0 {
		f.capacity = f.peak / float64(f.needed)
	}
}

// isNeeded reports whether a rate is more than replicas.min serve.
func (f *figures) isNeeded(rate float64) bool {
	return f.capacity > 0 && rate > tolerance*f.capacity*float64(f.e.Replicas.Min)
}

// cross finds the first sample at which the trigger's signal is above its
// bound, or the first at which replicas.min are not enough.
func (f *figures) cross(samples []Sample) {
	f.trigger = f.rate
	above := f.isNeeded
	if t := f.e.Trigger; t != nil {
		above = func(v float64) bool { return v > t.Above }
		if t.Signal != Rate {
			f.trigger = trackOf(samples, func(s Sample) *float64 { return s.of(t.Signal) })
		}
	}
	if i := f.trigger.first(f.first, above); i >= 0 {
		f.crossed = f.trigger[i].at
	}
}

// end finds the first sample after the last one at which replicas.min were not
// enough.
func (f *figures) end() {
	for i := len(f.rate) - 2; i >= 0; i-- {
		if f.isNeeded(f.rate[i+1].v) {
			return
		}
		if f.isNeeded(f.rate[i].v) {
			f.ended = f.rate[i+1].at
			return
		}
	}
}

// climb finds when enough replicas were asked for, and were ready, after the
// crossing and while they were needed.
func (f *figures) climb() {
	if f.crossed.IsZero() || f.needed == 0 {
		return
	}
	isEnough := func(v float64) bool { return v >= float64(f.needed) }
	if i := f.wanted.first(f.crossed, isEnough); i >= 0 {
		f.asked = f.wanted[i].at
	}
	if i := f.ready.first(f.crossed, isEnough); i >= 0 && !f.ready[i].at.After(f.until()) {
		f.enough = f.ready[i].at
	}
}

// until is when the need was over, or the samples were.
func (f *figures) until() time.Time {
	if f.ended.IsZero() {
		return f.last
	}
	return f.ended
}

// waited is when nobody waited for more replicas any longer.
func (f *figures) waited() time.Time {
	if f.enough.IsZero() {
		return f.until()
	}
	return f.enough
}

func (f *figures) descend() {
	if f.ended.IsZero() {
		return
	}
	if i := f.ready.first(f.ended, func(v float64) bool { return v <= float64(f.e.Replicas.Min) }); i >= 0 {
		f.floor = f.ready[i].at
	}
}

// decisions is what the autoscaler asked for, or what came of it where that is
// not known.
func (f *figures) decisions() track {
	if len(f.wanted) > 0 {
		return f.wanted
	}
	return f.ready
}

// isAllowedOvershoot reports whether so many are more than needed, and no more
// than may be.
func (f *figures) isAllowedOvershoot(replicas float64) bool {
	spare := replicas - float64(f.needed)
	return f.needed > 0 && spare > 0 && spare <= float64(f.e.Overshoot)
}

// overshoot is how many more replicas were ready than needed, at most, from the
// crossing on.
func (f *figures) overshoot() int {
	if f.crossed.IsZero() || f.needed == 0 {
		return 0
	}
	return max(0, int(f.ready.between(f.crossed, f.last).most())-f.needed)
}

// latest is the reading of a track before a moment, which is the earliest at
// which what was seen at that moment can have happened.
func (t track) latest(before time.Time) time.Time {
	i, _ := slices.BinarySearchFunc(t, before, func(p point, at time.Time) int { return p.at.Compare(at) })
	if i == 0 {
		return before
	}
	return t[i-1].at
}

// since returns a figure; nil where it was not measured.
func since(from, to time.Time) *rollout.Duration {
	if from.IsZero() || to.IsZero() {
		return nil
	}
	d := rollout.Duration(to.Sub(from))
	return &d
}
