package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// TestNotify holds who is told of what: each occasion once, with an id of its
// own, and nobody of what they did not ask for.
func TestNotify(t *testing.T) {
	stops, closedThen := &season{}, &season{}
	closedThen.set(true, false)
	tell(t, map[string]story{
		"a rollback, to those whom the spec names": {
			spec:  func(s *rollout.Spec) { s.Notify = []rollout.Notification{{To: "sim", Channel: "#releases"}} },
			world: func(w *sim.World) { w.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.5}) },
			want:  rollout.RolledBack, wantCause: rollout.CauseVerdict, check: heard("rollingBack", "rolledBack"),
		},
		"only what was asked for": {
			spec: func(s *rollout.Spec) {
				s.Notify = []rollout.Notification{{To: "sim", Events: []rollout.Occasion{"promoted", "rolledBack"}}}
			},
			world: func(w *sim.World) { w.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.5}) },
			want:  rollout.RolledBack, wantCause: rollout.CauseVerdict, check: heard("rolledBack"),
		},
		"an approval, a denied command and the end, to subscribers": {
			spec:          approvalBefore(0, time.Minute),
			notifications: activities.Notifications{Subscriptions: []activities.Subscription{{Services: []string{"check*"}, To: "sim"}}},
			plot: func(s *teller) {
				s.at(time.Second, func() { s.order(rollout.Command{Name: "resume"}, rollout.Noop) })
				s.at(time.Second, func() { s.order(rollout.Command{Name: "promote"}, rollout.Denied) })
				s.at(2*time.Second, func() { s.order(rollout.Command{Name: "approve", Override: true}, rollout.Accepted) })
			},
			want: rollout.Promoted, wantLog: good, check: heard("waiting", "denied", "overridden", "promoted"),
		},
		"a vote for another run": {
			spec:          approvalBefore(0, time.Minute),
			notifications: activities.Notifications{Subscriptions: []activities.Subscription{{To: "sim", Events: []rollout.Occasion{"denied"}}}},
			plot: func(s *teller) {
				s.at(time.Second, func() { s.order(rollout.Command{Name: "approve", RunID: "another"}, rollout.Denied) })
				s.at(2*time.Second, func() { s.order(rollout.Command{Name: "approve"}, rollout.Accepted) })
			},
			want: rollout.Promoted, wantLog: good, check: heard("denied"),
		},
		"an abort is a rollback to those who listen for one": {
			notifications: activities.Notifications{Subscriptions: []activities.Subscription{{To: "sim", Events: []rollout.Occasion{"rolledBack"}}}},
			plot: func(s *teller) {
				s.at(time.Second, func() { s.order(rollout.Command{Name: "abort"}, rollout.Accepted) })
			},
			want: rollout.Aborted, wantLog: undone, check: heard("aborted"),
		},
		"a pause, once, while a raise comes into force": {
			notifications: activities.Notifications{Subscriptions: []activities.Subscription{{To: "sim"}}},
			world:         func(w *sim.World) { w.LagWeights(time.Second) },
			plot: func(s *teller) {
				s.once(func() bool { return slices.Contains(s.world.Log(), good[1]) }, func() {
					s.at(0, func() { s.order(rollout.Command{Name: "pause"}, rollout.Accepted) })
					s.once(func() bool { return s.world.State().Weights["2.5.0"] == 1000 }, func() {
						s.at(time.Second, func() {
							require.Equal(s.t, "paused by ana@example.com: the story says so", s.standing().Reason)
							s.order(rollout.Command{Name: "resume"}, rollout.Accepted)
						})
					})
				})
			},
			want: rollout.Promoted, wantLog: good, check: func(t *testing.T, w *sim.World, s rollout.Status) {
				heard("waiting", "promoted")(t, w, s)
				require.Contains(t, w.Heard()[0].Text, "paused by ana@example.com")
			},
		},
		"a stopped line, as what closes the target": {
			season: stops, notifications: activities.Notifications{Subscriptions: []activities.Subscription{{To: "sim"}}},
			plot: func(s *teller) {
				s.at(1500*time.Millisecond, func() { stops.set(true, false) })
				s.at(4*time.Second, func() { stops.set(false, false) })
			},
			want: rollout.Promoted, check: func(t *testing.T, w *sim.World, s rollout.Status) {
				heard("frozen", "promoted")(t, w, s)
				told := w.Heard()[0]
				require.Equal(t, rollout.GateStop, told.WaitingFor)
				require.Contains(t, told.Text, "2.5.0 is frozen at ")
			},
		},
		"an abort before anything was done tells of no way back": {
			season: closedThen, order: func(o *rollout.Order) { o.Wait = true },
			notifications: activities.Notifications{Subscriptions: []activities.Subscription{{To: "sim"}}},
			plot: func(s *teller) {
				s.at(time.Second, func() { s.order(rollout.Command{Name: "abort"}, rollout.Accepted) })
			},
			want: rollout.Aborted, wantLog: []string{}, check: heard("frozen", "aborted"),
		},
		"a refusal": {
			spec: func(s *rollout.Spec) {
				s.Notify = []rollout.Notification{{To: "sim"}}
				s.Release.Artifact = "checkout:latest"
			},
			want: rollout.Refused, wantCause: rollout.CauseSpec, check: heard("refused"),
		},
		"another service's subscribers hear nothing": {
			notifications: activities.Notifications{Subscriptions: []activities.Subscription{{Services: []string{"pay-*"}, To: "sim"}}},
			want:          rollout.Promoted, check: heard(),
		},
		"muted": {
			notifications: activities.Notifications{Subscriptions: []activities.Subscription{{To: "sim"}},
				Mute: []activities.Mute{{Environments: []string{"staging"}, Events: []rollout.Occasion{"promoted"}}}},
			want: rollout.Promoted, check: heard(),
		},
		"muted until yesterday": {
			notifications: activities.Notifications{Subscriptions: []activities.Subscription{{To: "sim"}},
				Mute: []activities.Mute{{Until: time.Now().AddDate(0, 0, -1)}}},
			want: rollout.Promoted, check: heard("promoted"),
		},
		"in one's own words, after two failures": {
			spec: approvalBefore(0, time.Minute),
			notifications: activities.Notifications{Subscriptions: []activities.Subscription{{To: "sim", Events: []rollout.Occasion{"waiting"}}},
				Templates: map[rollout.Occasion]string{"waiting": "{{.Owner}} waits with {{.Candidate}}"}},
			world: func(w *sim.World) { w.Fail(sim.OpNotify, sim.Fault{Times: 2}) },
			plot: func(s *teller) {
				s.at(6*time.Second, func() { s.order(rollout.Command{Name: "approve"}, rollout.Accepted) })
			},
			want: rollout.Promoted, check: func(t *testing.T, w *sim.World, _ rollout.Status) {
				require.NotEmpty(t, w.Heard())
				require.Equal(t, "team waits with 2.5.0", w.Heard()[0].Text)
			},
		},
	})
}

// heard requires the occasions that people were told of, in any order, and that
// no id is there twice. Holds may be as short as the stories' windows are: they
// are not asked for.
func heard(want ...rollout.Occasion) func(*testing.T, *sim.World, rollout.Status) {
	return func(t *testing.T, w *sim.World, s rollout.Status) {
		t.Helper()
		got, ids := []rollout.Occasion{}, map[string]bool{}
		for _, m := range w.Heard() {
			if m.WaitingFor == rollout.WaitingForHold {
				continue
			}
			got = append(got, m.Event)
			ids[m.ID] = true
			require.Contains(t, m.Text, s.Target)
		}
		require.ElementsMatch(t, want, got, "%+v", w.Heard())
		require.Len(t, ids, len(want))
	}
}

// rungs tell one after another, once a wait.
var rungs = map[string][]rollout.Rung{"staging": {
	{After: rollout.Duration(2 * time.Second), To: "sim", Channel: "@{{.Owner}}"},
	{After: rollout.Duration(4 * time.Second), To: "sim", Channel: "backup"},
	{After: rollout.Duration(time.Hour), To: "sim", Channel: "on-call"},
}}

// TestEscalation holds that whoever waits is heard of, by one after another,
// until the wait is over.
func TestEscalation(t *testing.T) {
	quiet := activities.Notifications{Escalation: rungs, Subscriptions: []activities.Subscription{}}
	tell(t, map[string]story{
		"an approval that nobody gives": {
			spec: approvalBefore(0, 6*time.Second), notifications: quiet,
			want: rollout.RolledBack, wantCause: rollout.CauseApproval, check: escalated("@team", "backup"),
		},
		"an approval of a step that somebody else answers for": {
			spec: func(s *rollout.Spec) {
				approvalBefore(0, 6*time.Second)(s)
				s.Strategy.Canary[0].Owner = "payments"
			}, notifications: quiet,
			want: rollout.RolledBack, wantCause: rollout.CauseApproval, check: escalated("@payments", "backup"),
		},
		"an approval of the promotion": {
			spec: func(s *rollout.Spec) {
				s.Strategy = rollout.Strategy{Window: s.Strategy.Window, Linear: &rollout.Linear{Step: 5000, Bake: twoSeconds, Owner: "web"},
					Promote: &rollout.Promote{Owner: "product", Approve: &rollout.Approval{Within: rollout.Duration(3 * time.Second)}}}
			}, notifications: quiet,
			want: rollout.RolledBack, wantCause: rollout.CauseApproval, check: escalated("@product"),
		},
		"an approval in time": {
			spec: approvalBefore(0, time.Minute), notifications: quiet,
			plot: func(s *teller) {
				s.at(time.Second, func() { s.order(rollout.Command{Name: "approve"}, rollout.Accepted) })
			},
			want: rollout.Promoted, wantLog: good, check: escalated(),
		},
		"after the first rung": {
			spec: approvalBefore(0, time.Minute), notifications: quiet,
			plot: func(s *teller) {
				s.at(3*time.Second, func() { s.order(rollout.Command{Name: "approve"}, rollout.Accepted) })
			},
			want: rollout.Promoted, wantLog: good, check: escalated("@team"),
		},
		"a hold": {
			spec:  func(s *rollout.Spec) { s.Policy.HoldFor = rollout.Duration(3 * time.Second) },
			world: func(w *sim.World) { w.SetSilent("2.5.0", true) }, notifications: quiet,
			want: rollout.RolledBack, wantCause: rollout.CauseVerdict, check: escalatedFirst("@team"),
		},
		"a person is needed": {
			spec: func(s *rollout.Spec) { s.NeedsHumanAfter = rollout.Duration(time.Second) }, notifications: quiet,
			plot: func(s *teller) {
				s.at(800*time.Millisecond, func() {
					s.world.Fail(sim.OpShift, sim.Fault{})
					s.order(rollout.Command{Name: "abort"}, rollout.Accepted)
				})
				s.at(5*time.Second, func() { s.world.Heal() })
			},
			want: rollout.Aborted, check: escalatedFirst("@team"),
		},
		"a pause that nobody ends": {
			notifications: quiet,
			plot: func(s *teller) {
				s.at(500*time.Millisecond, func() { s.order(rollout.Command{Name: "pause"}, rollout.Accepted) })
				s.at(4*time.Second, func() { s.order(rollout.Command{Name: "resume"}, rollout.Accepted) })
			},
			want: rollout.Promoted, wantLog: good, check: escalated("@team"),
		},
		"a vote that is waited for before and after a pause": {
			spec: approvalBefore(0, time.Minute), notifications: quiet,
			plot: func(s *teller) {
				s.at(2500*time.Millisecond, func() { s.order(rollout.Command{Name: "pause"}, rollout.Accepted) })
				s.at(3*time.Second, func() { s.order(rollout.Command{Name: "resume"}, rollout.Accepted) })
				s.at(5500*time.Millisecond, func() { s.order(rollout.Command{Name: "approve"}, rollout.Accepted) })
			},
			want: rollout.Promoted, wantLog: good, check: escalated("@team", "backup"),
		},
		"in an environment without": {
			spec:          approvalBefore(0, 6*time.Second),
			notifications: activities.Notifications{Escalation: map[string][]rollout.Rung{"production": rungs["staging"]}, Subscriptions: []activities.Subscription{}},
			want:          rollout.RolledBack, wantCause: rollout.CauseApproval, check: escalated(),
		},
	})
}

// escalated requires who was told of waits that last, in this order, each once.
func escalated(want ...string) func(*testing.T, *sim.World, rollout.Status) {
	return func(t *testing.T, w *sim.World, _ rollout.Status) {
		t.Helper()
		var got []string
		ids := map[string]bool{}
		for _, m := range w.Heard() {
			require.Equal(t, rollout.OnEscalated, m.Event)
			got = append(got, m.Channel)
			ids[m.ID] = true
		}
		require.Equal(t, want, got, "%+v", w.Heard())
		require.Len(t, ids, len(want))
	}
}

// escalatedFirst requires who was told first, where how long it takes is not the
// story's to say.
func escalatedFirst(want string) func(*testing.T, *sim.World, rollout.Status) {
	return func(t *testing.T, w *sim.World, _ rollout.Status) {
		t.Helper()
		require.NotEmpty(t, w.Heard())
		require.Equal(t, want, w.Heard()[0].Channel)
		channels := map[string]bool{}
		for _, m := range w.Heard() {
			require.False(t, channels[m.Channel], "told twice: %s", m.Channel)
			channels[m.Channel] = true
		}
	}
}

// TestBreach holds when harm that somebody outside sees turns a rollout back.
func TestBreach(t *testing.T) {
	sees := func(s *teller, id string) {
		s.env.SignalWorkflow(rollout.SignalBreach, rollout.Breach{ID: id, Name: "Errors", Reason: "too many"})
	}
	tell(t, map[string]story{
		"at once, and twice the same": {
			plot: func(s *teller) {
				s.at(time.Second, func() { sees(s, "1"); sees(s, "1") })
			},
			want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "alert Errors: too many at 10%", wantLog: undone,
		},
		"while it is paused": {
			plot: func(s *teller) {
				s.at(500*time.Millisecond, func() { s.order(rollout.Command{Name: "pause"}, rollout.Accepted) })
				s.at(time.Second, func() { sees(s, "1") })
			},
			want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "alert Errors", wantLog: undone,
		},
		"before anybody has the candidate it changes nothing, and nothing when it comes again": {
			spec: approvalBefore(0, time.Minute),
			plot: func(s *teller) {
				s.at(500*time.Millisecond, func() { sees(s, "1") })
				s.at(time.Second, func() { s.order(rollout.Command{Name: "approve"}, rollout.Accepted) })
				s.at(1500*time.Millisecond, func() { sees(s, "1") })
			},
			want: rollout.Promoted, wantLog: good,
		},
		"after an abort it changes nothing": {
			plot: func(s *teller) {
				s.at(time.Second, func() { s.order(rollout.Command{Name: "abort"}, rollout.Accepted) })
				s.at(time.Second, func() { sees(s, "1") })
			},
			want: rollout.Aborted, wantLog: undone,
		},
	})
}
