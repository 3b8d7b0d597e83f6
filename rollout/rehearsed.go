package rollout

import "time"

// Rehearsed is how a rollout went that a rehearsal started, by Temporal's clock.
// Moments that it has not come to are nil.
type Rehearsed struct {
	Shares  []Share    `json:"shares,omitempty"`  // the candidate's, oldest first
	Seen    *time.Time `json:"seen,omitempty"`    // why it went back
	Decided *time.Time `json:"decided,omitempty"` // to go back
	Traffic *time.Time `json:"traffic,omitempty"` // the baseline was seen to have all of it
	Healthy *time.Time `json:"healthy,omitempty"` // the baseline was seen to be well

	Unjudged string `json:"unjudged,omitempty"` // why absolute checks say nothing of Healthy; "": they do, or there are none
	Human    string `json:"human,omitempty"`    // why a person was asked for, the first time; "": nobody was
}

// Share is what the candidate has from a moment on, as the router was seen to
// have it.
type Share struct {
	At      time.Time `json:"at"`
	Step    int       `json:"step,omitempty"` // 0 beside the steps: promoted, or taken back
	Weight  Weight    `json:"weight"`
	Cohorts []string  `json:"cohorts,omitempty"` // that have it, whatever the weight
}
