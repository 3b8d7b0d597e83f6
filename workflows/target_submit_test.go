package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
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
func ordersAtOnce(t *testing.T, policy string) rollout.TargetStatus {
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
	return anHourOf(t, env)
}

// anHourOf lets a Target run, and returns what it knows an hour later.
func anHourOf(t *testing.T, env *testsuite.TestWorkflowEnvironment) (known rollout.TargetStatus) {
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

// A Target that is cancelled answers whoever waits, and ends.
func TestOrdersOfACancelledTarget(t *testing.T) {
	for name, story := range map[string]func(*above){
		"while an order is looked at": func(s *above) {
			s.env.OnActivity("FleetHolds", mock.Anything, mock.Anything).After(30*time.Second).Return(activities.FleetHoldsOutput{}, nil)
		},
		"while an order is behind a rollout that is over": func(s *above) {
			s.known.Running = &rollout.Course{Submit: orderOf("2.4.1", ""), RunID: "over"}
			s.watched("over", time.Hour, activities.WatchRolloutOutput{})
			s.over = true
			s.command(2*time.Second, rollout.CommandRollback, "back")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newAbove(t)
			story(s)
			order := orderOf("2.5.0", "")
			order.AskFleet = s.known.Running == nil
			var fates []rollout.Submission
			s.env.RegisterDelayedCallback(func() {
				s.env.UpdateWorkflow(rollout.CommandSubmit, "2.5.0", &testsuite.TestUpdateCallback{
					OnAccept: func() {},
					OnReject: func(err error) { require.NoError(t, err) },
					OnComplete: func(result any, err error) {
						require.NoError(t, err)
						fates = append(fates, result.(rollout.Submission))
					},
				}, order)
			}, time.Second)
			s.env.RegisterDelayedCallback(s.env.CancelWorkflow, 10*time.Second)
			s.env.ExecuteWorkflow(workflows.Target, s.known)
			require.True(t, s.env.IsWorkflowCompleted())
			require.NoError(t, s.env.GetWorkflowError())
			require.Empty(t, s.begun)
			require.Len(t, fates, 1)
			require.Equal(t, rollout.FateRefused, fates[0].Fate)
			require.Equal(t, "the workflow that takes orders in was cancelled: give it again", fates[0].Why)
		})
	}
}

// An order that was withdrawn is not started, whether it is delivered before or
// after that; one that has begun stays.
func TestWithdrawnOrders(t *testing.T) {
	order := func(id string) rollout.Submit {
		o := rollout.Order{ID: id, Actor: "ana", Spec: spec()}
		o.Spec.Release.Version, o.Spec.Policy.OnNewRelease = "2.5."+id, rollout.OnNewQueue
		return rollout.Submit{Order: o, AskFleet: true}
	}
	type said struct {
		signal string
		what   any
	}
	submit := func(id string) said { return said{rollout.CommandSubmit, order(id)} }
	withdraw := func(id string) said {
		return said{rollout.CommandWithdraw, rollout.Withdrawal{ID: id, Version: "2.5." + id, Actor: "ana"}}
	}
	beside := said{rollout.CommandAdopt, rollout.Course{Submit: order("0"), RunID: "beside"}}
	for name, tt := range map[string]struct {
		at   []said // a minute apart; a rollout takes three
		once bool   // all at one time
		want []rollout.Fate
		runs int
	}{
		"before it is delivered":               {at: []said{withdraw("0"), submit("0")}, want: []rollout.Fate{rollout.FateRefused}},
		"while it is looked at":                {at: []said{submit("0"), withdraw("0")}, once: true, want: []rollout.Fate{rollout.FateRefused}},
		"while it waits":                       {at: []said{submit("0"), submit("1"), withdraw("1")}, want: []rollout.Fate{rollout.FateStarted, rollout.FateRefused}, runs: 1},
		"when it has begun":                    {at: []said{submit("0"), withdraw("0")}, want: []rollout.Fate{rollout.FateStarted}, runs: 1},
		"started beside":                       {at: []said{beside, submit("0")}, want: []rollout.Fate{rollout.FateStarted}},
		"started beside while it is looked at": {at: []said{submit("0"), beside}, once: true, want: []rollout.Fate{rollout.FateStarted}},
		"started beside, and then withdrawn":   {at: []said{beside, withdraw("0"), submit("0")}, want: []rollout.Fate{rollout.FateStarted}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
			env.RegisterWorkflow(workflows.Target)
			env.RegisterActivity(&activities.Activities{})
			env.OnActivity("FleetHolds", mock.Anything, mock.Anything).Return(activities.FleetHoldsOutput{}, nil)
			env.OnActivity("LookRollout", mock.Anything, mock.Anything).Return(activities.LookRolloutOutput{Open: true}, nil)
			env.OnActivity("WatchRollout", mock.Anything, mock.Anything).Return(activities.WatchRolloutOutput{Status: rollout.Status{Outcome: rollout.Aborted}}, nil)
			runs := 0
			env.RegisterWorkflowWithOptions(func(ctx workflow.Context, o rollout.Order) (rollout.Status, error) {
				runs++
				return rollout.Status{Outcome: rollout.Promoted, Candidate: o.Spec.Release.Version}, workflow.Sleep(ctx, 3*time.Minute)
			}, workflow.RegisterOptions{Name: rollout.WorkflowType})
			for i, s := range tt.at {
				when := time.Duration(i) * time.Minute
				if tt.once {
					when = 0
				}
				env.RegisterDelayedCallback(func() { env.SignalWorkflow(s.signal, s.what) }, when)
			}
			known := anHourOf(t, env)
			require.Equal(t, tt.runs, runs)
			for i, fate := range tt.want {
				require.Equal(t, fate, known.Fates[i].Fate, known.Fates[i].Why)
			}
			require.Len(t, known.Fates, len(tt.want))
		})
	}
}

// An order is its giver's, and of one spec: who uses its id for another one is refused,
// also when that one was known to an earlier run, and does not take it back. Its giver is
// told what became of it, as often as it is given.
func TestOneIDForTwoOrders(t *testing.T) {
	t.Parallel()
	s := newAbove(t)
	s.known.Fates = []rollout.Submission{{ID: "2.4.0", Version: "2.4.0", Actor: "ana", Fate: rollout.FateStarted, RunID: "before"},
		{ID: "2.3.0", Version: "2.3.0", Actor: "ana", Fate: rollout.FateStarted, RunID: "before", SpecDigest: "a"}}
	s.submit(0, "2.5.0", rollout.OnNewQueue)
	said := map[string]rollout.Submission{}
	give := func(after time.Duration, name, id, version, actor, spec string) {
		o := orderOf(version, rollout.OnNewQueue)
		o.Order.ID, o.Order.Actor, o.Order.SpecDigest = id, actor, spec
		s.env.RegisterDelayedCallback(func() {
			s.env.UpdateWorkflow(rollout.CommandSubmit, name, &testsuite.TestUpdateCallback{
				OnAccept: func() {},
				OnReject: func(err error) { require.NoError(t, err) },
				OnComplete: func(result any, err error) {
					require.NoError(t, err)
					said[name] = result.(rollout.Submission)
				},
			}, o)
		}, after)
	}
	give(time.Second, "first", "2.6.0", "2.6.0", "ana", "a")
	give(10*time.Second, "other", "2.6.0", "2.6.0", "bo", "a")
	give(10*time.Second, "version", "2.6.0", "2.7.0", "ana", "a")
	give(10*time.Second, "spec", "2.6.0", "2.6.0", "ana", "b")
	give(10*time.Second, "again", "2.6.0", "2.6.0", "ana", "a")
	give(10*time.Second, "older", "2.6.0", "2.6.0", "ana", "")
	give(10*time.Second, "before", "2.4.0", "2.4.0", "bo", "")
	give(10*time.Second, "handed on", "2.3.0", "2.3.0", "ana", "b")
	s.env.RegisterDelayedCallback(func() {
		s.env.SignalWorkflow(rollout.CommandWithdraw, rollout.Withdrawal{ID: "2.6.0", Version: "2.6.0", Actor: "bo"})
		s.env.SignalWorkflow(rollout.CommandWithdraw, rollout.Withdrawal{ID: "2.6.0", Version: "2.6.0", Actor: "ana", SpecDigest: "b"})
	}, 20*time.Second)
	known := s.anHour()
	for _, name := range []string{"other", "version"} {
		require.Equal(t, rollout.FateRefused, said[name].Fate, name)
		require.Equal(t, rollout.CausePolicy, said[name].Cause)
		require.Equal(t, "the id 2.6.0 was that of the order of 2.6.0, by ana: give each order its own", said[name].Why)
	}
	require.Equal(t, "bo", said["other"].Actor)
	require.Equal(t, rollout.FateRefused, said["before"].Fate)
	require.Equal(t, rollout.FateRefused, said["handed on"].Fate)
	require.Equal(t, rollout.FateRefused, said["spec"].Fate)
	require.Equal(t, "the id 2.6.0 was that of an order of 2.6.0 with another spec, by ana: give this one an id of its own, with --id", said["spec"].Why)
	require.Equal(t, rollout.FateQueued, said["again"].Fate)
	require.Equal(t, rollout.FateQueued, said["older"].Fate)
	require.Equal(t, []string{"2.5.0", "2.6.0"}, s.begun)
	require.Len(t, known.Fates, 4)
}

// What a release is to blame for keeps it from being tried again by accident; what
// kept it from going on by itself does not.
func TestWhatIsQuarantined(t *testing.T) {
	for _, tt := range []struct {
		outcome rollout.Outcome
		cause   rollout.Cause
		refused bool
	}{
		{rollout.RolledBack, rollout.CauseVerdict, true},
		{rollout.RolledBack, rollout.CauseConcern, true},
		{rollout.RolledBack, rollout.CauseDeploy, true},
		{rollout.PlatformRolledBack, "", true},
		{rollout.Aborted, "", true},
		{rollout.Rejected, "", true},
		{rollout.RolledBack, rollout.CauseApproval, false},
		{rollout.RolledBack, rollout.CauseHook, false},
		{rollout.RolledBack, rollout.CauseFreeze, false},
		{rollout.RolledBack, rollout.CauseTraffic, false},
		{rollout.RolledBack, rollout.CauseDeadline, false},
		{rollout.Superseded, "", false},
		{rollout.Refused, rollout.CausePolicy, false},
	} {
		t.Run(fmt.Sprint(tt.outcome, tt.cause), func(t *testing.T) {
			t.Parallel()
			s := newAbove(t)
			s.ends["2.5.0"] = rollout.Status{Outcome: tt.outcome, Cause: tt.cause, Reason: "how it went"}
			s.submit(0, "2.5.0", "")
			again := orderOf("2.5.0", "")
			again.Order.ID = "again"
			s.env.RegisterDelayedCallback(func() { s.env.SignalWorkflow(rollout.CommandSubmit, again) }, 5*time.Minute)
			known := s.anHour()
			require.Equal(t, tt.refused, len(known.Quarantine) == 1)
			require.Equal(t, tt.refused, known.Fates[1].Cause == rollout.CauseQuarantine, known.Fates[1].Why)
			require.Equal(t, tt.refused, len(s.begun) == 1)
		})
	}
}
