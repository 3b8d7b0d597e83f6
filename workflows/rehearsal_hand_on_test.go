package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
	"bakeoff/workflows"
)

// heard plays a rollout that goes back when it is aborted, or cancelled, and notes which
// orders it had until it was cancelled.
func (p *practice) heard() *[]rollout.Command {
	var heard []rollout.Command
	p.handsOn = true
	p.play = func(ctx workflow.Context, o rollout.Order) (rollout.Status, error) {
		if o.Drill == nil && o.Spec.Release.Version == "1" { // what was there before
			return rollout.Status{Outcome: rollout.Promoted}, nil
		}
		detached, _ := workflow.NewDisconnectedContext(ctx)
		workflow.Go(detached, func(ctx workflow.Context) {
			for {
				var c rollout.Command
				workflow.GetSignalChannel(ctx, rollout.CommandAbort).Receive(ctx, &c)
				p.note(func() { heard = append(heard, c) })
			}
		})
		if err := workflow.Sleep(ctx, time.Hour); err == nil {
			return rollout.Status{Outcome: rollout.Promoted}, nil
		}
		_ = workflow.Sleep(detached, time.Second)
		return rollout.Status{Outcome: rollout.Aborted}, nil
	}
	return &heard
}

// The rollout that a rehearsal makes is told who stops it, and why, before it is
// cancelled.
func TestRolloutIsToldWhoStopsItsRehearsal(t *testing.T) {
	bo := rehearsal.Stop{ID: "s1", Actor: "bo", Reason: "staging is needed"}
	itself := rollout.RehearsalID("staging", "shop")
	for name, c := range map[string]struct {
		plot func(*practice)
		want rollout.Command
	}{
		"by a signal": {func(p *practice) {
			p.env.RegisterDelayedCallback(func() { p.env.SignalWorkflow(rehearsal.SignalStop, bo) }, 10*time.Second)
		}, rollout.Command{ID: "s1", Actor: "bo", Reason: "staging is needed"}},
		"while its rollout is started": {func(p *practice) {
			p.env.RegisterDelayedCallback(func() { p.env.SignalWorkflow(rehearsal.SignalStop, bo) }, 2*time.Second)
		}, rollout.Command{ID: "s1", Actor: "bo", Reason: "staging is needed"}},
		"by what cannot be read": {func(p *practice) {
			p.env.RegisterDelayedCallback(func() { p.env.SignalWorkflow(rehearsal.SignalStop, "stop it") }, 10*time.Second)
		}, rollout.Command{Reason: rollout.Unread}},
		"by a cancel": {func(p *practice) { p.env.RegisterDelayedCallback(p.env.CancelWorkflow, 10*time.Second) },
			rollout.Command{Actor: "temporal:cancel", Reason: "its rehearsal was cancelled"}},
		"by itself": {func(p *practice) { p.m.Quotas.For = rollout.Duration(20 * time.Second) },
			rollout.Command{Actor: itself, Reason: "it took longer than 20s"}},
		"by its end": {func(p *practice) { p.m.Drills[0].Repeat = 1 },
			rollout.Command{Actor: itself, Reason: "it has not ended in time, and the rehearsal does not wait any longer"}},
	} {
		for where, apart := range map[string]bool{"a drill": false, "the rollout itself": true} {
			if apart && (name == "while its rollout is started" || name == "by its end") {
				continue
			}
			t.Run(name+", "+where, func(t *testing.T) {
				p := newPractice(t)
				if apart {
					p.m.Drills, p.m.Outcome, p.apart = nil, rollout.Promoted, true
				}
				heard := p.heard()
				c.plot(p)
				p.run()
				require.Equal(t, []rollout.Command{c.want}, *heard)
				require.Len(t, p.orders, 1, "no other begins")
			})
		}
	}
}

// The rollout itself outlives its rehearsal, and says what it can.
func TestRolloutIsToldThatItsRehearsalIsGone(t *testing.T) {
	p := newPractice(t)
	heard := p.heard()
	p.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: rollout.RehearsalID("staging", "shop") + "/rollout", TaskQueue: rollout.QueueControl})
	p.env.RegisterDelayedCallback(p.env.CancelWorkflow, 2*time.Second)
	p.env.ExecuteWorkflow(rehearsal.RolloutType, rehearsal.RolloutOrder{Order: rehearsal.Order{Manifest: p.m}, Before: p.state, HandsOn: true})
	require.NoError(t, p.env.GetWorkflowError())
	require.Equal(t, []rollout.Command{{Actor: "temporal:cancel", Reason: "its rehearsal was ended from outside, or the workflow was cancelled"}}, *heard)
}

// A rehearsal whose suite is gone without a word says so, and so does its rollout. One
// that is cancelled while its suite goes on does not blame it.
func TestRehearsalWhoseSuiteIsGone(t *testing.T) {
	for why, c := range map[string]struct {
		gone bool
		told string
	}{
		"its suite weekly was ended from outside, as by a terminate": {true, "its suite weekly was ended from outside, as by a terminate"},
		"the workflow was cancelled":                                 {false, "its rehearsal was cancelled"},
	} {
		t.Run(why, func(t *testing.T) {
			p := newPractice(t)
			heard := p.heard()
			p.env.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
				ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: rollout.RehearsalID("staging", "shop"),
					ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL, WaitForCancellation: true})
				going, cancel := workflow.WithCancel(ctx)
				child := workflow.ExecuteChildWorkflow(going, rehearsal.WorkflowType, rehearsal.Order{Suite: "weekly", Manifest: p.m})
				if err := workflow.Sleep(ctx, 10*time.Second); err != nil || c.gone {
					return err
				}
				cancel()
				return child.Get(ctx, nil)
			}, workflow.RegisterOptions{Name: "practise"})
			p.env.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
				ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: rollout.SuiteID("weekly")})
				workflow.ExecuteChildWorkflow(ctx, "practise")
				return workflow.Sleep(ctx, time.Hour)
			}, workflow.RegisterOptions{Name: "begin"})
			p.env.ExecuteWorkflow("begin")
			require.NoError(t, p.env.GetWorkflowError())
			require.Equal(t, why, p.facts.Aborted)
			require.Equal(t, []rollout.Command{{Actor: "temporal:cancel", Reason: c.told}}, *heard)
		})
	}
}

// A suite that is cancelled says so to those that run.
func TestSuiteThatIsCancelled(t *testing.T) {
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	env.RegisterWorkflowWithOptions(workflows.RehearsalSuite, workflow.RegisterOptions{Name: rehearsal.SuiteType})
	env.RegisterWorkflowWithOptions(workflows.RehearsalWatch, workflow.RegisterOptions{Name: rehearsal.WatchType})
	tellsNobody(env)
	var heard rehearsal.Stop
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ rehearsal.Order) (rehearsal.Status, error) {
		detached, _ := workflow.NewDisconnectedContext(ctx)
		_ = workflow.Sleep(ctx, time.Hour)
		workflow.GetSignalChannel(detached, rehearsal.SignalStop).ReceiveAsync(&heard)
		return rehearsal.Status{Outcome: evidence.Aborted}, nil
	}, workflow.RegisterOptions{Name: rehearsal.WorkflowType})
	m := rehearsal.Manifest{Name: "shop", Environment: "staging"}
	m.Rollout.Service = "shop"
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Minute)
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: rollout.SuiteID("weekly"), TaskQueue: rollout.QueueControl})
	env.ExecuteWorkflow(rehearsal.SuiteType, rehearsal.SuiteOrder{Suite: rehearsal.Suite{Kind: rehearsal.SuiteKind, Name: "weekly", Rehearsals: []rehearsal.Member{{Manifest: m}}}})
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, rehearsal.Stop{Actor: "temporal:cancel", Reason: "its suite was cancelled"}, heard)
}

// A rehearsal notes what it begins, as it begins it: should it be ended from outside,
// that is what may be left.
func TestRehearsalNotesWhatItBegins(t *testing.T) {
	p := guarded(t, rehearsal.Probe{Mode: rehearsal.ProbeBefore}, func(_ context.Context, in activities.ProbeInput) (activities.ProbeOutput, error) {
		return well(in), nil
	})
	standing := func() (s rehearsal.Status) {
		value, err := p.env.QueryWorkflow(rehearsal.StatusQuery)
		require.NoError(t, err)
		require.NoError(t, value.Get(&s))
		return s
	}
	began := map[string][]string{}
	p.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
		began[info.ActivityType.Name] = standing().Begun
	})
	require.Nil(t, p.run().Begun, "it has ended all of it itself")
	require.Equal(t, []string{}, began["AdmitRehearsal"])
	require.Equal(t, []string{}, began["Probe"], "nothing is done yet, and that is known")
	require.Equal(t, []string{rehearsal.BegunLoad}, began["Attack"])
	require.Equal(t, []string{rehearsal.BegunLoad, rehearsal.BegunRollout, rehearsal.BegunFaults}, began["HoldFault"])
}
