package rehearsal

import (
	"fmt"
	"math"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

// expected judges one expectation: its limits, then its profile.
func (f Facts) expected(e Expect) evidence.Criterion {
	when := f.moments(e)
	unit := f.unitOf(e.Signal)
	seen := f.measure(e, when)
	if seen.n == 0 {
		return unmeasured(e.Title(), f.notRead(e.Signal))
	}
	value, reason := seen.most, inUnit(seen.most, unit)
	if seen.least != seen.most {
		reason = inUnit(seen.least, unit) + " to " + reason
	}
	holds := true
	var limit *float64
	if e.Above != nil {
		holds, limit, value = holds && seen.least > e.Above.Value, &e.Above.Value, seen.least
		reason += ", to be above " + e.Above.String()
	}
	if e.Below != nil {
		holds, limit, value = holds && seen.most < e.Below.Value, &e.Below.Value, seen.most
		reason += ", to be below " + e.Below.String()
	}
	c := judged(evidence.Criterion{Name: e.Title(), Reason: reason, Value: &value, Limit: limit, Unit: unit, Signal: e.Signal, Of: e.Of}, holds)
	if c.Outcome == evidence.Passed && seen.blind > 0 {
		c.Outcome = evidence.Unmeasured
		c.Reason += fmt.Sprintf("; but it was not read for %s", rollout.Duration(seen.blind.Round(time.Second)))
	}
	if len(e.Profile) > 0 {
		f.follow(&c, e, when)
	}
	return c
}

// follow judges the profile.
func (f Facts) follow(c *evidence.Criterion, e Expect, when moments) {
	for _, p := range e.Profile {
		b := evidence.BandPoint{Second: p.At.Std().Seconds()}
		if p.Low != nil {
			b.Low = &p.Low.Value
		}
		if p.High != nil {
			b.High = &p.High.Value
		}
		c.Band = append(c.Band, b)
	}
	series := f.series(e)
	seen, out := f.leave(c, series, when)
	blind := when.blind(series.Seconds, e.Profile[0].At.Std(), e.Profile[len(e.Profile)-1].At.Std())
	switch allowed := seen * int(e.Misses) / int(rollout.All); {
	case out > allowed:
		c.Outcome = evidence.Failed
		c.Reason += fmt.Sprintf("; %s outside its profile, %d allowed", share(out, seen), allowed)
	case seen == 0 && c.Outcome != evidence.Failed:
		c.Outcome, c.Reason = evidence.Unmeasured, "no second of the profile was measured"
	case blind > 0 && c.Outcome != evidence.Failed:
		c.Outcome = evidence.Unmeasured
		c.Reason += fmt.Sprintf("; but of the time of its profile %s on end were not measured", rollout.Duration(blind.Round(time.Second)))
	default:
		c.Reason += fmt.Sprintf("; %s outside its profile", share(out, seen))
	}
}

// leave counts the seconds that an expectation is about as a whole, and those of
// them at which its signal left the band, of which it notes the first.
func (f Facts) leave(c *evidence.Criterion, series evidence.Series, when moments) (seen, out int) {
	for i, second := range series.Seconds {
		at := moment(second)
		if !when.hold(at) || !f.isSampled(series.Name) && when.length(at, at+time.Second) < time.Second {
			continue
		}
		low, high, inside := band(c.Band, second)
		if !inside {
			continue
		}
		seen++
		if series.Values[i] >= low && series.Values[i] <= high {
			continue
		}
		if out++; c.From == nil {
			from := f.Zero.Add(at)
			c.From = &from
		}
	}
	return seen, out
}

func share(out, of int) string { return fmt.Sprintf("%d of %s", out, counted(of, "second", "seconds")) }

// moment is a second of a series, since Facts.Zero.
func moment(second float64) time.Duration { return time.Duration(second * float64(time.Second)) }

// band is where a signal should be at a second: straight from point to point.
// Before the first point and after the last there is none.
func band(points []evidence.BandPoint, second float64) (low, high float64, inside bool) {
	for i := len(points) - 1; i >= 0; i-- {
		if second < points[i].Second {
			continue
		}
		next := points[i]
		if i+1 < len(points) {
			next = points[i+1]
		} else if second > points[i].Second {
			return 0, 0, false
		}
		share := 0.0
		if d := next.Second - points[i].Second; d > 0 {
			share = (second - points[i].Second) / d
		}
		return between(points[i].Low, next.Low, share, math.Inf(-1)), between(points[i].High, next.High, share, math.Inf(1)), true
	}
	return 0, 0, false
}

// between goes straight from a to b; an end that is open leaves all of it open.
func between(a, b *float64, share, open float64) float64 {
	if a == nil || b == nil {
		return open
	}
	return *a + (*b-*a)*share
}

func (f Facts) series(e Expect) evidence.Series {
	if s := f.signalOf(e.Signal); s != nil {
		return s.series(f.Zero)
	}
	if ofScaling(e.Signal) {
		return f.scalingSeries(e.Signal)
	}
	return f.BySecond(e.Signal, e.Of)
}

// scalingSeries is a signal of scaling as it was read: of replicas, those that are
// ready.
func (f Facts) scalingSeries(name string) evidence.Series {
	for _, s := range scaling.Series(f.Sampled.Samples, f.Zero) {
		if s.Name == name && (name != SignalReplicas || s.Of == "ready") {
			return s
		}
	}
	return evidence.Series{}
}
