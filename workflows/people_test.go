package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// TestPeople holds that only those who may are obeyed, and that everybody's try
// has its answer.
func TestPeople(t *testing.T) {
	rules := activities.Rules{
		Roles: map[string][]string{"managers": {"ana@example.com", "bo@example.com", "eve@example.com"}, "on-call": {"cy@example.com"}, "pipelines": {"ci@example.com"}},
		Permissions: map[string]map[string][]string{"staging": {"start": {"pipelines", "managers"}, "abort": {"on-call", "managers"}, "pause": {"anyone"},
			"resume": {"managers"}, "approve": {"managers"}, "promote": {"on-call"}}},
	}
	by := func(name, actor string) rollout.Command { return rollout.Command{Name: name, Actor: actor} }
	asked := func(actor, whose string) rollout.Command {
		return rollout.Command{Name: "approve", Actor: actor, Step: 1, AskedBy: whose}
	}
	fourEyes := func(r *activities.Rules) {
		r.Approvals = map[string]activities.Approvals{"staging": {From: []string{"managers"}, Quorum: 2, Within: rollout.Duration(time.Minute)}}
	}
	for name, s := range map[string]story{
		"a quorum of two, and everybody else's tries": {spec: func(s *rollout.Spec) {
			approvalBefore(0, time.Minute)(s)
			s.Strategy.Canary[0].Approve.From, s.Strategy.Canary[0].Approve.Quorum = []string{"managers"}, 2
		}, order: func(o *rollout.Order) { o.Actor = "ana@example.com" }, plot: func(s *teller) {
			s.at(time.Second, func() {
				s.order(by("approve", "ana@example.com"), rollout.Denied) // started it
				s.order(by("approve", "cy@example.com"), rollout.Denied)
				s.order(by("approve", "dora@example.com"), rollout.Denied)
			})
		}, want: rollout.RolledBack, wantCause: rollout.CauseApproval, wantReason: "nobody approved"},
		"two managers of another's rollout": {spec: func(s *rollout.Spec) {
			approvalBefore(0, time.Minute)(s)
			s.Strategy.Canary[0].Approve.From, s.Strategy.Canary[0].Approve.Quorum = []string{"managers"}, 2
		}, plot: func(s *teller) {
			s.at(time.Second, func() { s.order(by("approve", "ana@example.com"), rollout.Accepted) })
			s.at(2*time.Second, func() { s.order(by("approve", "ANA@example.com"), rollout.Noop) })
			s.at(3*time.Second, func() { s.order(by("approve", "bo@example.com"), rollout.Accepted) })
		}, want: rollout.Promoted, wantLog: good},
		"the environment asks where the spec does not": {rules: func(r *activities.Rules) {
			r.Approvals = map[string]activities.Approvals{"staging": {From: []string{"managers"}, Within: rollout.Duration(time.Minute)}}
		}, plot: func(s *teller) {
			s.at(2*time.Second, func() { s.order(by("approve", "bo@example.com"), rollout.Accepted) })
		}, want: rollout.Promoted, wantLog: good},
		"the environment asks, too, where the spec would go on without anybody": {rules: fourEyes, spec: func(s *rollout.Spec) {
			approvalBefore(0, time.Minute)(s)
			s.Strategy.Canary[0].Approve.Otherwise = rollout.RulePromote
		}, want: rollout.RolledBack, wantCause: rollout.CauseApproval,
			wantReason: "nobody approved the raise to 10%, as the environment wants within 1m"},
		"the environment's votes, and then the spec's": {rules: fourEyes, spec: approvalBefore(0, time.Minute), plot: func(s *teller) {
			s.at(time.Second, func() { s.order(by("approve", "ana@example.com"), rollout.Accepted) })
			s.at(2*time.Second, func() { s.order(by("approve", "bo@example.com"), rollout.Accepted) })
			s.at(3*time.Second, func() { s.order(asked("ana@example.com", rollout.AskedBySpec), rollout.Accepted) })
		}, want: rollout.Promoted, wantLog: good},
		"a vote for what the environment asks, when that is answered, is none for the spec's": {rules: fourEyes, spec: approvalBefore(0, time.Minute), plot: func(s *teller) {
			s.at(time.Second, func() {
				s.order(asked("eve@example.com", rollout.AskedBySpec), rollout.Denied) // nothing asks for that yet
				s.order(asked("ana@example.com", rollout.AskedByEnvironment), rollout.Accepted)
				s.order(asked("bo@example.com", rollout.AskedByEnvironment), rollout.Accepted)
			})
			s.at(2*time.Second, func() {
				s.order(asked("eve@example.com", rollout.AskedByEnvironment), rollout.Denied)
				s.order(by("approve", "eve@example.com"), rollout.Denied) // it does not say which
				require.Equal(s.t, &rollout.Asked{Step: 1, By: rollout.AskedBySpec, Tally: "0 of 1"}, s.standing().Asked)
			})
		}, want: rollout.RolledBack, wantCause: rollout.CauseApproval, wantReason: "nobody approved the raise to 10% within 1m"},
		"a vote that says whose approval it is for, where only one is asked": {spec: approvalBefore(0, time.Minute), plot: func(s *teller) {
			s.at(time.Second, func() { s.order(asked("bo@example.com", rollout.AskedByEnvironment), rollout.Denied) })
			s.at(2*time.Second, func() { s.order(by("approve", "bo@example.com"), rollout.Accepted) })
		}, want: rollout.Promoted, wantLog: good},
		"the spec asks only later": {rules: fourEyes, spec: approvalBefore(1, time.Minute),
			want: rollout.RolledBack, wantCause: rollout.CauseApproval, wantReason: "nobody approved the raise to 10% within 1m"},
		"the spec asks as the environment does": {rules: fourEyes, spec: func(s *rollout.Spec) {
			approvalBefore(0, time.Minute)(s)
			s.Strategy.Canary[0].Approve.From, s.Strategy.Canary[0].Approve.Quorum = []string{"managers"}, 2
		}, plot: func(s *teller) {
			s.at(time.Second, func() { s.order(by("approve", "ana@example.com"), rollout.Accepted) })
			s.at(2*time.Second, func() { s.order(by("approve", "bo@example.com"), rollout.Accepted) })
		}, want: rollout.Promoted, wantLog: good},
		"the spec asks those who may not approve": {spec: func(s *rollout.Spec) {
			approvalBefore(0, time.Minute)(s)
			s.Strategy.Canary[0].Approve.From = []string{"on-call", "managers"}
		}, plot: func(s *teller) {
			s.at(time.Second, func() { s.order(by("approve", "cy@example.com"), rollout.Denied) })
			s.at(2*time.Second, func() { s.order(by("approve", "bo@example.com"), rollout.Accepted) })
		}, want: rollout.Promoted, wantLog: good},
		"who may not start is refused": {order: func(o *rollout.Order) { o.Actor = "dora@example.com" },
			want: rollout.Refused, wantCause: rollout.CausePolicy, wantReason: "dora@example.com may not start in staging: that is for pipelines, managers", wantLog: []string{}},
		"who may start, and not abort, supersedes nobody": {order: func(o *rollout.Order) { o.Supersede = true },
			want: rollout.Refused, wantCause: rollout.CausePolicy, wantReason: "--supersede sends a running rollout back, and so needs the permission to abort, too: " +
				"ci@example.com may not abort in staging: that is for on-call", wantLog: []string{}},
		"abort is decided from the plan": {plot: func(s *teller) {
			s.at(time.Second, func() {
				s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "dora@example.com", Reason: "no"})
				s.order(rollout.Command{Name: "abort", ID: "2", Actor: "dora@example.com"}, rollout.Denied)
				s.order(by("abort", "cy@example.com"), rollout.Accepted)
			})
		}, want: rollout.Aborted, wantReason: "aborted by cy@example.com", wantLog: undone},
		"nobody named is not one of those who may": {plot: func(s *teller) {
			s.at(time.Second, func() {
				s.env.SignalWorkflow("abort", rollout.Command{})
				s.order(by("abort", "cy@example.com"), rollout.Accepted)
			})
		}, want: rollout.Aborted, wantReason: "aborted by cy@example.com", wantLog: undone},
		"nobody named is obeyed where anybody may abort": {rules: func(r *activities.Rules) {
			r.Permissions = map[string]map[string][]string{"staging": {"start": {"pipelines", "managers"}, "abort": {"anyone"}}}
		}, plot: func(s *teller) { s.at(time.Second, func() { s.env.SignalWorkflow("abort", rollout.Command{}) }) },
			want: rollout.Aborted, wantReason: "aborted by somebody who gave no name: no reason given", wantLog: undone},
		"an abort that cannot be read is one of nobody named": {plot: func(s *teller) {
			s.at(time.Second, func() {
				s.env.SignalWorkflow("abort", "stop it")
				s.order(by("abort", "cy@example.com"), rollout.Accepted)
			})
		}, want: rollout.Aborted, wantReason: "aborted by cy@example.com", wantLog: undone},
		"nobody named may not start": {order: func(o *rollout.Order) { o.Actor = "" },
			want: rollout.Refused, wantCause: rollout.CausePolicy, wantReason: "somebody who gave no name may not start in staging: that is for pipelines, managers", wantLog: []string{}},
		"nobody named may start nothing that somebody else must approve": {order: func(o *rollout.Order) { o.Actor = " " }, rules: func(r *activities.Rules) {
			r.Permissions = map[string]map[string][]string{"staging": {"start": {"anyone"}, "approve": {"anyone"}}}
		}, spec: approvalBefore(0, time.Minute),
			want: rollout.Refused, wantCause: rollout.CausePolicy, wantReason: "say who starts this: it asks for approval, which in staging may not be the starter's own", wantLog: []string{}},
		"a cancel is always obeyed": {plot: func(s *teller) { s.at(time.Second, s.env.CancelWorkflow) },
			want: rollout.Aborted, wantReason: "temporal:cancel", wantLog: undone},
		"anyone may pause, not anyone may resume": {plot: func(s *teller) {
			s.at(500*time.Millisecond, func() { s.order(by("pause", "dora@example.com"), rollout.Accepted) })
			s.at(1500*time.Millisecond, func() { s.order(by("resume", "dora@example.com"), rollout.Denied) })
			s.at(2500*time.Millisecond, func() { s.order(by("resume", "bo@example.com"), rollout.Accepted) })
		}, want: rollout.Promoted, wantLog: good},
		"a blank is no name, and no reason": {plot: func(s *teller) {
			s.at(time.Second, func() {
				s.update(rollout.Command{Name: "pause", ID: "1", Actor: "bo@example.com", Reason: " \t"}, rollout.Denied)
				s.update(rollout.Command{Name: "pause", ID: "2", Actor: " ", Reason: "lunch"}, rollout.Denied)
				s.update(rollout.Command{Name: "abort", ID: "3", Actor: "cy@example.com", Reason: " "}, rollout.Denied)
			})
		}, want: rollout.Promoted, wantLog: good},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own := rules
			if s.rules != nil {
				s.rules(&own)
			}
			s.people = own
			s.holds(t)
		})
	}
}

// TestBlankReasons holds that whoever takes commands takes none without a reason.
func TestBlankReasons(t *testing.T) {
	t.Run("a fleet", func(t *testing.T) {
		t.Parallel()
		_, status, err := fleetStory{plot: func(s *fleetTeller) {
			s.at(time.Second, func() {
				s.update(rollout.Command{Name: "pause", ID: "1", Actor: "bo@example.com", Reason: " "}, rollout.Denied)
			})
		}}.run(t)
		require.NoError(t, err)
		require.Equal(t, rollout.Promoted, status.Outcome)
	})
	t.Run("a target", func(t *testing.T) {
		t.Parallel()
		s := newAbove(t)
		s.known.Quarantine = []rollout.Quarantined{{Version: "2.5.0", Reason: "errors"}}
		s.env.RegisterDelayedCallback(func() {
			(&teller{t, s.env, nil}).update(rollout.Command{Name: "resume", ID: "1", Actor: "bo@example.com", Reason: " "}, rollout.Denied)
			blank, said := orderOf("2.5.0", ""), orderOf("2.5.0", "")
			blank.Order.Reason, said.Order.Reason, said.Order.ID = " ", "the metrics were wrong", "said"
			s.env.SignalWorkflow(rollout.CommandSubmit, blank)
			s.env.SignalWorkflow(rollout.CommandSubmit, said)
		}, time.Second)
		known := s.anHour()
		require.Len(t, known.Fates, 2)
		require.Equal(t, rollout.CauseQuarantine, known.Fates[0].Cause)
		require.Contains(t, known.Fates[0].Why, "say why with --reason")
		require.Equal(t, []string{"2.5.0"}, s.begun)
	})
}

// TestAdmitWantsReasonAndPurpose holds that a spec without a purpose is refused whoever
// gives it, and a start without a reason until it has one: also of a fleet. Who only
// looks at the plan needs no reason.
func TestAdmitWantsReasonAndPurpose(t *testing.T) {
	admit := func(limits activities.Limits, reason string, received time.Time) (rollout.Cause, []rollout.Problem, rollout.Cause, []rollout.Problem) {
		a := activities.Activities{Drivers: sim.New("2.4.1").Registry(), Limits: map[string]activities.Limits{"staging": limits}}
		one, err := a.Admit(t.Context(), activities.AdmitInput{Order: rollout.Order{Spec: spec(), Actor: "ci", Reason: reason}, Received: received})
		require.NoError(t, err)
		many, err := a.AdmitFleet(t.Context(), activities.AdmitFleetInput{Order: rollout.FleetOrder{Spec: fleetSpec("a", "b"), Actor: "ci", Reason: reason}, Received: received})
		require.NoError(t, err)
		return one.Cause, one.Problems, many.Cause, many.Problems
	}
	for name, tt := range map[string]struct {
		limits activities.Limits
		reason string
		looked bool
		cause  rollout.Cause
		why    string
	}{
		"a purpose":            {limits: activities.Limits{RequirePurpose: true}, reason: "a fix", cause: rollout.CauseSpec, why: "staging needs a purpose"},
		"a reason":             {limits: activities.Limits{RequireReason: true}, cause: rollout.CausePolicy, why: "staging wants a reason for each start: give one with --reason"},
		"a blank is none":      {limits: activities.Limits{RequireReason: true}, reason: " ", cause: rollout.CausePolicy, why: "staging wants a reason"},
		"one that is given":    {limits: activities.Limits{RequireReason: true}, reason: "a fix"},
		"who looks needs none": {limits: activities.Limits{RequireReason: true}, looked: true},
		"nobody asks":          {},
	} {
		received := time.Now()
		if tt.looked {
			received = time.Time{}
		}
		one, problems, many, ofMany := admit(tt.limits, tt.reason, received)
		require.Equal(t, []rollout.Cause{tt.cause, tt.cause}, []rollout.Cause{one, many}, "%s: %v %v", name, problems, ofMany)
		if tt.why != "" {
			require.Contains(t, problems[0].String(), tt.why, name)
			require.Contains(t, ofMany[0].String(), tt.why, name)
		}
	}
}
