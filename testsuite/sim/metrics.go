package sim

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// Behaviour is how a version answers. Its zero value is a healthy one: 100
// requests a second at all of the traffic, none failing, 90 % within 0.1 s,
// 99 % within 0.3 s, all within 1 s.
type Behaviour struct {
	Rate     float64            // requests a second at 100 % of the traffic; default 100, negative: none
	Failures float64            // share of requests that fail, 0 to 1
	Latency  map[string]float64 // upper bound in seconds → share of requests within it, "+Inf" → 1
	Values   map[string]float64 // name of a check → value of its query; NaN and ±Inf make the check an error
}

func (b Behaviour) withDefaults() Behaviour {
	if b.Rate == 0 {
		b.Rate = 100
	}
	b.Rate = max(b.Rate, 0)
	if b.Latency == nil {
		b.Latency = map[string]float64{"0.1": 0.9, "0.3": 0.99, "1": 1, "+Inf": 1}
	}
	return b
}

// stretch is a time in which a version answered in one way. Its counters are
// those at its start.
type stretch struct {
	from     time.Duration
	counters Counters
	rate     float64 // requests a second, at the share it had
	behave   Behaviour
}

// Counters are what a version has counted since it started: expected values,
// so fractions are possible.
type Counters struct {
	Requests float64
	Failures float64
	Buckets  map[string]float64 // upper bound in seconds → requests within it
}

// upTo returns what was counted at a moment of the stretch.
func (s stretch) upTo(at time.Duration) Counters {
	more := s.rate * max(at-s.from, 0).Seconds()
	c := Counters{
		Requests: s.counters.Requests + more,
		Failures: s.counters.Failures + more*s.behave.Failures,
		Buckets:  maps.Clone(s.counters.Buckets),
	}
	if c.Buckets == nil {
		c.Buckets = map[string]float64{}
	}
	for bound, share := range s.behave.Latency {
		c.Buckets[bound] += more * share
	}
	return c
}

// Behave says how a version answers from now on, deployed yet or not. Keep the
// bounds of Latency: a histogram does not change its own.
func (w *World) Behave(version string, b Behaviour) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	w.behave[version] = b
	w.mark(w.passed)
}

// Visit is one request of a user who is really there: which version it meets,
// drawn by the split in force, and whether the answer is good. What versions
// count does not change by it. Without any split there is no version.
func (w *World) Visit() (version string, good bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	place := rollout.Weight(rand.IntN(int(rollout.All)))
	for _, name := range slices.Sorted(maps.Keys(w.weights)) {
		if place -= w.weights[name]; place < 0 {
			return name, rand.Float64() >= w.behave[name].Failures
		}
	}
	return "", false
}

// ResetCounters lets a version's counters start from zero, as a restarted
// process does.
func (w *World) ResetCounters(version string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	if v := w.versions[version]; v != nil {
		w.mark(w.passed)
		v.counted[len(v.counted)-1].counters = Counters{}
	}
}

// SetSilent takes a version's series away, or gives them back: an empty answer.
func (w *World) SetSilent(version string, silent bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent[version] = silent
}

// BreakCheck makes one check unreadable for the reason given; "" mends it.
func (w *World) BreakCheck(name, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken[name] = why
}

// SetDelay sets how long after a moment its numbers can be read. Reading
// earlier is answered all the same, and listed as a violation.
func (w *World) SetDelay(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delay = d
}

// Counters returns what a version has counted until now; false when it is not
// there or silent. No fault stands in its way.
func (w *World) Counters(version string) (Counters, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	s, ok := w.stretchAt(version, w.passed)
	return s.upTo(w.passed), ok
}

// Delay implements [activities.Metrics].
func (w *World) Delay() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.delay
}

// Read implements [activities.Metrics]. It knows the past; a moment still to
// come is answered as if nothing changed until then, so that tests which skip
// time may ask ahead. There is one series for each version, named like it; a
// version that is not there, or silent, has none.
func (w *World) Read(ctx context.Context, q activities.MetricsQuery) (activities.Reading, error) {
	reading := activities.Reading{At: q.At, Checks: map[string]activities.CheckReading{}}
	err := w.call(ctx, OpRead, func() error {
		at := w.at(q.At)
		if early := at + w.delay - w.passed; w.delay > 0 && early > 0 {
			w.violate("metrics read %s before their delay was over", early)
		}
		for _, check := range q.Checks {
			reading.Checks[check.Name] = w.readCheck(check, q.Sides, at)
		}
		return nil
	})
	return reading, err
}

func (w *World) readCheck(c rollout.Check, sides map[activities.Side]activities.Version, at time.Duration) activities.CheckReading {
	if why := w.broken[c.Name]; why != "" {
		return activities.CheckReading{Error: why}
	}
	r := activities.CheckReading{Sides: map[activities.Side]activities.SideReading{}}
	for _, side := range slices.Sorted(maps.Keys(sides)) {
		name := sides[side].Version
		s, ok := w.stretchAt(name, at)
		if !ok {
			continue
		}
		if c.Query == "" {
			r.Sides[side] = counted(c, name, s.upTo(at))
			continue
		}
		value, ok := s.behave.Values[c.Name]
		if !ok {
			continue
		}
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return activities.CheckReading{Error: fmt.Sprintf("the query's value for %s is %g", name, value)}
		}
		r.Sides[side] = activities.SideReading{Value: &value}
	}
	return r
}

// counted keeps of the counters what the check asks for.
func counted(c rollout.Check, series string, n Counters) activities.SideReading {
	var r activities.SideReading
	if c.Histogram != "" {
		r.Buckets = map[string]map[string]float64{series: n.Buckets}
	}
	if c.Requests != "" {
		r.Requests = map[string]float64{series: n.Requests}
	}
	if c.Failures != "" {
		r.Failures = map[string]float64{series: n.Failures}
	}
	return r
}

// stretchAt returns how a version answered at a moment; false when it was not
// there then, or is silent.
func (w *World) stretchAt(name string, at time.Duration) (stretch, bool) {
	v := w.versions[name]
	if v == nil || w.silent[name] || at < v.born || v.isGone() && at >= v.gone {
		return stretch{}, false
	}
	for _, s := range slices.Backward(v.counted) {
		if s.from <= at {
			return s, true
		}
	}
	return stretch{}, false
}

// mark begins a new stretch for every version that is there: something that
// they count by has changed.
func (w *World) mark(at time.Duration) {
	for name, v := range w.versions {
		if v.isGone() {
			continue
		}
		b := w.behave[name].withDefaults()
		s := stretch{from: at, behave: b, rate: w.rateOf(name, b)}
		if n := len(v.counted); n > 0 {
			s.counters = v.counted[n-1].upTo(at)
		}
		v.counted = append(v.counted, s)
	}
}

// Sum is how many seconds all requests took together, each taken to be as slow
// as its bucket allows; those above the last finite bound as slow as that.
func (c Counters) Sum() float64 {
	type bucket struct{ bound, count float64 }
	var buckets []bucket
	for text, count := range c.Buckets {
		if bound, err := strconv.ParseFloat(text, 64); err == nil {
			buckets = append(buckets, bucket{bound, count})
		}
	}
	slices.SortFunc(buckets, func(a, b bucket) int { return cmp.Compare(a.bound, b.bound) })
	sum, below, slowest := 0.0, 0.0, 0.0
	for _, b := range buckets {
		if !math.IsInf(b.bound, 1) {
			slowest = b.bound
		}
		sum += (b.count - below) * slowest
		below = b.count
	}
	return sum
}
