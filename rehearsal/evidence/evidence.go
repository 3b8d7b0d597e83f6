// Package evidence is what one run of a rehearsal leaves: what was put in, what
// happened when, what was measured, and what that came to. The reports are made
// from it alone, runs are compared by it, and a run can be repeated from it.
//
// Times are wall clock, in UTC. Durations are [rollout.Duration], as in specs.
package evidence

import (
	"time"

	"bakeoff/rollout"
)

// Version is the version of this shape.
const Version = 1

// Outcome says how a rehearsal, or one part of it, ended.
type Outcome string

// The outcomes. Unmeasured is a part whose signal was not there, and never
// passes; Aborted is a rehearsal that was stopped.
const (
	Passed     Outcome = "Passed"
	Failed     Outcome = "Failed"
	Unmeasured Outcome = "Unmeasured"
	Aborted    Outcome = "Aborted"
	Refused    Outcome = "Refused"
)

// Run is the evidence of one run. Its directory is Run.ID below the store.
type Run struct {
	Version     int       `json:"version"`
	ID          string    `json:"id"` // environment/name/20261122T101500Z-4f2a
	Name        string    `json:"name"`
	Suite       string    `json:"suite,omitempty"`
	Environment string    `json:"environment"`
	Service     string    `json:"service"`
	Outcome     Outcome   `json:"outcome"`
	Reason      string    `json:"reason"` // one sentence
	StartedBy   string    `json:"startedBy"`
	Why         string    `json:"why,omitempty"` // the reason given for starting it
	StartedAt   time.Time `json:"startedAt"`
	EndedAt     time.Time `json:"endedAt"`
	Tool        string    `json:"tool"`               // version of Bakeoff
	Negative    bool      `json:"negative,omitempty"` // a control, which passes only when it is red: its drills prove nothing of the service
	Seed        int64     `json:"seed"`
	WorkflowID  string    `json:"workflowId"`
	RunID       string    `json:"runId"`

	Fingerprint Fingerprint `json:"fingerprint"`
	Manifest    string      `json:"manifest"` // YAML from which it can be repeated: everything inline, every default written out

	Criteria []Criterion `json:"criteria"` // in the order of the manifest
	Timeline []Moment    `json:"timeline"` // oldest first
	Inputs   []Input     `json:"inputs,omitempty"`
	Load     []Load      `json:"load,omitempty"`
	Faults   []Fault     `json:"faults,omitempty"`
	Drills   []Drill     `json:"drills,omitempty"`
	Ledger   *Ledger     `json:"ledger,omitempty"`
	Scaling  *Scaling    `json:"scaling,omitempty"`
	Series   []Series    `json:"series,omitempty"`
	Residue  []string    `json:"residue,omitempty"` // what was still there at the end, and should not have been
	Actions  []Action    `json:"actions,omitempty"`
	Files    []File      `json:"files,omitempty"` // raw data beside this
}

// Fingerprint says what a run was made of. Runs with the same Digest had the
// same inputs; of others, the parts with the same digest may be compared.
type Fingerprint struct {
	Digest string `json:"digest"` // "sha256:…" over the parts
	Parts  []Part `json:"parts"`  // by name
}

// Part is one input: "rollout", "load", "faults", "data/orders", "seed", "tool"…
type Part struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// Criterion is one thing that had to hold, and whether it did.
type Criterion struct {
	Name    string      `json:"name"` // unique in the run, the same in every run of the manifest
	Outcome Outcome     `json:"outcome"`
	Reason  string      `json:"reason"`          // one sentence with value and limit
	Value   *float64    `json:"value,omitempty"` // what was measured; nil: nothing was
	Limit   *float64    `json:"limit,omitempty"`
	Unit    string      `json:"unit,omitempty"` // "s", "ratio", "requests", "replicas"…
	From    *time.Time  `json:"from,omitempty"` // where it was broken first
	Band    []BandPoint `json:"band,omitempty"` // the expected signal profile
	Signal  string      `json:"signal,omitempty"`
	Of      string      `json:"of,omitempty"` // which load's; "": that of all
}

// BandPoint is the band in which a signal should be at a moment. From point to
// point the band goes straight; an end that one of them leaves open is open.
type BandPoint struct {
	Second float64  `json:"second"` // since StartedAt
	Low    *float64 `json:"low,omitempty"`
	High   *float64 `json:"high,omitempty"`
}

// The kinds of moments.
const (
	MomentNote     = "note"
	MomentLoad     = "load"     // from Time until Until
	MomentFault    = "fault"    // from Time until Until
	MomentWeight   = "weight"   // the candidate's share of the traffic is Value from Time on
	MomentDrill    = "drill"    // from Time until Until
	MomentBreach   = "breach"   // a rollout saw what is bad, or a verdict was injected
	MomentDecision = "decision" // a rollout decided to go back, or on
	MomentRestored = "restored" // the baseline has all traffic again
	MomentHealthy  = "healthy"
	MomentScaled   = "scaled" // the number of replicas is Value from Time on
)

// Moment is one thing that happened.
type Moment struct {
	Time  time.Time  `json:"time"`
	Until *time.Time `json:"until,omitempty"`
	Kind  string     `json:"kind"`
	Name  string     `json:"name,omitempty"` // of the load, fault, drill…
	Text  string     `json:"text"`           // one sentence
	Value *float64   `json:"value,omitempty"`
}

// Input is one piece of data that the run was given, and where it is from.
type Input struct {
	Name      string     `json:"name"`
	Source    string     `json:"source"` // file, template or snapshot, as the manifest names it
	Digest    string     `json:"digest"` // of what was used
	Rows      int        `json:"rows,omitempty"`
	Steps     []string   `json:"steps,omitempty"` // transformations in their order: "template orders v2, seed 42", "mask email, card"
	SourceSum string     `json:"sourceDigest,omitempty"`
	TakenAt   *time.Time `json:"takenAt,omitempty"` // of a snapshot
}

// Load is what one load sent and got, by the clock of who sent it. Latencies
// count from the moment at which a request should have been sent, so that a
// server that stalls is charged for those who would have waited.
type Load struct {
	Name            string         `json:"name"`
	Digest          string         `json:"digest"`            // of the schedule: arrival times and requests
	Arrived         int            `json:"arrived,omitempty"` // users who came: each sends one request, or a journey of several
	Sent            int            `json:"sent"`
	Failed          int            `json:"failed"`           // no answer, or not the one that was asked for
	Errors          map[string]int `json:"errors,omitempty"` // kind → how many
	Missed          int            `json:"missed,omitempty"` // should have been sent, and were not: the generator could not
	Rate            float64        `json:"rate"`             // a second, as sent
	Latency         Quantiles      `json:"latency"`          // from the planned moment
	Service         Quantiles      `json:"serviceLatency"`   // from the moment of sending: what a naive tool shows
	ArrivalErrorP99 float64        `json:"arrivalErrorP99"`  // seconds between planned and real sending
	StartedAt       time.Time      `json:"startedAt"`
	EndedAt         time.Time      `json:"endedAt"`
}

// Quantiles of a distribution, in seconds.
type Quantiles struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Fault is one fault as it really was.
type Fault struct {
	Name      string    `json:"name"`
	What      string    `json:"what"` // "toxiproxy db: latency 200ms"
	StartedAt time.Time `json:"startedAt"`
	EndedAt   time.Time `json:"endedAt"`
	RemovedBy string    `json:"removedBy"` // "rehearsal", "expiry", "stop", "worker" (it died), "failure" (it could not begin)
	Verified  bool      `json:"verified"`  // it was seen to be gone
	Error     string    `json:"error,omitempty"`
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
	EndedAt     time.Time              `json:"endedAt"`
	Restore     *rollout.TimeToRestore `json:"timeToRestore,omitempty"`
	Users       *Continuity            `json:"users,omitempty"`
	Same        bool                   `json:"same"` // the state after equals the state before
	Differences []string               `json:"differences,omitempty"`
	Residue     []string               `json:"residue,omitempty"`
}

// Continuity is what users noticed between two moments, measured where they are.
type Continuity struct {
	From       time.Time        `json:"from"`
	To         time.Time        `json:"to"`
	Requests   int              `json:"requests"`
	Failed     int              `json:"failed"`
	LongestGap rollout.Duration `json:"longestGap"` // between two good answers that came one after the other
	Latency    Quantiles        `json:"latency"`
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
	SeriesWeight   = "weight"      // ratio: the candidate's share
	SeriesReplicas = "replicas"
	SeriesQueue    = "queue"
)

// Series is one signal over time.
type Series struct {
	Name    string    `json:"name"`
	Of      string    `json:"of,omitempty"` // which load, or "baseline" and "candidate"
	Unit    string    `json:"unit"`         // "ratio", "s", "/s", "replicas"…
	Seconds []float64 `json:"seconds"`      // since StartedAt, rising
	Values  []float64 `json:"values"`       // as many; finite
}

// Action is what is to be done because of a finding.
type Action struct {
	Finding string     `json:"finding"`
	Do      string     `json:"do"`
	Owner   string     `json:"owner"`
	Due     time.Time  `json:"due"`
	Done    *time.Time `json:"done,omitempty"`
	From    string     `json:"from"` // the run that found it

	// Criterion is the one that failed: the next run tells by it whether the
	// action helped. "": no criterion did.
	Criterion string `json:"criterion,omitempty"`
}

// File is raw data beside the evidence.
type File struct {
	Name   string `json:"name"` // below the run's directory
	Digest string `json:"digest"`
	Bytes  int64  `json:"bytes"`
}
