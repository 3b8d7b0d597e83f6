package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// foreign is a split that the rollout did not write.
var foreign = rollout.Split{baseline: 4000, candidate: 6000}

// Desired and observed weights are different facts: nothing is judged, and
// nothing is raised, at a weight that is not in force.
func TestTraffic(t *testing.T) {
	c := open(t)
	for name, scene := range map[string]func(*scene){
		"Ignores": routerIgnores, "Lags": routerLags, "Hold": driftHolds, "HoldEnds": driftHoldsTooLong,
		"LostWithTheCandidate": lostWithTheCandidate, "LostWithTheBaseline": lostWithTheBaseline,
		"PrimaryLostWithTheBaseline": primaryLostWithTheBaseline, "PrimaryLostBefore": primaryLostBefore,
		"Overruled": driftIsOverruled, "PutBack": driftIsPutBack, "PutBackOnce": driftIsPutBackOnce, "RollBack": driftRollsBack,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scene(c.scene(t))
		})
	}
}

// A router that accepts every weight and does nothing.
func routerIgnores(s *scene) {
	s.world.IgnoreWeights(true)
	e := s.run("settleWithin: 4s")
	e.requires(s, 10, rollout.RolledBack, rollout.CauseTraffic)
	require.Contains(s.t, e.Reason, "not in force")
	require.Empty(s.t, s.told(rollout.EventWeightObserved))
	require.Empty(s.t, s.told(rollout.EventStepPassed))
	require.Equal(s.t, []string{"deploy 2.5.0", "remove 2.5.0"}, s.world.Log())
	s.asBefore()
}

// The bake begins when the weight is read back, not when it is written.
func routerLags(s *scene) {
	const lag = 3 * time.Second
	s.world.LagWeights(lag)
	s.run().requires(s, 0, rollout.Promoted, "")
	require.Equal(s.t, promotedTwo, s.world.Log())
	s.stayed(lag+bake, 1000, 5000, rollout.All)
	for i, seen := range s.told(rollout.EventWeightObserved) {
		require.GreaterOrEqual(s.t, seen.Time.Sub(s.stays()[i].from), lag-10*time.Millisecond)
	}
}

// A router that falls back to its old weights as the candidate goes: users are not left
// on a version that is gone.
func lostWithTheCandidate(s *scene) {
	s.world.FallBack(candidate, rollout.Split{baseline: 9000, candidate: 1000})
	s.start(oneLong)
	s.bakes(1000)
	s.order(0, "abort")
	s.ends(11, rollout.Aborted, "")
	s.asBefore()
	require.Len(s.t, s.told(rollout.EventDrift), 1)
	require.Len(s.t, s.told(rollout.EventTrafficRestored), 2)
	require.Len(s.t, s.told(rollout.EventCleanedUp), 1)
	all := s.http.Requests()
	for i, r := range all {
		if r.Method == http.MethodDelete {
			require.Equal(s.t, "/weights", all[i-1].Path, "read last before the removal")
		}
	}
}

// The same after a promotion.
func lostWithTheBaseline(s *scene) {
	s.world.FallBack(baseline, rollout.Split{baseline: 9000, candidate: 1000})
	s.run(oneStep).requires(s, 0, rollout.Promoted, "")
	s.replacedBaseline()
	require.Len(s.t, s.told(rollout.EventDrift), 1)
}

// So it is with a platform that goes back to its old primary version then.
func primaryLostWithTheBaseline(s *scene) {
	s.world.FallBackPrimary(baseline, baseline)
	s.run(oneStep).requires(s, 0, rollout.Promoted, "")
	s.replacedBaseline()
	require.Len(s.t, s.told(rollout.EventDrift), 1)
	require.Len(s.t, s.told(rollout.EventPromoted), 2)
}

// A platform that goes back while the baseline is drained keeps it, until a person says
// what is to be.
func primaryLostBefore(s *scene) {
	s.start(oneStep, "drain: 3s")
	until(s.t, "the promotion", func() bool { return s.world.State().Primary == candidate })
	until(s.t, "the drain", func() bool { return strings.Contains(s.status().Reason, "removing") })
	s.world.ForeignPrimary(baseline)
	until(s.t, "a person is needed", func() bool { return s.status().Phase == rollout.PhaseNeedsHuman })
	require.Contains(s.t, s.world.State().Versions, baseline)
	require.Empty(s.t, s.told(rollout.EventCleanedUp))
	s.order(0, "retry")
	until(s.t, "the removal", func() bool { return s.status().Phase == rollout.PhaseCompleted })
	s.ends(0, rollout.Promoted, "")
	s.replacedBaseline()
	require.Len(s.t, s.told(rollout.EventDrift), 1)
}

// meddles changes the weights from outside, once the bake goes on.
func (s *scene) meddles() {
	s.t.Helper()
	s.bakes(1000)
	s.world.SetWeights(foreign)
}

// The rollout holds and writes nothing until somebody puts the weights right;
// then it bakes anew.
func driftHolds(s *scene) {
	s.start(oneStep)
	s.meddles()
	s.waitsFor(rollout.WaitingForHold)
	s.watched(5)
	require.Len(s.t, s.asked("PUT /weights"), 1, "nothing is written in a hold")
	require.True(s.t, s.world.State().Weights.Equal(foreign))
	right := time.Now()
	s.world.SetWeights(rollout.Split{baseline: 9000, candidate: 1000})
	s.ends(0, rollout.Promoted, "")
	require.GreaterOrEqual(s.t, s.stays()[0].to.Sub(right), bake, "the bake began anew")
	require.NotEmpty(s.t, s.told(rollout.EventDrift))
	require.Len(s.t, s.told(rollout.EventHeld), 1)
}

// One promote writes over what somebody else wrote.
func driftIsOverruled(s *scene) {
	s.start(twoSteps)
	s.meddles()
	s.waitsFor(rollout.WaitingForHold)
	require.Equal(s.t, foreign[candidate], s.status().Weight, "what users get is what is shown")
	until(s.t, "the list shows it, too", func() bool {
		return slices.ContainsFunc(strings.Split(s.cli("list", "-o", "json").Stdout, "\n"), func(line string) bool {
			return strings.Contains(line, s.target()+`"`) && strings.Contains(line, `"weight":"60%"`)
		})
	})
	s.order(0, "promote")
	s.awaits("PUT /weights 200", 2)
	require.Contains(s.t, s.asked("PUT /weights 200")[1].Body, `"2.5.0":5000`)
	s.ends(0, rollout.Promoted, "")
	require.Len(s.t, s.told(rollout.EventHeld), 1)
}

// Nobody puts the weights right in time.
func driftHoldsTooLong(s *scene) {
	s.start(oneLong, "policy: {holdFor: 3s}")
	s.meddles()
	s.ends(10, rollout.RolledBack, rollout.CauseTraffic)
	s.asBefore()
	s.stayed(0, 1000, 0)
}

// The weights are written once more, and the bake begins anew.
func driftIsPutBack(s *scene) {
	s.start(oneStep, "policy: {drift: putBack}")
	s.meddles()
	s.awaits("PUT /weights 200", 2)
	corrected := s.asked("PUT /weights 200")[1]
	require.Contains(s.t, corrected.Body, `"2.5.0":1000`)
	s.ends(0, rollout.Promoted, "")
	require.Len(s.t, s.asked("PUT /weights"), 3, "10%, 10% again, 100%")
	require.GreaterOrEqual(s.t, s.stays()[0].to.Sub(corrected.At), bake, "the bake began anew")
	require.Len(s.t, s.told(rollout.EventDrift), 1)
}

// Two who both want to be right would play ping-pong: the second time the
// rollout holds.
func driftIsPutBackOnce(s *scene) {
	s.start(oneLong, "policy: {drift: putBack, holdFor: 3s}")
	s.meddles()
	s.awaits("PUT /weights 200", 2)
	s.meddles()
	s.ends(10, rollout.RolledBack, rollout.CauseTraffic)
	require.Len(s.t, s.asked("PUT /weights"), 3, "10%, 10% again, 0%")
	s.asBefore()
}

func driftRollsBack(s *scene) {
	s.start(oneLong, "policy: {drift: rollback}")
	s.meddles()
	e := s.ends(10, rollout.RolledBack, rollout.CauseTraffic)
	require.Contains(s.t, e.Reason, "somebody else changed the weights")
	require.Len(s.t, s.asked("PUT /weights"), 2, "10%, 0%")
	s.asBefore()
}

// A router that refuses the next raise for long is no reason to look away: the
// candidate that users have by then is watched, and goes back when it breaks.
func TestRefusedRaiseIsWatched(t *testing.T) {
	s := open(t).scene(t)
	s.start("settleWithin: 2m")
	s.bakes(1000)
	s.world.Fail(sim.OpShift, sim.Fault{})
	s.awaits("PUT /weights 5", 1)
	s.breaks()
	until(t, "a breach", func() bool { return len(s.told(rollout.EventBreach)) > 0 })
	s.world.Heal()
	s.ends(10, rollout.RolledBack, rollout.CauseVerdict)
	s.asBefore()
	for _, r := range s.asked("PUT /weights 200") {
		require.NotContains(t, r.Body, `"2.5.0":5000`, "no raise after the breach")
	}
}
