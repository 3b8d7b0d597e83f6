package load

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"bakeoff/analysis"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// Results is what a load, or a part of it, came to, by intervals of time. A
// request belongs to the interval in which it was due, whenever it was answered.
// Results of shards, and of one shard's time bit by bit, merge into the whole.
// It is not safe for concurrent use.
type Results struct {
	Load     string             `json:"load"`     // name
	Start    time.Time          `json:"start"`    // of the load: offset 0
	Interval rollout.Duration   `json:"interval"` // 100ms or more
	Buckets  map[int]*Bucket    `json:"buckets,omitempty"`
	Late     analysis.Latencies `json:"late"`     // of first steps, which alone have a planned moment: from then until sent
	LastSent rollout.Duration   `json:"lastSent"` // since Start
	Ended    rollout.Duration   `json:"ended"`    // since Start: the last answer
	Arrived  int                `json:"arrived"`  // arrivals, whether they were sent or missed
}

// Bucket is what was due in [n × Interval, (n+1) × Interval), where n is its key.
type Bucket struct {
	Sent    int                `json:"sent"`             // with those for which the service left no connection free (KindStalled)
	Failed  int                `json:"failed,omitempty"` // of those sent
	Missed  int                `json:"missed,omitempty"` // due, and not sent
	Errors  map[string]int     `json:"errors,omitempty"` // kind → how many
	Latency analysis.Latencies `json:"latency"`          // from the planned moment; of those whose users waited (Record.Waited)
	Service analysis.Latencies `json:"service"`          // from the moment of sending
}

// The lengths of intervals.
const (
	DefaultInterval  = rollout.Duration(time.Second)
	ShortestInterval = rollout.Duration(100 * time.Millisecond)
)

// NewResults returns empty results. An interval of 0 is a second, a shorter one
// than ShortestInterval is that.
func NewResults(name string, start time.Time, interval rollout.Duration) Results {
	if interval == 0 {
		interval = DefaultInterval
	}
	return Results{Load: name, Start: start, Interval: max(interval, ShortestInterval), Buckets: map[int]*Bucket{}}
}

// Add counts one request.
func (r *Results) Add(rec Record) {
	b := r.bucket(int(rec.Planned / r.Interval.Std()))
	if rec.Step == 0 {
		r.Arrived++
	}
	if !rec.sent() {
		b.Missed++
		return
	}
	b.Sent++
	if rec.failed() {
		b.Failed++
		if b.Errors == nil {
			b.Errors = map[string]int{}
		}
		b.Errors[rec.Kind]++
	}
	if rec.Kind == KindStalled { // it waited in vain: there is no moment of sending
		b.Latency.Add(rec.Latency.Seconds())
		return
	}
	if rec.Step == 0 { // the others are due when the one before is answered, and never late
		r.Late.Add(rec.Late.Seconds())
	}
	r.LastSent = max(r.LastSent, rollout.Duration(rec.Planned+rec.Late))
	r.Ended = max(r.Ended, rollout.Duration(rec.Planned+rec.Latency))
	if rec.Waited() {
		b.Latency.Add(rec.Latency.Seconds())
		b.Service.Add((rec.Latency - rec.Late).Seconds())
	}
}

func (r *Results) bucket(n int) *Bucket {
	b := r.Buckets[n]
	if b == nil {
		b = &Bucket{}
		if r.Buckets == nil {
			r.Buckets = map[int]*Bucket{}
		}
		r.Buckets[n] = b
	}
	return b
}

// Merge adds other results of the same load; they stay as they are. Those of
// another load, start or interval are an error.
func (r *Results) Merge(other Results) error {
	if r.Load != other.Load || !r.Start.Equal(other.Start) || r.Interval != other.Interval {
		return fmt.Errorf("merge results of %s: they are of %s, another start or another interval", r.Load, other.Load)
	}
	for n, b := range other.Buckets {
		r.bucket(n).merge(b)
	}
	r.Late.Merge(&other.Late)
	r.Arrived += other.Arrived
	r.LastSent, r.Ended = max(r.LastSent, other.LastSent), max(r.Ended, other.Ended)
	return nil
}

func (b *Bucket) merge(other *Bucket) {
	b.Sent, b.Failed, b.Missed = b.Sent+other.Sent, b.Failed+other.Failed, b.Missed+other.Missed
	for kind, n := range other.Errors {
		if b.Errors == nil {
			b.Errors = map[string]int{}
		}
		b.Errors[kind] += n
	}
	b.Latency.Merge(&other.Latency)
	b.Service.Merge(&other.Service)
}

// Total is all intervals in one.
func (r Results) Total() Bucket {
	var out Bucket
	for _, b := range r.Buckets {
		out.merge(b)
	}
	return out
}

// Evidence is what a run keeps of the results. The digest is the schedule's.
// The rate is that from the start until the last one was sent; one request alone
// has none.
func (r Results) Evidence(digest string) evidence.Load {
	total := r.Total()
	out := evidence.Load{
		Name: r.Load, Digest: digest, Arrived: r.Arrived, Sent: total.Sent, Failed: total.Failed, Errors: total.Errors, Missed: total.Missed,
		Latency: quantiles(&total.Latency), Service: quantiles(&total.Service), ArrivalErrorP99: r.Late.Quantile(0.99),
		StartedAt: r.Start, EndedAt: r.Start.Add(r.Ended.Std()),
	}
	if seconds := r.LastSent.Std().Seconds(); seconds > 0 && total.Sent > 1 {
		out.Rate = float64(total.Sent-1) / seconds
	}
	return out
}

func quantiles(l *analysis.Latencies) evidence.Quantiles {
	return evidence.Quantiles{P50: l.Quantile(0.5), P90: l.Quantile(0.9), P99: l.Quantile(0.99), Max: l.Quantile(1)}
}

// Series are the load's rate, errors and latencies over time, in seconds since
// the run's start. An interval in which nothing was sent has a rate of 0, and
// no errors; one in which nobody was answered has no latencies.
func (r Results) Series(runStart time.Time) []evidence.Series {
	series := []evidence.Series{
		{Name: evidence.SeriesRate, Unit: "/s"}, {Name: evidence.SeriesErrors, Unit: "ratio"},
		{Name: evidence.SeriesMedian, Unit: "s"}, {Name: evidence.SeriesLatency, Unit: "s"},
	}
	add := func(i int, second, value float64) {
		series[i].Of = r.Load
		series[i].Seconds, series[i].Values = append(series[i].Seconds, second), append(series[i].Values, value)
	}
	numbers := slices.Sorted(maps.Keys(r.Buckets))
	if len(numbers) == 0 {
		return nil
	}
	for n := numbers[0]; n <= numbers[len(numbers)-1]; n++ {
		second := r.Start.Add(time.Duration(n) * r.Interval.Std()).Sub(runStart).Seconds()
		b := r.Buckets[n]
		if b == nil || b.Sent == 0 {
			add(0, second, 0)
			continue
		}
		add(0, second, float64(b.Sent)/r.Interval.Std().Seconds())
		add(1, second, float64(b.Failed)/float64(b.Sent))
		if b.Latency.Count() > 0 {
			add(2, second, b.Latency.Quantile(0.5))
			add(3, second, b.Latency.Quantile(0.99))
		}
	}
	return slices.DeleteFunc(series, func(s evidence.Series) bool { return len(s.Values) == 0 })
}
