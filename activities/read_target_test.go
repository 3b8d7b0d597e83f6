package activities_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rehearsal"
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

// promotes knows one release that serves.
type promotes rollout.Known

func (promotes) Quarantined(context.Context, rollout.Target, rollout.Release) (*rollout.Quarantined, error) {
	return nil, nil
}

func (p promotes) Good(context.Context, rollout.Target) ([]rollout.Known, error) {
	return []rollout.Known{rollout.Known(p)}, nil
}

// A rollout that is to be promoted needs somebody who knows what to deploy when it
// is taken back: its Target, or the spec's baseline.
func TestPromotionThatCouldNotBeTakenBackIsRefused(t *testing.T) {
	m := drilled()
	m.Outcome = rollout.Promoted
	m.Rollout.Release.Artifact, m.Rollout.Release.Config = "", map[string]string{"PAY": "new"}
	w := sim.New("1.0.0")
	a := &activities.Activities{Drivers: w.Registry()}
	driver := rollout.Driver{Driver: "sim"}
	m.Rollout.Target = rollout.Drivers{Deploy: driver, Traffic: driver, Metrics: &driver}
	refused := admitsTo(t, m, a)
	require.Equal(t, rollout.CauseSpec, refused.Cause)
	require.Equal(t, "outcome: what is promoted could not be taken back: nobody knows the config of 1.0.0, which serves; say it in baseline of the rollout",
		refused.Problems[0].String())

	serves := promotes{RunID: "1", Release: rollout.Release{Version: "1.0.0", Config: map[string]string{"PAY": "old"}}}
	a.Gates.Targets = serves
	require.Empty(t, admitsTo(t, m, a).Problems)
	read := activities.ReadTargetInput{Whole: true, Job: activities.Job{Target: "staging/shop", Drivers: m.Rollout.Target, Candidate: "1.1.0"}}
	out, err := a.ReadTarget(t.Context(), read)
	require.NoError(t, err)
	require.Equal(t, serves.Release, *out.State.Release)
	require.Equal(t, serves.Release.Config, m.BackTo(out.State).Release.Config)

	a.Gates.Targets = promotes{Release: serves.Release}
	require.NotEmpty(t, admitsTo(t, m, a).Problems, "of what served before the first rollout a Target knows the version alone")
	m.Rollout.Baseline = &rollout.Baseline{Version: "1.0.0", Config: serves.Release.Config}
	require.Empty(t, admitsTo(t, m, a).Problems)
}

// What was deployed before a rehearsal, and is left by its rollouts, is not what
// they leave.
func TestCandidateThatWasThereBeforeIsNotLeft(t *testing.T) {
	before := rehearsal.State{Left: []string{"version 1.1.0 is deployed"}}
	require.Empty(t, before.LeftSince(before))
	require.Equal(t, before.Left, before.LeftSince(rehearsal.State{}))
}
