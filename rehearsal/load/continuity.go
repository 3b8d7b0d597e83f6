package load

import (
	"fmt"
	"io"
	"slices"
	"time"

	"bakeoff/analysis"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// Noticed collects what users noticed between two moments. Requests are those
// that were due between them. The longest gap is that between two good answers
// one after the other, of which a part lies between the moments; where there is
// none before or after, it is counted from or to the moment itself. It is not safe
// for concurrent use.
type Noticed struct {
	from, to         time.Time
	before, after    time.Time // nearest good answers outside, zero: none
	answers          []time.Time
	requests, failed int
	latency          analysis.Latencies
}

// NewNoticed begins with nothing between two moments, of which the first has to be
// before the second.
func NewNoticed(from, to time.Time) (*Noticed, error) {
	if !from.Before(to) {
		return nil, fmt.Errorf("continuity: %s is not before %s", from, to)
	}
	return &Noticed{from: from, to: to}, nil
}

// Notice adds raw requests (see [ReadRaw]), of one shard of one load, to all of
// them at one reading.
func Notice(raw io.Reader, all ...*Noticed) error {
	start, records, err := ReadRaw(raw)
	if err != nil {
		return err
	}
	for rec, err := range records {
		if err != nil {
			return err
		}
		for _, n := range all {
			n.add(start, rec)
		}
	}
	return nil
}

func (n *Noticed) add(start time.Time, r Record) {
	due, answered := start.Add(r.Planned), start.Add(r.Planned+r.Latency)
	if r.sent() && r.Kind != KindStopped && !due.Before(n.from) && !due.After(n.to) {
		n.requests++
		if r.Waited() {
			n.latency.Add(r.Latency.Seconds())
		}
		if r.failed() {
			n.failed++
		}
	}
	switch {
	case !r.Good():
	case answered.Before(n.from):
		if answered.After(n.before) {
			n.before = answered
		}
	case answered.After(n.to):
		if n.after.IsZero() || answered.Before(n.after) {
			n.after = answered
		}
	default:
		n.answers = append(n.answers, answered)
	}
}

// Continuity is what users noticed, of the requests so far.
func (n *Noticed) Continuity() evidence.Continuity {
	first, end := n.before, n.after
	if first.IsZero() {
		first = n.from
	}
	if end.IsZero() {
		end = n.to
	}
	slices.SortFunc(n.answers, time.Time.Compare)
	longest, last := time.Duration(0), first
	for _, answered := range append(slices.Clip(n.answers), end) {
		longest, last = max(longest, answered.Sub(last)), answered
	}
	return evidence.Continuity{From: n.from, To: n.to, Requests: n.requests, Failed: n.failed,
		LongestGap: rollout.Duration(longest), Latency: quantiles(&n.latency)}
}
