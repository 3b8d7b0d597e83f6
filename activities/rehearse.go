package activities

import (
	"time"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// AdmitRehearsalInput asks whether a rehearsal may begin.
type AdmitRehearsalInput struct {
	Order      rehearsal.Order `json:"order"`
	WorkflowID string          `json:"workflowId"`
	RunID      string          `json:"runId"`
	StartedAt  time.Time       `json:"startedAt"`
	Preview    bool            `json:"preview,omitempty"` // nothing is kept, its data is not looked at, and a line that is stopped refuses nothing
}

// AdmitRehearsalOutput is how it will go, or why it may not.
type AdmitRehearsalOutput struct {
	Plan     RehearsalPlan     `json:"plan,omitzero"`
	Cause    rollout.Cause     `json:"cause,omitempty"` // spec or policy, when refused
	Problems []rollout.Problem `json:"problems,omitempty"`
	Closed   string            `json:"closed,omitempty"` // with Preview: why it would be refused until somebody opens that again
}

// RehearsalPlan is a rehearsal worked out: what it was made of, and what comes
// when.
type RehearsalPlan struct {
	Run         string                     `json:"run"`   // id of its evidence
	Place       string                     `json:"place"` // where the evidence is
	Tool        string                     `json:"tool"`  // version of Bakeoff
	Fingerprint evidence.Fingerprint       `json:"fingerprint"`
	Drills      []rehearsal.PlannedDrill   `json:"drills,omitempty"`
	Faults      []fault.Planned            `json:"faults,omitempty"`
	Probes      []rehearsal.PlannedProbe   `json:"probes,omitempty"`
	Sampling    *rehearsal.PlannedSampling `json:"sampling,omitempty"` // of an autoscaler
	Signals     []rehearsal.Signal         `json:"signals,omitempty"`  // of the service
	Inputs      []evidence.Input           `json:"inputs,omitempty"`
	Loads       map[string]string          `json:"loads,omitempty"`    // load → digest of its schedule
	Apart       bool                       `json:"apart,omitempty"`    // the rollout itself is a workflow of its own
	Asks        bool                       `json:"asks,omitempty"`     // rollouts that do not end, or are in the way, are asked where they stand
	Longest     rollout.Duration           `json:"longest,omitempty"`  // until it is stopped; 0: as the manifest says
	AsksLine    bool                       `json:"asksLine,omitempty"` // before somebody else's activity makes a fault
	HandsOn     bool                       `json:"handsOn,omitempty"`  // its rollout is told who stopped it, and why
	Watched     bool                       `json:"watched,omitempty"`  // people are told should it be ended from outside; newer ones are watched before there is a plan
}

// RehearsalFacts is what the workflow knows of what happened. What was measured
// stands in the files of the run.
type RehearsalFacts struct {
	Zero         time.Time            `json:"zero"`
	End          time.Time            `json:"end"`
	Before       rehearsal.State      `json:"before"`
	After        rehearsal.State      `json:"after"`
	Attacks      []AttackOutput       `json:"attacks,omitempty"`
	Faults       []evidence.Fault     `json:"faults,omitempty"`
	Probes       []evidence.Probe     `json:"probes,omitempty"`
	Halted       *evidence.Halt       `json:"halted,omitempty"` // by a probe
	Drills       []evidence.Drill     `json:"drills,omitempty"`
	Tables       []evidence.Table     `json:"tables,omitempty"`
	Rollout      *rollout.Status      `json:"rollout,omitempty"`
	NotBack      string               `json:"notBack,omitempty"` // why what was there before a promotion is not back
	Back         *rollout.Status      `json:"back,omitempty"`    // of the rollout of what was there before a promotion
	Scaling      SampleScalingOutput  `json:"scaling,omitzero"`
	ScalingError string               `json:"scalingError,omitempty"`
	Signals      []SampleSignalOutput `json:"signals,omitempty"`
	Aborted      string               `json:"aborted,omitempty"` // why somebody stopped it
	Broken       string               `json:"broken,omitempty"`  // why it could not go on
}

// AttackInput asks for one part of a load.
type AttackInput struct {
	Run   string    `json:"run"`
	Seed  int64     `json:"seed"`
	Load  load.Load `json:"load"`
	Shard int       `json:"shard"` // from 0
	Start time.Time `json:"start"` // when the whole load begins

	// Lately is how far the windows reach back, in which the generator tells with its
	// heartbeats what came of its requests: probes ask for them.
	Lately []rollout.Duration `json:"lately,omitempty"`
}

// AttackOutput is what one part of a load came to. The requests stand in a file
// of the run.
type AttackOutput struct {
	Load  string        `json:"load"`
	Shard int           `json:"shard"`
	File  evidence.File `json:"file"`
	Error string        `json:"error,omitempty"`
}

// HoldFaultInput asks for one fault, until a moment.
type HoldFaultInput struct {
	Run   string      `json:"run"`
	Seed  int64       `json:"seed"`
	Fault fault.Fault `json:"fault"`
	Until time.Time   `json:"until"`

	Environment string `json:"environment,omitempty"` // whose line is asked
}

// HoldFaultOutput is the fault as it really was.
type HoldFaultOutput struct {
	Fault evidence.Fault `json:"fault"`
}

// SweepFaultsInput asks to take back whatever faults of a run are left.
type SweepFaultsInput struct {
	Run    string   `json:"run"`
	Faults []string `json:"faults,omitempty"` // names of those of which nobody has said how they were
}

// SweepFaultsOutput says what still is left.
type SweepFaultsOutput struct {
	Left   []string         `json:"left,omitempty"`
	Faults []evidence.Fault `json:"faults,omitempty"` // those asked for that were in force, as the machine has written it down
}

// ReadTargetInput asks for the state of a target.
type ReadTargetInput struct {
	Job
	Environment string         `json:"environment"`
	Flags       map[string]any `json:"flags,omitempty"` // those that the release sets
	Whole       bool           `json:"whole,omitempty"` // also the release that serves, as its Target knows it
}

// ReadTargetOutput is the state of a target.
type ReadTargetOutput struct {
	State rehearsal.State `json:"state"`
}

// ConcludeRehearsalInput asks for the verdict, and for the evidence.
type ConcludeRehearsalInput struct {
	Order  rehearsal.Order  `json:"order"`
	Plan   RehearsalPlan    `json:"plan"`
	Facts  RehearsalFacts   `json:"facts"`
	Status rehearsal.Status `json:"status"`
}

// ConcludeRehearsalOutput is the verdict.
type ConcludeRehearsalOutput struct {
	Outcome  evidence.Outcome       `json:"outcome"`
	Reason   string                 `json:"reason"`
	Criteria []evidence.Criterion   `json:"criteria,omitempty"`
	Restore  *evidence.Distribution `json:"restore,omitempty"`
	Left     []string               `json:"left,omitempty"` // what could not be put back
}
