package workflows_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// holdsForDrift has a rollout hold for as long as somebody else's weights are in force.
func holdsForDrift(within time.Duration) func(*rollout.Spec) {
	return func(s *rollout.Spec) { s.Policy.HoldFor = rollout.Duration(within) }
}

// meddles sets other weights as an outsider does.
func (s *teller) meddles(candidate rollout.Weight) {
	s.world.SetWeights(rollout.Split{"2.4.1": rollout.All - candidate, "2.5.0": candidate})
}

var writtenOver = slices.Insert(slices.Clone(good), 2, "outsider: weights 2.4.1 20%, 2.5.0 80%")

// What ends a hold for drift writes over it, once.
func TestWhatSomebodyElseWroteIsWrittenOver(t *testing.T) {
	tell(t, map[string]story{
		"by one promote": {
			spec: holdsForDrift(10 * time.Second),
			plot: func(s *teller) {
				s.at(time.Second, func() { s.meddles(8000) })
				s.at(2500*time.Millisecond, func() {
					require.Equal(s.t, rollout.WaitingForHold, s.standing().WaitingFor)
					s.order(rollout.Command{Name: "promote"}, rollout.Accepted)
				})
				s.at(4*time.Second, func() { require.Equal(s.t, rollout.PhaseRunning, s.standing().Phase, s.standing().Reason) })
			},
			want: rollout.Promoted, wantLog: writtenOver,
		},
		"by a hold that ends as promote": {
			spec: func(s *rollout.Spec) {
				holdsForDrift(2 * time.Second)(s)
				s.Policy.Otherwise = rollout.RulePromote
			},
			plot: func(s *teller) {
				s.at(time.Second, func() { s.meddles(8000) })
			},
			want: rollout.Promoted, wantLog: writtenOver,
			check: func(t *testing.T, w *sim.World, _ rollout.Status) {
				at := func(text string) time.Time {
					i := slices.IndexFunc(w.Writes(), func(write sim.Write) bool { return strings.Contains(write.Text, text) })
					return w.Writes()[i].At
				}
				require.Less(t, at("50%").Sub(at("10%")), 6*time.Second, "it was held once")
			},
		},
		"where the baseline is kept, before that goes": {
			spec: func(s *rollout.Spec) {
				oneBake(s)
				holdsForDrift(time.Minute)(s)
				keep := rollout.Duration(5 * time.Second)
				s.Strategy.KeepBaseline = &keep
			},
			plot: func(s *teller) {
				isPrimary := func() bool { return s.world.State().Primary == "2.5.0" }
				s.once(isPrimary, func() {
					time.Sleep(600 * time.Millisecond)
					s.meddles(8000)
				})
				held := func() bool { return isPrimary() && s.standing().WaitingFor == rollout.WaitingForHold }
				s.once(held, func() { s.order(rollout.Command{Name: "promote"}, rollout.Accepted) })
			},
			want: rollout.Promoted,
			check: func(t *testing.T, w *sim.World, _ rollout.Status) {
				require.Equal(t, 2, strings.Count(strings.Join(w.Log(), "\n"), "weights 2.4.1 0%, 2.5.0 100%"))
			},
		},
		"but not what came after the order": {
			spec: func(s *rollout.Spec) {
				holdsForDrift(20 * time.Second)(s)
				approvalBefore(1, time.Minute)(s)
			},
			plot: func(s *teller) {
				s.at(time.Second, func() { s.meddles(8000) })
				holds := func() bool {
					return s.world.State().Weights["2.5.0"] >= 7000 && s.standing().WaitingFor == rollout.WaitingForHold
				}
				s.once(holds, func() {
					s.order(rollout.Command{Name: "promote", ID: "first"}, rollout.Accepted)
					s.once(func() bool { return s.standing().WaitingFor == rollout.WaitingForApproval }, func() {
						time.Sleep(500 * time.Millisecond)
						s.meddles(7000)
						time.Sleep(time.Second) // seen
						s.order(rollout.Command{Name: "approve"}, rollout.Accepted)
						s.once(holds, func() { s.order(rollout.Command{Name: "promote", ID: "second"}, rollout.Accepted) })
					})
				})
			},
			want: rollout.Promoted, wantLog: slices.Insert(slices.Clone(writtenOver), 3, "outsider: weights 2.4.1 30%, 2.5.0 70%"),
		},
	})
}

// While somebody else's weights are in force, what users get is what is shown and told.
func TestWhatSomebodyElseWroteIsShown(t *testing.T) {
	t.Parallel()
	story{
		spec:          holdsForDrift(20 * time.Second),
		notifications: activities.Notifications{Subscriptions: []activities.Subscription{{To: "sim", Events: []rollout.Occasion{rollout.OnWaiting}}}},
		plot: func(s *teller) {
			shows := func(w rollout.Weight, what string) func() bool {
				return func() bool {
					if s.world.State().Weights["2.5.0"] != w {
						return false
					}
					now := s.standing()
					return now.Weight == w && now.WaitingFor == what
				}
			}
			ticks(s)
			s.at(time.Second, func() { s.meddles(8000) })
			s.once(shows(8000, rollout.WaitingForHold), func() {
				require.Contains(s.t, s.details(), "at 80%, step 1 of 2")
				s.meddles(3000)
				s.once(shows(3000, rollout.WaitingForHold), func() {
					require.Contains(s.t, s.standing().Reason, "2.5.0 30%")
					s.meddles(1000)
					s.once(shows(1000, ""), func() { require.Contains(s.t, s.details(), "at 10%, step 1 of 2") })
				})
			})
		},
		want: rollout.Promoted,
		check: func(t *testing.T, w *sim.World, _ rollout.Status) {
			require.Len(t, w.Heard(), 1)
			n := w.Heard()[0]
			require.Equal(t, rollout.Weight(8000), n.Weight)
			require.Contains(t, n.Text, "2.5.0 at 80%: held: somebody else changed the weights")
		},
	}.holds(t)
}
