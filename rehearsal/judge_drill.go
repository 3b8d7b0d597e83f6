package rehearsal

import (
	"fmt"
	"slices"
	"strings"
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
		out = append(out, worst(repeats, noticed{title + ": requests lost", "requests", float64(*d.Lost), func(c evidence.Continuity) float64 { return float64(c.Failed) }}))
	}
	if d.Gap != nil {
		out = append(out, worst(repeats, noticed{title + ": longest gap", UnitSeconds, d.Gap.Std().Seconds(), func(c evidence.Continuity) float64 { return c.LongestGap.Std().Seconds() }}))
	}
	return append(out, same(title, repeats))
}

// restored says whether every repeat put the baseline back in time.
func restored(d Drill, repeats []evidence.Repeat) evidence.Criterion {
	slowest, done := 0.0, 0
	for _, r := range repeats {
		if took, known := restoreTime(r); known {
			done++
			slowest = max(slowest, took.Seconds())
		}
	}
	limit := d.RestoreWithin.Std().Seconds()
	c := evidence.Criterion{Name: evidence.RestoredWithin(d.Title(), d.RestoreWithin.String()), Limit: &limit, Unit: UnitSeconds,
		Reason: fmt.Sprintf("%d of %s restored the baseline", done, counted(int(d.Repeat), "drill", "drills"))}
	if done > 0 {
		c.Value = &slowest
		c.Reason += ", the slowest after " + inUnit(slowest, UnitSeconds)
	}
	worst, against := worstOf(repeats)
	c.Reason += against
	if c = judged(c, done == int(d.Repeat) && slowest <= limit); worst == evidence.Failed || slowest > limit {
		c.Outcome = evidence.Failed
	} else if worst != evidence.Passed {
		c.Outcome = worst
	}
	return c
}

// worstOf is the worst outcome of repeats, and why the first of them has it.
func worstOf(repeats []evidence.Repeat) (worst evidence.Outcome, against string) {
	worst = evidence.Passed
	for _, r := range repeats {
		if r.Outcome == worst || worst == evidence.Failed || r.Outcome == evidence.Passed {
			continue
		}
		worst, against = r.Outcome, fmt.Sprintf("; drill %d: %s", r.Number, r.Reason)
	}
	return worst, against
}

// restoreTime is how long it took from the injection until users had the baseline
// again, and it was well; unknown where that was not measured.
func restoreTime(r evidence.Repeat) (took time.Duration, known bool) {
	if r.BreachAt == nil || r.HealthyAt == nil || r.HealthyAt.Before(*r.BreachAt) {
		return 0, false
	}
	back := *r.HealthyAt
	if r.MetUntil != nil && r.MetUntil.After(back) {
		back = *r.MetUntil
	}
	return back.Sub(*r.BreachAt), true
}

// trafficBack says how long it took until the baseline had all traffic. Of a drill
// that measured nothing, such as one that could not begin, nobody knows.
func trafficBack(d Drill, repeats []evidence.Repeat) evidence.Criterion {
	title := fmt.Sprintf("%s: traffic back within %s", d.Title(), d.DecideWithin)
	slowest, n, against := 0.0, 0, false
	for _, r := range repeats {
		if r.BreachAt == nil || r.RestoredAt == nil {
			against = against || r.Outcome == evidence.Failed || r.BreachAt != nil
			continue
		}
		back := *r.RestoredAt
		if r.MetUntil != nil {
			back = *r.MetUntil
		}
		slowest = max(slowest, back.Sub(*r.BreachAt).Seconds())
		n++
	}
	if n == 0 {
		return unmeasured(title, "no drill put traffic back")
	}
	limit := d.DecideWithin.Std().Seconds()
	c := evidence.Criterion{Name: title, Value: &slowest, Limit: &limit, Unit: UnitSeconds,
		Reason: fmt.Sprintf("%d of %s put it back, the slowest after %s", n, counted(int(d.Repeat), "drill", "drills"), inUnit(slowest, UnitSeconds))}
	if c = judged(c, slowest <= limit && !against); c.Outcome == evidence.Passed && n < int(d.Repeat) {
		c.Outcome = evidence.Unmeasured
	}
	return c
}

// noticed is something that users notice of a drill, and how much it may be.
type noticed struct {
	title, unit string
	limit       float64
	of          func(evidence.Continuity) float64
}

// worst judges the worst of what users noticed.
func worst(repeats []evidence.Repeat, what noticed) evidence.Criterion {
	most, n := 0.0, 0
	for _, r := range repeats {
		if r.Users != nil && r.Users.Requests > 0 {
			most = max(most, what.of(*r.Users))
			n++
		}
	}
	if n < len(repeats) && (n == 0 || most <= what.limit) {
		return unmeasured(what.title, fmt.Sprintf("users were seen in %d of %s", n, counted(len(repeats), "drill", "drills")))
	}
	return judged(evidence.Criterion{Name: what.title, Value: &most, Limit: &what.limit, Unit: what.unit,
		Reason: fmt.Sprintf("at most %s in a drill, allowed %s", inUnit(most, what.unit), inUnit(what.limit, what.unit))}, most <= what.limit)
}

// same says whether each drill left the target as it had been.
func same(title string, repeats []evidence.Repeat) evidence.Criterion {
	title += evidence.AsBefore
	made, drilled, unread := 0, 0, ""
	for _, r := range repeats {
		if r.RunID == "" { // what has changed is somebody else's
			continue
		}
		made++
		if r.BreachAt != nil {
			drilled++
		}
		switch {
		case !r.Same && len(r.Differences) == 1 && strings.HasPrefix(r.Differences[0], evidence.StateUnread):
			unread = fmt.Sprintf("after drill %d: %s", r.Number, r.Differences[0])
		case !r.Same || len(r.Residue) > 0:
			return failed(title, fmt.Sprintf("after drill %d: %s", r.Number, strings.Join(slices.Concat(r.Differences, r.Residue), "; ")))
		}
	}
	switch {
	case unread != "":
		return unmeasured(title, unread)
	case made < len(repeats):
		return unmeasured(title, fmt.Sprintf("%d of %s began", made, counted(len(repeats), "drill", "drills")))
	case drilled < made:
		return passed(title, fmt.Sprintf("the target was the same after %s, in %d of which a drill took place", counted(made, "rollout", "rollouts"), drilled))
	}
	return passed(title, "the target was the same after "+counted(made, "drill", "drills"))
}

// RestoreTimes are the seconds from the injection until the baseline was well, of
// the repeats that came so far.
func RestoreTimes(repeats []evidence.Repeat) []float64 {
	var out []float64
	for _, r := range repeats {
		if took, known := restoreTime(r); known {
			out = append(out, took.Round(time.Millisecond).Seconds())
		}
	}
	return out
}
