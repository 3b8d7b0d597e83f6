package workflows_test

import (
	"errors"
	"slices"
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

// ring is a Verifier whose signatures are the names of their owners.
type ring []string

func (r ring) Verify(_, signature string, names []string, _ time.Time) (rollout.Signer, error) {
	if slices.Contains(r, signature) && slices.Contains(names, signature) {
		return rollout.Signer{Name: signature, Key: "SHA256:" + signature}, nil
	}
	return rollout.Signer{}, errors.New("not that of a key that is allowed")
}

// signs signs a command as its actor, for the run that there is.
func signs(c rollout.Command) rollout.Command {
	c.Reason, c.At, c.RunID = "the story says so", time.Now(), "default-test-run-id"
	c.Statement, c.Signature = rollout.CommandStatement("staging/checkout", c), c.Actor
	return c
}

// vote signs a vote for what is asked now.
func (s *teller) vote(id, actor string) rollout.Command {
	now := s.standing()
	require.NotNil(s.t, now.Asked)
	return signs(rollout.Command{ID: id, Name: rollout.CommandApprove, Actor: actor, Step: now.Asked.Step, Digest: now.PlanDigest})
}

func teams() activities.Rules {
	return activities.Rules{
		Roles: map[string][]string{"managers": {"ana@example.com", "bo@example.com"}, "on-call": {"cy@example.com"}, "ci": {"ci@example.com"},
			"engineering": {"ana@example.com", "bo@example.com"}, "security": {"ana@example.com", "di@example.com"}},
		Members: map[string]activities.Member{"ana@example.com": {Aliases: []string{"ana@laptop"}}},
		Permissions: map[string]map[string][]string{"staging": {"start": {"ci"}, "approve": {"managers"}, "promote": {"managers"}, "pause": {"anyone"},
			"override": {"on-call"}}},
	}
}

func askEach(s *rollout.Spec) {
	s.Strategy.Canary[0].Approve = &rollout.Approval{Each: map[string]int{"engineering": 1, "security": 1}, Within: rollout.Duration(time.Minute)}
}

// TestSigned holds that a signature serves its own command and no other.
func TestSigned(t *testing.T) {
	rules := teams()
	rules.Signing = activities.Signing{Require: map[string][]string{"staging": {"approve"}}, Keys: ring{"ana@example.com", "bo@example.com"}}
	for name, s := range map[string]story{
		"votes are signed": {spec: approvalBefore(0, time.Minute), plot: func(s *teller) {
			s.at(time.Second, func() {
				s.order(rollout.Command{Name: "approve", Actor: "ana@example.com"}, rollout.Denied)
				forged := s.vote("c1", "ana@example.com")
				forged.Signature = "bo@example.com"
				s.order(forged, rollout.Denied)
			})
			s.at(2*time.Second, func() { s.order(s.vote("c2", "ana@example.com"), rollout.Accepted) })
		}, want: rollout.Promoted, wantLog: good},
		"one without an id is looked at each time": {spec: approvalBefore(0, time.Minute), plot: func(s *teller) {
			vote := rollout.Command{Name: "approve", Actor: "ana@example.com", Reason: "not signed"}
			s.at(time.Second, func() { s.update(vote, rollout.Denied) })
			s.at(2*time.Second, func() { s.update(vote, rollout.Denied) })
			s.at(3*time.Second, func() { s.order(rollout.Command{Name: "abort"}, rollout.Accepted) })
		}, want: rollout.Aborted},
		"an id serves one order": {spec: askEach, rules: func(r *activities.Rules) { r.Signing = activities.Signing{} }, plot: func(s *teller) {
			vote := rollout.Command{ID: "CHG-1", Name: "approve", Actor: "bo@example.com", Reason: "a"}
			s.at(time.Second, func() { s.order(vote, rollout.Accepted) })
			s.at(2*time.Second, func() {
				for _, change := range []func(*rollout.Command){
					func(c *rollout.Command) { c.Actor = "di@example.com" },
					func(c *rollout.Command) { c.Actor = "nobody@x" },
					func(c *rollout.Command) { c.Reason = "b" },
					func(c *rollout.Command) { c.Step = 2 },
					func(c *rollout.Command) { *c = signs(*c); c.Reason = "a" },
				} {
					other := vote
					change(&other)
					s.order(other, rollout.Denied)
				}
				s.order(vote, rollout.Accepted)
				require.Equal(s.t, "1 of 2; still wanted: security", s.standing().Asked.Tally)
			})
			s.at(3*time.Second, func() { s.order(rollout.Command{Name: "abort"}, rollout.Accepted) })
		}, want: rollout.Aborted},
		"one that was obeyed serves nothing else": {spec: approvalBefore(0, time.Minute), plot: func(s *teller) {
			pause := rollout.Command{ID: "c2", Name: "pause", Actor: "bo@example.com"}
			s.at(time.Second, func() {
				vote := s.vote("c1", "bo@example.com")
				vote.Step = 7
				s.order(vote, rollout.Denied) // tampered
				pause = signs(pause)
				s.order(pause, rollout.Accepted)
			})
			s.at(3*time.Second, func() { // each is authorized by itself, so that those of one moment come in any order
				s.order(pause, rollout.Accepted) // the same order
				pause.Name = "approve"
				s.order(pause, rollout.Denied)
				pause.ID, pause.Name, pause.RunID = "c3", "pause", "another-run"
				s.order(pause, rollout.Denied)
			})
			s.at(5*time.Second, func() { s.order(rollout.Command{Name: "abort"}, rollout.Accepted) }) // needs none
		}, want: rollout.Aborted},
		"an order that was altered is refused": {order: func(o *rollout.Order) {
			o.ID, o.At = "o1", time.Now()
			o.Statement, o.Signature = rollout.OrderStatement(*o), "ana@example.com"
			o.Spec.Release.Version = "6.6.6"
		}, want: rollout.Refused, wantCause: rollout.CausePolicy, wantReason: "what was signed is not this command: they differ in spec, version", wantLog: []string{}},
		"a way back that no Target asks for": {rules: func(r *activities.Rules) { r.Signing.Require = map[string][]string{"default": {"start"}} },
			order: func(o *rollout.Order) { o.Back = true },
			want:  rollout.Refused, wantCause: rollout.CausePolicy, wantReason: "start in staging must be signed", wantLog: []string{}},
		"a start that must be signed": {rules: func(r *activities.Rules) { r.Signing.Require = map[string][]string{"default": {"start"}} },
			want: rollout.Refused, wantCause: rollout.CausePolicy, wantReason: "start in staging must be signed", wantLog: []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.people = rules
			if s.rules != nil {
				s.rules(&s.people)
			}
			s.holds(t)
		})
	}
}

// TestRolesSideBySide holds that each role gets its vote, and each person one.
func TestRolesSideBySide(t *testing.T) {
	by := func(actor string) rollout.Command { return rollout.Command{Name: "approve", Actor: actor} }
	for name, s := range map[string]story{
		"one person is not two": {spec: askEach, plot: func(s *teller) {
			s.at(time.Second, func() { s.order(by("ana@example.com"), rollout.Accepted) })
			s.at(2*time.Second, func() {
				require.Equal(s.t, &rollout.Asked{Step: 1, Tally: "1 of 2; still wanted: security",
					Votes: []rollout.Vote{{Member: "ana@example.com", Roles: []string{"engineering", "security"}, Reason: "the story says so"}}}, s.standing().Asked)
				require.Contains(s.t, s.details(), "votes: 1 of 2; still wanted: security\n- ana@example.com: the story says so")
				s.order(by("ana@laptop"), rollout.Noop)
				s.order(by("cy@example.com"), rollout.Denied)
			})
			s.at(3*time.Second, func() { s.order(by("bo@example.com"), rollout.Accepted) })
		}, want: rollout.Promoted, wantLog: good},
		"two of one role are not enough": {spec: askEach, plot: func(s *teller) {
			s.at(time.Second, func() { s.order(by("bo@example.com"), rollout.Accepted) })
			s.at(2*time.Second, func() { s.order(by("bo@example.com"), rollout.Noop) })
		}, want: rollout.RolledBack, wantCause: rollout.CauseApproval},
		"nobody could approve it": {spec: func(s *rollout.Spec) {
			s.Strategy.Promote = &rollout.Promote{Approve: &rollout.Approval{Each: map[string]int{"on-call": 2}}}
		}, want: rollout.Refused, wantCause: rollout.CauseSpec, wantReason: "a quorum of 2 is impossible: the members of on-call who may approve in staging can give 1 of 2", wantLog: []string{}},
		"who starts it is the one who could": {spec: func(s *rollout.Spec) {
			s.Strategy.Promote = &rollout.Promote{Approve: &rollout.Approval{From: []string{"ci"}}}
		}, want: rollout.Refused, wantCause: rollout.CausePolicy, wantReason: "ci@example.com may not start this, and approve it, too", wantLog: []string{}},
		"the asked step is told, whatever was skipped": {spec: func(s *rollout.Spec) {
			s.Strategy.Promote = &rollout.Promote{Approve: &rollout.Approval{}}
		}, plot: func(s *teller) {
			s.at(time.Second, func() { s.order(rollout.Command{Name: "promote", Full: true}, rollout.Accepted) })
			s.at(2*time.Second, func() {
				require.Equal(s.t, 3, s.standing().Asked.Step)
				s.order(rollout.Command{Name: "approve", Step: 2}, rollout.Denied)
				s.order(rollout.Command{Name: "approve", Step: 3}, rollout.Accepted)
			})
		}, want: rollout.Promoted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.people = teams()
			s.people.Permissions["staging"]["approve"] = []string{"managers", "security", "on-call", "ci"}
			s.holds(t)
		})
	}
}

// TestOverride holds that who may break the glass is obeyed, loudly.
func TestOverride(t *testing.T) {
	by := func(name, actor string) rollout.Command {
		return rollout.Command{Name: name, Actor: actor, Override: true, Reason: "INC-12"}
	}
	overrides := func(commands ...string) func(*testing.T, *sim.World, rollout.Status) {
		return func(t *testing.T, _ *sim.World, s rollout.Status) {
			var got []string
			for _, o := range s.Overrides {
				require.Equal(t, "cy@example.com", o.Actor)
				require.Equal(t, "INC-12", o.Reason)
				require.NotZero(t, o.At)
				got = append(got, o.Command)
			}
			require.Equal(t, commands, got)
		}
	}
	for name, s := range map[string]story{
		"an approval": {spec: askEach, plot: func(s *teller) {
			s.at(time.Second, func() {
				s.order(by("approve", "ana@example.com"), rollout.Denied)
				s.order(by("pause", "cy@example.com"), rollout.Denied) // nothing to override
				other := by("approve", "cy@example.com")
				other.Digest = "another"
				s.order(other, rollout.Denied)
				s.order(by("approve", "cy@example.com"), rollout.Accepted)
			})
		}, want: rollout.Promoted, wantLog: good, check: overrides("approve")},
		"a bake": {plot: func(s *teller) {
			s.at(time.Second, func() {
				s.order(rollout.Command{Name: "promote", Actor: "cy@example.com"}, rollout.Denied)
				s.order(by("promote", "ana@example.com"), rollout.Denied)
				s.order(by("promote", "cy@example.com"), rollout.Accepted)
			})
		}, want: rollout.Promoted, check: overrides("promote")},
		"nothing to pass": {plot: func(s *teller) {
			s.at(time.Second, func() { s.order(by("approve", "cy@example.com"), rollout.Denied) })
		}, want: rollout.Promoted, check: overrides()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.people = teams()
			s.holds(t)
		})
	}
}

// A signed order that waited in the queue of its Target is as young as when the
// Target took it in. Nobody else's word counts for that.
func TestQueuedOrdersStaySigned(t *testing.T) {
	rules := teams()
	rules.Signing = activities.Signing{Require: map[string][]string{"staging": {"start"}}, Keys: ring{"ci@example.com"}}
	order := rollout.Order{ID: "o1", Actor: "ci@example.com", Reason: "a story", Spec: spec(), At: time.Now().Add(-time.Hour)}
	order.Received = order.At.Add(time.Second)
	order.Statement, order.Signature = rollout.OrderStatement(order), order.Actor
	for parent, want := range map[string]rollout.Outcome{"target/staging/checkout": rollout.Promoted, "target/staging/other": rollout.Refused} {
		t.Run(parent, func(t *testing.T) {
			t.Parallel()
			world := sim.New("2.4.1")
			for _, v := range []string{"2.4.1", "2.5.0"} {
				world.Behave(v, sim.Behaviour{Rate: 400, Failures: 0.01})
			}
			env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
			env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: parent})
			patiently(env)
			env.SetTestTimeout(time.Minute)
			env.RegisterActivity(&activities.Activities{Drivers: world.Registry(), Vault: world, Rules: rules, Look: 50 * time.Millisecond})
			env.RegisterWorkflow(workflows.Rollout)
			env.ExecuteWorkflow(func(ctx workflow.Context) (status rollout.Status, err error) {
				ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: "rollout/staging/checkout"})
				err = workflow.ExecuteChildWorkflow(ctx, workflows.Rollout, order).Get(ctx, &status)
				return status, err
			})
			require.NoError(t, env.GetWorkflowError())
			var status rollout.Status
			require.NoError(t, env.GetWorkflowResult(&status))
			require.Equal(t, want, status.Outcome, status.Reason)
		})
	}
}
