package rehearsal

import (
	"fmt"
	"math"
	"strings"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

// Judge says what every criterion of the manifest came to, in its order. What
// could not be measured is Unmeasured, and never Passed.
func (m Manifest) Judge(f Facts) []evidence.Criterion {
	var out []evidence.Criterion
	for _, e := range m.Expect {
		out = append(out, f.expected(e))
	}
	for i, d := range m.Drills {
		out = append(out, f.drilled(d.withDefaults(m.Rollout.Spec), i)...)
	}
	if m.Outcome != "" {
		out = append(out, f.ended(m.Outcome))
	}
	if m.Scaling != nil {
		out = append(out, scaling.Criteria(*m.Scaling, f.Sampled)...)
	}
	for i := range m.Load {
		out = append(out, f.sent(m.Load[i].Name))
	}
	for i := range m.Faults {
		out = append(out, f.faulted(m.Faults[i].Name))
	}
	if f.Ledger != nil {
		out = append(out, f.kept())
	}
	return append(out, f.putBack())
}

// Verdict is the outcome of a whole run, in one sentence.
func (m Manifest) Verdict(criteria []evidence.Criterion, f Facts) (evidence.Outcome, string) {
	if f.Aborted != "" {
		return evidence.Aborted, f.Aborted
	}
	if f.Broken != "" {
		return evidence.Failed, f.Broken
	}
	worst := evidence.Passed
	var against []string
	for _, c := range criteria {
		if c.Outcome == evidence.Passed {
			continue
		}
		if worst != evidence.Failed {
			worst = c.Outcome
		}
		against = append(against, c.Name+": "+c.Reason)
	}
	reason := fmt.Sprintf("all %d criteria hold", len(criteria))
	if len(against) > 0 {
		reason = strings.Join(against, "; ")
	}
	if !m.Negative {
		return worst, reason
	}
	if worst == evidence.Failed {
		return evidence.Passed, "negative control, and it is red: " + reason
	}
	return evidence.Failed, "a negative control has to fail, and this one did not: " + reason
}

// criterion makes one of a value and whether it is well.
func criterion(name string, holds bool, value float64, unit, reason string) evidence.Criterion {
	c := evidence.Criterion{Name: name, Outcome: evidence.Failed, Reason: reason, Value: &value, Unit: unit}
	if holds {
		c.Outcome = evidence.Passed
	}
	return c
}

func unmeasured(name, reason string) evidence.Criterion {
	return evidence.Criterion{Name: name, Outcome: evidence.Unmeasured, Reason: reason}
}

// expected judges one expectation: its limits, then its profile.
func (f Facts) expected(e Expect) evidence.Criterion {
	counts := f.counts(e)
	unit, _ := unitOf(e.Signal)
	value, n := f.measure(e, counts)
	if n == 0 {
		return unmeasured(e.Title(), "there was nothing to measure it by in that time")
	}
	reason := inUnit(value, unit)
	holds := true
	var limit *float64
	if e.Above != nil {
		holds, limit = holds && value > e.Above.Value, &e.Above.Value
		reason += ", to be above " + e.Above.String()
	}
	if e.Below != nil {
		holds, limit = holds && value < e.Below.Value, &e.Below.Value
		reason += ", to be below " + e.Below.String()
	}
	c := criterion(e.Title(), holds, value, unit, reason)
	c.Limit, c.Signal, c.Of = limit, e.Signal, e.Of
	if len(e.Profile) > 0 {
		f.follow(&c, e, counts)
	}
	return c
}

// follow judges the profile, second by second.
func (f Facts) follow(c *evidence.Criterion, e Expect, counts func(time.Duration) bool) {
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
	seen, out := 0, 0
	for i, second := range series.Seconds {
		if !counts(time.Duration(second * float64(time.Second))) {
			continue
		}
		low, high, inside := band(c.Band, second)
		if !inside {
			continue
		}
		seen++
		if series.Values[i] < low || series.Values[i] > high {
			if out++; c.From == nil {
				at := f.Zero.Add(time.Duration(second * float64(time.Second)))
				c.From = &at
			}
		}
	}
	switch allowed := seen * int(e.Misses) / int(rollout.All); {
	case seen == 0:
		c.Outcome, c.Reason = evidence.Unmeasured, "no second of the profile was measured"
	case out > allowed:
		c.Outcome = evidence.Failed
		c.Reason += fmt.Sprintf("; %d of %d seconds outside its profile, %d allowed", out, seen, allowed)
	default:
		c.Reason += fmt.Sprintf("; %d of %d seconds outside its profile", out, seen)
	}
}

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
	if ofScaling(e.Signal) {
		return f.scalingSeries(e.Signal)
	}
	return f.BySecond(e.Signal, e.Of)
}

func (f Facts) scalingSeries(name string) evidence.Series {
	for _, s := range scaling.Series(f.Sampled.Samples, f.Zero) {
		if s.Name == name {
			return s
		}
	}
	return evidence.Series{}
}

// sent says whether a load was what had been planned: otherwise what follows from
// it says nothing.
func (f Facts) sent(name string) evidence.Criterion {
	title := name + " was sent as planned"
	if why := f.Unsent[name]; why != "" {
		return unmeasured(title, "a part of it could not be sent: "+why)
	}
	for _, l := range f.Loads {
		if l.Name != name || l.Sent+l.Missed == 0 {
			continue
		}
		planned := l.Sent + l.Missed
		c := criterion(title, l.Missed*100 <= planned, float64(l.Missed), "requests",
			fmt.Sprintf("%d of %d requests were not sent; arrivals are off by %s at p99", l.Missed, planned, inUnit(l.ArrivalErrorP99, UnitSeconds)))
		if c.Outcome == evidence.Failed {
			c.Outcome = evidence.Unmeasured
			c.Reason += ": the generator could not, and what was measured says nothing"
		}
		return c
	}
	return unmeasured(title, "it was not sent")
}

// faulted says whether a fault was there, and is gone.
func (f Facts) faulted(name string) evidence.Criterion {
	title := name + " came and went"
	for _, x := range f.Faults {
		switch {
		case x.Name != name:
			continue
		case x.StartedAt.IsZero():
			return unmeasured(title, "it was never in force: "+x.Error)
		case !x.Verified:
			return evidence.Criterion{Name: title, Outcome: evidence.Failed, Reason: "it was not seen to be gone: " + x.Error}
		}
		return evidence.Criterion{Name: title, Outcome: evidence.Passed,
			Reason: fmt.Sprintf("%s, for %s, removed by %s", x.What, x.EndedAt.Sub(x.StartedAt).Round(time.Millisecond), x.RemovedBy)}
	}
	return unmeasured(title, "it never began")
}

// kept says whether every transaction is there as it was written.
func (f Facts) kept() evidence.Criterion {
	l := f.Ledger
	bad := l.Lost + l.Doubled + l.Altered
	reason := fmt.Sprintf("of %d transactions %d lost, %d doubled, %d altered", l.Written, l.Lost, l.Doubled, l.Altered)
	for _, t := range l.Tables {
		if t.Before != t.After {
			bad++
			reason += fmt.Sprintf("; table %s has changed", t.Name)
		}
	}
	c := criterion("data is whole", bad == 0, float64(bad), "transactions", reason)
	if c.Outcome == evidence.Passed && (l.Written == 0 && len(l.Tables) == 0 || l.Unread > 0) {
		c.Outcome = evidence.Unmeasured
		c.Reason += fmt.Sprintf("; %d could not be read back", l.Unread)
	}
	return c
}

// ended says whether the rollout ended as it should.
func (f Facts) ended(want rollout.Outcome) evidence.Criterion {
	title := "the rollout is " + string(want)
	if f.Rollout == nil || f.Rollout.Outcome == "" {
		return unmeasured(title, "it did not come to an end")
	}
	c := evidence.Criterion{Name: title, Outcome: evidence.Failed, Reason: fmt.Sprintf("%s: %s", f.Rollout.Outcome, f.Rollout.Reason)}
	if f.Rollout.Outcome == want {
		c.Outcome = evidence.Passed
	}
	return c
}
