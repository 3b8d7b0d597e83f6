package evidence

import (
	"fmt"
	"strings"
	"time"

	"bakeoff/rollout"
)

// Load is what one load sent and got, by the clock of who sent it. Latencies
// count from the moment at which a request should have been sent, so that a
// server that stalls is charged for those who would have waited.
type Load struct {
	Name            string         `json:"name"`
	Digest          string         `json:"digest"`            // of the schedule: arrival times and requests
	Arrived         int            `json:"arrived,omitempty"` // users who came: each sends one request, or a journey of several
	Sent            int            `json:"sent"`
	Failed          int            `json:"failed"`             // no answer, or not the one that was asked for
	Errors          map[string]int `json:"errors,omitempty"`   // kind → how many
	Missed          int            `json:"missed,omitempty"`   // should have been sent, and were not: the generator could not
	Restarts        int            `json:"restarts,omitempty"` // how often a generator was begun anew: one before had died, stood still, or was cut off from Temporal
	Rate            float64        `json:"rate"`               // a second, as sent
	Latency         Quantiles      `json:"latency"`            // from the planned moment; what was refused at once was not waited for, and is not in it
	Service         Quantiles      `json:"serviceLatency"`     // from the moment of sending: what a naive tool shows
	ArrivalErrorP99 float64        `json:"arrivalErrorP99"`    // seconds between planned and real sending
	StartedAt       time.Time      `json:"startedAt"`
	EndedAt         time.Time      `json:"endedAt"`
	Traces          *Traces        `json:"traces,omitempty"` // nil: its requests carried none
}

// Traces are those requests of a load that carried a trace, by which what the
// service made of them is found where it sends its spans.
type Traces struct {
	Requests    int     `json:"requests"`              // that carried one
	Failed      int     `json:"failed"`                // of them
	FirstFailed []Trace `json:"firstFailed,omitempty"` // at most 10, oldest first
	Slowest     []Trace `json:"slowest,omitempty"`     // of those that did not fail: at most 10, slowest first
}

// Trace is one request that carried a trace.
type Trace struct {
	ID      string    `json:"id"`                // of the trace, as W3C writes it
	Step    int       `json:"step"`              // which request of the trace, from 1
	At      time.Time `json:"at"`                // when it should have been sent
	Latency float64   `json:"latency"`           // seconds, from that moment
	Version string    `json:"version,omitempty"` // which answered
	Error   string    `json:"error,omitempty"`   // its kind; "": a good answer
}

// Quantiles of a distribution, in seconds. They are 0 where nothing was measured.
type Quantiles struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Known reports whether anything was measured.
func (q Quantiles) Known() bool { return q.Max > 0 }

// Fault is one fault as it really was.
type Fault struct {
	Name      string    `json:"name"`
	What      string    `json:"what"`               // "toxiproxy db: latency 200ms"
	StartedAt time.Time `json:"startedAt,omitzero"` // zero: it was not seen in force
	EndedAt   time.Time `json:"endedAt,omitzero"`
	RemovedBy string    `json:"removedBy"` // "rehearsal", "expiry", "stop", "worker" (it died), "failure" (it could not begin), "others" (it was gone before its time)
	Verified  bool      `json:"verified"`  // it was seen to be gone
	Error     string    `json:"error,omitempty"`

	// Stretches are when it was in force, where that was more than once: a worker
	// died, and another began it again. None: from StartedAt until EndedAt.
	Stretches []Stretch `json:"stretches,omitempty"`
}

// Stretch is a time without a break.
type Stretch struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// InForce is when the fault was in force, one after another; none where it never
// was.
func (f Fault) InForce() []Stretch {
	switch {
	case f.StartedAt.IsZero() || !f.EndedAt.After(f.StartedAt):
		return nil
	case len(f.Stretches) > 0:
		return f.Stretches
	}
	return []Stretch{{f.StartedAt, f.EndedAt}}
}

// Unverified reports whether the fault began, or may have begun, and was not seen to
// be gone.
func (f Fault) Unverified() bool {
	return !f.Verified && !(f.StartedAt.IsZero() && f.EndedAt.IsZero())
}

// Drill is one kind of drill, repeated.
type Drill struct {
	Name    string           `json:"name"` // "from step 1"
	Step    int              `json:"step"`
	Poll    rollout.Duration `json:"poll,omitempty"` // how often the step was looked at: a breach cannot be seen sooner
	Repeats []Repeat         `json:"repeats"`
	Restore *Distribution    `json:"restore,omitempty"` // seconds from the breach until the baseline is verified, of those that ended
	Limit   rollout.Duration `json:"restoreWithin,omitempty"`
}

// Repeat is one drill.
type Repeat struct {
	Number      int                    `json:"number"` // from 1
	Outcome     Outcome                `json:"outcome"`
	Reason      string                 `json:"reason"`
	WorkflowID  string                 `json:"workflowId"`
	RunID       string                 `json:"runId"`
	StartedAt   time.Time              `json:"startedAt"`
	Weight      float64                `json:"weight,omitempty"`   // the candidate's in the step, as a ratio
	RaisedAt    *time.Time             `json:"raisedAt,omitempty"` // it has it from then on
	BreachAt    *time.Time             `json:"breachAt,omitempty"` // the verdict was injected
	SeenAt      *time.Time             `json:"seenAt,omitempty"`
	DecidedAt   *time.Time             `json:"decidedAt,omitempty"`
	RestoredAt  *time.Time             `json:"restoredAt,omitempty"` // traffic
	HealthyAt   *time.Time             `json:"healthyAt,omitempty"`
	MetUntil    *time.Time             `json:"metUntil,omitempty"` // after RestoredAt users met the candidate all the same, then for the last time
	EndedAt     time.Time              `json:"endedAt"`
	Shares      []Share                `json:"shares,omitempty"` // the candidate's, from step to step; none where only Weight and RaisedAt are known
	Restore     *rollout.TimeToRestore `json:"timeToRestore,omitempty"`
	Users       *Continuity            `json:"users,omitempty"`
	Data        *Harm                  `json:"data,omitempty"` // of the transactions that were written in its time; nil: there was no ledger
	Same        bool                   `json:"same"`           // the state after equals the state before
	Differences []string               `json:"differences,omitempty"`
	Residue     []string               `json:"residue,omitempty"`
}

// StateUnread begins the difference of a repeat after which nobody could read the
// state: whether the target is the same is not known then.
const StateUnread = "the state could not be read: "

// Continuity is what users noticed between two moments, measured where they are.
type Continuity struct {
	From       time.Time        `json:"from"`
	To         time.Time        `json:"to"`
	Requests   int              `json:"requests"`
	Failed     int              `json:"failed"`
	LongestGap rollout.Duration `json:"longestGap"` // between two good answers that came one after the other
	Latency    Quantiles        `json:"latency"`
}

// Harm is what became of transactions that are not there as they were written.
type Harm struct {
	Lost    int `json:"lost"`
	Doubled int `json:"doubled"`
	Altered int `json:"altered"`
	Unread  int `json:"unread"` // could not be read back
}

// String says what became of them; "whole" where all is well.
func (h Harm) String() string {
	var said []string
	for _, x := range []struct {
		n    int
		what string
	}{{h.Lost, "lost"}, {h.Doubled, "doubled"}, {h.Altered, "altered"}, {h.Unread, "unread"}} {
		if x.n > 0 {
			said = append(said, fmt.Sprintf("%d %s", x.n, x.what))
		}
	}
	if len(said) == 0 {
		return "whole"
	}
	return strings.Join(said, ", ")
}

// Distribution of repeated measurements, with a bound that needs no assumption
// about their shape: of n repeats with maximum Max, with confidence Confidence
// the next is at most Max with a probability of at least Coverage = (1−Confidence)^(1/n).
type Distribution struct {
	N          int       `json:"n"`
	Values     []float64 `json:"values"` // in the order of the repeats
	Median     float64   `json:"median"`
	P90        float64   `json:"p90"`
	Max        float64   `json:"max"`
	Confidence float64   `json:"confidence"` // 0.95
	Coverage   float64   `json:"coverage"`
	Unit       string    `json:"unit"` // "s"
}

// Ledger is what became of synthetic transactions: written, then read back.
type Ledger struct {
	Written  int      `json:"written"` // acknowledged
	Unsure   int      `json:"unsure"`  // sent, and no answer: may be there once, or not
	Lost     int      `json:"lost"`
	Doubled  int      `json:"doubled"`
	Altered  int      `json:"altered"`
	Unread   int      `json:"unread"`             // could not be read back
	Examples []string `json:"examples,omitempty"` // at most 20: "order 7f3a: doubled"
	Tables   []Table  `json:"tables,omitempty"`
}

// Table is one reference table, by digest before and after.
type Table struct {
	Name   string `json:"name"`
	Before string `json:"before"`
	After  string `json:"after"`
	Rows   int    `json:"rows"`
}

// Scaling is how an autoscaler did. A nil figure was not measured.
type Scaling struct {
	Outcome      Outcome           `json:"outcome"`
	Reason       string            `json:"reason"`
	Up           *rollout.Duration `json:"up,omitempty"`     // from the crossing of the trigger to enough replicas
	Asked        *rollout.Duration `json:"asked,omitempty"`  // the part of Up until the autoscaler asked for enough
	Down         *rollout.Duration `json:"down,omitempty"`   // from the end of the need to the floor
	Needed       int               `json:"needed,omitempty"` // replicas that the load needed at its peak; 0: not known
	Overshoot    int               `json:"overshoot"`        // replicas above what was needed, at most
	Oscillations int               `json:"oscillations"`     // turns from up to down to up, and the other way
	Floor        int               `json:"floor"`            // fewest replicas seen
	Ceiling      int               `json:"ceiling"`          // most replicas seen
	CooldownKept bool              `json:"cooldownKept"`
	QueueMax     float64           `json:"queueMax"`         // longest queue while more replicas were awaited
	LatencyMax   float64           `json:"latencyMax"`       // seconds: worst p99 in the same time
	Advice       []string          `json:"advice,omitempty"` // for requests, cooldowns, capacity
}

// The series that the reports know; others are drawn alone.
const (
	SeriesErrors   = "errors"      // ratio, of a load, or of a side
	SeriesLatency  = "latency-p99" // seconds
	SeriesMedian   = "latency-p50" // seconds
	SeriesRate     = "rate"        // a second
	SeriesWeight   = "weight"      // ratio: the candidate's share, as the router has it or, of SeriesUsers, as users met it
	SeriesReplicas = "replicas"
	SeriesQueue    = "queue"
)

// SeriesUsers is of whom the share is that users met, by the answers that name the
// version that gave them.
const SeriesUsers = "users"

// Series is one signal over time.
type Series struct {
	Name    string    `json:"name"`
	Of      string    `json:"of,omitempty"` // which load, or "baseline" and "candidate"
	Unit    string    `json:"unit"`         // "ratio", "s", "/s", "replicas"…
	Seconds []float64 `json:"seconds"`      // since StartedAt, rising
	Values  []float64 `json:"values"`       // as many; finite
}
