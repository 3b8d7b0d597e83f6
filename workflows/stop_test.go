package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/workflows"
)

// TestStop holds who may stop a line, that one stop is one, and how it ends.
func TestStop(t *testing.T) {
	rules := activities.Rules{Roles: map[string][]string{"on-call": {"cy@example.com", "dora@example.com"}},
		Permissions: map[string]map[string][]string{"production": {"pause": {"on-call"}, "resume": {"on-call"}}, "staging": {"pause": {"anyone"}, "resume": {"anyone"}}}}
	by := func(name, actor string) rollout.Command {
		return rollout.Command{Name: name, Actor: actor, Reason: "INC-12"}
	}
	for name, tt := range map[string]struct {
		environment string
		actor       string
		plot        func(*teller)
		check       func(*testing.T, rollout.StoppedLine)
	}{
		"it lasts until somebody who may ends it": {"production", "cy@example.com", func(s *teller) {
			s.at(time.Second, func() { s.order(by("stopTheLine", "dora@example.com"), rollout.Noop) })
			s.at(2*time.Second, func() { s.order(by("startTheLine", "ana@example.com"), rollout.Denied) })
			s.at(3*time.Second, func() { s.order(by("startTheLine", "dora@example.com"), rollout.Accepted) })
		}, func(t *testing.T, l rollout.StoppedLine) {
			require.Equal(t, "dora@example.com", l.EndedBy)
			require.Empty(t, l.Denied)
		}},
		"who may not stops nothing": {"production", "ana@example.com", func(*teller) {}, func(t *testing.T, l rollout.StoppedLine) {
			require.Contains(t, l.Denied, "ana@example.com may not stopTheLine in production: that is for on-call")
		}},
		"every environment takes the permission of each": {rollout.EveryEnvironment, "ana@example.com", func(*teller) {}, func(t *testing.T, l rollout.StoppedLine) {
			require.Contains(t, l.Denied, "in production")
		}},
		"a cancel lets the line run": {"production", "cy@example.com", func(s *teller) { s.at(time.Second, s.env.CancelWorkflow) }, func(t *testing.T, l rollout.StoppedLine) {
			require.Equal(t, "temporal:cancel", l.EndedBy)
		}},
		"the first order asks for its answer": {"production", "cy@example.com", func(s *teller) {
			c := by("stopTheLine", "cy@example.com")
			c.ID = "1"
			s.at(time.Second, func() { s.order(c, rollout.Accepted) })
			s.at(2*time.Second, func() { s.order(by("startTheLine", "cy@example.com"), rollout.Accepted) })
		}, func(*testing.T, rollout.StoppedLine) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
			env.RegisterActivity(&activities.Activities{Rules: rules})
			tt.plot(&teller{t, env, nil})
			env.ExecuteWorkflow(workflows.Stop, rollout.StopOrder{Environment: tt.environment,
				Command: rollout.Command{ID: "1", Actor: tt.actor, Reason: "INC-12"}})
			require.NoError(t, env.GetWorkflowError())
			var l rollout.StoppedLine
			require.NoError(t, env.GetWorkflowResult(&l))
			tt.check(t, l)
		})
	}
}
