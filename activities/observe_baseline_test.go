package activities_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// A baseline that is not healthy is told with the window, and decides nothing.
func TestBaselineThatBreaksIsTold(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		breaks func(*sim.World)
		want   string
	}{
		"healthy": {func(*sim.World) {}, ""},
		"failed":  {func(w *sim.World) { w.SetState("2.4.1", "failed", "disk full") }, "the baseline is not healthy: 2.4.1 is failed: disk full ("},
		"gone": {func(w *sim.World) {
			require.NoError(t, w.Remove(t.Context(), activities.Write{Intent: "outside"}, "2.4.1"))
		}, "the baseline is not healthy: 2.4.1 is not there ("},
	} {
		world := sim.New("2.4.1")
		require.NoError(t, world.Deploy(t.Context(), activities.Write{Intent: "deploy"}, activities.Deployment{Service: "checkout", Release: rollout.Release{Version: "2.5.0"}}))
		tt.breaks(world)
		suite := testsuite.WorkflowTestSuite{}
		env := suite.NewTestActivityEnvironment()
		env.RegisterActivity(&activities.Activities{Drivers: world.Registry()})
		driver := rollout.Driver{Driver: "sim"}
		begun := time.Now()
		value, err := env.ExecuteActivity((&activities.Activities{}).Observe, activities.ObserveInput{
			Job:   activities.Job{Target: "staging/checkout", Drivers: rollout.Drivers{Deploy: driver, Traffic: driver}, Baseline: "2.4.1", Candidate: "2.5.0"},
			Start: begun, CountFrom: begun, End: begun.Add(time.Second), Final: true, Poll: rollout.Duration(200 * time.Millisecond),
			Grace: rollout.Duration(3 * time.Second), Expect: rollout.Split{"2.4.1": rollout.All},
		})
		require.NoError(t, err, name)
		var out activities.ObserveOutput
		require.NoError(t, value.Get(&out))
		require.Equal(t, "NoData at the end of the bake: no check decides", out.Decision.Reason, name)
		if tt.want == "" {
			require.Empty(t, out.Noted)
			continue
		}
		require.Len(t, out.Noted, 1, name)
		require.True(t, strings.HasPrefix(out.Noted[0], tt.want), "%s: %s", name, out.Noted[0])
	}
}
