package workflows_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdk "go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// What was put back, or promoted, can be lost again until the other version is
// gone; and what was written may come late.
func TestUntilItIsGone(t *testing.T) { tell(t, lastingStories) }

var (
	halfway  = rollout.Split{"2.4.1": 9000, "2.5.0": 1000}
	everyone = rollout.Split{"2.4.1": rollout.All}
	drains   = func(s *rollout.Spec) { s.Drain = rollout.Duration(3 * time.Second) }
)

// promoted is what was done with oneBake before the baseline goes.
var promoted = []string{"deploy 2.5.0", "weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 0%, 2.5.0 100%", "primary 2.5.0"}

// oneBake is promoted soon after a bake at 10%.
func oneBake(s *rollout.Spec) {
	s.Strategy.Canary = s.Strategy.Canary[:1]
	drains(s)
}

// lasts does something once the world has been so for a while.
func lasts(s *teller, d time.Duration, so func(*sim.World) bool, do func()) {
	var since time.Time
	s.once(func() bool {
		if since.IsZero() && so(s.world) {
			since = time.Now()
		}
		return !since.IsZero() && time.Since(since) > d
	}, do)
}

// before does something right before the first activity of a type.
func before(s *teller, activity string, do func()) {
	var once sync.Once
	s.env.SetOnActivityStartedListener(func(info *sdk.Info, _ context.Context, _ converter.EncodedValues) {
		if info.ActivityType.Name == activity {
			once.Do(do)
		}
	})
}

// ticks has the workflow's clock keep up with the world's.
func ticks(s *teller) {
	for d := time.Duration(0); d < 15*time.Second; d += 100 * time.Millisecond {
		s.at(d, func() {})
	}
}

func isPrimary(w *sim.World) bool { return w.State().Primary == "2.5.0" }

// isPutBack reports whether the restore was written.
func isPutBack(w *sim.World) bool {
	return slices.ContainsFunc(w.Writes(), func(x sim.Write) bool { return x.Text == "weights 2.4.1 100%, 2.5.0 0%" })
}

// abortAndThen orders an abort, and does something while the candidate is drained.
func abortAndThen(s *teller, do func()) {
	s.at(800*time.Millisecond, func() {
		s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo", Reason: "pager"})
	})
	lasts(s, 2*time.Second, isPutBack, do)
}

// What the platform calls primary is never removed: a person may leave it so, and the
// rollout has failed then.
func TestAPersonLeavesAnotherPrimaryVersion(t *testing.T) {
	t.Parallel()
	world, _, err := story{spec: oneBake, plot: func(s *teller) {
		lasts(s, 2*time.Second, isPrimary, func() { s.world.ForeignPrimary("2.4.1") })
		s.at(8*time.Second, func() { s.order(rollout.Command{Name: "acknowledge"}, rollout.Accepted) })
	}}.run(t)
	require.ErrorContains(t, err, "made 2.4.1 the primary version; acknowledged by")
	require.Equal(t, slices.Concat(promoted, []string{"outsider: primary 2.4.1"}), world.Log())
}

var lastingStories = map[string]story{
	"a router that loses the restored split gets it again, before the candidate goes": {
		spec: drains, plot: func(s *teller) { ticks(s); abortAndThen(s, func() { s.world.SetWeights(halfway) }) },
		want: rollout.Aborted,
		wantLog: []string{"deploy 2.5.0", "weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 100%, 2.5.0 0%",
			"outsider: weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 100%, 2.5.0 0%", "remove 2.5.0"},
		check: func(t *testing.T, _ *sim.World, s rollout.Status) {
			require.Equal(t, rollout.Weight(0), s.Weight)
			require.False(t, s.NeededHuman)
			require.Greater(t, s.TimeToRestore.Total.Std(), time.Second, "users had the candidate again")
		},
	},
	"a router that loses it before the state is compared gets it again, and nobody is asked": {
		spec: drains,
		plot: func(s *teller) {
			ticks(s)
			before(s, "Compare", func() { s.world.SetWeights(halfway) })
			abortAndThen(s, func() {})
		},
		want: rollout.Aborted,
		wantLog: []string{"deploy 2.5.0", "weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 100%, 2.5.0 0%",
			"outsider: weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 100%, 2.5.0 0%", "remove 2.5.0"},
		check: func(t *testing.T, _ *sim.World, s rollout.Status) {
			require.Equal(t, rollout.Weight(0), s.Weight)
			require.False(t, s.NeededHuman)
			require.Empty(t, s.Problems)
		},
	},
	"a router that loses it while the baseline's health is waited for gets it again at once": {
		spec: drains,
		plot: func(s *teller) {
			ticks(s)
			s.world.SetReplicas("2.4.1", 3)
			abortAndThen(s, func() {})
			lasts(s, 0, isPutBack, func() { s.world.SetReplicas("2.4.1", 0) })
			lasts(s, time.Second, isPutBack, func() { s.world.SetWeights(halfway) })
			lasts(s, 4*time.Second, isPutBack, func() {
				require.True(s.t, s.world.State().Weights.Equal(everyone), "not healthy yet, but back")
				s.world.SetReplicas("2.4.1", 3)
			})
		},
		want: rollout.Aborted,
		wantLog: []string{"deploy 2.5.0", "weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 100%, 2.5.0 0%",
			"outsider: weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 100%, 2.5.0 0%", "remove 2.5.0"},
	},
	"a primary version that is lost while the candidate is drained is put back before that goes": {
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
			before(s, "Remove", func() { s.world.ForeignPrimary("2.5.0") })
		},
		want: rollout.Aborted,
		check: func(t *testing.T, w *sim.World, s rollout.Status) {
			require.Equal(t, []string{"outsider: primary 2.5.0", "primary 2.4.1", "remove 2.5.0"}, w.Log()[6:])
			require.False(t, s.NeededHuman)
		},
	},
	"what differs and was not written here stays with a person": {
		spec: drains,
		plot: func(s *teller) {
			ticks(s)
			before(s, "Remove", func() { s.world.ForeignPrimary("2.5.0") })
			abortAndThen(s, func() {})
			s.at(10*time.Second, func() {
				now := s.standing()
				require.Equal(s.t, rollout.PhaseNeedsHuman, now.Phase)
				require.Contains(s.t, now.Reason, "primary: was 2.4.1, is 2.5.0")
				s.world.ForeignPrimary("2.4.1")
				s.order(rollout.Command{Name: "retry"}, rollout.Accepted)
			})
		},
		want: rollout.Aborted,
	},
	"a person is needed in time where it cannot be put back again, and retry writes it": {
		spec: func(s *rollout.Spec) { drains(s); s.NeedsHumanAfter = rollout.Duration(time.Second) },
		plot: func(s *teller) {
			abortAndThen(s, func() { s.world.SetWeights(halfway); s.world.IgnoreWeights(true) })
			s.at(6*time.Second, func() {
				now := s.standing()
				require.Equal(s.t, rollout.PhaseNeedsHuman, now.Phase)
				require.Equal(s.t, rollout.Weight(1000), now.Weight)
				require.Contains(s.t, now.Reason, "2.5.0 has traffic again: the router has 2.4.1 90%, 2.5.0 10%")
				s.world.IgnoreWeights(false)
				s.order(rollout.Command{Name: "retry"}, rollout.Accepted)
			})
			s.at(8*time.Second, func() { require.True(s.t, s.world.State().Weights.Equal(everyone)) })
		},
		want: rollout.Aborted,
	},
	"a router that loses the promoted split gets it again once, where the policy says so": {
		spec: func(s *rollout.Spec) { oneBake(s); s.Policy.Drift = rollout.RulePutBack },
		plot: func(s *teller) {
			lasts(s, 2*time.Second, isPrimary, func() { s.world.SetWeights(everyone) })
		},
		want: rollout.Promoted,
		wantLog: []string{"deploy 2.5.0", "weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 0%, 2.5.0 100%", "primary 2.5.0",
			"outsider: weights 2.4.1 100%", "weights 2.4.1 0%, 2.5.0 100%", "remove 2.4.1"},
		check: func(t *testing.T, _ *sim.World, s rollout.Status) { require.Equal(t, rollout.All, s.Weight) },
	},
	"or a person puts it right, and that is what is told": {
		spec: oneBake,
		plot: func(s *teller) {
			lasts(s, 2*time.Second, isPrimary, func() { s.world.SetWeights(everyone) })
			s.at(8*time.Second, func() {
				require.Equal(s.t, rollout.PhaseNeedsHuman, s.standing().Phase)
				require.Zero(s.t, s.standing().Weight)
				s.world.SetWeights(rollout.Split{"2.5.0": rollout.All})
			})
		},
		want:  rollout.Promoted,
		check: func(t *testing.T, _ *sim.World, s rollout.Status) { require.Equal(t, rollout.All, s.Weight) },
	},
	"else a person says so": {
		spec: oneBake,
		plot: func(s *teller) {
			lasts(s, 2*time.Second, isPrimary, func() { s.world.SetWeights(everyone) })
			s.at(8*time.Second, func() {
				now := s.standing()
				require.Equal(s.t, rollout.PhaseNeedsHuman, now.Phase)
				require.Equal(s.t, rollout.Weight(0), now.Weight)
				require.Contains(s.t, now.Reason, "2.4.1 is not removed: somebody else changed the weights to 2.4.1 100%")
				s.order(rollout.Command{Name: "retry"}, rollout.Accepted)
			})
		},
		want: rollout.Promoted,
		wantLog: []string{"deploy 2.5.0", "weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 0%, 2.5.0 100%", "primary 2.5.0",
			"outsider: weights 2.4.1 100%", "weights 2.4.1 0%, 2.5.0 100%", "remove 2.4.1"},
	},
	"a platform that goes back to its old primary version gets the promoted one again once, where the policy says so": {
		spec: func(s *rollout.Spec) { oneBake(s); s.Policy.Drift = rollout.RulePutBack },
		plot: func(s *teller) {
			lasts(s, 2*time.Second, isPrimary, func() { s.world.ForeignPrimary("2.4.1") })
		},
		want: rollout.Promoted, wantLog: slices.Concat(promoted, []string{"outsider: primary 2.4.1", "primary 2.5.0", "remove 2.4.1"}),
		check: func(t *testing.T, _ *sim.World, s rollout.Status) {
			require.Equal(t, rollout.All, s.Weight)
			require.False(t, s.NeededHuman)
			require.Empty(t, s.Problems)
		},
	},
	"else the version that is primary stays until a person says so": {
		spec: oneBake,
		plot: func(s *teller) {
			lasts(s, 2*time.Second, isPrimary, func() { s.world.ForeignPrimary("2.4.1") })
			s.at(8*time.Second, func() {
				now := s.standing()
				require.Equal(s.t, rollout.PhaseNeedsHuman, now.Phase)
				require.Equal(s.t, rollout.All, now.Weight)
				require.Equal(s.t, "2.4.1 is not removed: the platform, or somebody else, made 2.4.1 the primary version; retry makes 2.5.0 the primary version again", now.Reason)
				require.Equal(s.t, []string{"2.4.1 is not removed: the primary version is 2.4.1 instead of 2.5.0"}, now.Problems)
				s.order(rollout.Command{Name: "retry"}, rollout.Accepted)
			})
		},
		want: rollout.Promoted, wantLog: slices.Concat(promoted, []string{"outsider: primary 2.4.1", "primary 2.5.0", "remove 2.4.1"}),
	},
	"or puts it right": {
		spec: oneBake,
		plot: func(s *teller) {
			lasts(s, 2*time.Second, isPrimary, func() { s.world.ForeignPrimary("2.4.1") })
			s.at(8*time.Second, func() { s.world.ForeignPrimary("2.5.0") })
		},
		want: rollout.Promoted, wantLog: slices.Concat(promoted, []string{"outsider: primary 2.4.1", "outsider: primary 2.5.0", "remove 2.4.1"}),
	},
	"where weights are lost as well, one retry puts both back": {
		spec: oneBake,
		plot: func(s *teller) {
			lasts(s, 2*time.Second, isPrimary, func() { s.world.ForeignPrimary("2.4.1"); s.world.SetWeights(everyone) })
			s.at(8*time.Second, func() {
				require.Contains(s.t, s.standing().Reason, "retry sends everything to 2.5.0 again and makes 2.5.0 the primary version again")
				s.order(rollout.Command{Name: "retry"}, rollout.Accepted)
			})
		},
		want: rollout.Promoted, wantLog: slices.Concat(promoted, []string{"outsider: primary 2.4.1", "outsider: weights 2.4.1 100%",
			"weights 2.4.1 0%, 2.5.0 100%", "primary 2.5.0", "remove 2.4.1"}),
	},
	"a raise that is still on its way is waited for before users are back": {
		world: func(w *sim.World) { w.QueueWeights(3 * time.Second) },
		spec:  func(s *rollout.Spec) { s.SettleWithin = rollout.Duration(time.Minute) },
		plot: func(s *teller) {
			ticks(s)
			s.once(func() bool { return len(s.world.Writes()) > 1 }, func() {
				s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo", Reason: "pager"})
			})
		},
		want: rollout.Aborted, wantLog: undone,
		check: func(t *testing.T, _ *sim.World, s rollout.Status) {
			require.Greater(t, s.TimeToRestore.Traffic.Std(), 2500*time.Millisecond)
			require.False(t, s.NeededHuman)
		},
	},
	"a raise that comes after its time is waited for as long again": {
		world: func(w *sim.World) { w.QueueWeights(3 * time.Second) },
		spec:  func(s *rollout.Spec) { s.SettleWithin = rollout.Duration(2 * time.Second) },
		want:  rollout.RolledBack, wantCause: rollout.CauseTraffic, wantReason: "not in force after 2s", wantLog: undone,
	},
	"a raise that comes even later is put back before the candidate goes": {
		world: func(w *sim.World) { w.IgnoreWeights(true) },
		spec: func(s *rollout.Spec) {
			drains(s)
			s.SettleWithin = rollout.Duration(time.Second)
		},
		plot: func(s *teller) {
			lasts(s, 2800*time.Millisecond, isPutBack, func() {
				s.world.IgnoreWeights(false)
				s.world.SetWeights(halfway)
			})
		},
		want: rollout.RolledBack, wantCause: rollout.CauseTraffic,
		wantLog: []string{"deploy 2.5.0", "outsider: weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 100%, 2.5.0 0%", "remove 2.5.0"},
	},
	"an abort right after a raise that is in force at once waits for nothing": {
		spec: func(s *rollout.Spec) { s.SettleWithin = rollout.Duration(time.Minute) },
		plot: func(s *teller) {
			ticks(s)
			s.once(func() bool { return s.world.State().Weights["2.5.0"] > 0 }, func() {
				s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo", Reason: "pager"})
			})
		},
		want: rollout.Aborted, wantLog: undone,
		check: func(t *testing.T, _ *sim.World, s rollout.Status) {
			require.Less(t, s.TimeToRestore.Traffic.Std(), 5*time.Second)
		},
	},
	"a raise that the router refuses for good is waited for by nobody": {
		world: func(w *sim.World) { w.Fail(sim.OpShift, sim.Fault{Err: sim.Refused("400 no"), Times: 1}) },
		plot:  ticks,
		spec:  func(s *rollout.Spec) { s.SettleWithin = rollout.Duration(time.Minute) },
		want:  rollout.RolledBack, wantCause: rollout.CauseTraffic, wantReason: "400 no", wantLog: []string{"deploy 2.5.0", "remove 2.5.0"},
		check: func(t *testing.T, _ *sim.World, s rollout.Status) {
			require.Less(t, s.TimeToRestore.Traffic.Std(), 5*time.Second)
		},
	},
	"a raise that comes while its answer is waited for is nobody else's": {
		world: func(w *sim.World) {
			w.SetDeadline(1500 * time.Millisecond)
			w.Fail(sim.OpShift, sim.Fault{Hang: true, Times: 3})
		},
		spec: func(s *rollout.Spec) {
			oneBake(s)
			s.SettleWithin, s.Policy.Drift = rollout.Duration(8*time.Second), rollout.RuleRollback
		},
		plot: func(s *teller) { s.at(2500*time.Millisecond, func() { s.world.SetWeights(halfway) }) },
		want: rollout.Promoted,
	},
}
