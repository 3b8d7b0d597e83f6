package rehearsal

import (
	"math"
	"slices"
	"time"

	"bakeoff/rehearsal/evidence"
)

// measured is a signal over the moments that count.
type measured struct {
	least, most float64       // of signals of scaling; of others both are the signal
	n           int           // requests or samples; 0: it was not measured
	blind       time.Duration // how long a signal of scaling was not read, where that is too long
}

// measure is a signal over the moments that count.
func (f Facts) measure(e Expect, when moments) measured {
	if ofScaling(e.Signal) {
		return f.sampled(e.Signal, when)
	}
	var latencies []float64
	good, first, last := 0, time.Duration(math.MaxInt64), time.Duration(0)
	for _, r := range f.Requests {
		if e.Of != "" && r.Load != e.Of || !when.hold(r.At) {
			continue
		}
		first, last = min(first, r.At), max(last, r.At)
		latencies = append(latencies, r.Latency.Seconds())
		if r.Good {
			good++
		}
	}
	n := len(latencies)
	if n == 0 {
		return measured{}
	}
	value := valueOf(e.Signal, latencies, good, when.length(first, last).Seconds())
	return measured{least: value, most: value, n: n}
}

// valueOf is a signal of requests. The rate is over a time of so many seconds, and
// of a shorter one than a second over that.
func valueOf(signal string, latencies []float64, good int, seconds float64) float64 {
	switch signal {
	case SignalErrors:
		return float64(len(latencies)-good) / float64(len(latencies))
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

// sampled is a signal of scaling over the moments that count. The time in which it
// had to be read ends with the last sample, whatever was read then.
func (f Facts) sampled(signal string, when moments) measured {
	out := measured{least: math.Inf(1)}
	series := f.scalingSeries(signal)
	for i, second := range series.Seconds {
		if when.hold(moment(second)) {
			out.least, out.most = min(out.least, series.Values[i]), max(out.most, series.Values[i])
			out.n++
		}
	}
	var end time.Duration
	for _, s := range f.Sampled.Samples {
		end = max(end, s.At.Sub(f.Zero))
	}
	out.blind = when.blind(series.Seconds, 0, end)
	return out
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
