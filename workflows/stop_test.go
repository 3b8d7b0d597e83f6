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

// onceAnswered does something when an update is answered.
func onceAnswered(do func()) *testsuite.TestUpdateCallback {
	return &testsuite.TestUpdateCallback{OnAccept: func() {}, OnReject: func(error) {}, OnComplete: func(any, error) { do() }}
}

// TestStop holds who may stop a line, that one stop is one, and how it ends.
func TestStop(t *testing.T) {
	rules := activities.Rules{Roles: map[string][]string{"on-call": {"cy@example.com", "dora@example.com"}},
		Permissions: map[string]map[string][]string{"production": {"pause": {"on-call"}, "resume": {"on-call"}}, "staging": {"pause": {"anyone"}, "resume": {"anyone"}}},
		Signing:     activities.Signing{Require: map[string][]string{"signed": {"stopTheLine", "startTheLine"}}, Keys: ring{"cy@example.com"}}}
	by := func(name, actor string) rollout.Command {
		return rollout.Command{Name: name, Actor: actor, Reason: "INC-12"}
	}
	signed := func(name, id, run string) rollout.Command {
		c := rollout.Command{ID: id, Name: name, Actor: "cy@example.com", Reason: "INC-12", RunID: run, At: time.Now()}
		c.Statement, c.Signature = rollout.CommandStatement(rollout.StopID("signed"), c), c.Actor
		return c
	}
	for name, tt := range map[string]struct {
		environment string
		actor       string
		first       *rollout.Command // default one of the actor that is not signed
		plot        func(*teller)
		check       func(*testing.T, rollout.StoppedLine)
	}{
		"it lasts until somebody who may ends it": {"production", "cy@example.com", nil, func(s *teller) {
			s.at(time.Second, func() { s.order(by("stopTheLine", "dora@example.com"), rollout.Noop) })
			s.at(2*time.Second, func() { s.order(by("startTheLine", "ana@example.com"), rollout.Denied) })
			s.at(3*time.Second, func() { s.order(by("startTheLine", "dora@example.com"), rollout.Accepted) })
		}, func(t *testing.T, l rollout.StoppedLine) {
			require.Equal(t, "dora@example.com", l.EndedBy)
			require.Empty(t, l.Denied)
		}},
		"who may not stops nothing": {"production", "ana@example.com", nil, func(*teller) {}, func(t *testing.T, l rollout.StoppedLine) {
			require.Contains(t, l.Denied, "ana@example.com may not stopTheLine in production: that is for on-call")
		}},
		"every environment takes the permission of each": {rollout.EveryEnvironment, "ana@example.com", nil, func(*teller) {}, func(t *testing.T, l rollout.StoppedLine) {
			require.Contains(t, l.Denied, "in production")
		}},
		"a blank is no reason": {"production", "cy@example.com", nil, func(s *teller) {
			s.at(time.Second, func() {
				s.update(rollout.Command{Name: "startTheLine", ID: "2", Actor: "cy@example.com", Reason: " "}, rollout.Denied)
			})
			s.at(2*time.Second, func() { s.order(by("startTheLine", "dora@example.com"), rollout.Accepted) })
		}, func(t *testing.T, l rollout.StoppedLine) {
			require.Equal(t, "dora@example.com", l.EndedBy)
		}},
		"nor does one stop anything": {"production", "", &rollout.Command{ID: "1", Actor: "cy@example.com", Reason: " "}, func(*teller) {}, func(t *testing.T, l rollout.StoppedLine) {
			require.Equal(t, "say who gives the command, and why", l.Denied)
		}},
		"a cancel lets the line run": {"production", "cy@example.com", nil, func(s *teller) { s.at(time.Second, s.env.CancelWorkflow) }, func(t *testing.T, l rollout.StoppedLine) {
			require.Equal(t, "temporal:cancel", l.EndedBy)
		}},
		"the first order asks for its answer": {"production", "cy@example.com", nil, func(s *teller) {
			c := by("stopTheLine", "cy@example.com")
			c.ID, c.Reason = "1", "INC-12"
			s.at(time.Second, func() { s.order(c, rollout.Accepted) })
			other := c
			other.Actor = "dora@example.com"
			s.at(1500*time.Millisecond, func() { s.order(other, rollout.Denied) })
			s.at(2*time.Second, func() { s.order(by("startTheLine", "cy@example.com"), rollout.Accepted) })
		}, func(*testing.T, rollout.StoppedLine) {}},
		"its id is that of no other order": {"production", "cy@example.com", nil, func(s *teller) {
			again := by("startTheLine", "cy@example.com")
			again.ID = "1"
			s.at(time.Second, func() { s.order(again, rollout.Denied) })
			s.at(2*time.Second, func() { s.order(by("startTheLine", "dora@example.com"), rollout.Accepted) })
		}, func(t *testing.T, l rollout.StoppedLine) {
			require.Equal(t, "dora@example.com", l.EndedBy)
		}},
		"its answer comes when raises that were under way are written": {"production", "cy@example.com", nil, func(s *teller) {
			c := by("stopTheLine", "cy@example.com")
			c.ID, c.Reason = "1", "INC-12"
			begun, answered := s.env.Now(), time.Time{}
			s.at(0, func() { s.env.UpdateWorkflow(c.Name, "1", onceAnswered(func() { answered = s.env.Now() }), c) })
			s.at(900*time.Millisecond, func() { require.Zero(s.t, answered) })
			s.at(2*time.Second, func() {
				require.WithinDuration(s.t, begun.Add(time.Second), answered, 500*time.Millisecond)
				s.env.CancelWorkflow()
			})
		}, func(*testing.T, rollout.StoppedLine) {}},
		"an order that has to be signed": {"signed", "cy@example.com", nil, func(*teller) {}, func(t *testing.T, l rollout.StoppedLine) {
			require.Equal(t, "stopTheLine in signed must be signed: use --sign", l.Denied)
		}},
		"every environment asks for what each asks for": {rollout.EveryEnvironment, "cy@example.com", nil, func(*teller) {}, func(t *testing.T, l rollout.StoppedLine) {
			require.Equal(t, "stopTheLine in * must be signed: use --sign", l.Denied)
		}},
		"signed orders, each for its own stop": {"signed", "cy@example.com", new(signed("stopTheLine", "1", "")), func(s *teller) {
			s.at(time.Second, func() {
				s.order(by("startTheLine", "cy@example.com"), rollout.Denied)
				s.order(signed("startTheLine", "2", ""), rollout.Denied)
				s.order(signed("startTheLine", "3", "another"), rollout.Denied)
				s.order(signed("startTheLine", "4", "default-test-run-id"), rollout.Accepted)
			})
		}, func(t *testing.T, l rollout.StoppedLine) {
			require.Empty(t, l.Denied)
			require.Equal(t, "cy@example.com", l.EndedBy)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
			env.RegisterActivity(&activities.Activities{Rules: rules})
			tt.plot(&teller{t, env, nil})
			first := &rollout.Command{ID: "1", Actor: tt.actor, Reason: "INC-12"}
			if tt.first != nil {
				first = tt.first
			}
			env.ExecuteWorkflow(workflows.Stop, rollout.StopOrder{Environment: tt.environment, Command: *first})
			require.NoError(t, env.GetWorkflowError())
			var l rollout.StoppedLine
			require.NoError(t, env.GetWorkflowResult(&l))
			tt.check(t, l)
		})
	}
}
