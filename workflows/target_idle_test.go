package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
	"bakeoff/workflows"
)

// What somebody changes while nothing runs is told once, under an id of its own, and
// again when somebody changes it again.
func TestDriftWhileIdleIsTold(t *testing.T) {
	for name, tt := range map[string]struct {
		notifications activities.Notifications
		want          []string
	}{
		"to subscribers": {activities.Notifications{Subscriptions: []activities.Subscription{{To: "sim", Events: []rollout.Occasion{rollout.OnDrifted}}}},
			[]string{"2.4.1 30%, 2.5.0 70%", "2.4.1 100%"}},
		"not to those who listen for something else": {activities.Notifications{
			Subscriptions: []activities.Subscription{{To: "sim", Events: []rollout.Occasion{rollout.OnPromoted}}}}, nil},
		"nobody wants to know": {want: nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, world := newAbove(t), sim.New("2.5.0")
			require.NoError(t, world.Deploy(t.Context(), activities.Write{Intent: "before"}, activities.Deployment{Release: rollout.Release{Version: "2.4.1"}, Replicas: 1}))
			if len(tt.notifications.Subscriptions) > 0 {
				tt.notifications.Sinks = map[string]activities.Notifier{"sim": world}
			}
			s.promoted("2.4.1", "2.5.0")
			s.known.Last.Policy.WatchIdle = rollout.Duration(time.Second)
			s.env.RegisterWorkflow(workflows.Notify)
			s.env.RegisterActivity(&activities.Activities{Drivers: world.Registry(), Notifications: tt.notifications})
			for i, split := range []rollout.Split{{"2.5.0": 7000, "2.4.1": 3000}, {"2.5.0": rollout.All}, {"2.4.1": rollout.All}} {
				s.env.RegisterDelayedCallback(func() { world.SetWeights(split) }, time.Duration(100+1500*i)*time.Millisecond)
			}
			s.know(1400*time.Millisecond, func(k rollout.TargetStatus) {
				require.Equal(t, "the weights are 2.4.1 30%, 2.5.0 70%, and 2.5.0 was promoted", k.Drift)
			})
			s.know(6*time.Second, func(k rollout.TargetStatus) {
				require.Equal(t, "the weights are 2.4.1 100%, and 2.5.0 was promoted", k.Drift)
				s.env.CancelWorkflow()
			})
			s.env.ExecuteWorkflow(workflows.Target, s.known)
			require.NoError(t, s.env.GetWorkflowError())
			var got []string
			ids := map[string]bool{}
			for _, m := range world.Heard() {
				require.Equal(t, rollout.OnDrifted, m.Event)
				require.Equal(t, "2.5.0", m.Candidate)
				require.Equal(t, "team", m.Owner)
				require.Contains(t, m.Text, "staging/checkout: somebody changed it while nothing ran: the weights are ")
				got = append(got, m.Reason)
				ids[m.ID] = true
			}
			require.Len(t, got, len(tt.want))
			require.Len(t, ids, len(tt.want))
			for i, want := range tt.want {
				require.Equal(t, "the weights are "+want+", and 2.5.0 was promoted", got[i])
			}
		})
	}
}
