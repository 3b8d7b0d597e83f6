package rehearsal

import (
	"math"
	"slices"
	"time"

	"bakeoff/rehearsal/evidence"
)

// measure is a signal over the moments that count, and how many requests or
// samples that was; 0: it was not measured.
func (f Facts) measure(e Expect, counts func(time.Duration) bool) (value float64, n int) {
	if ofScaling(e.Signal) {
		return f.mostOf(e.Signal, counts)
	}
	var latencies []float64
	good, first, last := 0, time.Duration(math.MaxInt64), time.Duration(0)
	for _, r := range f.Requests {
		if e.Of != "" && r.Load != e.Of || !counts(r.At) {
			continue
		}
		n++
		first, last = min(first, r.At), max(last, r.At)
		latencies = append(latencies, r.Latency.Seconds())
		if r.Good {
			good++
		}
	}
	if n == 0 {
		return 0, 0
	}
	return valueOf(e.Signal, latencies, good, (last - first).Seconds()), n
}

// valueOf is a signal of requests. The rate is over the time between the first
// and the last of them.
func valueOf(signal string, latencies []float64, good int, seconds float64) float64 {
	switch signal {
	case SignalErrors:
		return 1 - float64(good)/float64(len(latencies))
	case SignalRate:
		return float64(good) / max(seconds, 1)
	default:
		slices.Sort(latencies)
		return quantile(latencies, quantileOf(signal))
	}
}

func quantileOf(signal string) float64 {
	switch signal {
	case SignalP50:
		return 0.5
	case SignalP90:
		return 0.9
	case SignalP99:
		return 0.99
	}
	return 1
}

// quantile is the smallest value that a share q of the sorted values does not
// exceed (Hyndman and Fan 1996, definition 1).
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(int(math.Ceil(q*float64(len(sorted))))-1, 0)]
}

// mostOf is the highest value of a signal of scaling.
func (f Facts) mostOf(signal string, counts func(time.Duration) bool) (most float64, n int) {
	series := f.scalingSeries(signal)
	for i, second := range series.Seconds {
		if counts(time.Duration(second * float64(time.Second))) {
			most = max(most, series.Values[i])
			n++
		}
	}
	return most, n
}

// BySecond is a signal of the users for each second in which there were requests,
// of one load or, with of "", of all.
func (f Facts) BySecond(signal, of string) evidence.Series {
	unit, _ := unitOf(signal)
	out := evidence.Series{Name: signal, Of: of, Unit: unit}
	var latencies []float64
	good, second := 0, 0
	flush := func() {
		if len(latencies) == 0 {
			return
		}
		out.Seconds = append(out.Seconds, float64(second))
		out.Values = append(out.Values, valueOf(signal, latencies, good, 1))
		latencies, good = latencies[:0], 0
	}
	for _, r := range f.Requests {
		if of != "" && r.Load != of {
			continue
		}
		if at := int(r.At / time.Second); at != second {
			flush()
			second = at
		}
		latencies = append(latencies, r.Latency.Seconds())
		if r.Good {
			good++
		}
	}
	flush()
	return out
}
