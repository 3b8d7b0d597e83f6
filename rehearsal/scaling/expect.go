// Package scaling judges an autoscaler: Expect is what a rehearsal's manifest
// asks of it, a Sample is what was seen of it at one moment, and Judge, the
// function to read first, says how it did. It has no clock and reads nothing.
package scaling

import (
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// Expect is what a manifest asks of an autoscaler. At most one of Needed and
// Capacity says what the load needs; without them it is what the autoscaler
// settles at under the peak: see Judge.
type Expect struct {
	Replicas     Range            `json:"replicas"`               // the bounds of the policy
	UpWithin     rollout.Duration `json:"upWithin"`               // longest time from the crossing of the trigger until enough replicas are ready
	DownWithin   rollout.Duration `json:"downWithin,omitempty"`   // longest time from the end of the need until only replicas.min are ready; default: not judged
	Overshoot    int              `json:"overshoot,omitempty"`    // maximum replicas above those needed; default 0
	Oscillations int              `json:"oscillations,omitempty"` // maximum turns that the load does not explain; default 0
	Swing        int              `json:"swing,omitempty"`        // smallest movement, in replicas, that can be a turn; default 1
	Waiting      *Waiting         `json:"waiting,omitempty"`      // what users may meet while more replicas are awaited
	Needed       int              `json:"needed,omitempty"`       // replicas that the load needs at its peak
	Capacity     load.Rate        `json:"capacity,omitempty"`     // what one replica serves, such as 50/s; gives the replicas needed
	Trigger      *Trigger         `json:"trigger,omitempty"`      // when the autoscaler has to act; default: the load is more than replicas.min serve, by capacity or, without it, by peak ÷ what is needed
	Policy       Policy           `json:"policy,omitzero"`        // how the autoscaler is configured
	Metrics      *rollout.Driver  `json:"metrics,omitempty"`      // driver that reads the signals; default that of the rollout
	Endpoints    []string         `json:"endpoints,omitempty"`    // metrics pages that the scrape driver reads, without its path: all of them, added up; default: the hosts that the loads go to
	Signals      Signals          `json:"signals,omitzero"`       // what is read; default: the gauges replicas_ready, replicas_wanted and queue_length
	Poll         rollout.Duration `json:"poll,omitempty"`         // how often; default 1s
}

// Range is the fewest and the most replicas.
type Range struct {
	Min int `json:"min"` // 0 for a service that may sleep
	Max int `json:"max"`
}

// Waiting is the most that users may meet from the crossing of the trigger
// until enough replicas are ready.
type Waiting struct {
	Queue   float64          `json:"queue,omitempty"`   // longest queue; default: not judged
	Latency rollout.Duration `json:"latency,omitempty"` // worst p99; default: not judged
}

// The signals that can trigger.
const (
	Queue       = "queue"
	Rate        = "rate"
	Latency     = "latency"
	Utilisation = "utilisation"
)

// Trigger is a signal and what it has to be above.
type Trigger struct {
	Signal string  `json:"signal"` // queue | rate | latency | utilisation
	Above  float64 `json:"above"`  // length, requests per second, seconds, or ratio
}

// Policy is how the autoscaler is set. A rise is more replicas wanted than
// before, a fall is fewer. Cooldowns that are 0 are not judged.
type Policy struct {
	Target        *Target          `json:"target,omitempty"`        // for each replica
	CooldownUp    rollout.Duration `json:"cooldownUp,omitempty"`    // minimum time from a rise to the next rise
	CooldownDown  rollout.Duration `json:"cooldownDown,omitempty"`  // minimum time from a fall to the next fall
	Stabilisation rollout.Duration `json:"stabilisation,omitempty"` // minimum time from a rise to the next fall: the stabilisation window of Kubernetes
}

// Target is what the autoscaler aims at for each replica: exactly one.
type Target struct {
	Queue       float64        `json:"queue,omitempty"`       // requests that wait
	Rate        load.Rate      `json:"rate,omitempty"`        // requests, such as 40/s
	Utilisation rollout.Weight `json:"utilisation,omitempty"` // such as 70%
}

// Signals is what is read at every poll. If one is named, all must be: those left
// out are not read. Without Wanted, oscillations are counted on Ready and cooldowns
// cannot be judged. Without Rate, the load that the rehearsal sends is used: see
// WithRate. Rate must count arrivals: answers are limited by what replicas can serve.
type Signals struct {
	Ready       Signal `json:"ready"`                // replicas that serve
	Wanted      Signal `json:"wanted,omitzero"`      // replicas that the autoscaler asks for
	Queue       Signal `json:"queue,omitzero"`       // requests that wait
	Latency     Signal `json:"latency,omitzero"`     // seconds
	Rate        Signal `json:"rate,omitzero"`        // arriving requests per second
	Utilisation Signal `json:"utilisation,omitzero"` // ratio
}

// Signal says how one number is read: exactly one field, or none if it is
// not read. Several series of one metric are added up.
type Signal struct {
	Gauge     string `json:"gauge,omitempty"`     // selector of a current value, never negative
	Counter   string `json:"counter,omitempty"`   // selector of a counter: its increase per second since the last poll
	Histogram string `json:"histogram,omitempty"` // selector of a histogram of seconds: p99 since the last poll
	Query     string `json:"query,omitempty"`     // one number, of drivers that evaluate queries
}

// IsZero reports whether the signal is not read.
func (s Signal) IsZero() bool { return s == Signal{} }

// WithDefaults returns e with every default written out.
func (e Expect) WithDefaults() Expect {
	if e.Poll == 0 {
		e.Poll = defaultPoll
	}
	if e.Swing == 0 {
		e.Swing = 1
	}
	if (e.Signals == Signals{}) {
		e.Signals = Signals{Ready: Signal{Gauge: "replicas_ready"}, Wanted: Signal{Gauge: "replicas_wanted"}, Queue: Signal{Gauge: "queue_length"}}
	}
	return e
}
