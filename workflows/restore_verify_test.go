package workflows

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// What the router accepted may take as long as the spec lets it settle; what it did
// not accept is in flight for a few seconds at most.
func TestHowLongARaiseIsWaitedFor(t *testing.T) {
	const settles, quick = 5 * time.Minute, time.Second
	accepted := func(f workflow.Settable) { f.Set(activities.SetTrafficOutput{}, nil) }
	failed := func(f workflow.Settable) { f.SetError(errors.New("503 try later")) }
	open := func(workflow.Settable) {}
	for name, c := range map[string]struct {
		unseen rollout.Weight
		within time.Duration
		raises []func(workflow.Settable)
		want   time.Duration
	}{
		"accepted":                        {100, settles, []func(workflow.Settable){accepted}, settles},
		"failed":                          {100, settles, []func(workflow.Settable){failed}, longestInFlight},
		"failed, and settles sooner":      {100, quick, []func(workflow.Settable){failed}, quick},
		"one of two was accepted":         {100, settles, []func(workflow.Settable){failed, accepted}, settles},
		"still being written":             {100, settles, []func(workflow.Settable){open}, settles},
		"of a lost run: nothing is known": {100, settles, nil, settles},
		"seen in force":                   {0, settles, []func(workflow.Settable){accepted}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
			env.ExecuteWorkflow(func(ctx workflow.Context) (time.Duration, error) {
				r := &run{ctx: ctx, unseenRaise: unseenRaise{unseen: c.unseen}, plan: rollout.Plan{Behaviour: rollout.Behaviour{ProvesBack: true}, Spec: rollout.Spec{SettleWithin: rollout.Duration(c.within)}}}
				for _, settle := range c.raises {
					raise, settable := workflow.NewFuture(ctx)
					settle(settable)
					r.raises = append(r.raises, raise)
				}
				return r.unprovedFor(), nil
			})
			require.NoError(t, env.GetWorkflowError())
			var got time.Duration
			require.NoError(t, env.GetWorkflowResult(&got))
			require.Equal(t, c.want, got)
		})
	}
}
