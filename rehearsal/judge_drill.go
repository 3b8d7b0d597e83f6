package rehearsal

import (
	"fmt"
	"time"

	"bakeoff/rehearsal/evidence"
)

// drilled judges the repeats of one drill.
func (f Facts) drilled(d Drill, number int) []evidence.Criterion {
	title := d.Title()
	if number >= len(f.Drills) || len(f.Drills[number].Repeats) == 0 {
		return []evidence.Criterion{unmeasured(title+": restored", "no drill was made")}
	}
	repeats := f.Drills[number].Repeats
	out := []evidence.Criterion{restored(d, repeats)}
	if d.DecideWithin > 0 {
		out = append(out, trafficBack(d, repeats))
	}
	if d.Lost != nil {
		out = append(out, worst(title+": requests lost", repeats, float64(*d.Lost), "requests", func(c evidence.Continuity) float64 { return float64(c.Failed) }))
	}
	if d.Gap != nil {
		out = append(out, worst(title+": longest gap", repeats, d.Gap.Std().Seconds(), UnitSeconds, func(c evidence.Continuity) float64 { return c.LongestGap.Std().Seconds() }))
	}
	return append(out, same(title, repeats))
}

// restored says whether every repeat put the baseline back in time.
func restored(d Drill, repeats []evidence.Repeat) evidence.Criterion {
	title := fmt.Sprintf("%s: restored within %s", d.Title(), d.RestoreWithin)
	slowest, done := 0.0, 0
	for _, r := range repeats {
		if r.Outcome != evidence.Passed || r.BreachAt == nil || r.HealthyAt == nil {
			continue
		}
		done++
		slowest = max(slowest, r.HealthyAt.Sub(*r.BreachAt).Seconds())
	}
	limit := d.RestoreWithin.Std().Seconds()
	reason := fmt.Sprintf("%d of %d drills restored the baseline", done, d.Repeat)
	if done > 0 {
		reason += ", the slowest after " + inUnit(slowest, UnitSeconds)
	}
	for _, r := range repeats {
		if r.Outcome != evidence.Passed {
			reason += fmt.Sprintf("; drill %d: %s", r.Number, r.Reason)
			break
		}
	}
	c := criterion(title, done == d.Repeat && slowest <= limit, slowest, UnitSeconds, reason)
	c.Limit = &limit
	return c
}

// trafficBack says how long it took until the baseline had all traffic.
func trafficBack(d Drill, repeats []evidence.Repeat) evidence.Criterion {
	title := fmt.Sprintf("%s: traffic back within %s", d.Title(), d.DecideWithin)
	slowest, n := 0.0, 0
	for _, r := range repeats {
		if r.BreachAt != nil && r.RestoredAt != nil {
			slowest = max(slowest, r.RestoredAt.Sub(*r.BreachAt).Seconds())
			n++
		}
	}
	if n == 0 {
		return unmeasured(title, "no drill put traffic back")
	}
	limit := d.DecideWithin.Std().Seconds()
	c := criterion(title, slowest <= limit && n == d.Repeat, slowest, UnitSeconds, fmt.Sprintf("the slowest of %d after %s", n, inUnit(slowest, UnitSeconds)))
	c.Limit = &limit
	return c
}

// worst judges the worst of what users noticed.
func worst(title string, repeats []evidence.Repeat, limit float64, unit string, of func(evidence.Continuity) float64) evidence.Criterion {
	most, n := 0.0, 0
	for _, r := range repeats {
		if r.Users != nil && r.Users.Requests > 0 {
			most = max(most, of(*r.Users))
			n++
		}
	}
	if n < len(repeats) {
		return unmeasured(title, fmt.Sprintf("users were seen in %d of %d drills", n, len(repeats)))
	}
	c := criterion(title, most <= limit, most, unit, fmt.Sprintf("at most %s in a drill, allowed %s", inUnit(most, unit), inUnit(limit, unit)))
	c.Limit = &limit
	return c
}

// same says whether each drill left the target as it had been.
func same(title string, repeats []evidence.Repeat) evidence.Criterion {
	title += ": as before"
	for _, r := range repeats {
		if !r.Same || len(r.Residue) > 0 {
			return evidence.Criterion{Name: title, Outcome: evidence.Failed, Reason: fmt.Sprintf("after drill %d: %v", r.Number, append(r.Differences, r.Residue...))}
		}
	}
	return evidence.Criterion{Name: title, Outcome: evidence.Passed, Reason: fmt.Sprintf("the target was the same after each of %d drills", len(repeats))}
}

// RestoreTimes are the seconds from the injection until the baseline was well, of
// the repeats that came so far.
func RestoreTimes(repeats []evidence.Repeat) []float64 {
	var out []float64
	for _, r := range repeats {
		if r.BreachAt != nil && r.HealthyAt != nil {
			out = append(out, r.HealthyAt.Sub(*r.BreachAt).Round(time.Millisecond).Seconds())
		}
	}
	return out
}
