package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
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

// Who watches a rehearsal tells those whom the rehearsal itself would tell.
func TestRehearsalIsWatched(t *testing.T) {
	p := newPractice(t)
	p.m.Owner, p.m.Rollout.Notify = "team-shop", []rollout.Notification{{To: "slack"}}
	var watch rollout.Telling
	told := 0
	p.env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, args converter.EncodedValues) {
		switch info.WorkflowType.Name {
		case rehearsal.WatchType:
			require.Equal(t, rollout.RehearsalID("staging", "shop")+"/watch", info.WorkflowExecution.ID)
			require.NoError(t, args.Get(&watch))
		case rollout.NotifyWorkflowType:
			told++
		}
	})
	s := p.run()
	require.Equal(t, 1, told, "of its end, by itself")
	n := watch.Notice
	require.Equal(t, p.m.Rollout.Notify, watch.To)
	require.Equal(t, rollout.OnRehearsalFailed, n.Event)
	require.Equal(t, []string{s.WorkflowID, s.WorkflowID, s.RunID, "staging/shop", "staging", "shop", "team-shop", "2", "ana"},
		[]string{n.Rehearsal, n.WorkflowID, n.RunID, n.Target, n.Environment, n.Service, n.Owner, n.Candidate, n.StartedBy})
}

// Who watches a suite tells subscribers, and counts no rehearsal.
func TestSuiteIsWatched(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	suite.SetMetricsHandler(uncountedRehearsals{t})
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterWorkflowWithOptions(workflows.RehearsalSuite, workflow.RegisterOptions{Name: rehearsal.SuiteType})
	env.RegisterWorkflowWithOptions(workflows.RehearsalWatch, workflow.RegisterOptions{Name: rehearsal.WatchType})
	tellsNobody(env)
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ rehearsal.Order) (rehearsal.Status, error) {
		return rehearsal.Status{Outcome: evidence.Passed}, workflow.Sleep(ctx, time.Hour)
	}, workflow.RegisterOptions{Name: rehearsal.WorkflowType})
	var watch rollout.Telling
	var told []rollout.Occasion
	env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, args converter.EncodedValues) {
		var one rollout.Telling
		switch info.WorkflowType.Name {
		case rehearsal.WatchType:
			require.Equal(t, "suite/weekly/watch", info.WorkflowExecution.ID)
			require.NoError(t, args.Get(&watch))
		case rollout.NotifyWorkflowType:
			require.NoError(t, args.Get(&one))
			told = append(told, one.Notice.Event)
		}
	})
	m := rehearsal.Manifest{Name: "shop", Environment: "staging"}
	m.Rollout.Service = "shop"
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: rollout.SuiteID("weekly"), TaskQueue: rollout.QueueControl})
	env.ExecuteWorkflow(rehearsal.SuiteType, rehearsal.SuiteOrder{Actor: "ana", Suite: rehearsal.Suite{Kind: rehearsal.SuiteKind, Name: "weekly", Rehearsals: []rehearsal.Member{{Manifest: m}}}})
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []rollout.Occasion{rollout.OnSuitePassed}, told, "of its end, by itself")
	n := watch.Notice
	require.Equal(t, rollout.OnSuiteFailed, n.Event)
	require.Equal(t, []string{"suite/weekly", "suite/weekly", "suite/weekly", "staging", "shop", "ana"},
		[]string{n.Target, n.Rehearsal, n.WorkflowID, n.Environment, n.Service, n.StartedBy})

	gone := suite.NewTestWorkflowEnvironment() // the suite is, and nothing says that it has ended
	tellsNobody(gone)
	gone.RegisterDelayedCallback(gone.CancelWorkflow, time.Second)
	gone.SetOnChildWorkflowStartedListener(func(_ *workflow.Info, _ workflow.Context, args converter.EncodedValues) {
		var one rollout.Telling
		require.NoError(t, args.Get(&one))
		require.Contains(t, one.Notice.Text, "suite weekly was ended from outside, as by a terminate")
		told = append(told, one.Notice.Event)
	})
	gone.ExecuteWorkflow(workflows.RehearsalWatch, watch)
	require.NoError(t, gone.GetWorkflowError())
	require.Equal(t, []rollout.Occasion{rollout.OnSuitePassed, rollout.OnSuiteFailed}, told)
}

// uncountedRehearsals fails where a rehearsal is counted that was none.
type uncountedRehearsals struct{ t *testing.T }

func (u uncountedRehearsals) WithTags(map[string]string) client.MetricsHandler { return u }

func (u uncountedRehearsals) Counter(name string) client.MetricsCounter {
	require.NotEqual(u.t, "bakeoff_rehearsals_completed", name)
	return client.MetricsNopHandler.Counter(name)
}

func (u uncountedRehearsals) Gauge(name string) client.MetricsGauge {
	return client.MetricsNopHandler.Gauge(name)
}

func (u uncountedRehearsals) Timer(name string) client.MetricsTimer {
	return client.MetricsNopHandler.Timer(name)
}

// It is watched before anything is looked at, and told by itself why it is refused.
// Where its control worker was an older one, only from its admission on.
func TestRehearsalIsWatchedWhileItIsPrepared(t *testing.T) {
	for name, c := range map[string]struct {
		version workflow.Version
		want    []string
	}{
		"from the start":     {1, []string{rehearsal.WatchType, rollout.NotifyWorkflowType}},
		"by an older worker": {workflow.DefaultVersion, []string{rollout.NotifyWorkflowType}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPractice(t)
			p.refusal = activities.AdmitRehearsalOutput{Cause: rollout.CausePolicy, Problems: []rollout.Problem{{Message: "not now"}}}
			p.env.OnGetVersion("watch-while-preparing", workflow.DefaultVersion, 1).Return(c.version)
			p.env.OnGetVersion("tell-of-practice", workflow.DefaultVersion, 1).Return(workflow.Version(1))
			var began []string
			p.env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, _ converter.EncodedValues) {
				began = append(began, info.WorkflowType.Name)
			})
			p.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
				if info.ActivityType.Name == "AdmitRehearsal" {
					require.Equal(t, c.want[:len(c.want)-1], append([]string{}, began...))
				}
			})
			require.Equal(t, evidence.Refused, p.run().Outcome)
			require.Equal(t, c.want, began)
		})
	}
}

// A rehearsal that is gone without a word, as after a terminate, is told of by who
// watches it. One that goes on, though somebody cancels who watches, is not.
func TestRehearsalThatIsEndedFromOutsideIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		there int // so often the rehearsal is found to go on
		ends  bool
		told  int
	}{
		"it is gone":                       {told: 1},
		"it goes on, and is gone later":    {there: 2, told: 1},
		"it goes on, and comes to its end": {there: 2, ends: true},
	} {
		t.Run(name, func(t *testing.T) {
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestWorkflowEnvironment()
			tellsNobody(env)
			told := listens(t, env)
			env.RegisterWorkflowWithOptions(workflows.RehearsalWatch, workflow.RegisterOptions{Name: rehearsal.WatchType})
			env.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
				ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: "rehearsal/staging/shop/watch", WaitForCancellation: true})
				going, cancel := workflow.WithCancel(ctx)
				watch := workflow.ExecuteChildWorkflow(going, rehearsal.WatchType, rollout.Telling{To: []rollout.Notification{{To: "slack"}},
					Notice: rollout.Notice{ID: "n", Event: rollout.OnRehearsalFailed, Text: "gone"}})
				if err := workflow.Sleep(ctx, time.Minute); err != nil {
					return err
				}
				cancel()
				if c.ends {
					if err := workflow.Sleep(ctx, 15*time.Minute); err != nil {
						return err
					}
					if err := watch.SignalChildWorkflow(ctx, rehearsal.SignalEnded, nil).Get(ctx, nil); err != nil {
						return err
					}
				}
				return watch.Get(ctx, nil)
			}, workflow.RegisterOptions{Name: "practise"})
			looked := 0
			env.OnSignalExternalWorkflow(mock.Anything, "rehearsal/staging/shop", mock.Anything, rehearsal.SignalWatched, nil).Return(
				func(string, string, string, string, any) error {
					if looked++; looked > c.there {
						return errors.New("not found")
					}
					return nil
				})
			env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: "rehearsal/staging/shop", TaskQueue: rollout.QueueControl})
			env.ExecuteWorkflow("practise")
			require.NoError(t, env.GetWorkflowError())
			require.Len(t, *told, c.told)
			if c.told > 0 {
				require.Equal(t, "gone", (*told)[0].Notice.Text)
				require.False(t, (*told)[0].Notice.At.IsZero())
				require.Equal(t, "slack", (*told)[0].To[0].To)
			}
		})
	}
}
