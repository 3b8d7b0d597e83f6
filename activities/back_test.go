package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// jobIn is the job of a rollout of 2.5.0 in the world, begun at that epoch.
func jobIn(w *sim.World, epoch int64) (*activities.Activities, activities.Job) {
	sims := rollout.Driver{Driver: "sim"}
	return &activities.Activities{Drivers: w.Registry()}, activities.Job{
		Target: "staging/checkout", Drivers: rollout.Drivers{Deploy: sims, Traffic: sims},
		Baseline: "2.4.1", Candidate: "2.5.0", Intent: "a test", Fence: activities.Fence{Epoch: epoch, Generation: 1},
	}
}

// After a break-glass restore the rollout's own way back finds that the primary
// version is right, though the platform takes no write of its fence any more.
func TestPointersThatAreBackAlready(t *testing.T) {
	w := sim.New("2.4.1")
	w.RefuseStale(true)
	acts, job := jobIn(w, 1)
	glass := activities.Write{Intent: "restore", Fence: activities.Fence{Epoch: 2, Generation: 1}}
	require.NoError(t, w.Deploy(t.Context(), glass, activities.Deployment{Release: rollout.Release{Version: "2.5.0"}}))
	require.NoError(t, w.SetPrimary(t.Context(), glass, "2.4.1"))

	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(acts)
	_, err := env.ExecuteActivity(acts.RestorePointers, activities.RestorePointersInput{Job: job, Primary: "2.4.1"})
	require.NoError(t, err)

	glass.Fence.Generation++
	require.NoError(t, w.SetPrimary(t.Context(), glass, "2.5.0"))
	_, err = env.ExecuteActivity(acts.RestorePointers, activities.RestorePointersInput{Job: job, Primary: "2.4.1"})
	require.ErrorContains(t, err, "a write with fence 2.2 was seen before")
}

// A write on the way back that takes long is heard of meanwhile: its worker is not
// taken for lost, and nobody writes beside it.
func TestSlowRestoreIsAlive(t *testing.T) {
	for name, restore := range map[string]func(*testsuite.TestActivityEnvironment, *activities.Activities, activities.Job) error{
		"traffic": func(env *testsuite.TestActivityEnvironment, acts *activities.Activities, job activities.Job) error {
			_, err := env.ExecuteActivity(acts.RestoreTraffic, activities.RestoreTrafficInput{Job: job, Split: rollout.Split{"2.4.1": rollout.All}})
			return err
		},
		"cohorts": func(env *testsuite.TestActivityEnvironment, acts *activities.Activities, job activities.Job) error {
			_, err := env.ExecuteActivity(acts.RestoreCohorts, activities.RestoreCohortsInput{Job: job, Cohorts: []string{"staff"}})
			return err
		},
		"flags": func(env *testsuite.TestActivityEnvironment, acts *activities.Activities, job activities.Job) error {
			_, err := env.ExecuteActivity(acts.RestoreFlags, activities.RestoreFlagsInput{Job: job, Flags: map[string]any{"checkout": "old"}})
			return err
		},
		"pointers": func(env *testsuite.TestActivityEnvironment, acts *activities.Activities, job activities.Job) error {
			_, err := env.ExecuteActivity(acts.RestorePointers, activities.RestorePointersInput{Job: job, Primary: "2.4.1"})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sim.New("2.4.1")
			for _, write := range []sim.Op{sim.OpShift, sim.OpCohorts, sim.OpSetCohort, sim.OpSetFlags, sim.OpSetPrimary} {
				w.Fail(write, sim.Fault{Slow: 1500 * time.Millisecond})
			}
			acts, job := jobIn(w, 1)
			job.Drivers.Flags = &rollout.Driver{Driver: "sim"}
			env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
			env.RegisterActivity(acts)
			heard := make(chan struct{}, 10)
			env.SetOnActivityHeartbeatListener(func(*activity.Info, converter.EncodedValues) { heard <- struct{}{} })
			require.NoError(t, restore(env, acts, job))
			require.NotEmpty(t, heard)
		})
	}
}

// A version that had traffic again is drained anew, however long it had had none
// before that.
func TestDrainBeginsAnewAfterTraffic(t *testing.T) {
	w := sim.New("2.4.1")
	acts, job := jobIn(w, 1)
	require.NoError(t, w.Deploy(t.Context(), activities.Write{Intent: "a test"}, activities.Deployment{Release: rollout.Release{Version: "2.5.0"}}))
	w.SetWeights(rollout.Split{"2.4.1": 9000, "2.5.0": 1000})

	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(acts)
	env.SetHeartbeatDetails(time.Now().Add(-time.Hour))
	since := time.Now()
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		require.NoError(t, details.Get(&since))
	})
	in := activities.RemoveInput{Job: job, Version: "2.5.0", Drain: rollout.Duration(time.Minute)}
	_, err := env.ExecuteActivity(acts.Remove, in)
	require.ErrorContains(t, err, "2.5.0 still has 10% of the traffic")
	require.Zero(t, since, "what the next attempt goes on with")
}

// fickle is a world whose router loses the split between two reads of the platform.
type fickle struct {
	*sim.World
	lose func()
}

func (f fickle) Primary(ctx context.Context) (string, error) {
	f.lose()
	return f.World.Primary(ctx)
}

// The weights are what is read last before a version is ordered to go.
func TestNothingIsReadBetweenWeightsAndRemoval(t *testing.T) {
	back, lost := rollout.Split{"2.4.1": rollout.All}, rollout.Split{"2.4.1": 9000, "2.5.0": 1000}
	w := sim.New("2.4.1")
	acts, job := jobIn(w, 1)
	require.NoError(t, w.Deploy(t.Context(), activities.Write{Intent: "a test"}, activities.Deployment{Release: rollout.Release{Version: "2.5.0"}}))
	acts.Drivers.Deploy["sim"] = func(activities.With) (activities.Deployer, error) {
		return fickle{w, func() { w.SetWeights(lost) }}, nil
	}
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(acts)
	in := activities.RemoveInput{Job: job, Version: "2.5.0", TellDrift: true, Split: back, Snapshot: &activities.Snapshot{Primary: "2.4.1", Split: back}}
	answer, err := env.ExecuteActivity(acts.Remove, in)
	require.NoError(t, err)
	var out activities.RemoveOutput
	require.NoError(t, answer.Get(&out))
	require.Equal(t, activities.RemoveOutput{Drift: lost, Reason: "2.5.0 is not removed: the router has 2.4.1 90%, 2.5.0 10% instead of 2.4.1 100%"}, out)
	require.Contains(t, w.State().Versions, "2.5.0")

	w.SetWeights(back)
	in.TellDrift = false
	_, err = env.ExecuteActivity(acts.Remove, in)
	require.ErrorContains(t, err, "2.5.0 still has 10% of the traffic")
	require.Empty(t, w.Violations())
}

// Weights that are lost because a version goes are told, and again when it is gone
// already.
func TestWeightsAreReadUntilAVersionIsGone(t *testing.T) {
	back, lost := rollout.Split{"2.4.1": rollout.All}, rollout.Split{"2.4.1": 9000, "2.5.0": 1000}
	w := sim.New("2.4.1")
	acts, job := jobIn(w, 1)
	require.NoError(t, w.Deploy(t.Context(), activities.Write{Intent: "a test"}, activities.Deployment{Release: rollout.Release{Version: "2.5.0"}}))
	w.FallBack("2.5.0", lost)
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(acts)
	in := activities.RemoveInput{Job: job, Version: "2.5.0", TellDrift: true, Split: back}
	remove := func() (out activities.RemoveOutput) {
		answer, err := env.ExecuteActivity(acts.Remove, in)
		require.NoError(t, err)
		require.NoError(t, answer.Get(&out))
		return out
	}
	told := activities.RemoveOutput{Drift: lost, Ordered: true, Reason: "2.5.0 is going, or gone: the router has 2.4.1 90%, 2.5.0 10% instead of 2.4.1 100%"}
	require.Equal(t, told, remove())
	require.Equal(t, told, remove(), "it was gone already")
	in.Policy = &rollout.Policy{Drift: rollout.RuleHold}
	require.Equal(t, rollout.PutBack, remove().Decision.Action, "nobody wants users on what is gone")
	w.SetWeights(back)
	require.Equal(t, activities.RemoveOutput{Reason: "2.5.0 was gone already"}, remove())
}

// A primary version that is not the promoted one keeps a version from being removed, and
// is told until the version is gone. It is believed when it is read twice.
func TestThePrimaryVersionIsReadUntilAVersionIsGone(t *testing.T) {
	serves := rollout.Split{"2.5.0": rollout.All}
	w := sim.New("2.4.1")
	acts, job := jobIn(w, 1)
	require.NoError(t, w.Deploy(t.Context(), activities.Write{Intent: "a test"}, activities.Deployment{Release: rollout.Release{Version: "2.5.0"}}))
	w.SetWeights(serves)
	blinks, reads := false, 0
	acts.Drivers.Deploy["sim"] = func(activities.With) (activities.Deployer, error) {
		return fickle{w, func() {
			if reads++; blinks {
				w.ForeignPrimary([]string{"2.5.0", "2.4.1"}[reads%2])
			}
		}}, nil
	}
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(acts)
	in := activities.RemoveInput{Job: job, Version: "2.4.1", TellDrift: true, Split: serves, Primary: "2.5.0", Policy: &rollout.Policy{Drift: rollout.RuleHold}}
	remove := func() (out activities.RemoveOutput) {
		answer, err := env.ExecuteActivity(acts.Remove, in)
		require.NoError(t, err)
		require.NoError(t, answer.Get(&out))
		return out
	}
	out := remove()
	require.Equal(t, "2.4.1", out.Primary)
	require.Equal(t, "2.4.1 is not removed: the primary version is 2.4.1 instead of 2.5.0", out.Reason)
	require.Equal(t, rollout.Hold, out.Decision.Action)
	require.False(t, out.Ordered)
	require.Contains(t, w.State().Versions, "2.4.1")

	w.Fail(sim.OpPrimary, sim.Fault{})
	_, err := env.ExecuteActivity(acts.Remove, in)
	require.ErrorContains(t, err, "read the primary version")
	require.Contains(t, w.State().Versions, "2.4.1", "nobody knows")
	w.Heal(sim.OpPrimary)

	w.ForeignPrimary("2.5.0")
	w.FallBackPrimary("2.4.1", "")
	for range 2 { // because it goes, and when it is gone already
		out = remove()
		require.Equal(t, "2.4.1 is going, or gone: the primary version is no version instead of 2.5.0", out.Reason)
		require.Equal(t, rollout.PutBack, out.Decision.Action, "nobody wants what is gone")
		require.True(t, out.Ordered)
	}
	in.PrimaryAgain = 1
	require.Equal(t, rollout.Hold, remove().Decision.Action, "once")

	blinks, reads = true, 0
	require.Equal(t, activities.RemoveOutput{Reason: "2.4.1 was gone already"}, remove())
	require.Empty(t, w.Violations())
}

// A raise that its router has refused is told from one of which nobody knows.
func TestARefusedRaiseSaysSo(t *testing.T) {
	w := sim.New("2.4.1")
	acts, job := jobIn(w, 1)
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(acts)
	in := activities.SetTrafficInput{Job: job, Split: rollout.Split{"2.4.1": 9000, "2.5.0": 1000}, Ours: []rollout.Split{{"2.4.1": rollout.All}}}
	var failed *temporal.ApplicationError

	w.Fail(sim.OpShift, sim.Fault{Err: activities.ErrConflict, Times: 1})
	_, err := env.ExecuteActivity(acts.SetTraffic, in)
	require.ErrorAs(t, err, &failed)
	require.Equal(t, activities.NothingWritten, failed.Type())

	w.Fail(sim.OpShift, sim.Fault{Times: 1})
	_, err = env.ExecuteActivity(acts.SetTraffic, in)
	require.ErrorAs(t, err, &failed)
	require.NotEqual(t, activities.NothingWritten, failed.Type())
}

// The split of before a raise that is on its way proves nothing, until the router
// names the candidate that it did not name, or the time for that is over.
func TestASplitThatProvesNothingYet(t *testing.T) {
	w := sim.New("2.4.1")
	acts, job := jobIn(w, 1)
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(acts)
	verify := func(unproved time.Duration, unnamed bool) (out activities.VerifyTrafficOutput, took time.Duration) {
		begun := time.Now()
		answer, err := env.ExecuteActivity(acts.VerifyTraffic, activities.VerifyTrafficInput{Job: job, Split: rollout.Split{"2.4.1": rollout.All},
			Within: rollout.Duration(time.Millisecond), Restoring: true, Unproved: rollout.Duration(unproved), Unnamed: unnamed})
		require.NoError(t, err)
		require.NoError(t, answer.Get(&out))
		return out, time.Since(begun)
	}
	out, took := verify(time.Second, true)
	require.True(t, out.Verified)
	require.GreaterOrEqual(t, took, 900*time.Millisecond)

	require.NoError(t, w.Shift(t.Context(), activities.Shift{Split: rollout.Split{"2.4.1": rollout.All, "2.5.0": 0}}))
	w.SetWeights(rollout.Split{"2.4.1": 9000, "2.5.0": 1000})
	out, _ = verify(time.Minute, true)
	require.False(t, out.Verified)
	require.True(t, out.Came)

	w.SetWeights(rollout.Split{"2.4.1": rollout.All, "2.5.0": 0})
	out, took = verify(time.Minute, true)
	require.True(t, out.Verified)
	require.Less(t, took, 30*time.Second)
}
