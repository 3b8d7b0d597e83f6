package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
	"bakeoff/workflows"
)

// Orders that come to a target before the first of them is started meet the same
// policy as those that come later.
func TestOrdersAtOnce(t *testing.T) {
	for policy, want := range map[string][]rollout.Fate{
		"":                  {rollout.FateStarted, rollout.FateRefused, rollout.FateRefused},
		rollout.OnNewReject: {rollout.FateStarted, rollout.FateRefused, rollout.FateRefused},
		rollout.OnNewQueue:  {rollout.FateStarted, rollout.FateStarted, rollout.FateStarted},
	} {
		t.Run("policy "+policy, func(t *testing.T) {
			t.Parallel()
			s := ordersAtOnce(t, policy)
			for i, fate := range want {
				require.Equal(t, fate, s.Fates[i].Fate, s.Fates[i].Why)
				if fate == rollout.FateRefused {
					require.Equal(t, rollout.CauseRunning, s.Fates[i].Cause)
					require.Equal(t, "staging/checkout is held by the rollout of 2.5.0, started by p0, which is about to begin", s.Fates[i].Why)
				}
			}
		})
	}
}

// ordersAtOnce gives three orders in one task, and returns what is known when all
// that were taken have ended.
func ordersAtOnce(t *testing.T, policy string) (known rollout.TargetStatus) {
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	env.RegisterWorkflow(workflows.Target)
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context, o rollout.Order) (rollout.Status, error) {
		return rollout.Status{Outcome: rollout.Promoted, Candidate: o.Spec.Release.Version}, workflow.Sleep(ctx, time.Minute)
	}, workflow.RegisterOptions{Name: rollout.WorkflowType})
	env.RegisterDelayedCallback(func() {
		for i := range 3 {
			o := rollout.Order{ID: fmt.Sprint(i), Actor: fmt.Sprint("p", i), Spec: spec()}
			o.Spec.Release.Version, o.Spec.Policy.OnNewRelease = fmt.Sprintf("2.%d.0", 5+i), policy
			env.SignalWorkflow(rollout.CommandSubmit, rollout.Submit{Order: o})
		}
	}, 0)
	env.RegisterDelayedCallback(func() {
		answer, err := env.QueryWorkflow(rollout.StatusQuery)
		require.NoError(t, err)
		require.NoError(t, answer.Get(&known))
		env.CancelWorkflow()
	}, time.Hour)
	env.ExecuteWorkflow(workflows.Target, rollout.TargetStatus{Target: spec().Key()})
	require.NoError(t, env.GetWorkflowError())
	return known
}
