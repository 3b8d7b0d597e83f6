// Package load is the traffic of rehearsals: what a manifest says of it
// ([Load]), which request is sent when ([Schedule], start with [New]), and what
// came of them ([Results], [Record]). It sends nothing: that is a driver's work.
//
// Everything that is drawn comes from the seed, so that the same seed and load
// send the same bytes at the same moments. Times are offsets from the load's
// start, in whole microseconds.
package load

import (
	"slices"
	"time"

	"bakeoff/rollout"
)

// The ways in which arrivals follow one another.
const (
	Even    = "even"    // as far apart as the rate says
	Poisson = "poisson" // independent of one another, as users are; the rate is their mean
)

// The parts that a step may have in the ledger.
const (
	LedgerWrite = "write" // makes the transaction {{id}} with {{payload}}
	LedgerRead  = "read"  // reads it back: JSON with "payload", and "copies" where it may be there more than once; 404 when it is not
)

// Load is one stream of requests. Unless Closed is given it is open: its rate does
// not depend on how fast answers arrive. It sends one request repeatedly, or
// journeys of several, or a recording.
//
// URL, bodies, headers and paths may contain {{id}} and {{payload}}: drawn from the
// seed and the run, a new pair for every arrival; in journeys also what earlier steps captured.
type Load struct {
	Name     string            `json:"name"`              // unique in the manifest
	URL      string            `json:"url"`               // http(s)://…; with journeys or replay the part before each path
	Method   string            `json:"method,omitempty"`  // default GET
	Headers  map[string]string `json:"headers,omitempty"` // of every request
	Body     string            `json:"body,omitempty"`
	Expect   Expect            `json:"expect,omitzero"`    // of every answer, unless the step has its own
	At       rollout.Duration  `json:"at,omitempty"`       // when it starts, relative to the run's start; default at once
	For      rollout.Duration  `json:"for,omitempty"`      // how long; at most 7d. Default for replays: until the recording ends
	Rate     Rate              `json:"rate,omitempty"`     // arrivals, such as 200/s
	Arrivals string            `json:"arrivals,omitempty"` // even (default) or poisson
	Shape    *Shape            `json:"shape,omitempty"`    // how the rate changes; default: constant
	Closed   *Closed           `json:"closed,omitempty"`   // instead of a rate
	Journeys []Journey         `json:"journeys,omitempty"` // instead of one request; drawn by weight
	Replay   *Replay           `json:"replay,omitempty"`   // instead of a rate and requests

	KeepAlive     *bool            `json:"keepAlive,omitempty"`     // default true; false opens a connection for each request, needed with faults of connections
	Timeout       rollout.Duration `json:"timeout,omitempty"`       // of one request; default 10s, at most 5m
	Connections   int              `json:"connections,omitempty"`   // most requests that each generator has open at a time, up to 10,000; default 1,000. Further ones wait, which counts towards their latency
	Shards        int              `json:"shards,omitempty"`        // how many generators send it, each its part; 1 to 64, default 1
	VersionHeader string           `json:"versionHeader,omitempty"` // header of an answer that names its version; default X-Version
	Trace         rollout.Weight   `json:"trace,omitempty"`         // how many arrivals carry a W3C traceparent, such as 1%, drawn with the seed: one trace for an arrival, and a span id for each of its requests; default none
}

// Expect is what makes an answer a good one.
type Expect struct {
	Status int    `json:"status,omitempty"` // default: any below 400
	Body   string `json:"body,omitempty"`   // text that the body holds; may hold {{…}}
}

// Shape is how the rate changes in the time of the load: exactly one of its
// fields.
type Shape struct {
	Ramp  *Ramp   `json:"ramp,omitempty"`  // evenly, from the start to the end
	Step  []Level `json:"step,omitempty"`  // at once, at given moments; `rate` until the first
	Surge *Surge  `json:"surge,omitempty"` // up for a while, from `rate` and back to it
	Sine  *Sine   `json:"sine,omitempty"`  // a day compressed: it begins in the night
}

// Ramp is a rate that changes evenly.
type Ramp struct {
	From Rate `json:"from"`
	To   Rate `json:"to"`
}

// Level is the rate from a moment on.
type Level struct {
	At   rollout.Duration `json:"at"` // since the load's start
	Rate Rate             `json:"rate"`
}

// Surge is another rate for a while.
type Surge struct {
	At   rollout.Duration `json:"at"` // since the load's start
	For  rollout.Duration `json:"for"`
	Rate Rate             `json:"rate"`
}

// Sine is a rate that goes up and down between low and high, low first.
type Sine struct {
	Period rollout.Duration `json:"period"` // from one low to the next; at least 1s, and a thousandth of `for`
	Low    Rate             `json:"low"`
	High   Rate             `json:"high"`
}

// Closed is a number of users who each wait for an answer before they send the
// next request, so a slow service gets fewer. It shows how much a service can do,
// and hides how long users of an open load would have waited.
type Closed struct {
	Users int              `json:"users"`           // 1 to 10,000
	Think rollout.Duration `json:"think,omitempty"` // between an answer and the user's next journey; default none
}

// Journey is what one user does: steps one after the other, up to the first
// that fails.
type Journey struct {
	Name   string   `json:"name"`             // unique in the load
	Weight *float64 `json:"weight,omitempty"` // its share is weight by the sum of all; default 1
	Steps  []Step   `json:"steps"`            // at most 20
}

// Step is one request of a journey.
type Step struct {
	Method  string            `json:"method,omitempty"` // default GET
	Path    string            `json:"path"`             // appended to the load's URL, such as /orders/{{id}}
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
	Expect  Expect            `json:"expect,omitzero"`
	Capture map[string]string `json:"capture,omitempty"` // name → field of the JSON answer, such as {token: session.token}; later steps use {{token}}
	Ledger  string            `json:"ledger,omitempty"`  // write: makes a transaction; read: reads it back
}

// Replay is a recording, sent again to the load's URL with its own spacing.
type Replay struct {
	File   string          `json:"file"`
	Digest string          `json:"digest,omitempty"` // sha256:… of the file; a different one is refused
	Format string          `json:"format"`           // har, combined, common, gor (of GoReplay) or json (one object a line: time, method, url, headers, body)
	Speed  float64         `json:"speed,omitempty"`  // 2 is twice as fast; default 1, at most 1000
	Sample *rollout.Weight `json:"sample,omitempty"` // how much of it is sent, drawn with the seed; default 100%
}

// The defaults of a load.
const (
	DefaultTimeout       = rollout.Duration(10 * time.Second)
	DefaultVersionHeader = "X-Version"
	DefaultConnections   = 1000
)

// WithDefaults returns the load with every default written out.
func (l Load) WithDefaults() Load {
	if l.Replay == nil && len(l.Journeys) == 0 && l.Method == "" {
		l.Method = "GET"
	}
	if l.Replay == nil && l.Closed == nil && l.Arrivals == "" {
		l.Arrivals = Even
	}
	if l.KeepAlive == nil {
		keep := true
		l.KeepAlive = &keep
	}
	if l.Timeout == 0 {
		l.Timeout = DefaultTimeout
	}
	if l.VersionHeader == "" {
		l.VersionHeader = DefaultVersionHeader
	}
	if l.Closed == nil && l.Connections == 0 {
		l.Connections = DefaultConnections
	}
	l.Shards = max(l.Shards, 1)
	l.Journeys = journeysWithDefaults(l.Journeys)
	if l.Replay != nil {
		l.Replay = l.Replay.withDefaults()
	}
	return l
}

func journeysWithDefaults(journeys []Journey) []Journey {
	var out []Journey
	for _, j := range journeys {
		if one := 1.0; j.Weight == nil {
			j.Weight = &one
		}
		var steps []Step
		for _, s := range j.Steps {
			if s.Method == "" {
				s.Method = "GET"
			}
			steps = append(steps, s)
		}
		j.Steps = steps
		out = append(out, j)
	}
	return out
}

func (r Replay) withDefaults() *Replay {
	if all := rollout.All; r.Sample == nil {
		r.Sample = &all
	}
	if r.Speed == 0 {
		r.Speed = 1
	}
	return &r
}

// HasLedger reports whether the load writes synthetic transactions.
func (l Load) HasLedger() bool {
	for _, j := range l.Journeys {
		if slices.ContainsFunc(j.Steps, func(s Step) bool { return s.Ledger == LedgerWrite }) {
			return true
		}
	}
	return false
}
