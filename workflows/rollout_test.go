package workflows_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
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
	first bool // nothing serves yet

	people activities.Rules // who may do what; zero: everyone
	rules  func(*activities.Rules)
	season *season // what closes the target, and when; nil: nothing
	hooks  activities.Hooks
	lasts  time.Duration // at least, in which the season goes by

	notifications activities.Notifications // who is told; the world itself is the sink "sim"

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

// once does something as soon as the world is so.
func (s *teller) once(is func() bool, do func()) {
	go func() {
		for !is() {
			select {
			case <-s.t.Context().Done():
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
		do()
	}()
}

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
	if c.Name == rollout.CommandApprove { // bound as the command line binds it
		if now := s.standing(); now.Asked != nil {
			c.RunID, c.Step, c.Digest = cmp.Or(c.RunID, now.RunID), cmp.Or(c.Step, now.Asked.Step), cmp.Or(c.Digest, now.PlanDigest)
		}
	}
	s.update(c, want)
}

// update sends a command as it is, and requires its answer.
func (s *teller) update(c rollout.Command, want string) {
	s.env.UpdateWorkflow(c.Name, fmt.Sprint(c.Name, cmp.Or(c.ID, time.Now().String()), c.Actor, c.Reason, c.Step, c.Signature), &testsuite.TestUpdateCallback{
		OnAccept: func() {},
		OnReject: func(err error) { require.NoError(s.t, err) },
		OnComplete: func(result any, err error) {
			require.NoError(s.t, err)
			require.Equal(s.t, want, result.(rollout.Answer).Answer, result.(rollout.Answer).Why)
		},
	}, c)
}

// details are what somebody sees who opens the workflow in the Temporal UI.
func (s *teller) details() string {
	answer, err := s.env.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(s.t, err)
	var about sdkpb.WorkflowMetadata
	require.NoError(s.t, answer.Get(&about))
	return about.GetCurrentDetails()
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
	baseline := "2.4.1"
	if s.first {
		baseline = ""
	}
	world := sim.New(baseline)
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
	if s.notifications.Subscriptions != nil || order.Spec.Notify != nil {
		s.notifications.Sinks = map[string]activities.Notifier{"sim": world}
	}
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	patiently(env)
	acts := &activities.Activities{Drivers: world.Registry(), Vault: world, Rules: s.people, Hooks: s.hooks, Look: 50 * time.Millisecond, Notifications: s.notifications}
	if s.season != nil {
		s.season.begin = time.Now()
		acts.Gates = activities.Gates{Calendar: s.season, Lines: s.season, Budgets: s.season, Ledger: &activities.Ledger{}, Targets: s.season, Drills: s.season}
		for d := time.Duration(0); d < 30*time.Second; d += 50 * time.Millisecond {
			env.RegisterDelayedCallback(func() {}, d) // the workflow's clock keeps up with the season's
		}
	}
	env.RegisterActivity(acts)
	env.RegisterWorkflow(workflows.Notify)
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

func TestRollout(t *testing.T) { tell(t, stories) }

// tell runs all stories side by side, and holds each to its end.
func tell(t *testing.T, stories map[string]story) {
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.holds(t)
		})
	}
}

// holds requires that the story ends as it has to.
func (s story) holds(t *testing.T) {
	world, status, err := s.run(t)
	require.NoError(t, err)
	require.Equal(t, s.want, status.Outcome, "%+v", status)
	require.Equal(t, s.wantCause, status.Cause, status.Reason)
	require.Contains(t, status.Reason, s.wantReason)
	require.Equal(t, rollout.PhaseCompleted, status.Phase)
	require.Empty(t, world.Violations())
	if s.season != nil {
		require.GreaterOrEqual(t, time.Since(s.season.begin), s.lasts)
	}
	if s.wantLog != nil {
		require.Equal(t, s.wantLog, s.inOrder(world.Log()))
	}
	if s.check != nil {
		s.check(t, world, status)
	}
}

// inOrder is a log in which a candidate stands before the copy of the baseline
// that is deployed at the same time.
func (story) inOrder(log []string) []string {
	out := append([]string{}, log...)
	if len(out) > 1 && strings.HasPrefix(out[1], "deploy") {
		slices.Sort(out[:2])
		slices.Reverse(out[:2])
	}
	return out
}

// What a person acknowledges could not be put back ends the rollout as failed:
// the one outcome that says so.
func TestAcknowledged(t *testing.T) {
	t.Parallel()
	s := story{
		spec: func(s *rollout.Spec) { s.NeedsHumanAfter = rollout.Duration(time.Second) },
		plot: func(s *teller) {
			s.at(800*time.Millisecond, func() {
				s.world.Fail(sim.OpShift, sim.Fault{})
				s.order(rollout.Command{Name: "acknowledge", Reason: "too early"}, rollout.Denied)
				s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo", Reason: "pager"})
			})
			s.at(4*time.Second, func() {
				s.order(rollout.Command{Name: "acknowledge", Reason: "the router is gone for good"}, rollout.Accepted)
			})
		},
	}
	world, _, err := s.run(t)
	require.ErrorContains(t, err, "acknowledged by ana@example.com: the router is gone for good")
	require.Equal(t, []string{"deploy 2.5.0", "weights 2.4.1 90%, 2.5.0 10%"}, world.Log(), "nothing is removed that may have traffic")
}

var stories = map[string]story{
	"a good candidate takes every step": {want: rollout.Promoted, wantLog: good},
	"a bad candidate loses its traffic before it is removed": {
		world: func(w *sim.World) { w.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.3}) },
		want:  rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "errors",
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
	"an abort comes as a signal": {
		plot: func(s *teller) {
			s.at(time.Second, func() {
				s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo", Reason: "pager"})
			})
		},
		want: rollout.Aborted, wantReason: "aborted by bo: pager", wantLog: undone,
	},
	"a cancel is obeyed as an abort": {
		plot: func(s *teller) { s.at(time.Second, s.env.CancelWorkflow) },
		want: rollout.Aborted, wantReason: "temporal:cancel", wantLog: undone,
	},
	"signal, update and a second abort are one abort": {
		plot: func(s *teller) {
			s.at(time.Second, func() {
				c := rollout.Command{ID: "1", Name: "abort", Actor: "bo", Reason: "pager"}
				s.env.SignalWorkflow("abort", c)
				s.order(c, rollout.Accepted)
				s.order(rollout.Command{ID: "2", Name: "abort", Actor: "cy"}, rollout.Noop)
			})
		},
		want: rollout.Aborted, wantReason: "aborted by bo: pager", wantLog: undone,
	},
	"an abort counts although its id was that of another command": {
		plot: func(s *teller) {
			s.at(time.Second, func() {
				s.order(rollout.Command{ID: "CHG-1", Name: "pause", Actor: "bo"}, rollout.Accepted)
			})
			s.at(1500*time.Millisecond, func() {
				s.order(rollout.Command{ID: "CHG-1", Name: "abort", Actor: "cy", Reason: "pager"}, rollout.Accepted)
			})
		},
		want: rollout.Aborted, wantReason: "aborted by cy: pager", wantLog: undone,
	},
	"an abort overtakes a deploy that never gets ready": {
		world: func(w *sim.World) { w.OnDeploy("2.5.0", sim.Script{State: activities.StatePending}) },
		plot: func(s *teller) {
			s.at(time.Second, func() { s.order(rollout.Command{Name: "abort"}, rollout.Accepted) })
		},
		want: rollout.Aborted, wantLog: []string{"deploy 2.5.0", "remove 2.5.0"},
	},
	"an abort during the kept baseline still restores": {
		spec: func(s *rollout.Spec) { keep := rollout.Duration(time.Minute); s.Strategy.KeepBaseline = &keep },
		plot: func(s *teller) {
			s.at(6*time.Second, func() { s.order(rollout.Command{Name: "abort"}, rollout.Accepted) })
		},
		want: rollout.Aborted,
		check: func(t *testing.T, w *sim.World, s rollout.Status) {
			require.Equal(t, "2.4.1", w.State().Primary)
			require.Equal(t, rollout.All, w.State().Weights["2.4.1"])
			require.Contains(t, w.Log(), "primary 2.5.0")
		},
	},
	"a deploy that fails is taken back, and traffic was never touched": {
		world: func(w *sim.World) {
			w.OnDeploy("2.5.0", sim.Script{State: activities.StateFailed, Message: "image not found"})
		},
		want: rollout.RolledBack, wantCause: rollout.CauseDeploy, wantReason: "image not found",
		wantLog: []string{"deploy 2.5.0", "remove 2.5.0"},
	},
	"a router that accepts and does nothing": {
		world: func(w *sim.World) { w.IgnoreWeights(true) },
		want:  rollout.RolledBack, wantCause: rollout.CauseTraffic, wantReason: "not in force",
		wantLog: []string{"deploy 2.5.0", "remove 2.5.0"},
	},
	"what the router makes of a write is written over": {
		world: func(w *sim.World) { w.IgnoreWeights(true) },
		plot: func(s *teller) {
			s.once(func() bool { return len(s.world.Writes()) > 1 }, func() { s.world.SetWeights(rollout.Split{"2.4.1": 4000, "2.5.0": 6000}) })
			s.at(1500*time.Millisecond, func() { s.world.IgnoreWeights(false) })
		},
		want: rollout.Promoted,
	},
	"but not what somebody else does meanwhile": {
		spec:  func(s *rollout.Spec) { s.Policy.Drift = rollout.RuleRollback },
		world: func(w *sim.World) { w.IgnoreWeights(true) },
		plot: func(s *teller) {
			s.at(1500*time.Millisecond, func() {
				s.world.SetWeights(rollout.Split{"2.4.1": 4000, "2.5.0": 6000})
				s.world.IgnoreWeights(false)
			})
		},
		want: rollout.RolledBack, wantCause: rollout.CauseTraffic, wantReason: "somebody else changed the weights",
	},
	"a router that lags": {
		world: func(w *sim.World) { w.LagWeights(1500 * time.Millisecond) },
		want:  rollout.Promoted, wantLog: good,
	},
	"no data holds, and rolls back when nobody helps": {
		world: func(w *sim.World) { w.SetSilent("2.5.0", true) },
		want:  rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "no data of the candidate",
		wantLog: undone,
		check: func(t *testing.T, _ *sim.World, s rollout.Status) {
			require.Equal(t, rollout.NoData, s.Checks[0].Verdict)
		},
	},
	"metrics that cannot be read for good never pass": {
		world: func(w *sim.World) { w.Fail(sim.OpRead, sim.Fault{}) },
		want:  rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "held for",
		wantLog: undone,
		check: func(t *testing.T, _ *sim.World, s rollout.Status) {
			require.Equal(t, rollout.Error, s.Checks[0].Verdict)
		},
	},
	"a hold ends by itself when the data is back": {
		world: func(w *sim.World) { w.SetSilent("2.5.0", true) },
		spec:  func(s *rollout.Spec) { s.Policy.HoldFor = rollout.Duration(time.Minute) },
		plot:  func(s *teller) { s.at(4*time.Second, func() { s.world.SetSilent("2.5.0", false) }) },
		want:  rollout.Promoted, wantLog: good,
	},
	"promote overrides a hold": {
		world: func(w *sim.World) { w.SetSilent("2.5.0", true) },
		spec:  func(s *rollout.Spec) { s.Policy.HoldFor = rollout.Duration(time.Minute) },
		plot: func(s *teller) {
			s.at(4*time.Second, func() { s.order(rollout.Command{Name: "promote", Full: true}, rollout.Accepted) })
		},
		want:    rollout.Promoted,
		wantLog: []string{"deploy 2.5.0", "weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 0%, 2.5.0 100%", "primary 2.5.0", "remove 2.4.1"},
	},
	"a hold is rejected": {
		world: func(w *sim.World) { w.SetSilent("2.5.0", true) },
		spec:  func(s *rollout.Spec) { s.Policy.HoldFor = rollout.Duration(time.Minute) },
		plot: func(s *teller) {
			s.at(4*time.Second, func() { s.order(rollout.Command{Name: "reject", Reason: "no"}, rollout.Accepted) })
		},
		want: rollout.Rejected, wantReason: "rejected by ana@example.com: no", wantLog: undone,
	},
	"no data rolls back where the policy says so": {
		world: func(w *sim.World) { w.SetSilent("2.5.0", true) },
		spec:  func(s *rollout.Spec) { s.Policy.NoData = rollout.RuleRollback },
		want:  rollout.RolledBack, wantCause: rollout.CauseVerdict, wantLog: undone,
	},
	"a pause stops the clock, not the watching": {
		world: func(w *sim.World) {},
		plot: func(s *teller) {
			s.at(500*time.Millisecond, func() { s.order(rollout.Command{Name: "pause"}, rollout.Accepted) })
			s.at(3*time.Second, func() { s.world.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.5}) })
		},
		want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantLog: undone,
	},
	"a pause outlasts the bake": {
		plot: func(s *teller) {
			s.at(500*time.Millisecond, func() { s.order(rollout.Command{Name: "pause"}, rollout.Accepted) })
			s.at(5*time.Second, func() {
				require.Equal(s.t, rollout.Split{"2.4.1": 9000, "2.5.0": 1000}, s.world.State().Weights)
				s.order(rollout.Command{Name: "resume"}, rollout.Accepted)
			})
		},
		want: rollout.Promoted, wantLog: good,
	},
	"somebody else changes the weights, and the rollout holds until they change them back": {
		spec: func(s *rollout.Spec) { s.Policy.HoldFor = rollout.Duration(time.Minute) },
		plot: func(s *teller) {
			s.at(time.Second, func() { s.world.SetWeights(rollout.Split{"2.4.1": 4000, "2.5.0": 6000}) })
			s.at(3*time.Second, func() { s.world.SetWeights(rollout.Split{"2.4.1": 9000, "2.5.0": 1000}) })
		},
		want: rollout.Promoted,
	},
	"somebody else changes the weights, and they are put back once": {
		spec: func(s *rollout.Spec) { s.Policy.Drift = rollout.RulePutBack },
		plot: func(s *teller) {
			s.at(time.Second, func() { s.world.SetWeights(rollout.Split{"2.4.1": 4000, "2.5.0": 6000}) })
		},
		want: rollout.Promoted,
	},
	"somebody else changes the weights, and the rollout goes back": {
		spec: func(s *rollout.Spec) { s.Policy.Drift = rollout.RuleRollback },
		plot: func(s *teller) {
			s.at(time.Second, func() { s.world.SetWeights(rollout.Split{"2.4.1": 4000, "2.5.0": 6000}) })
		},
		want: rollout.RolledBack, wantCause: rollout.CauseTraffic, wantReason: "somebody else changed the weights",
	},
	"an approval is given": {
		spec: approvalBefore(1, time.Minute),
		plot: func(s *teller) {
			s.at(4*time.Second, func() {
				s.order(rollout.Command{Name: "approve", Step: 1}, rollout.Denied)
				s.order(rollout.Command{Name: "approve", Digest: "sha256:other"}, rollout.Denied)
				s.order(rollout.Command{Name: "approve", Step: 2}, rollout.Accepted)
			})
		},
		want: rollout.Promoted, wantLog: good,
	},
	"nobody approves": {
		spec: approvalBefore(1, time.Second),
		want: rollout.RolledBack, wantCause: rollout.CauseApproval, wantReason: "nobody approved the raise to 50% within 1s",
		wantLog: undone,
	},
	"an approval before the first step is rejected": {
		spec: approvalBefore(0, time.Minute),
		plot: func(s *teller) {
			s.at(2*time.Second, func() { s.order(rollout.Command{Name: "reject"}, rollout.Accepted) })
		},
		want: rollout.Rejected, wantLog: []string{"deploy 2.5.0", "remove 2.5.0"},
	},
	"the candidate turns bad while an approval is waited for": {
		spec: approvalBefore(1, time.Minute),
		plot: func(s *teller) {
			s.at(4*time.Second, func() { s.world.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.5}) })
		},
		want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantLog: undone,
	},
	"the deadline passes": {
		spec: func(s *rollout.Spec) { s.Deadline = rollout.Duration(2 * time.Second) },
		want: rollout.RolledBack, wantCause: rollout.CauseDeadline, wantReason: "not done within 2s",
	},
	"a bake is extended": {
		plot: func(s *teller) {
			s.at(time.Second, func() {
				s.order(rollout.Command{Name: "extend", By: rollout.Duration(2 * time.Second)}, rollout.Accepted)
			})
		},
		want: rollout.Promoted, wantLog: good,
	},
	"a dirty target is refused": {
		world: func(w *sim.World) { w.SetWeights(rollout.Split{"2.4.1": 9000, "2.3.0": 1000}) },
		want:  rollout.Refused, wantCause: rollout.CauseDirty, wantReason: "several versions have traffic",
		check: untouched,
	},
	"a release that serves already is refused": {
		spec: func(s *rollout.Spec) { s.Release.Version = "2.4.1" },
		want: rollout.Refused, wantCause: rollout.CauseServing, check: untouched,
	},
	"a mutable tag is refused": {
		spec: func(s *rollout.Spec) { s.Release.Artifact = "checkout:latest" },
		want: rollout.Refused, wantCause: rollout.CauseSpec, wantReason: "pin it by digest", check: untouched,
	},
	"an unknown driver is refused": {
		spec: func(s *rollout.Spec) { s.Target.Traffic.Driver = "haproxxy" },
		want: rollout.Refused, wantCause: rollout.CauseSpec, wantReason: `unknown traffic driver "haproxxy"`, check: untouched,
	},
	"a router that fails for a while is put back all the same": {
		world: func(w *sim.World) { w.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.5}) },
		plot: func(s *teller) {
			s.at(200*time.Millisecond, func() { s.world.Fail(sim.OpShift, sim.Fault{Times: 4}) })
		},
		want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantLog: undone,
	},
	"what cannot be put back yet is tried on while a human is asked for": {
		spec: func(s *rollout.Spec) { s.NeedsHumanAfter = rollout.Duration(time.Second) },
		plot: func(s *teller) {
			s.at(800*time.Millisecond, func() {
				s.world.Fail(sim.OpShift, sim.Fault{})
				s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo", Reason: "pager"})
			})
			s.at(4*time.Second, func() {
				s.world.Heal()
			})
		},
		want: rollout.Aborted, wantLog: undone,
	},
	"a refusal is not final on the way back": {
		spec: func(s *rollout.Spec) { s.NeedsHumanAfter = rollout.Duration(time.Second) },
		plot: func(s *teller) {
			s.at(800*time.Millisecond, func() {
				s.world.Fail(sim.OpShift, sim.Fault{Err: sim.Refused("403 not now"), Times: 2})
				s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo", Reason: "pager"})
			})
		},
		want: rollout.Aborted, wantLog: undone,
	},
	"a person who mended the router says retry, and the weights are written at once": {
		spec: func(s *rollout.Spec) { s.NeedsHumanAfter = rollout.Duration(time.Second) },
		plot: func(s *teller) {
			s.at(800*time.Millisecond, func() {
				s.world.IgnoreWeights(true)
				s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo", Reason: "pager"})
			})
			s.at(3*time.Second, func() {
				s.world.IgnoreWeights(false)
				s.order(rollout.Command{Name: "retry"}, rollout.Accepted)
			})
			s.at(4*time.Second, func() {
				require.True(s.t, s.world.State().Weights.Equal(rollout.Split{"2.4.1": rollout.All}), "the next look would be over later")
			})
		},
		want: rollout.Aborted, wantLog: undone,
	},
	"a difference needs a human, who mends it and says retry": {
		plot: func(s *teller) {
			s.at(time.Second, func() {
				s.world.SetReplicas("2.4.1", 1)
				s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo", Reason: "pager"})
			})
			s.at(5*time.Second, func() {
				s.world.SetReplicas("2.4.1", sim.DefaultReplicas)
				s.order(rollout.Command{Name: "retry", Reason: "scaled up again"}, rollout.Accepted)
			})
		},
		want: rollout.Aborted, wantLog: undone,
		check: func(t *testing.T, _ *sim.World, s rollout.Status) {
			require.True(t, s.NeededHuman, "also after it healed")
		},
	},
	"a candidate that loses replicas gets no more traffic before they are back": {
		plot: func(s *teller) {
			s.at(1500*time.Millisecond, func() { s.world.SetReplicas("2.5.0", 1) })
			s.at(4*time.Second, func() { s.waitsFor(rollout.WaitingForCapacity, 1000) })
			s.at(5*time.Second, func() { s.world.SetReplicas("2.5.0", sim.DefaultReplicas) })
		},
		want: rollout.Promoted, wantLog: good,
	},
	"a vote that binds nothing counts for nothing, and a resumed wait says for what": {
		spec: approvalBefore(0, time.Hour),
		plot: func(s *teller) {
			s.at(time.Second, func() {
				s.update(rollout.Command{ID: "v", Name: "approve", Actor: "bo@example.com", Reason: "r"}, rollout.Denied)
				s.update(rollout.Command{ID: "o", Name: "approve", Actor: "bo@example.com", Reason: "r", Override: true}, rollout.Denied)
				s.order(rollout.Command{Name: "pause"}, rollout.Accepted)
			})
			s.at(2*time.Second, func() { s.order(rollout.Command{Name: "resume"}, rollout.Accepted) })
			s.at(3*time.Second, func() {
				require.Equal(s.t, "waiting for an approval of the raise to 10%", s.standing().Reason)
				s.order(rollout.Command{Name: "approve"}, rollout.Accepted)
			})
		},
		want: rollout.Promoted, wantLog: good,
	},
	"replicas that were lost while the first raise waited for a vote are waited for": {
		spec: approvalBefore(0, time.Hour),
		plot: func(s *teller) {
			s.at(time.Second, func() { s.waitsFor(rollout.WaitingForApproval, 0); s.world.SetReplicas("2.5.0", 1) })
			s.at(2*time.Second, func() { s.order(rollout.Command{Name: "approve"}, rollout.Accepted) })
			s.at(4*time.Second, func() { s.waitsFor(rollout.WaitingForCapacity, 0) })
			s.at(5*time.Second, func() { s.world.SetReplicas("2.5.0", sim.DefaultReplicas) })
		},
		want: rollout.Promoted, wantLog: good,
	},
	"a candidate that does not get ready again is taken back": {
		plot: func(s *teller) {
			s.at(1500*time.Millisecond, func() { s.world.SetReplicas("2.5.0", 1) })
		},
		want: rollout.RolledBack, wantCause: rollout.CauseDeploy, wantReason: "short of replicas, 1 of 3 replicas ready", wantLog: undone,
	},
	"too little traffic for the bake is said before anything is changed": {
		world: func(w *sim.World) {
			w.Behave("2.4.1", sim.Behaviour{Rate: 20, Failures: 0.01})
			w.Behave("2.5.0", sim.Behaviour{Rate: 20, Failures: 0.01})
		},
		spec: func(s *rollout.Spec) { s.Policy.NoData = rollout.RuleRollback },
		want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "NoData",
		check: func(t *testing.T, _ *sim.World, s rollout.Status) {
			require.Contains(t, strings.Join(s.Warnings, "\n"), "step 1: errors: at 20 requests/s the minimum evidence takes longer than the bake of")
		},
	},
	"flags move with the release and back with it": {
		spec:  flagged,
		world: func(w *sim.World) { w.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.5}) },
		want:  rollout.RolledBack, wantCause: rollout.CauseVerdict,
		check: func(t *testing.T, w *sim.World, _ rollout.Status) {
			require.Empty(t, w.State().Flags)
			require.Contains(t, w.Log(), `flags new-cart={"enabled":true}`)
		},
	},
	"a first release takes one step": {
		first:   true,
		want:    rollout.Promoted,
		wantLog: []string{"deploy 2.5.0", "weights 2.5.0 100%", "primary 2.5.0"},
	},
	"a platform that goes back by itself": {
		plot: func(s *teller) { s.at(time.Second, func() { s.world.Vanish("2.5.0") }) },
		want: rollout.PlatformRolledBack, wantReason: "2.5.0",
	},
	"a stale write is refused and the restore wins": {
		world: func(w *sim.World) {
			w.RefuseStale(true)
			w.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.5})
		},
		want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantLog: undone,
	},
}

func approvalBefore(step int, within time.Duration) func(*rollout.Spec) {
	return func(s *rollout.Spec) {
		s.Strategy.Canary[step].Approve = &rollout.Approval{Within: rollout.Duration(within)}
	}
}

func untouched(t *testing.T, w *sim.World, _ rollout.Status) {
	for _, write := range w.Writes() {
		require.Contains(t, write.Text, "outsider", "nothing may be written before a refusal")
	}
}
