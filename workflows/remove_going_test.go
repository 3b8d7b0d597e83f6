package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// Removing a version takes a while, and a router may lose the weights meanwhile, or
// because of it: users are not left on a version that is gone.
func TestRemoveUntilItIsGone(t *testing.T) { tell(t, goingStories) }

// goes does something once a version has been ordered to go that does not, and lets it
// go when it is ordered the next time.
func goes(s *teller, version string, do func()) {
	s.world.StallRemoval(version, true)
	s.once(func() bool {
		return slices.ContainsFunc(s.world.Writes(), func(x sim.Write) bool { return x.Text == "remove "+version })
	}, func() {
		do()
		s.world.StallRemoval(version, false)
	})
}

var goingStories = map[string]story{
	"a router that loses the restored split while the candidate goes gets it again": {
		spec: drains,
		plot: func(s *teller) {
			ticks(s)
			abortAndThen(s, func() {})
			goes(s, "2.5.0", func() { s.world.SetWeights(halfway) })
		},
		want: rollout.Aborted,
		wantLog: []string{"deploy 2.5.0", "weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 100%, 2.5.0 0%",
			"outsider: weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 100%, 2.5.0 0%", "remove 2.5.0"},
		check: func(t *testing.T, _ *sim.World, s rollout.Status) {
			require.Equal(t, rollout.Weight(0), s.Weight)
			require.False(t, s.NeededHuman)
			require.Greater(t, s.TimeToRestore.Total.Std(), time.Second, "users had the candidate again")
		},
	},
	"a router that loses it because the candidate goes gets it again": {
		spec:    drains,
		plot:    func(s *teller) { ticks(s); s.world.FallBack("2.5.0", halfway); abortAndThen(s, func() {}) },
		want:    rollout.Aborted,
		wantLog: slices.Concat(undone[:3], []string{"outsider: weights 2.4.1 90%, 2.5.0 10%", "remove 2.5.0", "weights 2.4.1 100%, 2.5.0 0%"}),
		check: func(t *testing.T, _ *sim.World, s rollout.Status) {
			require.Equal(t, rollout.Weight(0), s.Weight)
			require.False(t, s.NeededHuman)
		},
	},
	"a primary version that is lost while the candidate goes is put back": {
		spec: func(s *rollout.Spec) {
			oneBake(s)
			keep := rollout.Duration(time.Minute)
			s.Strategy.KeepBaseline = &keep
		},
		plot: func(s *teller) {
			ticks(s)
			lasts(s, time.Second, isPrimary, func() {
				s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo", Reason: "pager"})
			})
			s.once(func() bool { return slices.Contains(s.world.Log(), "remove 2.5.0") }, func() { s.world.ForeignPrimary("2.3.0") })
		},
		want: rollout.Aborted,
		check: func(t *testing.T, w *sim.World, s rollout.Status) {
			require.Equal(t, []string{"remove 2.5.0", "outsider: primary 2.3.0", "primary 2.4.1"}, w.Log()[6:])
			require.False(t, s.NeededHuman)
		},
	},
	"a router that loses the promoted split while the baseline goes gets it again, whatever the policy": {
		spec: oneBake,
		plot: func(s *teller) { goes(s, "2.4.1", func() { s.world.SetWeights(halfway) }) },
		want: rollout.Promoted,
		wantLog: []string{"deploy 2.5.0", "weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 0%, 2.5.0 100%", "primary 2.5.0",
			"outsider: weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 0%, 2.5.0 100%", "remove 2.4.1"},
		check: func(t *testing.T, _ *sim.World, s rollout.Status) {
			require.Equal(t, rollout.All, s.Weight)
			require.False(t, s.NeededHuman)
		},
	},
	"a platform that goes back to another primary version while the baseline goes gets the promoted one again, whatever the policy": {
		spec: oneBake,
		plot: func(s *teller) { goes(s, "2.4.1", func() { s.world.ForeignPrimary("2.4.1") }) },
		want: rollout.Promoted, wantLog: slices.Concat(promoted, []string{"outsider: primary 2.4.1", "primary 2.5.0", "remove 2.4.1"}),
		check: func(t *testing.T, _ *sim.World, s rollout.Status) { require.False(t, s.NeededHuman) },
	},
	"or because it goes": {
		spec: oneBake, plot: func(s *teller) { s.world.FallBackPrimary("2.4.1", "2.4.1") },
		want: rollout.Promoted, wantLog: slices.Concat(promoted, []string{"outsider: primary 2.4.1", "remove 2.4.1", "primary 2.5.0"}),
		check: func(t *testing.T, _ *sim.World, s rollout.Status) { require.False(t, s.NeededHuman) },
	},
	"a platform that does so again needs a person": {
		spec: oneBake,
		plot: func(s *teller) {
			s.world.FallBackPrimary("2.4.1", "2.4.1")
			s.once(func() bool {
				return slices.Equal([]string{"remove 2.4.1", "primary 2.5.0"}, s.world.Log()[max(0, len(s.world.Log())-2):])
			}, func() { s.world.ForeignPrimary("") })
			s.at(12*time.Second, func() {
				now := s.standing()
				require.Equal(s.t, rollout.PhaseNeedsHuman, now.Phase)
				require.Contains(s.t, now.Reason, "2.4.1 is going, or gone: the platform, or somebody else, made no version the primary version")
				s.order(rollout.Command{Name: "retry"}, rollout.Accepted)
			})
		},
		want:  rollout.Promoted,
		check: func(t *testing.T, w *sim.World, _ rollout.Status) { require.Equal(t, "2.5.0", w.State().Primary) },
	},
	"a primary version that cannot be written needs a person in time, and nothing ends as promoted before": {
		spec: func(s *rollout.Spec) { oneBake(s); s.NeedsHumanAfter = rollout.Duration(time.Second) },
		plot: func(s *teller) {
			s.world.FallBackPrimary("2.4.1", "2.4.1")
			s.once(func() bool { return slices.Contains(s.world.Log(), "remove 2.4.1") }, func() { s.world.Fail(sim.OpSetPrimary, sim.Fault{}) })
			s.at(12*time.Second, func() {
				now := s.standing()
				require.Equal(s.t, rollout.PhaseNeedsHuman, now.Phase)
				require.Equal(s.t, "2.5.0 is not the primary version again", now.Reason)
				s.world.Heal(sim.OpSetPrimary)
				s.order(rollout.Command{Name: "retry"}, rollout.Accepted)
			})
		},
		want:  rollout.Promoted,
		check: func(t *testing.T, w *sim.World, _ rollout.Status) { require.Equal(t, "2.5.0", w.State().Primary) },
	},
	"weights that cannot be written need a person in time, too": {
		spec: func(s *rollout.Spec) { oneBake(s); s.NeedsHumanAfter = rollout.Duration(time.Second) },
		plot: func(s *teller) {
			s.world.FallBack("2.4.1", halfway)
			s.once(func() bool { return slices.Contains(s.world.Log(), "remove 2.4.1") }, func() { s.world.Fail(sim.OpShift, sim.Fault{}) })
			s.at(12*time.Second, func() {
				now := s.standing()
				require.Equal(s.t, rollout.PhaseNeedsHuman, now.Phase)
				require.Equal(s.t, "2.5.0 does not have everything again", now.Reason)
				s.world.Heal(sim.OpShift)
				s.order(rollout.Command{Name: "retry"}, rollout.Accepted)
			})
		},
		want: rollout.Promoted,
		check: func(t *testing.T, w *sim.World, s rollout.Status) {
			require.True(t, w.State().Weights.Equal(rollout.Split{"2.5.0": rollout.All}))
			require.Equal(t, rollout.All, s.Weight)
		},
	},
	"requests in flight are waited for, and no person is asked meanwhile": {
		spec: func(s *rollout.Spec) { oneBake(s); s.NeedsHumanAfter = rollout.Duration(time.Second) },
		plot: func(s *teller) {
			ticks(s)
			s.world.SetInflight("2.4.1", 3)
			lasts(s, 17*time.Second, isPrimary, func() {
				require.Contains(s.t, s.world.State().Versions, "2.4.1")
				s.world.SetInflight("2.4.1", 0)
			})
		},
		want:  rollout.Promoted,
		check: func(t *testing.T, _ *sim.World, s rollout.Status) { require.False(t, s.NeededHuman) },
	},
	"a removal that does not happen needs a person soon where none are": {
		spec: func(s *rollout.Spec) { oneBake(s); s.NeedsHumanAfter = rollout.Duration(time.Second) },
		plot: func(s *teller) {
			ticks(s)
			s.world.SetInflight("2.4.1", 0)
			s.world.StallRemoval("2.4.1", true)
			s.at(24*time.Second, func() {
				require.Equal(s.t, rollout.PhaseNeedsHuman, s.standing().Phase)
				s.world.StallRemoval("2.4.1", false)
				s.order(rollout.Command{Name: "retry"}, rollout.Accepted)
			})
		},
		want:  rollout.Promoted,
		check: func(t *testing.T, _ *sim.World, s rollout.Status) { require.True(t, s.NeededHuman) },
	},
	"a router that loses it because the baseline goes, and again, needs a person": {
		spec: oneBake,
		plot: func(s *teller) {
			s.world.FallBack("2.4.1", halfway)
			s.once(func() bool {
				return slices.Equal([]string{"remove 2.4.1", "weights 2.4.1 0%, 2.5.0 100%"}, s.world.Log()[max(0, len(s.world.Log())-2):])
			}, func() { s.world.SetWeights(halfway) })
			s.at(12*time.Second, func() {
				now := s.standing()
				require.Equal(s.t, rollout.PhaseNeedsHuman, now.Phase)
				require.Contains(s.t, now.Reason, "2.4.1 is going, or gone: somebody else changed the weights to 2.4.1 90%, 2.5.0 10%")
				s.order(rollout.Command{Name: "retry"}, rollout.Accepted)
			})
		},
		want: rollout.Promoted,
		check: func(t *testing.T, w *sim.World, s rollout.Status) {
			require.True(t, w.State().Weights.Equal(rollout.Split{"2.5.0": rollout.All}))
			require.Equal(t, rollout.All, s.Weight)
		},
	},
}
