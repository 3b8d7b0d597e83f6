package rehearsal_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// breached is a good run whose rollout was sent back by its own checks, in its
// second step, while a fault was in force.
func breached(t *testing.T) (rehearsal.Manifest, rehearsal.Facts) {
	t.Helper()
	m, _ := parse(t)
	f := good()
	f.Rollout = &rollout.Status{
		Outcome: rollout.RolledBack, Cause: rollout.CauseVerdict, Reason: "it fails", RunID: "r1", Baseline: "1", Step: 2, Steps: 2,
		StartedAt: at(5), EndedAt: pointer(at(25)), TimeToRestore: &rollout.TimeToRestore{Total: rollout.Duration(3 * time.Second)},
		Checks: []rollout.CheckResult{{Name: "objective", Verdict: rollout.Fail}},
		Rehearsed: &rollout.Rehearsed{
			Shares: []rollout.Share{{At: at(6), Step: 1}, {At: at(7), Step: 1, Weight: 1000}, {At: at(12), Step: 2, Weight: 5000}, {At: at(22)}},
			Seen:   pointer(at(20)), Decided: pointer(at(20.1)), Traffic: pointer(at(22)), Healthy: pointer(at(23)),
		},
	}
	return m, f
}

func TestARealBreachIsTimed(t *testing.T) {
	m, f := breached(t)
	r := m.RolledOut(f)
	require.Equal(t, []evidence.Share{{At: at(6), Step: 1}, {At: at(7), Step: 1, Share: 0.1}, {At: at(12), Step: 2, Share: 0.5}, {At: at(22)}}, r.Shares)
	require.Equal(t, at(7), *r.MetAt, "users could meet it then")
	require.Equal(t, at(15), *r.FaultAt)
	require.Equal(t, "slow-db", r.Fault)
	took, known := r.Detected()
	require.True(t, known)
	require.Equal(t, 5*time.Second, took)
	took, known = r.Restored()
	require.True(t, known)
	require.Equal(t, 3*time.Second, took)
	require.Equal(t, "objective", r.Checks[0].Name)
	require.False(t, r.Early(), "it had the half")
}

// A fault that was over before, or began before anybody had the candidate, did not
// begin the harm.
func TestFaultsThatBeginNoHarm(t *testing.T) {
	for name, c := range map[string]struct{ from, to float64 }{"over before": {15, 19}, "there before": {1, 30}, "later": {21, 30}} {
		t.Run(name, func(t *testing.T) {
			m, f := breached(t)
			f.Faults[0].StartedAt, f.Faults[0].EndedAt = at(c.from), at(c.to)
			r := m.RolledOut(f)
			require.Nil(t, r.FaultAt)
			took, _ := r.Detected()
			require.Equal(t, 13*time.Second, took)
		})
	}
}

// What nobody saw is not timed: an order is no breach, and a baseline without data
// is not well.
func TestBreachesThatAreNotTimed(t *testing.T) {
	for name, c := range map[string]struct {
		change            func(*rehearsal.Facts)
		detected, settled bool
	}{
		"unjudged":      {func(f *rehearsal.Facts) { f.Rollout.Rehearsed.Unjudged = "no data" }, true, false},
		"aborted":       {func(f *rehearsal.Facts) { f.Rollout.Outcome = rollout.Aborted }, false, false},
		"promoted":      {func(f *rehearsal.Facts) { f.Rollout.Outcome = rollout.Promoted }, false, false},
		"an old worker": {func(f *rehearsal.Facts) { f.Rollout.Rehearsed = nil }, false, false},
		"by a cohort": {func(f *rehearsal.Facts) {
			f.Rollout.Rehearsed.Shares = []rollout.Share{{At: at(8), Step: 1, Cohorts: []string{"beta"}}}
		}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			m, f := breached(t)
			c.change(&f)
			r := m.RolledOut(f)
			_, known := r.Detected()
			require.Equal(t, c.detected, known)
			_, known = r.Restored()
			require.Equal(t, c.settled, known)
		})
	}
	m, f := breached(t)
	f.Rollout = nil
	require.Nil(t, m.RolledOut(f))
}

// The way back is over when the last user has met the candidate.
func TestUsersThatStillMeetABadRelease(t *testing.T) {
	m, f := breached(t)
	f.Before.Version, f.Requests[245].Version = "1", m.Rollout.Release.Version
	r := m.RolledOut(f)
	require.Equal(t, at(24.5), *r.MetUntil)
	took, _ := r.Restored()
	require.Equal(t, 4500*time.Millisecond, took)
}

// What was promoted has its users until what takes it back has them.
func TestSharesUntilItIsTakenBack(t *testing.T) {
	m, f := breached(t)
	f.Rollout.Outcome = rollout.Promoted
	f.Rollout.Rehearsed = &rollout.Rehearsed{Shares: []rollout.Share{{At: at(7), Step: 1, Weight: 1000}, {At: at(12), Weight: rollout.All}}}
	f.Back = &rollout.Status{StartedAt: at(30), EndedAt: pointer(at(40)), Rehearsed: &rollout.Rehearsed{Shares: []rollout.Share{{At: at(35), Step: 1, Weight: rollout.All}}}}
	r := m.RolledOut(f)
	require.Equal(t, []evidence.Share{{At: at(7), Step: 1, Share: 0.1}, {At: at(12), Share: 1}, {At: at(35)}}, r.Shares)
	require.Equal(t, at(30), *r.BackAt)
	require.Equal(t, at(40), *r.BackUntil)
}
