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
	var all tally
	first, last := time.Duration(math.MaxInt64), time.Duration(0)
	for _, r := range f.Requests {
		if e.Of != "" && r.Load != e.Of || !when.hold(r.At) || e.Signal == SignalRate && f.away(e.Of, r.At) {
			continue
		}
		first, last = min(first, r.At), max(last, r.At)
		all.add(r)
	}
	length := when.length(first, last)
	for at := first.Truncate(time.Second); e.Signal == SignalRate && at < last; at += time.Second {
		if f.away(e.Of, at) {
			length -= when.length(at, at+time.Second)
		}
	}
	value, known := all.value(e.Signal, length.Seconds())
	if !known {
		return measured{}
	}
	return measured{least: value, most: value, n: all.n}
}

// tally is what came of requests.
type tally struct {
	n, good int
	waited  []float64 // seconds
}

func (t *tally) add(r Request) {
	t.n++
	if r.Good {
		t.good++
	}
	if r.Waited {
		t.waited = append(t.waited, r.Latency.Seconds())
	}
}

// value is a signal of the requests. The rate is over a time of so many seconds,
// and of a shorter one than a second over that. Latencies are unknown where nobody
// was answered: what is refused at once is not quick.
func (t *tally) value(signal string, seconds float64) (value float64, known bool) {
	switch {
	case t.n == 0:
		return 0, false
	case signal == SignalErrors:
		return float64(t.n-t.good) / float64(t.n), true
	case signal == SignalRate:
		return float64(t.good) / max(seconds, 1), true
	}
	slices.Sort(t.waited)
	return quantile(t.waited, quantileOf(signal)), len(t.waited) > 0
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

// away reports whether the generator of a load, or with of "" of any, could not
// send what was due in the second of a moment.
func (f Facts) away(of string, at time.Duration) bool {
	for name, seconds := range f.Away {
		if (of == "" || of == name) && seconds[int(at/time.Second)] {
			return true
		}
	}
	return false
}

// awayBetween reports whether it was so in any second between two moments.
func (f Facts) awayBetween(of string, from, to time.Time) bool {
	for at := from.Sub(f.Zero).Truncate(time.Second); at <= to.Sub(f.Zero); at += time.Second {
		if f.away(of, at) {
			return true
		}
	}
	return false
}

// BySecond is a signal of the users for each second in which there were requests,
// of one load or, with of "", of all. The rate of one in which its generator was away
// is not known.
func (f Facts) BySecond(signal, of string) evidence.Series {
	unit, _ := unitOf(signal)
	out := evidence.Series{Name: signal, Of: of, Unit: unit}
	var now tally
	second := 0
	flush := func() {
		if value, known := now.value(signal, 1); known && !(signal == SignalRate && f.away(of, time.Duration(second)*time.Second)) {
			out.Seconds = append(out.Seconds, float64(second))
			out.Values = append(out.Values, value)
		}
		now = tally{waited: now.waited[:0]}
	}
	for _, r := range f.Requests {
		if of != "" && r.Load != of {
			continue
		}
		if at := int(r.At / time.Second); at != second {
			flush()
			second = at
		}
		now.add(r)
	}
	flush()
	return out
}
