package chart

import (
	"math"
	"strconv"
)

// clockSteps are the distances between ticks of a clock, in seconds.
var clockSteps = []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 4 * 3600, 12 * 3600, 24 * 3600}

// Ticks are round numbers from low to high, both included where they are round,
// and at most most+1 of them: 1, 2 or 5 times a power of ten apart, of what is
// counted at least 1; on a clock 1, 2, 5, 10, 15 or 30 seconds, minutes and so
// on. Where low is not below high, or one of them is no number, there are none.
func Ticks(low, high float64, most int, unit string) []float64 {
	if !finite(low) || !finite(high) || !finite(high-low) || low >= high || most < 1 {
		return nil
	}
	step := niceStep((high-low)/float64(most), unit)
	const slack = 1e-9
	var ticks []float64
	for k := math.Ceil(low/step - slack); k <= math.Floor(high/step+slack) && len(ticks) <= most; k++ {
		ticks = append(ticks, k*step)
	}
	return ticks
}

// niceStep is the least round step that is not below the given one.
func niceStep(least float64, unit string) float64 {
	if unit == Clock {
		for _, step := range clockSteps {
			if step >= least {
				return step
			}
		}
	}
	if unit == Count || unit == "replicas" || unit == "requests" {
		least = math.Max(least, 1)
	}
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, times := range []float64{1, 2, 5} {
		if times*power >= least*(1-1e-9) {
			return times * power
		}
	}
	return 10 * power
}

// labels writes ticks, all with the same number of decimals.
func labels(ticks []float64, unit string) []string {
	out := make([]string, len(ticks))
	if len(ticks) == 0 {
		return out
	}
	times, after := 1.0, ""
	switch size := math.Max(math.Abs(ticks[0]), math.Abs(ticks[len(ticks)-1])); {
	case unit == Seconds && size < 1:
		times, after = 1000, " ms"
	case unit == Seconds:
		after = " s"
	case unit == Ratio:
		times, after = 100, " %"
	}
	places := 0
	if len(ticks) > 1 {
		places = max(0, -int(math.Floor(math.Log10((ticks[1]-ticks[0])*times)+1e-9)))
	}
	for i, tick := range ticks {
		if unit == Clock {
			out[i] = clock(tick)
			continue
		}
		out[i] = strconv.FormatFloat(tick*times+0, 'f', places, 64) + after
		if places == 0 && after == "" {
			out[i] = grouped(strconv.FormatFloat(tick+0, 'f', 0, 64))
		}
	}
	return out
}
