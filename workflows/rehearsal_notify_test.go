package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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

// tellsNobody plays the workflow that tells people.
func tellsNobody(env *testsuite.TestWorkflowEnvironment) {
	env.RegisterWorkflowWithOptions(func(workflow.Context, rollout.Telling) (rollout.Told, error) { return rollout.Told{}, nil },
		workflow.RegisterOptions{Name: rollout.NotifyWorkflowType})
}

// listens collects what people are told of, by the ids of the workflows that tell.
func listens(t *testing.T, env *testsuite.TestWorkflowEnvironment) *[]rollout.Telling {
	var told []rollout.Telling
	env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, args converter.EncodedValues) {
		if info.WorkflowType.Name != rollout.NotifyWorkflowType {
			return
		}
		var one rollout.Telling
		require.NoError(t, args.Get(&one))
		require.Equal(t, info.WorkflowExecution.ID, one.Notice.ID)
		told = append(told, one)
	})
	return &told
}

// How a rehearsal ends is told once, whatever its end; what it left behind is told
// of as what needs a person.
func TestEndsOfRehearsalsAreTold(t *testing.T) {
	for name, c := range map[string]struct {
		outcome evidence.Outcome
		change  func(*practice)
		want    []rollout.Occasion
		text    string
	}{
		"passed":     {outcome: evidence.Passed, want: []rollout.Occasion{"rehearsalPassed"}, text: "rehearsal shop of staging/shop is Passed: played"},
		"failed":     {outcome: evidence.Failed, want: []rollout.Occasion{"rehearsalFailed"}, text: "rehearsal shop of staging/shop is Failed: played"},
		"halted":     {outcome: evidence.Halted, want: []rollout.Occasion{"rehearsalFailed"}, text: "is Halted: played"},
		"unmeasured": {outcome: evidence.Unmeasured, want: []rollout.Occasion{"rehearsalFailed"}, text: "is Unmeasured: played"},
		"a control": {outcome: evidence.Passed, change: func(p *practice) { p.m.Negative = true },
			want: []rollout.Occasion{"rehearsalPassed"}, text: "is Passed (negative control): played"},
		"stopped": {outcome: evidence.Aborted, want: []rollout.Occasion{"rehearsalAborted"}, text: "is Aborted: played"},
		"something is left": {outcome: evidence.Failed, change: func(p *practice) {
			p.conclude = func(activities.ConcludeRehearsalInput) activities.ConcludeRehearsalOutput {
				return activities.ConcludeRehearsalOutput{Outcome: evidence.Failed, Reason: "played", Left: []string{"version 2", "flag x"}}
			}
		}, want: []rollout.Occasion{"needsHuman", "rehearsalFailed"}, text: "a person is needed: it has left behind: version 2; flag x"},
		"refused": {change: func(p *practice) {
			p.refusal = activities.AdmitRehearsalOutput{Cause: rollout.CauseSpec, Problems: []rollout.Problem{{Message: "no"}}}
		}, want: []rollout.Occasion{"rehearsalFailed"}, text: "is Refused: no"},
		"stopped while it is prepared": {change: func(p *practice) {
			p.slow = true
			p.env.RegisterDelayedCallback(func() { p.env.SignalWorkflow(rehearsal.SignalStop, rehearsal.Stop{Actor: "bo", Reason: "not now"}) }, time.Second)
		}, want: []rollout.Occasion{"rehearsalAborted"}, text: "is Aborted: stopped by bo: not now"},
		"cancelled": {outcome: evidence.Aborted, change: func(p *practice) {
			p.env.RegisterDelayedCallback(p.env.CancelWorkflow, 10*time.Second)
		}, want: []rollout.Occasion{"rehearsalAborted"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPractice(t)
			told := listens(t, p.env)
			p.m.Rollout.Notify = []rollout.Notification{{To: "slack", Channel: "#shop"}}
			p.m.Owner = "team-shop"
			p.conclude = func(activities.ConcludeRehearsalInput) activities.ConcludeRehearsalOutput {
				return activities.ConcludeRehearsalOutput{Outcome: c.outcome, Reason: "played"}
			}
			if c.change != nil {
				c.change(p)
			}
			s := p.run()
			var got []rollout.Occasion
			for i, one := range *told {
				n := one.Notice
				got = append(got, n.Event)
				require.Equal(t, rollout.NoticeID(s.WorkflowID, "", i+1, n.Event), n.ID) // the environment knows no first run
				require.Equal(t, p.m.Rollout.Notify, one.To)
				require.Equal(t, s.WorkflowID, n.Rehearsal)
				require.Equal(t, []string{"staging/shop", "staging", "shop", "team-shop", "2", "ana"},
					[]string{n.Target, n.Environment, n.Service, n.Owner, n.Candidate, n.StartedBy})
			}
			require.Equal(t, c.want, got)
			require.Contains(t, (*told)[0].Notice.Text, c.text)
		})
	}
}

// One that cannot be judged fails as a workflow, which pauses its schedule: people
// are told all the same.
func TestRehearsalThatCannotBeJudgedIsTold(t *testing.T) {
	p := newPractice(t)
	told := listens(t, p.env)
	p.conclude = nil
	p.env.ExecuteWorkflow(rehearsal.WorkflowType, rehearsal.Order{Manifest: p.m, Suite: "weekly"})
	require.Error(t, p.env.GetWorkflowError())
	require.Len(t, *told, 1)
	require.Equal(t, rollout.OnRehearsalFailed, (*told)[0].Notice.Event)
	require.Contains(t, (*told)[0].Notice.Text, "rehearsal shop of staging/shop, of suite weekly is Failed: it could not be judged: the disk is full")
}

// A suite tells of itself once, of the environment and the service that all of its
// rehearsals share.
func TestEndsOfSuitesAreTold(t *testing.T) {
	for name, c := range map[string]struct {
		services    []string
		outcome     evidence.Outcome
		want        rollout.Occasion
		environment string
		service     string
	}{
		"passed":              {[]string{"shop", "shop"}, evidence.Passed, rollout.OnSuitePassed, "staging", "shop"},
		"of several services": {[]string{"shop", "cart"}, evidence.Failed, rollout.OnSuiteFailed, "staging", ""},
		"one has no result":   {[]string{"shop"}, "", rollout.OnSuiteFailed, "staging", "shop"},
	} {
		t.Run(name, func(t *testing.T) {
			env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
			env.RegisterWorkflowWithOptions(workflows.RehearsalSuite, workflow.RegisterOptions{Name: rehearsal.SuiteType})
			env.RegisterWorkflowWithOptions(workflows.RehearsalWatch, workflow.RegisterOptions{Name: rehearsal.WatchType})
			env.RegisterWorkflowWithOptions(func(workflow.Context, rehearsal.Order) (rehearsal.Status, error) {
				if c.outcome == "" {
					return rehearsal.Status{}, errors.New("gone")
				}
				return rehearsal.Status{Outcome: c.outcome}, nil
			}, workflow.RegisterOptions{Name: rehearsal.WorkflowType})
			tellsNobody(env)
			told := listens(t, env)
			order := rehearsal.SuiteOrder{Actor: "ana", Suite: rehearsal.Suite{Kind: rehearsal.SuiteKind, Name: "weekly"}}
			for _, service := range c.services {
				m := rehearsal.Manifest{Name: service, Environment: "staging"}
				m.Rollout.Service = service
				order.Suite.Rehearsals = append(order.Suite.Rehearsals, rehearsal.Member{Manifest: m})
			}
			env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: rollout.SuiteID("weekly"), TaskQueue: rollout.QueueControl})
			env.ExecuteWorkflow(rehearsal.SuiteType, order)
			require.NoError(t, env.GetWorkflowError())
			require.Len(t, *told, 1)
			n := (*told)[0].Notice
			require.Equal(t, c.want, n.Event)
			require.Equal(t, []string{"suite/weekly", c.environment, c.service, "suite/weekly"}, []string{n.Target, n.Environment, n.Service, n.Rehearsal})
		})
	}
}
