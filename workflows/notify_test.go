package workflows_test

import (
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
		"an abort is a rollback to those who listen for one": {
			notifications: activities.Notifications{Subscriptions: []activities.Subscription{{To: "sim", Events: []rollout.Occasion{"rolledBack"}}}},
			plot: func(s *teller) {
				s.at(time.Second, func() { s.order(rollout.Command{Name: "abort"}, rollout.Accepted) })
			},
			want: rollout.Aborted, wantLog: undone, check: heard("aborted"),
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
