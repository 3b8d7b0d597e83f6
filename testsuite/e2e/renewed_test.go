package e2e_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// A Target that goes on as a new run, because its history got long, goes on looking
// after the rollout that runs. Its queue is as it was, and no signal is lost on the way.
func TestTargetGoesOnAsANewRun(t *testing.T) {
	s := open(t).scene(t)
	s.world.Behave("2.6.0", sim.Behaviour{Rate: 400, Failures: 0.01})
	s.start("strategy: {"+window+", canary: [{weight: 10%, bake: 1h}], keepBaseline: 2s}", "policy: {onNewRelease: queue}")
	s.bakes(1000)
	s.start(newer("2.6.0"), oneStep)
	running := s.status().RunID
	orders, aborts := s.renews()

	known := s.above()
	require.Equal(t, running, known.Running.RunID)
	until(t, "every signal is obeyed", func() bool {
		known = s.above()
		return len(known.Fates) == 2+len(orders) && len(known.Commands) == len(aborts)
	})
	require.Equal(t, rollout.FateStarted, known.Fates[0].Fate)
	require.Equal(t, rollout.FateQueued, known.Fates[1].Fate)
	for _, id := range orders {
		i := slices.IndexFunc(known.Fates, func(f rollout.Submission) bool { return f.ID == id })
		require.GreaterOrEqual(t, i, 0, "order %s is lost", id)
		require.Equal(t, rollout.FateRefused, known.Fates[i].Fate)
		require.Contains(t, known.Fates[i].Why, "the order is for staging/elsewhere")
	}
	for _, id := range aborts {
		require.Contains(t, known.Commands, rollout.CommandAbort+" "+id)
	}
	s.watched(2)
	require.Equal(t, rollout.Weight(1000), s.weight(), "an abort that is for the queue alone")

	s.terminate()
	e := s.ends(11, rollout.Aborted, "")
	require.Equal(t, "temporal:terminate", e.Actor)
	require.NotEqual(t, running, e.RunID)
	s.asBefore()
	until(t, "the end is known", func() bool { return s.above().Running == nil })
	known = s.above()
	require.Equal(t, "2.5.0", known.Quarantine[0].Version)
	require.Len(t, known.Queue, 1)
	require.Equal(t, "2.6.0", known.Queue[0].Order.Spec.Release.Version)
	require.NotEmpty(t, known.Stands)
	s.order(0, "resume")
	until(t, "2.6.0 is primary", func() bool { return s.world.State().Primary == "2.6.0" })
	s.ends(0, rollout.Promoted, "")
}

// renews sends the scene's Target signals until it goes on as a new run, and a while
// longer: most say nothing, some are orders that it must refuse, and some are aborts.
// It returns the ids of both.
func (s *scene) renews() (orders, aborts []string) {
	s.t.Helper()
	server, first := s.town.client(s.t), s.aboveRun()
	send := func(i int, name string, what any) error {
		if err := server.SignalWorkflow(s.t.Context(), "target/"+s.target(), "", name, what); err != nil {
			return fmt.Errorf("signal %d: %w", i, err)
		}
		return nil
	}
	elsewhere := s.above().Queue[0]
	elsewhere.Order.Spec.Service = "elsewhere"
	const atOnce, most = 200, 8000
	for i := 0; s.aboveRun() == first; i += atOnce {
		require.Less(s.t, i, most, "it goes on as a new run")
		var group errgroup.Group
		group.SetLimit(8)
		for n := i; n < i+atOnce; n++ {
			id := fmt.Sprint("signal-", n)
			switch n % 50 {
			case 10:
				orders = append(orders, id)
				order := elsewhere
				order.Order.ID = id
				group.Go(func() error { return send(n, rollout.CommandSubmit, order) })
			case 35:
				aborts = append(aborts, id)
				group.Go(func() error {
					return send(n, rollout.CommandAbort, rollout.Command{ID: id, Actor: "tester@example.com", Reason: "a test"})
				})
			default:
				group.Go(func() error { return send(n, rollout.SignalWitness, rollout.Witness{ID: id}) })
			}
		}
		require.NoError(s.t, group.Wait())
	}
	return orders, aborts
}

// aboveRun is the run of the scene's Target.
func (s *scene) aboveRun() string {
	s.t.Helper()
	d, err := s.town.client(s.t).DescribeWorkflowExecution(s.t.Context(), "target/"+s.target(), "")
	require.NoError(s.t, err)
	return d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
}
