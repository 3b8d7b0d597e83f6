package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
	"bakeoff/workflows"
)

// story is one rollout over the simulated world, with the real activities. It
// runs in real time, because activities do; so all stories run in parallel.
type story struct {
	spec  func(*rollout.Spec)
	world func(*sim.World)
	plot  func(*teller)
	order func(*rollout.Order)

	want       rollout.Outcome
	wantCause  rollout.Cause
	wantReason string
	wantLog    []string // of the world; nil: not looked at
	check      func(*testing.T, *sim.World, rollout.Status)
}

// teller tells what happens in a story, and when.
type teller struct {
	t     *testing.T
	env   *testsuite.TestWorkflowEnvironment
	world *sim.World
}

// at does something once the story has run for that long.
func (s *teller) at(d time.Duration, do func()) { s.env.RegisterDelayedCallback(do, d) }

// order gives a command, and requires its answer.
func (s *teller) order(c rollout.Command, want string) {
	if c.Actor == "" {
		c.Actor = "ana@example.com"
	}
	if c.Reason == "" {
		c.Reason = "the story says so"
	}
	if c.ID == "" {
		c.ID = c.Name + time.Now().String()
	}
	s.env.UpdateWorkflow(c.Name, c.ID, &testsuite.TestUpdateCallback{
		OnAccept: func() {},
		OnReject: func(err error) { require.NoError(s.t, err) },
		OnComplete: func(result any, err error) {
			require.NoError(s.t, err)
			require.Equal(s.t, want, result.(rollout.Answer).Answer, result.(rollout.Answer).Why)
		},
	}, c)
}

func spec() rollout.Spec {
	driver := rollout.Driver{Driver: "sim"}
	keep, warm := rollout.Duration(time.Second), rollout.Duration(0)
	return rollout.Spec{
		Kind: "Rollout", Service: "checkout", Environment: "staging", Owner: "team",
		Release: rollout.Release{Version: "2.5.0", Artifact: "checkout@sha256:9f86d081884c7d659a2feaa0c55ad015"},
		Target:  rollout.Drivers{Deploy: driver, Traffic: driver, Metrics: &driver},
		Strategy: rollout.Strategy{
			Window:       rollout.WindowSpec{First: rollout.Duration(time.Second), Poll: rollout.Duration(200 * time.Millisecond)},
			Canary:       []rollout.Step{{Weight: 1000, Bake: rollout.Duration(2 * time.Second)}, {Weight: 5000, Bake: rollout.Duration(2 * time.Second)}},
			KeepBaseline: &keep, WarmUp: &warm,
		},
		Checks:          []rollout.Check{{Name: "errors", Failures: `http_requests_total{code=~"5.."}`, Requests: "http_requests_total", MinRequests: 10}},
		Policy:          rollout.Policy{Grace: rollout.Duration(time.Second), HoldFor: rollout.Duration(3 * time.Second)},
		SettleWithin:    rollout.Duration(4 * time.Second),
		NeedsHumanAfter: rollout.Duration(2 * time.Second),
		Drain:           rollout.Duration(100 * time.Millisecond),
		ReadyWithin:     rollout.Duration(5 * time.Second),
	}
}

var good = []string{"deploy 2.5.0", "weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 50%, 2.5.0 50%",
	"weights 2.4.1 0%, 2.5.0 100%", "primary 2.5.0", "remove 2.4.1"}

var undone = []string{"deploy 2.5.0", "weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 100%, 2.5.0 0%", "remove 2.5.0"}

func (s story) run(t *testing.T) (*sim.World, rollout.Status, error) {
	world := sim.New("2.4.1")
	for _, v := range []string{"2.4.1", "2.5.0"} {
		world.Behave(v, sim.Behaviour{Rate: 400, Failures: 0.01})
	}
	order := rollout.Order{Spec: spec(), Actor: "ci@example.com", Reason: "a story"}
	if s.spec != nil {
		s.spec(&order.Spec)
	}
	if s.order != nil {
		s.order(&order)
	}
	if s.world != nil {
		s.world(world)
	}
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	env.RegisterActivity(&activities.Activities{Drivers: world.Registry(), Vault: world})
	if s.plot != nil {
		s.plot(&teller{t, env, world})
	}
	env.ExecuteWorkflow(workflows.Rollout, order)
	require.True(t, env.IsWorkflowCompleted())
	var status rollout.Status
	err := env.GetWorkflowError()
	if err == nil {
		require.NoError(t, env.GetWorkflowResult(&status))
	}
	return world, status, err
}

func TestRollout(t *testing.T) {
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world, status, err := s.run(t)
			require.NoError(t, err)
			require.Equal(t, s.want, status.Outcome, "%+v", status)
			require.Equal(t, s.wantCause, status.Cause, status.Reason)
			require.Contains(t, status.Reason, s.wantReason)
			require.Equal(t, rollout.PhaseCompleted, status.Phase)
			require.Empty(t, world.Violations())
			if s.wantLog != nil {
				require.Equal(t, s.wantLog, world.Log())
			}
			if s.check != nil {
				s.check(t, world, status)
			}
		})
	}
}

var stories = map[string]story{
	"a good candidate takes every step": {want: rollout.Promoted, wantLog: good},
	"a bad candidate loses its traffic before it is removed": {
		world:   func(w *sim.World) { w.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.3}) },
		want:    rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "errors",
		wantLog: undone,
		check: func(t *testing.T, _ *sim.World, s rollout.Status) {
			require.NotNil(t, s.TimeToRestore)
			require.Equal(t, rollout.Weight(0), s.Weight)
			require.Equal(t, rollout.Fail, s.Checks[0].Verdict)
			require.Greater(t, s.Checks[0].Ratio, 5.0)
		},
	},
	"an operator aborts": {
		plot: func(s *teller) {
			s.at(1500*time.Millisecond, func() { s.order(rollout.Command{Name: "abort", Reason: "pager"}, rollout.Accepted) })
		},
		want: rollout.Aborted, wantReason: "aborted by ana@example.com: pager", wantLog: undone,
	},
}
