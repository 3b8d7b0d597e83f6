package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// lineThat is stopped as the router says.
type lineThat func() bool

func (l lineThat) Stopped(context.Context, string, time.Time) ([]rollout.Closure, error) {
	if !l() {
		return nil, nil
	}
	return []rollout.Closure{{Gate: rollout.GateStop, Name: "staging", Reason: "stopped by bo", Exposure: rollout.ExposureHold, Keys: []string{"k"}}}, nil
}

// A raise that a router took longer for than a stop waits is taken back where the line
// was stopped meanwhile, and no other.
func TestRaisesThatAStopOvertakes(t *testing.T) {
	const raised = "weights 2.4.1 90%, 2.5.0 10%"
	back := rollout.Split{"2.4.1": rollout.All}
	for name, tt := range map[string]struct {
		took    time.Duration // from when the line was read until the router had it
		runs    bool          // the line does
		passed  []string
		split   rollout.Split
		refuses bool // the router, to take it back
		want    []string
	}{
		"a slow write":                {took: 2 * time.Second, want: []string{raised, "weights 2.4.1 100%"}},
		"a quick one":                 {took: time.Second, want: []string{raised}},
		"a line that runs":            {took: 2 * time.Second, runs: true, want: []string{raised}},
		"one that overrides the stop": {took: 2 * time.Second, passed: []string{"k"}, want: []string{raised}},
		"less traffic":                {took: 2 * time.Second, split: rollout.Split{"2.4.1": 9900, "2.5.0": 100}, want: []string{"weights 2.4.1 99%, 2.5.0 1%"}},
		"a router that refuses":       {took: 2 * time.Second, refuses: true, want: []string{raised}},
	} {
		t.Run(name, func(t *testing.T) {
			w := sim.New("2.4.1")
			acts, job := jobIn(w, 1)
			require.NoError(t, w.Deploy(t.Context(), activities.Write{Intent: "a test"}, activities.Deployment{Release: rollout.Release{Version: "2.5.0"}}))
			in := activities.SetTrafficInput{Job: job, Split: rollout.Split{"2.4.1": 9000, "2.5.0": 1000}, Ours: []rollout.Split{back},
				Ask: &activities.Ask{Action: rollout.ActionStep, Passed: tt.passed}}
			before := len(w.Log())
			if tt.split != nil {
				from := rollout.Split{"2.4.1": 5000, "2.5.0": 5000}
				w.SetWeights(from)
				before, in.Split, in.Ours = len(w.Log()), tt.split, []rollout.Split{from}
			}
			written := func() bool { return len(w.Log()) > before }
			began := time.Now()
			acts.Now = func() time.Time {
				if written() {
					return began.Add(tt.took)
				}
				return began
			}
			acts.Gates.Lines = lineThat(func() bool {
				if written() && tt.refuses {
					w.Fail(sim.OpShift, sim.Fault{})
				}
				return written() && !tt.runs
			})
			out, err := did(t, acts.SetTraffic, in)
			require.NoError(t, err)
			require.Equal(t, tt.want, w.Log()[before:])
			if len(tt.want) == 1 {
				require.Nil(t, out.Closed)
				return
			}
			require.True(t, out.Tried, "users may have met it")
			require.Equal(t, "stopped by bo; the raise to 10% was on its way to the router, and was taken back", out.Closed.Reason)
			require.Equal(t, back, w.State().Weights)
		})
	}
}

// So is the rule of a cohort.
func TestCohortsThatAStopOvertakes(t *testing.T) {
	w := sim.New("2.4.1")
	acts, job := jobIn(w, 1)
	require.NoError(t, w.Deploy(t.Context(), activities.Write{Intent: "a test"}, activities.Deployment{Release: rollout.Release{Version: "2.5.0"}}))
	before := len(w.Log())
	written := func() bool { return len(w.Log()) > before }
	began := time.Now()
	acts.Now = func() time.Time {
		if written() {
			return began.Add(2 * time.Second)
		}
		return began
	}
	acts.Gates.Lines = lineThat(written)
	out, err := did(t, acts.SetCohort, activities.SetCohortInput{Job: job, Cohort: "internal", Ask: &activities.Ask{Action: rollout.ActionStep}})
	require.NoError(t, err)
	require.Equal(t, "stopped by bo; the rule of cohort internal was on its way to the router, and was taken back", out.Closed.Reason)
	require.True(t, out.Tried)
	require.Empty(t, w.State().Cohorts["internal"])
}
