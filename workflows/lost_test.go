package workflows_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// recovers makes the order that of a recovery, whose lost run nobody can read but
// the act of this id: that takes twenty seconds.
func (s *teller) recovers(readable string) {
	s.env.OnActivity("ReadWayBack", mock.Anything, mock.Anything).Return(
		func(ctx context.Context, _ activities.ReadWayBackInput) (activities.WayBack, error) {
			if activity.GetInfo(ctx).ActivityID != readable {
				return activities.WayBack{}, errors.New("no worker can replay it")
			}
			return activities.WayBack{Plan: rollout.Plan{Digest: "sha256:1", Authorized: true, Notifies: true, Behaviour: rollout.Behaviour{UsersFirst: true}}}, nil
		}).After(20 * time.Second) // the test's environment tries ten times
}

func ofLostRun(o *rollout.Order) { o.Recover, o.Reason = "lost-run", activities.LostTerminated }

// TestUnreadRecovery holds that a recovery which cannot find out what had been
// changed says so, and that a person may end it: one who may.
func TestUnreadRecovery(t *testing.T) {
	rules := teams()
	acknowledge := func(actor string) rollout.Command {
		return rollout.Command{Name: rollout.CommandAcknowledge, Actor: actor, Reason: "put back by hand"}
	}
	for name, plot := range map[string]func(*teller){
		"by an acknowledge": func(s *teller) {
			s.at(80*time.Second, func() { s.order(acknowledge("bo@example.com"), rollout.Denied) })
			s.at(90*time.Second, func() { s.order(acknowledge("cy@example.com"), rollout.Accepted) })
		},
		"and an abort lets nobody through": func(s *teller) {
			s.at(70*time.Second, func() {
				s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo@example.com", Reason: "pager"})
			})
			s.at(80*time.Second, func() { s.order(acknowledge("bo@example.com"), rollout.Denied) })
			s.at(90*time.Second, func() { s.order(acknowledge("cy@example.com"), rollout.Accepted) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := story{people: rules, order: ofLostRun,
				notifications: activities.Notifications{Escalation: rungs, Subscriptions: []activities.Subscription{
					{To: "sim", Channel: "all", Events: []rollout.Occasion{rollout.OnNeedsHuman, rollout.OnRollingBack, rollout.OccasionOf(rollout.Failed)}}}},
				plot: func(s *teller) { s.recovers("nobody's"); plot(s) }}
			world, _, err := s.run(t)
			require.ErrorContains(t, err, "what had been changed could not be read; acknowledged by cy@example.com: put back by hand")
			require.Empty(t, world.Log())
			var heard []string
			for _, m := range world.Heard() {
				heard = append(heard, string(m.Event)+" "+m.Channel)
			}
			require.Equal(t, []string{"needsHuman all", "escalated @team", "escalated backup", "failed all"}, heard)
		})
	}
}

// A retry reads anew, and nobody is told twice that a person is needed.
func TestRecoveryIsReadAnew(t *testing.T) {
	t.Parallel()
	story{people: teams(), order: ofLostRun,
		notifications: activities.Notifications{Subscriptions: []activities.Subscription{{To: "sim"}}},
		plot: func(s *teller) {
			s.recovers("take.over.2")
			s.at(70*time.Second, func() {
				require.Equal(t, rollout.PhaseNeedsHuman, s.standing().Phase)
				s.order(rollout.Command{Name: rollout.CommandRetry, Actor: "bo@example.com"}, rollout.Denied)
			})
			s.at(80*time.Second, func() {
				s.order(rollout.Command{Name: rollout.CommandRetry, Actor: "cy@example.com"}, rollout.Accepted)
			})
		},
		want: rollout.Aborted, wantReason: "run lost-run was terminated", wantLog: []string{},
		check: func(t *testing.T, w *sim.World, _ rollout.Status) {
			told := map[rollout.Occasion]int{}
			for _, m := range w.Heard() {
				told[m.Event]++
			}
			require.Equal(t, map[rollout.Occasion]int{rollout.OnNeedsHuman: 1, rollout.OnDenied: 1, rollout.OccasionOf(rollout.Aborted): 1}, told)
		}}.holds(t)
}

// Who takes over where the baseline was being removed goes nowhere back, and tells
// nobody that it does.
func TestRecoveryOfAPromotion(t *testing.T) {
	t.Parallel()
	story{order: ofLostRun, notifications: activities.Notifications{Subscriptions: []activities.Subscription{{To: "sim"}}},
		plot: func(s *teller) {
			s.env.OnActivity("ReadWayBack", mock.Anything, mock.Anything).Return(activities.WayBack{Beyond: true,
				Plan: rollout.Plan{Digest: "sha256:1", Candidate: "2.5.0", Authorized: true, Notifies: true, Behaviour: rollout.Behaviour{Revision: 2, UsersFirst: true}}}, nil)
		},
		want: rollout.Promoted, wantLog: []string{},
		check: func(t *testing.T, w *sim.World, _ rollout.Status) {
			var told []rollout.Occasion
			for _, m := range w.Heard() {
				told = append(told, m.Event)
			}
			require.Equal(t, []rollout.Occasion{rollout.OccasionOf(rollout.Promoted)}, told)
		}}.holds(t)
}

// A state that stays another than the snapshot's is compared less and less often.
func TestDifferencesAreLookedAtLessOften(t *testing.T) {
	t.Parallel()
	var compared atomic.Int64
	s := story{plot: func(s *teller) {
		s.env.OnActivity("Compare", mock.Anything, mock.Anything).Return(func(context.Context, activities.CompareInput) (activities.CompareOutput, error) {
			compared.Add(1)
			return activities.CompareOutput{Differences: []string{"primary: was 2.4.1, is 2.3.0"}}, nil
		})
		s.at(time.Second, func() {
			s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo", Reason: "pager"})
		})
		s.at(72*time.Hour, func() { s.order(rollout.Command{Name: rollout.CommandAcknowledge}, rollout.Accepted) })
	}}
	_, _, err := s.run(t)
	require.ErrorContains(t, err, "acknowledged by ana@example.com")
	require.Less(t, compared.Load(), int64(120))
}
