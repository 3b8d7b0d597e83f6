package activities

import (
	"time"

	"bakeoff/analysis"
	"bakeoff/rollout"
)

// AdmitInput asks for a plan.
type AdmitInput struct {
	Order rollout.Order `json:"order"`

	Received time.Time `json:"received,omitzero"` // when the order reached Temporal; zero: it is only looked at, and needs no signature

	Rehearsal bool `json:"rehearsal,omitempty"` // a rehearsal started the rollout, says the server: it may be a drill

	Foresee bool `json:"foresee,omitempty"` // look at the present traffic, too; a rollout does so in Preflight
}

// AdmitOutput is the plan, or why there is none.
type AdmitOutput struct {
	Plan     rollout.Plan      `json:"plan,omitzero"`
	Cause    rollout.Cause     `json:"cause,omitempty"` // spec, policy or already running, when refused
	Problems []rollout.Problem `json:"problems,omitempty"`
	Signer   *rollout.Signer   `json:"signer,omitempty"` // where the order has a signature that is right

	Foresight []rollout.Foresight `json:"foresight,omitempty"`
	Unseen    string              `json:"unseen,omitempty"` // why there is none

	Closed *rollout.Closure `json:"closed,omitempty"` // what the start waits for, or would have to
	Ahead  string           `json:"ahead,omitempty"`  // with Foresee: what will close the target next

	Policy   string `json:"policy,omitempty"`   // digest of the rules that decided
	Notifies bool   `json:"notifies,omitempty"` // of a refusal: somebody may want to know
}

// SnapshotInput asks for the state before the rollout.
type SnapshotInput struct {
	Job
	Expect string         `json:"expect,omitempty"` // the baseline that the spec names
	Flags  map[string]any `json:"flags,omitempty"`  // those that the release will set
}

// Snapshot is the state that a rollback must reproduce.
type Snapshot struct {
	Baseline  string         `json:"baseline"` // the version at 100 %; "": nothing serves
	Split     rollout.Split  `json:"split,omitempty"`
	Primary   string         `json:"primary,omitempty"`
	Flags     map[string]any `json:"flags,omitempty"` // only those that the release sets; null: was not there
	Replicas  int            `json:"replicas,omitempty"`
	Endpoints []string       `json:"endpoints,omitempty"`
	Present   bool           `json:"present,omitempty"` // the candidate was already deployed
	At        time.Time      `json:"at"`

	Cohorts map[string]string `json:"cohorts,omitempty"` // cohort → version, by rules of the router
}

// SnapshotOutput is the snapshot, or why the target cannot be rolled out now.
type SnapshotOutput struct {
	Snapshot Snapshot      `json:"snapshot"`
	Cause    rollout.Cause `json:"cause,omitempty"` // dirty or already serving, when refused
	Reason   string        `json:"reason,omitempty"`
}

// PreflightInput asks whether going back is possible.
type PreflightInput struct {
	Job
	Snapshot Snapshot        `json:"snapshot"`
	Checks   []rollout.Check `json:"checks,omitempty"`
	Steps    []Outlook       `json:"steps,omitempty"` // to say what will be seen in them
	Alpha    float64         `json:"alpha,omitempty"`

	Copy      string   `json:"copy,omitempty"`      // of the baseline, that will be deployed: it must not be there yet
	Cohorts   []string `json:"cohorts,omitempty"`   // that the router is to know
	Foresight string   `json:"foresight,omitempty"` // required: a plan that cannot conclude is a problem, not a warning
}

// PreflightOutput says what was found. Problems refuse the rollout.
type PreflightOutput struct {
	Problems []string             `json:"problems,omitempty"`
	Cause    rollout.Cause        `json:"cause,omitempty"` // of the refusal; "": dirty
	Warnings []string             `json:"warnings,omitempty"`
	Bounds   map[string][]float64 `json:"bounds,omitempty"` // latency bounds by check, in seconds
	Delay    rollout.Duration     `json:"delay,omitempty"`  // of the metrics: a window can be judged so much after its end

	Learned map[string]*analysis.Learned `json:"learned,omitempty"` // of the baseline's past, by check

	Foresight []rollout.Foresight `json:"foresight,omitempty"` // at the traffic that was seen
	Unlearned map[string]string   `json:"unlearned,omitempty"` // by check: why the past taught nothing
}

// DeployInput asks for the candidate to be there and ready.
type DeployInput struct {
	Job
	Service  string          `json:"service"`
	Release  rollout.Release `json:"release"`
	Replicas int             `json:"replicas,omitempty"`
}

// DeployOutput says where the candidate answers.
type DeployOutput struct {
	Endpoints []string `json:"endpoints,omitempty"`
	Ready     int      `json:"ready,omitempty"`
	Platform  string   `json:"platform,omitempty"` // what the platform did instead
}

// SetFlagsInput asks for flags to have these values.
type SetFlagsInput struct {
	Job
	Flags map[string]any `json:"flags"`
	Ask   *Ask           `json:"ask,omitempty"` // what must not close the target; nil: nothing is asked
}

// SetFlagsOutput says what kept the flags from being set.
type SetFlagsOutput struct {
	Closed *rollout.Closure `json:"closed,omitempty"` // not set: this closes the target
}

// SetTrafficInput asks for a split.
type SetTrafficInput struct {
	Job
	Step  int             `json:"step"`          // 0: not part of a step
	Why   string          `json:"why,omitempty"` // what allows it, where that was not planned
	Split rollout.Split   `json:"split"`         // the one wanted
	Ours  []rollout.Split `json:"ours"`          // what may be in force before it: what the rollout found or wrote last

	Landed   rollout.Split    `json:"landed,omitempty"` // what the router made of the same write before: it is not somebody else's
	Force    bool             `json:"force,omitempty"`  // write over a foreign split: drift is put back
	Policy   rollout.Policy   `json:"policy"`           // what a foreign split leads to
	PutBacks int              `json:"putBacks,omitempty"`
	HeldFor  rollout.Duration `json:"heldFor,omitempty"`

	Ask      *Ask `json:"ask,omitempty"`      // what must not close the target; nil: nothing is asked
	Replicas *int `json:"replicas,omitempty"` // that the candidate has to have, if it gets more; nil: nobody asks
}

// SetTrafficOutput says what was written.
type SetTrafficOutput struct {
	Split    rollout.Split    `json:"split"`              // what the router will make of it: what to verify
	Conflict bool             `json:"conflict,omitempty"` // not written: a foreign split is in force
	Observed rollout.Split    `json:"observed,omitempty"` // what was in force before
	Decision rollout.Decision `json:"decision,omitzero"`  // what a conflict leads to
	Refused  string           `json:"refused,omitempty"`  // what the router said, where nobody else had changed anything

	Closed  *rollout.Closure `json:"closed,omitempty"`  // not written, or taken back: this closes the target
	Unready string           `json:"unready,omitempty"` // not written: how the candidate stands
	Tried   bool             `json:"tried,omitempty"`   // not written, but an earlier attempt may have
}

// VerifyTrafficInput asks to read until the split is in force.
type VerifyTrafficInput struct {
	Job
	Step   int              `json:"step"` // 0: not part of a step
	Split  rollout.Split    `json:"split"`
	Within rollout.Duration `json:"within"`

	Restoring bool `json:"restoring,omitempty"` // on the way back: no error is final

	// Unproved is for how long, from when it was asked, the split proves nothing by
	// itself: it is as before a raise that was never seen in force and may still come.
	Unproved rollout.Duration `json:"unproved,omitempty"`

	// Unnamed: with Unproved, the router did not name the candidate when it had been
	// told of the raise. Where it names it at 0%, that is what the restore wrote.
	Unnamed bool `json:"unnamed,omitempty"`
}

// VerifyTrafficOutput says what was in force last.
type VerifyTrafficOutput struct {
	Verified bool          `json:"verified"`
	Observed rollout.Split `json:"observed"`
	Reason   string        `json:"reason,omitempty"` // why not
	Came     bool          `json:"came,omitempty"`   // with Unproved: not verified, the raise has come into force
}

// ObserveInput asks to watch one window.
type ObserveInput struct {
	Job
	Step      int                          `json:"step"`
	Window    int                          `json:"window"`    // within the step, from 1
	Start     time.Time                    `json:"start"`     // data time
	End       time.Time                    `json:"end"`       // data time
	CountFrom time.Time                    `json:"countFrom"` // relative checks are not counted before: warm-up
	Poll      rollout.Duration             `json:"poll"`
	Expect    rollout.Split                `json:"expect,omitempty"` // anything else is drift; nil: weights are settling
	Weight    rollout.Weight               `json:"weight"`
	Checks    []rollout.Check              `json:"checks,omitempty"`
	Bounds    map[string][]float64         `json:"bounds,omitempty"`
	Learned   map[string]*analysis.Learned `json:"learned,omitempty"` // of the baseline's past, by check
	Policy    rollout.Policy               `json:"policy"`
	Grace     rollout.Duration             `json:"grace"`
	Absolute  bool                         `json:"absolute,omitempty"` // only absolute checks decide
	NewStep   bool                         `json:"newStep,omitempty"`  // minimum evidence is counted from here
	Final     bool                         `json:"final,omitempty"`    // at End the bake's time is up
	AtEnd     bool                         `json:"atEnd,omitempty"`    // the bake's time is up already
	Waiting   bool                         `json:"waiting,omitempty"`  // nothing but trouble ends the window early
	Held      bool                         `json:"held,omitempty"`     // in a hold: return when it is over
	HeldFor   rollout.Duration             `json:"heldFor,omitempty"`  // since the step's first hold, at Start
	Trouble   rollout.Duration             `json:"trouble,omitempty"`  // how long NoData or Error had lasted at Start
	PutBacks  int                          `json:"putBacks,omitempty"`
	Primary   string                       `json:"primary,omitempty"`  // must be primary while watched; "": not asked
	Replicas  int                          `json:"replicas,omitempty"` // that the candidate is to have
	Verdict   rollout.Verdict              `json:"verdict,omitempty"`  // injected by a drill
	Inject    time.Time                    `json:"inject,omitzero"`    // data time from which on it is
	State     []byte                       `json:"state,omitempty"`    // of the judges, as returned by the window before
	Adaptive  *rollout.Adaptive            `json:"adaptive,omitempty"` // say which weight may be next
	Copy      string                       `json:"copy,omitempty"`     // of the baseline, that the candidate is compared with; "": with the baseline itself
	Cohorts   []string                     `json:"cohorts,omitempty"`  // that are to have the candidate
	Apart     bool                         `json:"apart,omitempty"`    // no share of the users has it: relative checks compare nothing

	Concerns []rollout.Concern `json:"concerns,omitempty"` // of people, that stand

	TellsDrift bool          `json:"tellsDrift,omitempty"` // in a hold: return, too, when somebody else's split is another than Known
	Known      rollout.Split `json:"known,omitempty"`      // nil: none is in force

	Ask    *Ask             `json:"ask,omitempty"`    // watch what closes the target, too; nil: do not
	Closed *rollout.Closure `json:"closed,omitempty"` // what closed it before: return when that changes
}

// ForeignIn is somebody else's split that is in force after a poll, nil where there is
// none: the one that was known before where the poll could not tell.
func (in ObserveInput) ForeignIn(seen, drift, known rollout.Split) rollout.Split {
	switch {
	case in.Expect == nil:
		return known
	case drift != nil:
		return drift
	case seen.Equal(in.Expect):
		return nil
	}
	return known
}

// ObserveOutput is what one window came to.
type ObserveOutput struct {
	Decision  rollout.Decision      `json:"decision"`
	Checks    []rollout.CheckResult `json:"checks,omitempty"`
	End       time.Time             `json:"end"`                 // data time up to which it watched
	Seen      time.Time             `json:"seen,omitzero"`       // by Temporal's clock: when what it decided on had been read
	Unwatched rollout.Duration      `json:"unwatched,omitempty"` // of it: nobody looked, because no worker ran
	Polls     int                   `json:"polls"`
	Split     rollout.Split         `json:"split,omitempty"`    // in force at the last poll
	Drift     rollout.Split         `json:"drift,omitempty"`    // the foreign split, if one was found
	Platform  string                `json:"platform,omitempty"` // what the platform did by itself
	Unready   string                `json:"unready,omitempty"`  // how the candidate stands, where it is not ready
	Trouble   rollout.Duration      `json:"trouble,omitempty"`
	Noted     []string              `json:"noted,omitempty"`  // NoData and Error that passed within the window, and a baseline that was not ready
	Raw       string                `json:"raw,omitempty"`    // where the raw windows are kept
	Digest    string                `json:"digest,omitempty"` // sha256 of the raw windows
	State     []byte                `json:"state,omitempty"`
	Next      *rollout.NextWeight   `json:"next,omitempty"` // with Adaptive: what the evidence allows after this window

	Score  *float64           `json:"score,omitempty"` // of the checks that are decided, 0 to 100; it never decides
	Groups map[string]float64 `json:"groups,omitempty"`

	Uncounted int `json:"uncounted,omitempty"` // checks that are not decided

	Closed *rollout.Closure `json:"closed,omitempty"` // with Ask: what closed the target at the last poll
}

// VerifyReadyInput asks to wait until the candidate is ready again.
type VerifyReadyInput struct {
	Job
	Replicas int `json:"replicas,omitempty"`
}

// VerifyReadyOutput is empty.
type VerifyReadyOutput struct{}

// PromoteInput asks for the candidate to be the primary version.
type PromoteInput struct {
	Job
	Within rollout.Duration `json:"within"`
}

// PromoteOutput says which version is primary. PlatformRolledBack is set when
// the platform went back to another one by itself.
type PromoteOutput struct {
	Primary            string `json:"primary"`
	PlatformRolledBack bool   `json:"platformRolledBack,omitempty"`
	Pending            bool   `json:"pending,omitempty"` // primary, but not ready in time
	Reason             string `json:"reason,omitempty"`
}
