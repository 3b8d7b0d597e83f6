package activities

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"bakeoff/analysis"
	"bakeoff/rollout"
)

// reference remembers the last value of every series, so that the next reading
// becomes counts. It is kept over readings that failed: what was missed in
// between then belongs to the next window.
type reference map[string]map[Side]SideReading // check → side

// counts returns what one side did since the reference. A counter that shrank
// began anew, a histogram with all its buckets when one of them shrank, and a
// series that was not there before began at zero; but the first reading of a
// side only sets the reference, and found is false. A reading that no counter
// can have is an error.
func (r reference) counts(check string, side Side, now SideReading) (counts analysis.Counts, found bool, err error) {
	was, known := r[check][side]
	if !now.possible() {
		return counts, false, errors.New("a counter is negative, infinite or no number")
	}
	if !known && now.Value == nil {
		return counts, false, nil
	}
	counts.Requests = increase(was.Requests, now.Requests)
	counts.Failures = math.Min(increase(was.Failures, now.Failures), counts.Requests)
	counts.Value = now.Value
	for series, buckets := range now.Buckets {
		before := was.Buckets[series]
		if shrank(before, buckets) {
			before = nil
		}
		if counts.Buckets == nil {
			counts.Buckets = make(map[string]float64, len(buckets))
		} else if len(counts.Buckets) != len(buckets) {
			return counts, false, fmt.Errorf("its series have different buckets")
		}
		for bound, n := range buckets {
			counts.Buckets[bound] += n - before[bound]
		}
	}
	return counts, true, nil
}

func shrank(before, now map[string]float64) bool {
	for bound, n := range before {
		if m, found := now[bound]; found && m < n {
			return true
		}
	}
	return false
}

// possible reports whether counters can stand like this.
func (s SideReading) possible() bool {
	for _, counters := range append(slices.Collect(maps.Values(s.Buckets)), s.Requests, s.Failures) {
		for _, n := range counters {
			if !(n >= 0) || math.IsInf(n, 1) {
				return false
			}
		}
	}
	return true
}

func increase(was, now map[string]float64) float64 {
	total := 0.0
	for series, n := range now {
		if before := was[series]; n >= before {
			n -= before
		}
		total += n
	}
	return total
}

// remember makes the reading the reference, and keeps the last value of series
// that are missing from it, and all of them where it cannot be.
func (r reference) remember(check string, side Side, now SideReading) {
	if !now.possible() {
		return
	}
	if r[check] == nil {
		r[check] = map[Side]SideReading{}
	}
	was := r[check][side]
	r[check][side] = SideReading{
		Requests: merged(was.Requests, now.Requests),
		Failures: merged(was.Failures, now.Failures),
		Buckets:  merged(was.Buckets, now.Buckets),
	}
}

// lastFailures is when each counter of failures moved last, by check, side and
// series.
type lastFailures map[string]map[Side]map[string]time.Time

// note compares a reading with the one before it.
func (l lastFailures) note(check string, side Side, was, now SideReading, at time.Time) {
	for series, n := range now.Failures {
		if n <= was.Failures[series] {
			continue
		}
		if l[check] == nil {
			l[check] = map[Side]map[string]time.Time{}
		}
		if l[check][side] == nil {
			l[check][side] = map[string]time.Time{}
		}
		l[check][side][series] = at
	}
}

// idle is how long a counter of failures may have stood still before it is
// taken for one that expired. Exporters forget series that do not change.
const idle = 2 * time.Minute

// failuresGone finds a side one of whose counters of failures has vanished
// while it was counting, although nothing restarted or went: what is left would
// read as a recovery. It is so until the counter is back.
func (p *panel) failuresGone(check string, r CheckReading) (Side, bool) {
	for _, side := range []Side{Candidate, Baseline} {
		counting := func(series string) bool {
			moved, known := p.failed[check][side][series]
			return known && p.at[check].Sub(moved) <= idle
		}
		if p.last[check][side].lost(r.Sides[side], counting) {
			return side, true
		}
	}
	return "", false
}

// lost reports whether a counter of failures that was counting is missing from
// now, while every other counter of requests goes on.
func (s SideReading) lost(now SideReading, counting func(series string) bool) bool {
	for series, n := range s.Requests {
		if _, fails := s.Failures[series]; fails {
			continue
		}
		if m, found := now.Requests[series]; !found || m < n {
			return false
		}
	}
	for series := range s.Failures {
		if _, found := now.Failures[series]; counting(series) && !found {
			return len(now.Requests) > 0
		}
	}
	return false
}

func merged[V any](old, now map[string]V) map[string]V {
	if len(old) == 0 {
		return maps.Clone(now)
	}
	out := maps.Clone(old)
	maps.Copy(out, now)
	return out
}

// slowAsFailures makes requests and failures out of a histogram for a judge of
// rates: a failure took longer than the objective, which must be one of its bounds.
func slowAsFailures(check rollout.Check, c analysis.Counts) (analysis.Counts, error) {
	if check.Histogram == "" || !check.IsAbsolute() || c.Buckets == nil {
		return c, nil
	}
	return c.Slower(check.SLO.Std().Seconds())
}
