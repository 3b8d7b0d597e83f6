package rehearsal

import (
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// WorkflowType, SuiteType, RolloutType and WatchType are the registered names of
// the workflows.
const (
	WorkflowType = "Rehearsal"
	SuiteType    = "RehearsalSuite"
	RolloutType  = "RehearsalRollout"
	WatchType    = "RehearsalWatch"
)

// OutcomeOfControl is what negative controls are indexed with, whatever their
// outcome.
const OutcomeOfControl = "Control"

// Order is the input of the Rehearsal workflow: the manifest, and who wants it.
type Order struct {
	Actor    string   `json:"actor,omitempty"`
	Reason   string   `json:"reason,omitempty"`
	Manifest Manifest `json:"manifest"`
	Suite    string   `json:"suite,omitempty"` // that it is a part of
}

// RolloutOrder is the input of the RehearsalRollout workflow: the rehearsal that it
// is a part of, and what the target was like before.
type RolloutOrder struct {
	Order
	Before  State `json:"before"`
	Asks    bool  `json:"asks,omitempty"`    // who is in the way is asked where it stands
	HandsOn bool  `json:"handsOn,omitempty"` // its rollouts are told who stopped it, and why
}

// RolloutResult is how the rollout itself ended.
type RolloutResult struct {
	Rollout rollout.Status `json:"rollout"`
	NotBack string         `json:"notBack,omitempty"` // why what was there before a promotion is not back

	Back *rollout.Status `json:"back,omitempty"` // of the rollout of what was there before a promotion
}

// Phase says where a rehearsal stands.
type Phase string

// The phases of a rehearsal.
const (
	Preparing   Phase = "Preparing"
	Practising  Phase = "Practising"
	TearingDown Phase = "TearingDown"
	Judging     Phase = "Judging"
	Completed   Phase = "Completed"
)

// Status is where a rehearsal stands and, once Completed, its result.
type Status struct {
	Name        string           `json:"name"`
	Environment string           `json:"environment"`
	Target      string           `json:"target"`
	Phase       Phase            `json:"phase"`
	Doing       string           `json:"doing,omitempty"` // one sentence
	Outcome     evidence.Outcome `json:"outcome"`
	Reason      string           `json:"reason"`
	Negative    bool             `json:"negative,omitempty"` // it had to fail

	Criteria []evidence.Criterion   `json:"criteria,omitempty"`
	Drills   int                    `json:"drills"`  // ended
	Planned  int                    `json:"planned"` // drills
	Restore  *evidence.Distribution `json:"restore,omitempty"`

	Begun []string `json:"begun,omitzero"` // what it has begun that an end from outside may leave, as Begun…; not there: nobody noted it

	Left []string `json:"left,omitempty"` // what could not be put back: a person must look

	Run         string            `json:"run,omitempty"`   // id of the evidence
	Place       string            `json:"place,omitempty"` // where the evidence is
	Fingerprint string            `json:"fingerprint,omitempty"`
	Problems    []rollout.Problem `json:"problems,omitempty"` // why it was refused
	Cause       rollout.Cause     `json:"cause,omitempty"`    // spec: no day and no actor could start it; policy: refused for now
	StartedBy   string            `json:"startedBy,omitempty"`
	StartedAt   time.Time         `json:"startedAt,omitzero"` // of a suite's that did not begin: not there
	EndedAt     *time.Time        `json:"endedAt,omitempty"`
	WorkflowID  string            `json:"workflowId"`
	RunID       string            `json:"runId"`
	UIURL       string            `json:"uiUrl,omitempty"` // filled in by the CLI
}

// What a rehearsal may have begun, as Status.Begun names it.
const (
	BegunData    = "data" // rows that have to be put back are replaced
	BegunLoad    = "load"
	BegunFaults  = "faults"
	BegunRollout = "rollout"
)

// ShowsWayBack reports whether the run shows that its target can go back, whatever
// else it failed for. Controls prove nothing.
func (s Status) ShowsWayBack() bool { return !s.Negative && evidence.ShowsWayBack(s.Criteria) }

// Stop is the input of the signal of that name: whoever stops a rehearsal, and
// why. What was begun is put back, and the evidence is written.
type Stop struct {
	ID     string `json:"id"`
	Actor  string `json:"actor"`
	Reason string `json:"reason"`
}

// SignalStop and StatusQuery are how a rehearsal is reached.
const (
	SignalStop  = "abort"
	StatusQuery = rollout.StatusQuery
)

// SignalEnded tells who watches a rehearsal that it has come to its own end.
// SignalWatched asks a rehearsal nothing: that it arrives says that the rehearsal is
// there.
const (
	SignalEnded   = "ended"
	SignalWatched = "watched"
)
