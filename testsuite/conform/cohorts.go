package conform

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
)

// CohortsFixture is a traffic driver that sends cohorts, and the router behind
// it. No cohort has a rule yet.
type CohortsFixture struct {
	Server
	Driver              activities.Cohorts
	Cohort, Other       string // both are configured
	Baseline, Candidate string // both are ready
	Endpoints           map[string][]string

	// Foreign makes, changes or removes ("") a rule as an outsider does, past
	// the driver. Required.
	Foreign func(t *testing.T, cohort, version string)
	// Fences says that the router keeps the fence of each rule, beyond its end.
	Fences bool
}

// Cohorts holds a traffic driver to its contract on cohorts. make returns a
// fresh router; each test has its own.
func Cohorts(t *testing.T, make func(t *testing.T) CohortsFixture) {
	tests := map[string]func(*testing.T, CohortsFixture){
		"knows what is configured": cohortsKnown,
		"made, changed, removed":   cohortsLife,
		"others stay":              cohortsOthers,
		"lost answer":              cohortsLostAnswer,
		"foreign change":           cohortsForeign,
		"stale fence":              cohortsFence,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
	failures(t, func(t *testing.T) (Server, []call) {
		f := make(t)
		return f.Server, f.calls()
	})
}

func (f CohortsFixture) calls() []call {
	d := f.Driver
	return []call{
		{"Cohorts", false, func(ctx context.Context) error { _, err := d.Cohorts(ctx); return err }},
		{"SetCohort", true, func(ctx context.Context) error { return d.SetCohort(ctx, f.rule(f.Cohort, f.Candidate, 1)) }},
	}
}

func (f CohortsFixture) rule(cohort, version string, generation int) activities.CohortRule {
	return activities.CohortRule{Write: write("cohort "+cohort, generation), Cohort: cohort, Version: version, Endpoints: f.Endpoints[version]}
}

// set writes a rule and waits until it is in force.
func (f CohortsFixture) set(t *testing.T, cohort, version string, generation int) {
	t.Helper()
	require.NoError(t, f.Driver.SetCohort(t.Context(), f.rule(cohort, version, generation)))
	f.holds(t, cohort, version)
}

func (f CohortsFixture) holds(t *testing.T, cohort, version string) {
	t.Helper()
	f.await(t, fmt.Sprintf("cohort %s was never sent to %q", cohort, version), func() bool {
		rules, err := f.Driver.Cohorts(t.Context())
		found, there := rules[cohort]
		return err == nil && found == version && there == (version != "")
	})
}

func cohortsKnown(t *testing.T, f CohortsFixture) {
	require.NoError(t, f.Driver.Knows(f.Cohort))
	require.NoError(t, f.Driver.Knows(f.Other))
	require.ErrorIs(t, f.Driver.Knows("conform-nobody"), activities.ErrFinal)
}

func cohortsLife(t *testing.T, f CohortsFixture) {
	f.holds(t, f.Cohort, "")
	f.set(t, f.Cohort, f.Candidate, 1)
	f.unchanged(t, func() { f.set(t, f.Cohort, f.Candidate, 1) })
	f.set(t, f.Cohort, f.Baseline, 2)
	f.set(t, f.Cohort, "", 3)
	f.unchanged(t, func() { f.set(t, f.Cohort, "", 3) })
	f.set(t, f.Cohort, f.Candidate, 4)
	f.set(t, f.Cohort, "", 5)
}

func cohortsOthers(t *testing.T, f CohortsFixture) {
	f.set(t, f.Cohort, f.Candidate, 1)
	f.set(t, f.Other, f.Candidate, 2)
	f.holds(t, f.Cohort, f.Candidate)
	f.set(t, f.Cohort, "", 3)
	f.holds(t, f.Other, f.Candidate)
	f.set(t, f.Other, "", 4)
}

func cohortsLostAnswer(t *testing.T, f CohortsFixture) {
	f.need(t, f.Faults.LoseAnswer != nil, "LoseAnswer")
	for i, version := range []string{f.Candidate, ""} {
		f.Faults.LoseAnswer(t)
		isPassing(t, f.Driver.SetCohort(t.Context(), f.rule(f.Cohort, version, i+1)))
		f.holds(t, f.Cohort, version)
		f.unchanged(t, func() { f.set(t, f.Cohort, version, i+1) })
	}
}

func cohortsForeign(t *testing.T, f CohortsFixture) {
	f.set(t, f.Cohort, f.Candidate, 1)
	f.Foreign(t, f.Cohort, f.Baseline)
	f.holds(t, f.Cohort, f.Baseline)
	f.Foreign(t, f.Cohort, "")
	f.holds(t, f.Cohort, "")
	f.Foreign(t, f.Cohort, f.Baseline)
	f.set(t, f.Cohort, "", 2) // whoever made it
}

// cohortsFence is a rule that arrives after its removal: where the router knows
// fences, it stays away.
func cohortsFence(t *testing.T, f CohortsFixture) {
	f.set(t, f.Cohort, f.Candidate, 1)
	f.set(t, f.Cohort, "", 3)
	err := f.Driver.SetCohort(t.Context(), f.rule(f.Cohort, f.Candidate, 2))
	if !f.Fences {
		require.NoError(t, err, "a router without fences lets the last writer win")
		f.set(t, f.Cohort, "", 4)
		return
	}
	require.ErrorIs(t, err, activities.ErrConflict)
	f.holds(t, f.Cohort, "")
}
