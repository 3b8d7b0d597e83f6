package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// TestConcerns holds what it leads to that people are concerned: as much as the policy
// says, by people and not by names, and never that anybody waits for the way back.
func TestConcerns(t *testing.T) {
	rules := activities.Rules{
		Roles:   map[string][]string{"team": {"ana@example.com", "bo@example.com"}, "on-call": {"cy@example.com"}},
		Members: map[string]activities.Member{"ana@example.com": {Aliases: []string{"ana@laptop"}}},
		Permissions: map[string]map[string][]string{"staging": {"start": {"anyone"}, "pause": {"team"}, "promote": {"on-call"}, "approve": {"team"},
			"resume": {"team"}}},
	}
	by := func(actor string) rollout.Command {
		return rollout.Command{Name: rollout.CommandConcern, Actor: actor, Reason: "carts look empty"}
	}
	back := func(actor string) rollout.Command {
		c := by(actor)
		c.Withdraw = true
		return c
	}
	leadTo := func(policy rollout.Concerns, hold time.Duration) func(*rollout.Spec) {
		return func(s *rollout.Spec) { s.Policy.Concerns, s.Policy.HoldFor = policy, rollout.Duration(hold) }
	}
	subscribed := activities.Notifications{Subscriptions: []activities.Subscription{{To: "sim", Events: []rollout.Occasion{rollout.OnConcerned}}}}
	const anas = "ana@example.com is concerned: carts look empty"
	for name, s := range map[string]story{
		"it is on record and told, and nothing else": {notifications: subscribed, plot: func(s *teller) {
			one := by("ana@example.com")
			one.ID = "1"
			s.at(500*time.Millisecond, func() { s.order(one, rollout.Accepted) })
			s.at(600*time.Millisecond, func() { s.order(one, rollout.Accepted) }) // the same order
			s.at(700*time.Millisecond, func() { s.order(by("ana@laptop"), rollout.Noop) })
			s.at(time.Second, func() { require.Contains(s.t, s.details(), anas) })
		}, want: rollout.Promoted, wantLog: good, check: func(t *testing.T, w *sim.World, s rollout.Status) {
			heard(rollout.OnConcerned)(t, w, s)
			require.Equal(t, "staging/checkout: ana@example.com is concerned about 2.5.0 at 10%: carts look empty", w.Heard()[0].Text)
			require.Len(t, s.Concerns, 1)
			require.Equal(t, "ana@example.com", s.Concerns[0].Member)
		}},
		"one holds the end of the bake until it is withdrawn": {spec: leadTo(rollout.Concerns{Hold: 1}, time.Hour), plot: func(s *teller) {
			s.at(500*time.Millisecond, func() { s.order(by("ana@example.com"), rollout.Accepted) })
			s.at(4*time.Second, func() {
				s.waitsFor(rollout.WaitingForHold, 1000)
				require.Equal(s.t, anas, s.standing().Reason)
				s.order(back("bo@example.com"), rollout.Noop)
			})
			s.at(4500*time.Millisecond, func() { s.order(back("ana@laptop"), rollout.Accepted) })
		}, want: rollout.Promoted, wantLog: good, check: func(t *testing.T, _ *sim.World, s rollout.Status) { require.Empty(t, s.Concerns) }},
		"one that nobody withdraws": {spec: leadTo(rollout.Concerns{Hold: 1}, 2*time.Second), plot: func(s *teller) {
			s.at(500*time.Millisecond, func() { s.order(by("ana@example.com"), rollout.Accepted) })
		}, want: rollout.RolledBack, wantCause: rollout.CauseConcern, wantReason: "held for 2s: " + anas, wantLog: undone},
		"one that nobody withdraws, where a hold ends with going on": {spec: func(s *rollout.Spec) {
			leadTo(rollout.Concerns{Hold: 1}, time.Second)(s)
			s.Policy.Otherwise = rollout.RulePromote
		}, plot: func(s *teller) {
			s.at(500*time.Millisecond, func() { s.order(by("ana@example.com"), rollout.Accepted) })
		}, want: rollout.Promoted, wantLog: good},
		"one that is passed, by somebody who may": {spec: leadTo(rollout.Concerns{Hold: 1}, time.Minute), plot: func(s *teller) {
			s.at(500*time.Millisecond, func() { s.order(by("ana@example.com"), rollout.Accepted) })
			s.at(4*time.Second, func() {
				s.waitsFor(rollout.WaitingForHold, 1000)
				s.order(rollout.Command{Name: rollout.CommandPromote, Actor: "cy@example.com", Full: true}, rollout.Accepted)
			})
			s.at(6500*time.Millisecond, func() { s.order(back("ana@example.com"), rollout.Accepted) })
		}, want: rollout.Promoted},
		"one in a hold, beside which a check fails": {spec: leadTo(rollout.Concerns{Hold: 1}, time.Minute), plot: func(s *teller) {
			s.at(500*time.Millisecond, func() { s.order(by("ana@example.com"), rollout.Accepted) })
			s.at(4*time.Second, func() {
				s.waitsFor(rollout.WaitingForHold, 1000)
				s.world.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.6})
			})
		}, want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantLog: undone},
		"one while it is paused": {spec: leadTo(rollout.Concerns{Hold: 1}, time.Minute), plot: func(s *teller) {
			s.at(500*time.Millisecond, func() { s.order(rollout.Command{Name: "pause"}, rollout.Accepted) })
			s.at(time.Second, func() { s.order(by("ana@example.com"), rollout.Accepted) })
			s.at(1500*time.Millisecond, func() { s.order(rollout.Command{Name: "resume"}, rollout.Accepted) })
			s.at(5*time.Second, func() {
				s.waitsFor(rollout.WaitingForHold, 1000)
				s.order(back("ana@example.com"), rollout.Accepted)
			})
		}, want: rollout.Promoted, wantLog: good},
		"two take it back, and one person is one": {spec: leadTo(rollout.Concerns{Hold: 1, Rollback: 2}, time.Minute), plot: func(s *teller) {
			s.at(500*time.Millisecond, func() { s.order(by("ana@example.com"), rollout.Accepted) })
			s.at(600*time.Millisecond, func() { s.order(by("ana@laptop"), rollout.Noop) })
			s.at(800*time.Millisecond, func() { s.order(by("cy@example.com"), rollout.Denied) })
			s.at(time.Second, func() { s.order(by("bo@example.com"), rollout.Accepted) })
			s.at(1100*time.Millisecond, func() { s.order(back("bo@example.com"), rollout.Denied) }) // too late
		}, want: rollout.RolledBack, wantCause: rollout.CauseConcern, wantReason: anas + "; bo@example.com is concerned: carts look empty", wantLog: undone},
		"one while the baseline is kept": {spec: func(s *rollout.Spec) {
			leadTo(rollout.Concerns{Hold: 1}, time.Second)(s)
			keep := rollout.Duration(3 * time.Second)
			s.Strategy.KeepBaseline = &keep
		}, plot: func(s *teller) {
			s.once(func() bool { return s.world.State().Primary == "2.5.0" }, func() { s.order(by("ana@example.com"), rollout.Accepted) })
		}, want: rollout.RolledBack, wantCause: rollout.CauseConcern, wantReason: "held for 1s: " + anas},
		"one takes it back while an approval is asked": {spec: func(s *rollout.Spec) {
			leadTo(rollout.Concerns{Rollback: 1}, time.Minute)(s)
			approvalBefore(0, time.Minute)(s)
		}, plot: func(s *teller) {
			s.at(time.Second, func() { s.order(by("bo@example.com"), rollout.Accepted) })
		}, want: rollout.RolledBack, wantCause: rollout.CauseConcern, wantLog: []string{"deploy 2.5.0", "remove 2.5.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.people = rules
			s.holds(t)
		})
	}
}

// Where there are no rules a person is a name.
func TestConcernsWithoutRules(t *testing.T) {
	t.Parallel()
	story{spec: func(s *rollout.Spec) { s.Policy.Concerns.Rollback = 2 }, plot: func(s *teller) {
		for i, one := range []struct{ actor, want string }{{"ana", rollout.Accepted}, {"ANA", rollout.Noop}, {"bo", rollout.Accepted}} {
			s.at(time.Duration(500+200*i)*time.Millisecond, func() {
				s.order(rollout.Command{Name: rollout.CommandConcern, Actor: one.actor}, one.want)
			})
		}
	}, want: rollout.RolledBack, wantCause: rollout.CauseConcern, wantLog: undone}.holds(t)
}
