package rollout

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// FleetPlan is a fleet worked out: which unit takes its turn when. A worker
// makes it in AdmitFleet, the workflow follows it. Each unit's own plan is made
// again when its rollout begins; here stands its digest.
type FleetPlan struct {
	Target      string              `json:"target"`
	Candidate   string              `json:"candidate"` // of the units; "" where they differ
	Units       []PlannedUnit       `json:"units"`     // in the order of waves
	Waves       [][]string          `json:"waves"`
	After       map[string][]string `json:"after,omitempty"`
	MaxParallel int                 `json:"maxParallel"`
	Wait        Duration            `json:"wait"`
	Budget      int                 `json:"failureBudget"`
	OnFailure   string              `json:"onFailure"`
	Deadline    Duration            `json:"deadline"`
	Events      int                 `json:"events"` // bound on the history's length, see EventBound
	Warnings    []string            `json:"warnings,omitempty"`
	Abort       []string            `json:"abort,omitempty"`      // who may abort; empty: anyone
	Notifies    bool                `json:"notifies,omitempty"`   // somebody may want to know: notices are sent
	Escalation  []Rung              `json:"escalation,omitempty"` // who is told when it is paused for long; only where notices are sent
	Recovers    bool                `json:"recovers,omitempty"`   // what a unit's rollout had changed that is cut off is put back by another
	Patient     bool                `json:"patient,omitempty"`    // a unit waits a while for an order that holds its id and is refused
	Exact       bool                `json:"exact,omitempty"`      // the outcome counts which units serve the candidate, those that did before among them
	Eager       bool                `json:"eager,omitempty"`      // a unit begins as soon as those that it comes after are promoted; its wave is the earliest that it can be in

	VerifiesAborts bool `json:"verifiesAborts,omitempty"` // the signature of an abort is verified beside the way back

	Digest string `json:"digest"` // sha256 of the plan without this field
}

// PlannedUnit is one unit of the plan.
type PlannedUnit struct {
	Unit      string `json:"unit"`
	Target    string `json:"target"`
	Candidate string `json:"candidate"`
	Wave      int    `json:"wave"` // from 1
	Steps     int    `json:"steps"`
	Digest    string `json:"digest"` // of the unit's own plan
	Events    int    `json:"events"` // bound on its history
}

// NewFleetPlan works a valid fleet out, with the plan of each unit as a worker
// admits it.
func NewFleetPlan(s FleetSpec, admitted map[string]Plan) FleetPlan {
	p := FleetPlan{
		Target: s.Key().String(), Waves: s.levels(), After: s.After, MaxParallel: len(s.Units), Wait: s.Wait,
		Budget: s.FailureBudget, OnFailure: orElse(s.OnFailure, OnFailureAll), Candidate: s.Rollout.Release.Version,
		Recovers: true, Patient: true, Exact: true, Eager: len(s.After) > 0,
	}
	if s.MaxParallel != nil {
		p.MaxParallel = *s.MaxParallel
	}
	longest, work := Duration(0), Duration(0)
	for i, wave := range p.Waves {
		slowest := Duration(0)
		for _, unit := range wave {
			plan := admitted[unit]
			if plan.Candidate != p.Candidate {
				p.Candidate = ""
			}
			slowest = max(slowest, plan.Spec.Deadline)
			work += plan.Spec.Deadline
			p.Units = append(p.Units, PlannedUnit{Unit: unit, Target: plan.Target, Candidate: plan.Candidate, Wave: i + 1,
				Steps: len(plan.Steps), Digest: plan.Digest, Events: plan.Events})
		}
		turns := (len(wave) + p.MaxParallel - 1) / p.MaxParallel
		if p.Eager { // a longest chain is no longer than the slowest of each wave
			turns = 1
		}
		longest += Duration(turns) * slowest
	}
	if p.Eager && p.MaxParallel < len(s.Units) {
		longest += work / Duration(p.MaxParallel) // Graham's bound for any order that leaves no place empty
	}
	p.Deadline = orElse(s.Deadline, longest+Duration(len(p.Waves)-1)*s.Wait+Duration(time.Hour))
	p.Events = p.EventBound()
	return p.Seal()
}

// EventBound computes how long the history may become when nothing goes wrong:
// 40 + 18 per unit (begun, promoted, released, ended, each with a workflow task)
// + 8 per wave, and what notices of each wait and of the end cost. Where each
// unit has a wait of its own, + 5 per unit (a timer with a workflow task).
func (p FleetPlan) EventBound() int {
	events := 40 + 18*len(p.Units) + 8*len(p.Waves)
	if p.Notifies {
		events += noticeEvents * len(p.Waves)
	}
	if p.Eager && p.Wait > 0 {
		events += 5 * len(p.Units)
	}
	return events
}

// Seal returns the plan with its digest.
func (p FleetPlan) Seal() FleetPlan {
	p.Digest = ""
	body, err := json.Marshal(p)
	if err != nil { // a plan is plain data
		body = fmt.Appendf(nil, "%+v", p)
	}
	sum := sha256.Sum256(body)
	p.Digest = "sha256:" + hex.EncodeToString(sum[:])
	return p
}

// levels are the waves: those given, those that follow from after (each unit as
// early as it may), else one of all units. Units that wait for one another are in
// none.
func (s FleetSpec) levels() [][]string {
	if len(s.Waves) > 0 {
		return s.Waves
	}
	left, passed := sortedKeys(s.Units), map[string]bool{}
	var out [][]string
	for len(left) > 0 {
		var wave []string
		for _, unit := range left {
			if !slices.ContainsFunc(s.After[unit], func(before string) bool { return !passed[before] }) {
				wave = append(wave, unit)
			}
		}
		if len(wave) == 0 {
			return out
		}
		for _, unit := range wave {
			passed[unit] = true
		}
		left = slices.DeleteFunc(left, func(unit string) bool { return passed[unit] })
		out = append(out, wave)
	}
	return out
}
