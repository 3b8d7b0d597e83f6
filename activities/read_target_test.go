package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

func TestWhatIsLeftOfAReleaseIsTold(t *testing.T) {
	w := sim.New("1.0.0")
	a := activities.Activities{Drivers: w.Registry()}
	driver := rollout.Driver{Driver: "sim"}
	drivers := rollout.Drivers{Deploy: driver, Traffic: driver, Metrics: &driver}
	read := func(candidate string) activities.ReadTargetOutput {
		t.Helper()
		out, err := a.ReadTarget(t.Context(), activities.ReadTargetInput{Job: activities.Job{Target: "staging/shop", Drivers: drivers, Candidate: candidate}})
		require.NoError(t, err)
		return out
	}
	before := read("1.1.0")
	require.Empty(t, before.State.Left)
	require.Equal(t, "1.0.0", before.State.Version)
	require.Empty(t, read("1.0.0").State.Left, "what serves already was there before")

	require.NoError(t, w.Deploy(t.Context(), activities.Write{Intent: "deploy"}, activities.Deployment{Release: rollout.Release{Version: "1.1.0"}, Replicas: 1}))
	after := read("1.1.0")
	require.Equal(t, []string{"version 1.1.0 is deployed"}, after.State.Left)
	require.Equal(t, before.State.Digest, after.State.Digest)
}
