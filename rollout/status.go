package rollout

import (
	"slices"
	"time"
)

// Phase says where a rollout stands.
type Phase string

// The phases of a rollout.
const (
	PhasePending     Phase = "Pending"
	PhaseRunning     Phase = "Running"
	PhaseWaiting     Phase = "Waiting" // Status.WaitingFor says for what
	PhaseRollingBack Phase = "RollingBack"
	PhaseNeedsHuman  Phase = "NeedsHuman"
	PhaseCompleted   Phase = "Completed"
)

// Outcome says how a rollout ended; it is empty until it is Completed.
type Outcome string

// The outcomes of a rollout. All but Failed are completed workflows: they did
// their job. Failed means that a person acknowledged what could not be put back.
const (
	Promoted           Outcome = "Promoted"
	RolledBack         Outcome = "RolledBack"
	Aborted            Outcome = "Aborted"
	Rejected           Outcome = "Rejected"
	Superseded         Outcome = "Superseded"
	PlatformRolledBack Outcome = "PlatformRolledBack"
	Refused            Outcome = "Refused"
	Failed             Outcome = "Failed"
)

// Cause says what kind of thing ended a rollout early.
type Cause string

// Causes of a rollback, and of a refusal. CauseSpec is a spec that no day and
// no actor could start; the other refusals hold for now.
const (
	CauseVerdict  Cause = "verdict"
	CauseDeadline Cause = "deadline"
	CauseApproval Cause = "approval"
	CauseDeploy   Cause = "deploy"
	CauseTraffic  Cause = "traffic"
	CauseFreeze   Cause = GateFreeze
	CauseHook     Cause = "hook"
	CauseConcern  Cause = "concern" // of people
	CauseSchedule Cause = GateSchedule

	CauseLost Cause = "lost" // it was cut off from outside

	CauseSpec       Cause = "spec"
	CauseDirty      Cause = "dirty"
	CauseRunning    Cause = "already running" // somebody else holds the target
	CauseServing    Cause = "already serving"
	CauseWithdrawn  Cause = "withdrawn" // the order was taken back before anybody took it in
	CauseQuarantine Cause = "quarantine"
	CausePolicy     Cause = "policy"
)

// What a rollout can wait for.
const (
	WaitingForApproval = "approval"
	WaitingForHold     = "hold"
	WaitingForPause    = "pause"
	WaitingForWave     = "wave"  // of a fleet: the time between two
	WaitingForFleet    = "fleet" // of a unit: it is promoted, and keeps its baseline until the fleet is decided
	WaitingForCapacity = "capacity"
	WaitingForQueue    = "queue"    // of an order: its turn
	WaitingForFreeze   = GateFreeze // and so every other gate, by its name
)

// Verdict is what judging came to. The six are never folded into each other.
type Verdict string

// The verdicts.
const (
	Pass         Verdict = "Pass"
	Fail         Verdict = "Fail"
	Continue     Verdict = "Continue"
	Inconclusive Verdict = "Inconclusive"
	NoData       Verdict = "NoData"
	Error        Verdict = "Error"
)

// Counts is what one side did: totals over the evidence so far.
type Counts struct {
	Requests float64  `json:"requests"`
	Failures float64  `json:"failures"`
	Value    *float64 `json:"value,omitempty"`
}

// CheckResult is the evidence of one check at one moment.
type CheckResult struct {
	Name       string     `json:"name"`
	Verdict    Verdict    `json:"verdict"`
	Reason     string     `json:"reason,omitempty"` // one sentence for people
	Judge      string     `json:"judge,omitempty"`
	Advisory   bool       `json:"advisory,omitempty"`   // never decides
	Ratio      float64    `json:"ratio"`                // 0 also where the judge compares nothing
	Interval   []*float64 `json:"interval,omitempty"`   // [low, high] of the difference, if there is one, else of the ratio; null: unbounded
	Difference *float64   `json:"difference,omitempty"` // candidate minus baseline, of values without a ratio
	E          float64    `json:"e"`                    // evidence of harm; infinite is 1e300
	P          float64    `json:"p,omitempty"`          // anytime-valid
	ToFail     float64    `json:"toFail,omitempty"`     // 0 to 1: share of the evidence needed for Fail
	ToPass     float64    `json:"toPass,omitempty"`     // 0 to 1: share of what is needed for Pass
	Alpha      float64    `json:"alpha,omitempty"`
	Margin     float64    `json:"margin,omitempty"`
	Dispersion float64    `json:"dispersion,omitempty"` // how much more the counts vary than chance alone
	Windows    int        `json:"windows,omitempty"`
	Share      string     `json:"share,omitempty"` // the candidate gets another share of the requests than it should
	Rule       int        `json:"ruleVersion,omitempty"`
	Baseline   *Counts    `json:"baseline,omitempty"`
	Candidate  *Counts    `json:"candidate,omitempty"`
}

// TimeToRestore is how long the way back took, by Temporal's clock: the breach
// seen → decided → baseline traffic verified → health verified. An order is a
// decision itself: after one, Decide is 0.
type TimeToRestore struct {
	Decide  Duration `json:"decide"`
	Traffic Duration `json:"traffic"`
	Health  Duration `json:"health"`
	Total   Duration `json:"total"`
}

// Drilled is how a drill went, by Temporal's clock. Moments that it has not come
// to are nil.
type Drilled struct {
	Step     int        `json:"step"`
	Verdict  Verdict    `json:"verdict"`
	Weight   Weight     `json:"weight"`            // of the candidate in the step
	Raised   time.Time  `json:"raised"`            // the step's bake began
	Injected time.Time  `json:"injected"`          // from here on the step is bad
	Seen     *time.Time `json:"seen,omitempty"`    // somebody looked
	Decided  *time.Time `json:"decided,omitempty"` // to go back
	Traffic  *time.Time `json:"traffic,omitempty"` // the baseline was seen to have all of it
	Healthy  *time.Time `json:"healthy,omitempty"` // the baseline was seen to be well

	Unjudged string `json:"unjudged,omitempty"` // why absolute checks say nothing of Healthy; "": they do, or there are none
	Human    string `json:"human,omitempty"`    // why a person was asked for, the first time; "": nobody was
}

// Status is where a rollout stands and, once Completed, its result. What people
// ask first comes first: the Temporal UI shows a result in this order.
type Status struct {
	Target        string         `json:"target"`
	Phase         Phase          `json:"phase"`
	Outcome       Outcome        `json:"outcome"`
	Cause         Cause          `json:"cause"`
	Reason        string         `json:"reason"`
	StartedBy     string         `json:"startedBy,omitempty"`
	StartReason   string         `json:"startReason,omitempty"` // why, as who started it says
	Back          bool           `json:"back,omitempty"`        // to a release that was good before: bakeoff rollback
	Actor         string         `json:"actor,omitempty"`       // who ended it, where a person did
	Baseline      string         `json:"baseline"`
	Candidate     string         `json:"candidate"`
	Weight        Weight         `json:"weight"` // the candidate's, as observed
	Step          int            `json:"step"`   // from 1; 0 before the first
	Steps         int            `json:"steps"`
	StepOwner     string         `json:"stepOwner,omitempty"` // who answers for the step
	TimeToRestore *TimeToRestore `json:"timeToRestore,omitempty"`
	Drilled       *Drilled       `json:"drilled,omitempty"`   // of a drill
	Rehearsed     *Rehearsed     `json:"rehearsed,omitempty"` // of a rollout that a rehearsal started
	Checks        []CheckResult  `json:"checks"`

	Score  *float64           `json:"score,omitempty"`  // 0 to 100: share of the decided checks, by weight, that pass; it never decides
	Groups map[string]float64 `json:"groups,omitempty"` // the same of each group

	Uncounted int `json:"uncounted,omitempty"` // checks that are not decided, and so not in the score

	Problems       []string `json:"problems,omitempty"`       // why it was refused, or what differs from the snapshot
	AbortSignature string   `json:"abortSignature,omitempty"` // what was found of it: "verified: ana@example.com, key SHA256:…", or "not verified: " and why

	Overrides    []Override    `json:"overrides,omitempty"`   // break-glass, in the order given
	Concerns     []Concern     `json:"concerns,omitempty"`    // of people, that stand, oldest first
	NeededHuman  bool          `json:"neededHuman,omitempty"` // something could not be put back in time, whatever became of it
	Paused       bool          `json:"paused"`
	WaitingFor   string        `json:"waitingFor"`
	WaitingUntil *time.Time    `json:"waitingUntil,omitempty"`
	Asked        *Asked        `json:"asked,omitempty"`  // the open approval
	Window       *WindowStatus `json:"window,omitempty"` // the open one
	StartedAt    time.Time     `json:"startedAt"`
	EndedAt      *time.Time    `json:"endedAt,omitempty"`
	PlanDigest   string        `json:"planDigest"`
	Warnings     []string      `json:"warnings,omitempty"`
	WorkflowID   string        `json:"workflowId"`
	RunID        string        `json:"runId"`
	Units        []UnitStatus  `json:"units,omitempty"` // of a fleet, in the order of their waves
	Wave         int           `json:"wave,omitempty"`  // of a fleet: the present one, from 1
	Waves        int           `json:"waves,omitempty"`
	Retrying     []Retrying    `json:"retrying,omitempty"` // filled in by the CLI
	Stale        bool          `json:"stale,omitempty"`    // read from history: no worker answered
	UIURL        string        `json:"uiUrl"`              // filled in by the CLI
}

// UnitStatus is where one unit of a fleet stands. A unit that has not begun has
// no run; one that is Kept is promoted, and keeps its way back until the fleet
// is decided.
type UnitStatus struct {
	Unit    string  `json:"unit"`
	Target  string  `json:"target"`
	Wave    int     `json:"wave"`
	Phase   Phase   `json:"phase"`
	Outcome Outcome `json:"outcome"`
	Cause   Cause   `json:"cause,omitempty"`
	Weight  Weight  `json:"weight"`
	Kept    bool    `json:"kept,omitempty"`
	Reason  string  `json:"reason"`
	RunID   string  `json:"runId"`
}

// Note takes in what a window came to. Checks of the spec that it did not
// judge keep the result of the last window that did.
func (s *Status) Note(results []CheckResult, checks []Check) {
	noted := make([]CheckResult, 0, max(len(results), len(checks)))
	for _, c := range checks {
		isIt := func(r CheckResult) bool { return r.Name == c.Name }
		if slices.ContainsFunc(results, isIt) {
			continue
		}
		if i := slices.IndexFunc(s.Checks, isIt); i >= 0 {
			noted = append(noted, s.Checks[i])
		}
	}
	noted = append(noted, results...)
	s.Checks = noted
}

// Override is one command that passed what policy asks for.
type Override struct {
	Command string    `json:"command"`
	Actor   string    `json:"actor"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"` // when it was obeyed
}

// Asked is an approval that is waited for.
type Asked struct {
	Step  int    `json:"step"`         // the one that it is asked before; one more than the plan's is promotion
	By    string `json:"by,omitempty"` // environment | spec: whose it is, where both ask before the step
	Votes []Vote `json:"votes,omitempty"`
	Tally string `json:"tally"` // "1 of 2; still wanted: security"
}

// Retrying is an act that has failed and is being tried again.
type Retrying struct {
	Act     string `json:"act"`     // its activity id
	Attempt int    `json:"attempt"` // the present one, from 2
	Failure string `json:"failure"` // of the one before
}

// WindowStatus is the window that is being watched.
type WindowStatus struct {
	Number    int       `json:"number"` // within the step, from 1
	Start     time.Time `json:"start"`
	End       time.Time `json:"end"`
	Bake      Duration  `json:"bake"`      // the step's, extensions included
	Remaining Duration  `json:"remaining"` // of the bake, when the window began
	Counts    bool      `json:"counts"`    // false: the bake clock stands still
}
