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

// Continuity says from raw requests (see [ReadRaw]; of several shards, and of
// several loads too) what users noticed between two moments. Requests are those
// that were due between them. The longest gap is that between two good answers
// one after the other, of which a part lies between the moments; where there is
// none before or after, it is counted from or to the moment itself.
func Continuity(from, to time.Time, raw ...io.Reader) (evidence.Continuity, error) {
	u := users{from: from, to: to, answers: []time.Time{}}
	for _, r := range raw {
		start, records, err := ReadRaw(r)
		if err != nil {
			return evidence.Continuity{}, err
		}
		for rec, err := range records {
			if err != nil {
				return evidence.Continuity{}, err
			}
			u.add(start, rec)
		}
	}
	if !from.Before(to) {
		return evidence.Continuity{}, fmt.Errorf("continuity: %s is not before %s", from, to)
	}
	return u.continuity(), nil
}

// users collects what is needed of the requests.
type users struct {
	from, to         time.Time
	before, after    time.Time // nearest good answers outside, zero: none
	answers          []time.Time
	requests, failed int
	latency          analysis.Latencies
}

func (u *users) add(start time.Time, r Record) {
	due, answered := start.Add(r.Planned), start.Add(r.Planned+r.Latency)
	if r.sent() && r.Kind != KindStopped && !due.Before(u.from) && !due.After(u.to) {
		u.requests++
		if r.Waited() {
			u.latency.Add(r.Latency.Seconds())
		}
		if r.failed() {
			u.failed++
		}
	}
	switch {
	case !r.Good():
	case answered.Before(u.from):
		if answered.After(u.before) {
			u.before = answered
		}
	case answered.After(u.to):
		if u.after.IsZero() || answered.Before(u.after) {
			u.after = answered
		}
	default:
		u.answers = append(u.answers, answered)
	}
}

func (u *users) continuity() evidence.Continuity {
	if u.before.IsZero() {
		u.before = u.from
	}
	if u.after.IsZero() {
		u.after = u.to
	}
	slices.SortFunc(u.answers, time.Time.Compare)
	longest, last := time.Duration(0), u.before
	for _, answered := range append(u.answers, u.after) {
		longest, last = max(longest, answered.Sub(last)), answered
	}
	return evidence.Continuity{From: u.from, To: u.to, Requests: u.requests, Failed: u.failed,
		LongestGap: rollout.Duration(longest), Latency: quantiles(&u.latency)}
}
