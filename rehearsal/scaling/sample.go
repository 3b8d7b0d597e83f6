package scaling

import (
	"cmp"
	"math"
	"slices"
	"time"

	"bakeoff/rehearsal/evidence"
)

// Sample is what was read at one moment. What could not be read is nil: nothing
// is ever made up for it.
type Sample struct {
	At          time.Time `json:"at"`
	Ready       *float64  `json:"ready,omitempty"`       // replicas that serve
	Wanted      *float64  `json:"wanted,omitempty"`      // replicas that the autoscaler asks for
	Queue       *float64  `json:"queue,omitempty"`       // requests that wait
	Latency     *float64  `json:"latency,omitempty"`     // seconds: p99 since the sample before
	Rate        *float64  `json:"rate,omitempty"`        // requests a second since the sample before
	Utilisation *float64  `json:"utilisation,omitempty"` // ratio
}

// Seen is what came of sampling an autoscaler.
type Seen struct {
	Samples []Sample
	Unread  map[string]string // signal → why it could not be read, the last time
	Error   string            // why sampling broke off; "": it did not
}

// of returns the value of a signal by its name; nil where it was not read.
func (s Sample) of(signal string) *float64 {
	switch signal {
	case Queue:
		return s.Queue
	case Latency:
		return s.Latency
	case Utilisation:
		return s.Utilisation
	}
	return s.Rate
}

// WithRate returns the samples with the rate of a load that is known, where they
// have none: the arrivals since the sample before. Arrivals and samples rise.
func WithRate(samples []Sample, arrivals []time.Time) []Sample {
	out := slices.Clone(samples)
	since := func(at time.Time) int {
		i, _ := slices.BinarySearchFunc(arrivals, at, time.Time.Compare)
		return i
	}
	for i := 1; i < len(out); i++ {
		from, to := out[i-1].At, out[i].At
		if out[i].Rate == nil && to.After(from) {
			rate := float64(since(to)-since(from)) / to.Sub(from).Seconds()
			out[i].Rate = &rate
		}
	}
	return out
}

// point is one reading of one signal.
type point struct {
	at time.Time
	v  float64
}

// track is the readings of one signal, oldest first. Moments at which it could
// not be read are left out, and so are numbers that are none.
type track []point

func trackOf(samples []Sample, pick func(Sample) *float64) track {
	var t track
	for _, s := range samples {
		if v := pick(s); v != nil && !math.IsNaN(*v) && !math.IsInf(*v, 0) {
			t = append(t, point{s.At, *v})
		}
	}
	return t
}

// between returns the readings from one moment to another, both included.
func (t track) between(from, to time.Time) track {
	var out track
	for _, p := range t {
		if !p.at.Before(from) && !p.at.After(to) {
			out = append(out, p)
		}
	}
	return out
}

// first returns the index of the first reading that is so, at from or later;
// −1 where there is none.
func (t track) first(from time.Time, so func(v float64) bool) int {
	return slices.IndexFunc(t, func(p point) bool { return !p.at.Before(from) && so(p.v) })
}

// most returns the largest value; 0 of an empty track.
func (t track) most() float64 {
	most := 0.0
	for _, p := range t {
		most = max(most, p.v)
	}
	return most
}

// least returns the smallest value; 0 of an empty track.
func (t track) least() float64 {
	if len(t) == 0 {
		return 0
	}
	return slices.MinFunc(t, func(a, b point) int { return cmp.Compare(a.v, b.v) }).v
}

// smooth returns the median of each reading and its neighbours: two on both
// sides, or as many as lie within the given time. It takes away the noise of
// counting, and leaves steps where they are. Near the ends there are as many on
// both sides as there can be: else a rise would seem to begin earlier.
func (t track) smooth(within time.Duration) track {
	out := make(track, len(t))
	for i, p := range t {
		side := 1
		for side <= min(i, len(t)-1-i) && (side <= 2 || p.at.Sub(t[i-side].at) <= within && t[i+side].at.Sub(p.at) <= within) {
			side++
		}
		side--
		near := make([]float64, 0, 2*side+1)
		for _, n := range t[i-side : i+side+1] {
			near = append(near, n.v)
		}
		slices.Sort(near)
		out[i] = point{p.at, near[side]}
	}
	return out
}

// gap returns the longest time without a reading between two moments.
func (t track) gap(from, to time.Time) time.Duration {
	last, longest := from, time.Duration(0)
	for _, p := range t.between(from, to) {
		longest, last = max(longest, p.at.Sub(last)), p.at
	}
	return max(longest, to.Sub(last))
}

// Series returns the samples as the reports draw them, in seconds since start.
func Series(samples []Sample, start time.Time) []evidence.Series {
	var out []evidence.Series
	for _, s := range []struct {
		name, of, unit string
		pick           func(Sample) *float64
	}{
		{evidence.SeriesReplicas, "ready", "replicas", func(s Sample) *float64 { return s.Ready }},
		{evidence.SeriesReplicas, "wanted", "replicas", func(s Sample) *float64 { return s.Wanted }},
		{evidence.SeriesQueue, "", "requests", func(s Sample) *float64 { return s.Queue }},
		{evidence.SeriesLatency, "scaling", "s", func(s Sample) *float64 { return s.Latency }},
		{evidence.SeriesRate, "scaling", "/s", func(s Sample) *float64 { return s.Rate }},
		{Utilisation, "scaling", "ratio", func(s Sample) *float64 { return s.Utilisation }},
	} {
		t := trackOf(samples, s.pick)
		if len(t) == 0 {
			continue
		}
		series := evidence.Series{Name: s.name, Of: s.of, Unit: s.unit}
		for _, p := range t {
			series.Seconds, series.Values = append(series.Seconds, p.at.Sub(start).Seconds()), append(series.Values, p.v)
		}
		out = append(out, series)
	}
	return out
}
