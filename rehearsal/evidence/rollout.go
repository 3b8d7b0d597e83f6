package evidence

import (
	"time"

	"bakeoff/rollout"
)

// Rollout is the rollout itself, where the manifest asks for an outcome: no
// verdict was injected, its own checks decided. Moments that it has not come to are
// nil.
type Rollout struct {
	Outcome    rollout.Outcome `json:"outcome"` // "": it did not come to an end
	Cause      rollout.Cause   `json:"cause,omitempty"`
	Reason     string          `json:"reason"`
	WorkflowID string          `json:"workflowId,omitempty"`
	RunID      string          `json:"runId,omitempty"`
	Baseline   string          `json:"baseline,omitempty"`
	Candidate  string          `json:"candidate"`
	StartedAt  time.Time       `json:"startedAt"`
	EndedAt    *time.Time      `json:"endedAt,omitempty"`
	Step       int             `json:"step"` // the last that it took; 0: none
	Steps      int             `json:"steps"`
	Shares     []Share         `json:"shares,omitempty"` // the candidate's, until what was promoted was taken back

	MetAt      *time.Time `json:"metAt,omitempty"`   // users could meet the candidate from then on
	FaultAt    *time.Time `json:"faultAt,omitempty"` // the last fault began that came later, and was in force at BreachAt
	Fault      string     `json:"fault,omitempty"`
	BreachAt   *time.Time `json:"breachAt,omitempty"` // what is bad was seen; only of one that went back by itself
	DecidedAt  *time.Time `json:"decidedAt,omitempty"`
	RestoredAt *time.Time `json:"restoredAt,omitempty"` // traffic
	HealthyAt  *time.Time `json:"healthyAt,omitempty"`
	MetUntil   *time.Time `json:"metUntil,omitempty"` // after RestoredAt users met the candidate all the same, then for the last time

	Restore *rollout.TimeToRestore `json:"timeToRestore,omitempty"`
	Users   *Continuity            `json:"users,omitempty"`  // from BreachAt until HealthyAt
	Checks  []rollout.CheckResult  `json:"checks,omitempty"` // as they stood last
	Human   string                 `json:"human,omitempty"`  // why a person was asked for; "": nobody was

	BackAt    *time.Time `json:"backAt,omitempty"` // what it had promoted began to be taken back
	BackUntil *time.Time `json:"backUntil,omitempty"`
}

// Share is what the candidate has of the traffic from a moment on, as the router
// was seen to have it.
type Share struct {
	At      time.Time `json:"at"`
	Step    int       `json:"step,omitempty"` // 0 beside the steps
	Share   float64   `json:"share"`          // a ratio
	Cohorts []string  `json:"cohorts,omitempty"`
}

// Largest is the largest of some shares.
func Largest(shares []Share) float64 {
	most := 0.0
	for _, s := range shares {
		most = max(most, s.Share)
	}
	return most
}

// Detected is how long it took until what is bad was seen: since the fault
// began, where one did, and else since users could meet the candidate.
func (r Rollout) Detected() (took time.Duration, known bool) {
	from := r.MetAt
	if r.FaultAt != nil {
		from = r.FaultAt
	}
	if from == nil || r.BreachAt == nil || r.BreachAt.Before(*from) {
		return 0, false
	}
	return r.BreachAt.Sub(*from), true
}

// Restored is how long it took from the breach until the baseline was well, and
// users had met the candidate for the last time.
func (r Rollout) Restored() (took time.Duration, known bool) {
	if r.BreachAt == nil || r.HealthyAt == nil || r.HealthyAt.Before(*r.BreachAt) {
		return 0, false
	}
	back := *r.HealthyAt
	if r.MetUntil != nil && r.MetUntil.After(back) {
		back = *r.MetUntil
	}
	return back.Sub(*r.BreachAt), true
}

// Early reports whether it went back before the candidate had the half of the
// traffic: everybody else never met what was bad.
func (r Rollout) Early() bool {
	share := Largest(r.Shares)
	return r.BreachAt != nil && share > 0 && share < 0.5
}
