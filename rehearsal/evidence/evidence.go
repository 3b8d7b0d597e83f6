// Package evidence is what one run of a rehearsal leaves: what was put in, what
// happened when, what was measured, and what that came to. The reports are made
// from it alone, runs are compared by it, and a run can be repeated from it.
//
// Times are wall clock, in UTC. Durations are those of specs.
package evidence

import "time"

// Version is the version of this shape.
const Version = 1

// Outcome says how a rehearsal, or one part of it, ended.
type Outcome string

// The outcomes. Unmeasured is a part whose signal was not there, and never
// passes; Aborted is a rehearsal that was stopped, Halted one that a probe ended, or
// kept from beginning, because the service was not well.
const (
	Passed     Outcome = "Passed"
	Failed     Outcome = "Failed"
	Unmeasured Outcome = "Unmeasured"
	Aborted    Outcome = "Aborted"
	Halted     Outcome = "Halted"
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
	Baseline    string    `json:"baseline,omitempty"`  // the version that served when it began
	Candidate   string    `json:"candidate,omitempty"` // the one that was practised with
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
	Manifest    string      `json:"manifest"` // YAML from which it can be repeated: the spec inline, files by their digest; what is left out had its default

	Criteria []Criterion `json:"criteria"` // in the order of the manifest
	Timeline []Moment    `json:"timeline"` // oldest first
	Inputs   []Input     `json:"inputs,omitempty"`
	Load     []Load      `json:"load,omitempty"`
	Faults   []Fault     `json:"faults,omitempty"`
	Probes   []Probe     `json:"probes,omitempty"`
	Halt     *Halt       `json:"halt,omitempty"` // of one that a probe ended
	Drills   []Drill     `json:"drills,omitempty"`
	Rollout  *Rollout    `json:"rollout,omitempty"` // the rollout itself, where an outcome was asked for
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

// Names of criteria that reports look for, as they are judged.
const (
	DataIsWhole   = "data is whole"
	NothingIsLeft = "nothing is left behind"
	ActionsInTime = "actions of earlier runs are done in time"
	AsBefore      = ": as before"    // after the name of a drill
	CameAndWent   = " came and went" // after that of a fault
)

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
	MomentRollout  = "rollout"  // from Time until Until: the rollout itself, and what takes it back
	MomentBreach   = "breach"   // a rollout saw what is bad, or a verdict was injected
	MomentDecision = "decision" // a rollout decided to go back, or on
	MomentRestored = "restored" // the baseline has all traffic again
	MomentHealthy  = "healthy"
	MomentProbe    = "probe" // its answers were bad, from Time until Until
	MomentHalt     = "halt"  // a probe ended the practice
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
