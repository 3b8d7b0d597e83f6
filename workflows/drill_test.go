package workflows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
	"bakeoff/workflows"
)

// practised runs one drill over the simulated world, as the child of a rehearsal:
// no other rollout may be one. The candidate is well.
func practised(t *testing.T, baseline string, change func(*rollout.Order), plot func(*teller)) (*sim.World, rollout.Status) {
	return practisedWith(t, &desk{}, baseline, change, plot)
}

// practisedWith is practised where somebody answers hooks.
func practisedWith(t *testing.T, d *desk, baseline string, change func(*rollout.Order), plot func(*teller)) (*sim.World, rollout.Status) {
	world := sim.New(baseline)
	for _, v := range []string{"2.4.1", "2.5.0"} {
		world.Behave(v, sim.Behaviour{Rate: 400, Failures: 0.2})
	}
	var suite testsuite.WorkflowTestSuite
	suite.SetMetricsHandler(uncounted{t})
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	patiently(env)
	env.RegisterActivity(&activities.Activities{Drivers: world.Registry(), Vault: world, Look: 50 * time.Millisecond, Hooks: d,
		Notifications: activities.Notifications{Sinks: map[string]activities.Notifier{"sim": world}, Escalation: rungs,
			Subscriptions: []activities.Subscription{{To: "sim"}}}})
	env.RegisterWorkflow(workflows.Notify)
	env.RegisterWorkflowWithOptions(workflows.Rollout, workflow.RegisterOptions{Name: rollout.WorkflowType})
	order := rollout.Order{Spec: spec(), Actor: "ci@example.com", Reason: "a drill", Rehearsal: rollout.RehearsalID("staging", "weekly"),
		Drill: &rollout.Drill{Step: 1, Verdict: rollout.Fail, After: rollout.Duration(1500 * time.Millisecond)}}
	change(&order)
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context) (status rollout.Status, err error) {
		ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: rollout.WorkflowID(order.Spec.Key())})
		err = workflow.ExecuteChildWorkflow(ctx, rollout.WorkflowType, order).Get(ctx, &status)
		return status, err
	}, workflow.RegisterOptions{Name: "practise"})
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: order.Rehearsal, TaskQueue: rollout.QueueControl})
	for d := time.Duration(0); d < 30*time.Second; d += 50 * time.Millisecond {
		env.RegisterDelayedCallback(func() {}, d) // the workflow's clock keeps up with that of the injection
	}
	if plot != nil {
		plot(&teller{t, env, world})
	}
	env.ExecuteWorkflow("practise")
	require.NoError(t, env.GetWorkflowError())
	var status rollout.Status
	require.NoError(t, env.GetWorkflowResult(&status))
	require.Empty(t, world.Violations())
	return world, status
}

// TestDrillsGoBack holds that no drill gives the candidate more users than its step
// has, whatever its checks prove, its policy says, or a person orders.
func TestDrillsGoBack(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*rollout.Order)
		plot   func(*teller)
		why    string
	}{
		"although the candidate is proved before the injection": {
			change: func(o *rollout.Order) {
				o.Spec.Policy.Require, o.Spec.Policy.EndEarly = rollout.RequireNonInferior, true
				o.Spec.Checks[0].Judge = &rollout.Judge{RateRatio: &rollout.RateRatio{SafeMargin: 8}}
			},
			why: "drill: injected Fail",
		},
		"although what is unclear is promoted": {
			change: func(o *rollout.Order) {
				o.Spec.Policy.Inconclusive, o.Drill.Verdict = rollout.RulePromote, rollout.Inconclusive
			},
			why: "drill: injected Inconclusive",
		},
		"although holds end with a promotion": {
			change: func(o *rollout.Order) {
				o.Spec.Policy.Otherwise, o.Spec.Policy.HoldFor = rollout.RulePromote, rollout.Duration(time.Second)
				o.Drill.Verdict = rollout.NoData
			},
			why: "drill: injected NoData",
		},
		"although somebody promotes it": {
			change: func(*rollout.Order) {},
			plot: func(tell *teller) {
				tell.at(time.Second, func() {
					c := rollout.Command{ID: "1", Name: rollout.CommandPromote, Actor: "ana", Reason: "it looks well", Full: true}
					require.NoError(t, tell.env.UpdateWorkflowByID(rollout.WorkflowID(spec().Key()), c.Name, c.ID, &testsuite.TestUpdateCallback{
						OnAccept: func() {},
						OnReject: func(err error) { require.NoError(t, err) },
						OnComplete: func(result any, err error) {
							require.NoError(t, err)
							require.Equal(t, rollout.Denied, result.(rollout.Answer).Answer)
							require.Contains(t, result.(rollout.Answer).Why, "it is a drill")
						},
					}, c))
				})
			},
			why: "drill: injected Fail",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world, status := practised(t, "2.4.1", c.change, c.plot)
			require.Equal(t, rollout.RolledBack, status.Outcome, status.Reason)
			require.Contains(t, status.Reason, c.why)
			require.Equal(t, undone, world.Log())
			require.NotNil(t, status.Drilled, "its verdict was injected")
		})
	}
}

// A drill that leaves its step before the injection, because failures lower the
// exposure, goes back all the same, and is none that was made.
func TestDrillThatLeavesItsStep(t *testing.T) {
	world, status := practised(t, "2.4.1", func(o *rollout.Order) {
		o.Drill.Step, o.Drill.After = 2, rollout.Duration(5900*time.Millisecond)
		o.Spec.Strategy.Canary = nil
		o.Spec.Strategy.Adaptive = &rollout.Adaptive{From: 500, To: 5000, RiskBudget: 40, MinBake: rollout.Duration(6 * time.Second)}
		o.Spec.Checks[0].Judge = &rollout.Judge{RateRatio: &rollout.RateRatio{HarmMargin: 9}}
		o.Spec.Deadline = rollout.Duration(time.Hour)
	}, func(tell *teller) {
		tell.world.Behave("2.4.1", sim.Behaviour{Rate: 400, Failures: 0.01})
		tell.world.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.01})
		tell.once(func() bool { return tell.world.State().Weights["2.5.0"] > 500 }, func() {
			tell.world.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.09})
		})
	})
	require.Equal(t, rollout.RolledBack, status.Outcome, status.Reason)
	require.Equal(t, "a drill: it goes no further than step 2, and Fail was not seen there", status.Reason)
	require.Nil(t, status.Drilled)
	require.NotContains(t, world.Log(), "primary 2.5.0")
}

// Where nothing serves there is nothing to go back to: nothing is deployed.
func TestDrillOfAFirstRelease(t *testing.T) {
	world, status := practised(t, "", func(o *rollout.Order) { o.Drill.Step = 2 }, nil)
	require.Equal(t, rollout.Refused, status.Outcome)
	require.Equal(t, rollout.CauseDirty, status.Cause)
	require.Empty(t, world.Log())
}

// What a rehearsal draws of a rollout: the share of every step, also of those before
// the one that it goes back from, and when it was seen to be bad, and well again.
// Nobody injects anything into one that is no drill.
func TestRehearsedRolloutTellsItsCourse(t *testing.T) {
	for name, drill := range map[string]*rollout.Drill{"a drill from step 2": {Step: 2, Verdict: rollout.Fail, After: rollout.Duration(1500 * time.Millisecond)}, "a breach": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, status := practised(t, "2.4.1", func(o *rollout.Order) { o.Drill = drill }, func(tell *teller) {
				tell.once(func() bool { return drill == nil && tell.world.State().Weights["2.5.0"] > 1000 }, func() {
					tell.world.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.9})
				})
			})
			require.Equal(t, rollout.RolledBack, status.Outcome, status.Reason)
			require.Equal(t, drill != nil, status.Drilled != nil)
			course := status.Rehearsed
			var weights []rollout.Weight
			var steps []int
			for _, x := range course.Shares {
				weights, steps = append(weights, x.Weight), append(steps, x.Step)
			}
			require.Equal(t, []int{1, 2, 0}, steps)
			require.Equal(t, []rollout.Weight{1000, 5000, 0}, weights)
			require.False(t, course.Seen.Before(course.Shares[1].At))
			require.False(t, course.Decided.Before(*course.Seen))
			require.False(t, course.Traffic.Before(*course.Decided))
			require.Equal(t, status.TimeToRestore.Total.Std(), course.Healthy.Sub(*course.Seen))
		})
	}
}

// Outside systems hear of a rehearsal only where its manifest asks for that, and are
// told then that it is one. What nobody asks for refuses nothing, and the plan says so.
func TestHooksOfADrill(t *testing.T) {
	at := func(point, url string) rollout.Hook {
		return rollout.Hook{At: point, HTTP: "http://" + url, Timeout: rollout.Duration(time.Second)}
	}
	hooks := []rollout.Hook{at(rollout.HookBeforeStart, "no"), at(rollout.HookBeforeStep, "a"), at(rollout.HookOnRollback, "pager"), at(rollout.HookAfter, "pager")}
	for name, c := range map[string]struct {
		asked, told []string
		says        string
	}{
		"asked for none": {nil, nil, "whose hooks do not name beforeStart, beforeStep, onRollback, after"},
		"asked for two": {[]string{rollout.HookBeforeStep, rollout.HookAfter}, []string{rollout.HookBeforeStep, rollout.HookAfter},
			"whose hooks do not name beforeStart, onRollback"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &desk{}
			_, status := practisedWith(t, d, "2.4.1", func(o *rollout.Order) { o.Spec.Hooks, o.Hooks = hooks, c.asked }, nil)
			require.Equal(t, rollout.RolledBack, status.Outcome, status.Reason)
			require.NotNil(t, status.Drilled, "its verdict was injected")
			require.Equal(t, c.told, d.told())
			for _, call := range d.calls {
				require.Equal(t, rollout.RehearsalID("staging", "weekly"), call.Rehearsal)
			}
			require.Contains(t, strings.Join(status.Warnings, "\n"), c.says)
		})
	}
}

// Nobody but a rehearsal may have a rollout go back on a verdict that was injected:
// what an order says of itself proves nothing.
func TestADrillNeedsARehearsal(t *testing.T) {
	a := activities.Activities{Drivers: sim.New("2.4.1").Registry()}
	order := rollout.Order{Spec: spec(), Actor: "ci", Drill: &rollout.Drill{Step: 1, Verdict: rollout.Fail}}
	for _, claimed := range []string{"", rollout.RehearsalID("staging", "weekly")} {
		order.Rehearsal = claimed
		out, err := a.Admit(t.Context(), activities.AdmitInput{Order: order})
		require.NoError(t, err)
		require.Equal(t, rollout.CauseSpec, out.Cause)
		require.Equal(t, []string{"drill: a drill needs a rehearsal: bakeoff rehearse"}, rollout.Texts(out.Problems))
		require.Nil(t, out.Plan.Drill)
	}
	out, err := a.Admit(t.Context(), activities.AdmitInput{Order: order, Rehearsal: true})
	require.NoError(t, err)
	require.Empty(t, out.Cause, "%v", out.Problems)
	require.Equal(t, order.Drill, out.Plan.Drill)
}
