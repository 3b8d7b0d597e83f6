package main

import (
	"time"

	"bakeoff/rollout"
)

// What activities take and return, as far as the story needs it. The structs
// with these JSON names are in package activities, which this one may not
// import; the names are permanent, because histories hold them.
type (
	snapshotOutput struct {
		Snapshot struct {
			Baseline string        `json:"baseline"`
			Split    rollout.Split `json:"split"`
			Replicas int           `json:"replicas"`
		} `json:"snapshot"`
		Cause  rollout.Cause `json:"cause"`
		Reason string        `json:"reason"`
	}
	preflightOutput struct {
		Problems []string      `json:"problems"`
		Warnings []string      `json:"warnings"`
		Cause    rollout.Cause `json:"cause"`
	}
	admitInput struct {
		Order rollout.Order `json:"order"`
	}
	authorizeInput struct {
		ID       string `json:"id"`
		ObeyedBy string `json:"obeyedBy"`
	}
	authorizeOutput struct {
		Allowed bool            `json:"allowed"`
		Why     string          `json:"why"`
		Signer  *rollout.Signer `json:"signer"`
		Vote    rollout.Vote    `json:"vote"`
		Policy  string          `json:"policy"`
	}
	deployInput struct {
		Candidate string `json:"candidate"`
	}
	deployOutput struct {
		Ready     int      `json:"ready"`
		Endpoints []string `json:"endpoints"`
		Platform  string   `json:"platform"`
	}
	trafficInput struct {
		Step  int           `json:"step"`
		Why   string        `json:"why"`
		Split rollout.Split `json:"split"`
	}
	setTrafficOutput struct {
		Split    rollout.Split    `json:"split"`
		Conflict bool             `json:"conflict"`
		Observed rollout.Split    `json:"observed"`
		Refused  string           `json:"refused"`
		Decision rollout.Decision `json:"decision"`
		Closed   *rollout.Closure `json:"closed"`
		Unready  string           `json:"unready"`
	}
	hookOutput struct {
		Refused string `json:"refused"`
	}
	gateOutput struct {
		Closed *rollout.Closure `json:"closed"`
	}
	flagsInput struct {
		Flags map[string]any `json:"flags"`
	}
	cohortsInput struct { // of SetCohort and RestoreCohorts
		Step    int      `json:"step"`
		Cohort  string   `json:"cohort"`
		Cohorts []string `json:"cohorts"`
	}
	verifyTrafficOutput struct {
		Verified bool          `json:"verified"`
		Observed rollout.Split `json:"observed"`
		Reason   string        `json:"reason"`
	}
	observeInput struct {
		Step   int            `json:"step"`
		Window int            `json:"window"`
		Start  time.Time      `json:"start"`
		Weight rollout.Weight `json:"weight"`

		Cohorts []string `json:"cohorts"` // that are to have the candidate
		Apart   bool     `json:"apart"`   // no share of the users has it

		Waiting bool `json:"waiting"` // the bake clock stands still
		AtEnd   bool `json:"atEnd"`
	}
	observeOutput struct {
		Decision  rollout.Decision      `json:"decision"`
		Checks    []rollout.CheckResult `json:"checks"`
		End       time.Time             `json:"end"`
		Unwatched rollout.Duration      `json:"unwatched"`
		Polls     int                   `json:"polls"`
		Split     rollout.Split         `json:"split"`
		Drift     rollout.Split         `json:"drift"`
		Platform  string                `json:"platform"`
		Digest    string                `json:"digest"`
		Noted     []string              `json:"noted"`
		Raw       string                `json:"raw"`
		Next      *rollout.NextWeight   `json:"next"`
		Closed    *rollout.Closure      `json:"closed"`
	}
	promoteOutput struct {
		Primary            string `json:"primary"`
		PlatformRolledBack bool   `json:"platformRolledBack"`
		Reason             string `json:"reason"`
	}
	compareOutput struct {
		Differences []string      `json:"differences"`
		Split       rollout.Split `json:"split"` // in force, where it is not as before
	}
	removeInput struct {
		Version string `json:"version"`
	}
	reasonOutput struct { // of VerifyHealth
		Reason string        `json:"reason"`
		Drift  rollout.Split `json:"drift"` // nothing was verified
	}
	removeOutput struct {
		Reason      string        `json:"reason"`
		Drift       rollout.Split `json:"drift"`       // it is put back, and the version removed then
		Primary     string        `json:"primary"`     // instead of the candidate; the same
		Differences []string      `json:"differences"` // they are mended, and the version removed then
		Busy        bool          `json:"busy"`        // requests in flight are waited for, and the version removed then
	}
)

// who says who was watched.
func (in observeInput) who() string { return rollout.Audience(in.Weight, in.Apart, in.Cohorts...) }
