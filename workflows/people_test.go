package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
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
		"abort is decided from the plan": {plot: func(s *teller) {
			s.at(time.Second, func() {
				s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "dora@example.com", Reason: "no"})
				s.order(rollout.Command{Name: "abort", ID: "2", Actor: "dora@example.com"}, rollout.Denied)
				s.order(by("abort", "cy@example.com"), rollout.Accepted)
			})
		}, want: rollout.Aborted, wantReason: "aborted by cy@example.com", wantLog: undone},
		"a cancel is always obeyed": {plot: func(s *teller) { s.at(time.Second, s.env.CancelWorkflow) },
			want: rollout.Aborted, wantReason: "temporal:cancel", wantLog: undone},
		"anyone may pause, not anyone may resume": {plot: func(s *teller) {
			s.at(500*time.Millisecond, func() { s.order(by("pause", "dora@example.com"), rollout.Accepted) })
			s.at(1500*time.Millisecond, func() { s.order(by("resume", "dora@example.com"), rollout.Denied) })
			s.at(2500*time.Millisecond, func() { s.order(by("resume", "bo@example.com"), rollout.Accepted) })
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
