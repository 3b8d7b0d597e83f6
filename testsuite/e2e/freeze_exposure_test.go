package e2e_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// Where the freeze lets a step be finished, the bake that it begins in goes on to
// its end; the next raise waits until it is over.
func TestFreezeFinishesTheStep(t *testing.T) {
	c := found(t)
	reload := c.reconfigurable(t, "{}\n")
	s := c.scene(t)
	const long = 15 * time.Second // so that the freeze surely begins in it
	s.start("strategy: {" + window + ", canary: [{weight: 10%, bake: " + long.String() + "}], keepBaseline: 2s}")
	s.bakes(1000)
	reload(frozen(time.Now(), time.Now().Add(time.Hour), "finishStep"))
	require.Empty(t, s.told(rollout.EventStepPassed), "the freeze begins during the step")
	s.waitsFor(rollout.GateFreeze)
	kinds := s.milestones()
	passed := slices.Index(kinds, rollout.EventStepPassed)
	require.GreaterOrEqual(t, passed, 0, "the bake went on to its end: %v", kinds)
	require.Less(t, passed, slices.Index(kinds, rollout.EventGateWaiting), "and only then the rollout waits: %v", kinds)
	require.Contains(t, s.status().Reason, `freeze "party" until `)
	s.watched(2)
	require.Equal(t, rollout.Weight(1000), s.weight(), "nothing is raised inside")

	reload("{}\n")
	lifted := time.Now()
	s.ends(0, rollout.Promoted, "")
	stays := s.stayed(long, 1000, rollout.All)
	require.True(t, stays[1].from.After(lifted), "the raise waited")
	require.Equal(t, promotedOne, s.world.Log())
}

// Where users must not keep the candidate inside of a freeze they get the baseline
// back, though nothing is wrong with the candidate.
func TestFreezeRollsBack(t *testing.T) {
	c := found(t)
	reload := c.reconfigurable(t, "{}\n")
	s := c.scene(t)
	s.start(oneLong)
	s.bakes(1000)
	reload(frozen(time.Now(), time.Now().Add(time.Hour), "rollback"))
	e := s.ends(10, rollout.RolledBack, rollout.CauseFreeze)
	require.Contains(t, e.Reason, `freeze "party" until `)
	require.Equal(t, undone, s.world.Log())
	s.asBefore()
}
