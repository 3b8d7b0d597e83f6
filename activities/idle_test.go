package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// holder answers who holds an id; nothing else is asked of it here.
type holder struct {
	activities.Executions
	run string
}

func (h holder) Holder(context.Context, string) (string, bool, error) { return h.run, h.run != "", nil }

func TestWhatARolloutDoesIsNoDrift(t *testing.T) {
	w := sim.New("1.0.0")
	require.NoError(t, w.Deploy(t.Context(), activities.Write{Intent: "deploy"}, activities.Deployment{Release: rollout.Release{Version: "1.1.0"}, Replicas: 1}))
	w.SetWeights(rollout.Split{"1.0.0": 9000, "1.1.0": 1000})
	driver := rollout.Driver{Driver: "sim"}
	in := activities.WatchIdleInput{
		Job:     activities.Job{Target: "staging/shop/eu", Drivers: rollout.Drivers{Deploy: driver, Traffic: driver, Metrics: &driver}},
		Version: "1.0.0", For: rollout.Duration(1500 * time.Millisecond),
	}
	for run, want := range map[string]string{
		"":      "the weights are 1.0.0 90%, 1.1.0 10%, and 1.0.0 was promoted",
		"run-1": "",
	} {
		a := activities.Activities{Drivers: w.Registry(), Executions: holder{run: run}}
		env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
		env.RegisterActivity(a.WatchIdle)
		value, err := env.ExecuteActivity(a.WatchIdle, in)
		require.NoError(t, err)
		var out activities.WatchIdleOutput
		require.NoError(t, value.Get(&out))
		require.Equal(t, want, out.Drift)
	}
}
