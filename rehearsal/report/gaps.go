package report

import (
	"math"
	"slices"

	"bakeoff/rehearsal/evidence"
)

// How much longer than usual it may be from one value of a series to the next until
// the line between them breaks. Of a load each second is known in which anything was
// sent. What is read at moments may come late, and a side that answers few is not away.
const (
	betweenSeconds  = 1.5
	betweenReadings = 2.5
)

// asMeasured are series as lines show them: through no time in which nothing was
// measured.
func asMeasured(run evidence.Run, series []evidence.Series) []evidence.Series {
	var out []evidence.Series
	for _, s := range series {
		longer := betweenReadings
		if slices.ContainsFunc(run.Load, func(l evidence.Load) bool { return l.Name == s.Of }) {
			longer = betweenSeconds
		}
		out = append(out, broken(s, longer))
	}
	return out
}

// broken is a series with a gap wherever the next value comes so much later than
// usual, and after the last: the candidate between two drills has no errors, and no latency.
func broken(s evidence.Series, longer float64) evidence.Series {
	var steps []float64
	for i := 1; i < len(s.Seconds); i++ {
		steps = append(steps, s.Seconds[i]-s.Seconds[i-1])
	}
	usual, out := middle(steps), evidence.Series{Name: s.Name, Of: s.Of, Unit: s.Unit}
	for i, x := range s.Seconds[:min(len(s.Seconds), len(s.Values))] {
		if i > 0 && steps[i-1] > longer*usual {
			out.Seconds, out.Values = append(out.Seconds, s.Seconds[i-1]+usual), append(out.Values, math.NaN())
		}
		out.Seconds, out.Values = append(out.Seconds, x), append(out.Values, s.Values[i])
	}
	if last := len(out.Seconds) - 1; last >= 0 && finite(usual) { // a step does not hold to the end
		out.Seconds, out.Values = append(out.Seconds, out.Seconds[last]+usual), append(out.Values, math.NaN())
	}
	return out
}
