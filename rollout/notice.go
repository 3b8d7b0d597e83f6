package rollout

import (
	"slices"
	"strings"
	"time"
)

// NotifyWorkflowType is the registered name of the workflow that tells people.
const NotifyWorkflowType = "Notify"

// Occasion is what people can be told of.
type Occasion string

// The occasions. Each end of a rollout, a rehearsal and a suite is one; the others
// are told when they begin.
const (
	OnWaiting            Occasion = "waiting" // for an approval, or because of a hold or a pause
	OnFrozen             Occasion = "frozen"  // waiting for the end of what closes the target: a freeze, a stop…
	OnEscalated          Occasion = "escalated"
	OnDenied             Occasion = "denied"     // a command
	OnOverridden         Occasion = "overridden" // what policy asks for, by a command
	OnConcerned          Occasion = "concerned"  // somebody is, who orders nothing
	OnDrifted            Occasion = "drifted"    // somebody changed a target while nothing ran
	OnRollingBack        Occasion = "rollingBack"
	OnNeedsHuman         Occasion = "needsHuman"
	OnPromoted           Occasion = "promoted"
	OnRolledBack         Occasion = "rolledBack"
	OnAborted            Occasion = "aborted"
	OnRejected           Occasion = "rejected"
	OnSuperseded         Occasion = "superseded"
	OnPlatformRolledBack Occasion = "platformRolledBack"
	OnRefused            Occasion = "refused"
	OnFailed             Occasion = "failed"

	OnRehearsalPassed  Occasion = "rehearsalPassed"
	OnRehearsalFailed  Occasion = "rehearsalFailed" // it did not pass: Failed, Unmeasured, Halted or Refused
	OnRehearsalAborted Occasion = "rehearsalAborted"
	OnSuitePassed      Occasion = "suitePassed"
	OnSuiteFailed      Occasion = "suiteFailed" // it did not pass
	OnSuiteAborted     Occasion = "suiteAborted"
)

// Occasions lists every occasion.
func Occasions() []Occasion {
	return []Occasion{OnWaiting, OnFrozen, OnEscalated, OnDenied, OnOverridden, OnConcerned, OnDrifted, OnRollingBack, OnNeedsHuman, OnPromoted,
		OnRolledBack, OnAborted, OnRejected, OnSuperseded, OnPlatformRolledBack, OnRefused, OnFailed,
		OnRehearsalPassed, OnRehearsalFailed, OnRehearsalAborted, OnSuitePassed, OnSuiteFailed, OnSuiteAborted}
}

// OccasionNames lists every occasion for people.
func OccasionNames() string {
	var names []string
	for _, o := range Occasions() {
		names = append(names, string(o))
	}
	return strings.Join(names, ", ")
}

// OccasionOf is the occasion of an end.
func OccasionOf(o Outcome) Occasion {
	switch o {
	case Promoted:
		return OnPromoted
	case Aborted:
		return OnAborted
	case Rejected:
		return OnRejected
	case Superseded:
		return OnSuperseded
	case PlatformRolledBack:
		return OnPlatformRolledBack
	case Refused:
		return OnRefused
	case Failed:
		return OnFailed
	default:
		return OnRolledBack
	}
}

// Hears reports whether a list of occasions names one. An empty list names
// all; rolledBack stands for every end with the baseline back.
func Hears(events []Occasion, o Occasion) bool {
	if len(events) == 0 || slices.Contains(events, o) {
		return true
	}
	isBack := o == OnAborted || o == OnRejected || o == OnSuperseded || o == OnPlatformRolledBack
	return isBack && slices.Contains(events, OnRolledBack)
}

// Notice is what people are told of one occasion.
type Notice struct {
	ID          string     `json:"id"` // one for each occasion of a run; repeated when it is sent again
	Event       Occasion   `json:"event"`
	At          time.Time  `json:"at"`
	Text        string     `json:"text"` // one sentence
	Target      string     `json:"target"`
	Environment string     `json:"environment"`
	Service     string     `json:"service"`
	Unit        string     `json:"unit,omitempty"`
	Owner       string     `json:"owner,omitempty"`
	StepOwner   string     `json:"stepOwner,omitempty"` // who answers for the step
	Back        bool       `json:"back,omitempty"`      // of a rollback to a release that was good before
	Baseline    string     `json:"baseline,omitempty"`
	Candidate   string     `json:"candidate"`
	Weight      Weight     `json:"weight"` // the candidate's
	WaitingFor  string     `json:"waitingFor,omitempty"`
	Until       *time.Time `json:"until,omitempty"` // when the wait ends by itself
	Cause       Cause      `json:"cause,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	Actor       string     `json:"actor,omitempty"` // whose doing it is, where it is a person's
	StartedBy   string     `json:"startedBy,omitempty"`
	Rehearsal   string     `json:"rehearsal,omitempty"` // workflow id of the rehearsal, or suite, that it is about, or that began the rollout
	WorkflowID  string     `json:"workflowId"`
	RunID       string     `json:"runId"`
	UIURL       string     `json:"uiUrl,omitempty"` // of the run in the Temporal UI, where that is known
}

// IsFor reports whether a list of occasions names that of the notice. A way back that
// was asked for and came through is a promotion, and users have what they had before:
// who hears of either hears of it.
func (n Notice) IsFor(events []Occasion) bool {
	return Hears(events, n.Event) || n.Back && n.Event == OnPromoted && Hears(events, OnRolledBack)
}

// Telling is the input of the Notify workflow: a notice, and who is told of it
// besides those whom the worker's configuration names.
type Telling struct {
	Notice Notice         `json:"notice"`
	To     []Notification `json:"to,omitempty"`
}

// Recipient is one place within one sink.
type Recipient struct {
	To      string `json:"to"`
	Channel string `json:"channel,omitempty"`
}

// String writes slack #releases.
func (r Recipient) String() string {
	if r.Channel == "" {
		return r.To
	}
	return r.To + " " + r.Channel
}

// Told is the result of the Notify workflow: who was told and who was not.
type Told struct {
	Told   []Recipient `json:"told,omitempty"`
	Untold []Untold    `json:"untold,omitempty"`
}

// Untold is a recipient that could not be told, and why.
type Untold struct {
	Recipient
	Why string `json:"why"`
}

// Rung is one step of an escalation: who is told when something has waited for
// so long.
type Rung struct {
	After   Duration `json:"after"`
	To      string   `json:"to"`
	Channel string   `json:"channel,omitempty"`
}
