package activities_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// A poll that hangs for longer than a heartbeat may be late does not lose the
// window to another worker: what was known is sent again meanwhile.
func TestHeartbeatOfPollThatHangs(t *testing.T) {
	world := sim.New("2.4.1")
	require.NoError(t, world.Deploy(t.Context(), activities.Write{Intent: "deploy"}, activities.Deployment{Service: "checkout", Release: rollout.Release{Version: "2.5.0"}}))
	world.SetDeadline(time.Minute)
	world.Fail(sim.OpRead, sim.Fault{Hang: true})
	suite := testsuite.WorkflowTestSuite{}
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(&activities.Activities{Drivers: world.Registry()})
	var beats atomic.Int32
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		if details.HasValues() {
			beats.Add(1)
		}
	})
	driver := rollout.Driver{Driver: "sim"}
	policy := rollout.Policy{Error: rollout.RuleRollback, NoData: rollout.RuleHold}
	begun := time.Now()
	value, err := env.ExecuteActivity((&activities.Activities{}).Observe, activities.ObserveInput{
		Job:   activities.Job{Target: "staging/checkout", Drivers: rollout.Drivers{Deploy: driver, Traffic: driver, Metrics: &driver}, Baseline: "2.4.1", Candidate: "2.5.0"},
		Start: begun, CountFrom: begun, End: begun.Add(time.Minute), Poll: rollout.Duration(200 * time.Millisecond), Grace: rollout.Duration(3 * time.Second),
		Checks: []rollout.Check{{Name: "errors", Failures: `http_requests_total{code=~"5.."}`, Requests: "http_requests_total"}}, Policy: policy,
	})
	require.NoError(t, err)
	var out activities.ObserveOutput
	require.NoError(t, value.Get(&out))
	require.Equal(t, rollout.RollBack, out.Decision.Action, out.Decision.Reason)
	require.Equal(t, 1, out.Polls)
	require.Zero(t, out.Unwatched)
	require.Greater(t, out.Trouble, rollout.Duration(3*time.Second))
	require.Positive(t, beats.Load())
}
