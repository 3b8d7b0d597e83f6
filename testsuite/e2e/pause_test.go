package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// A pause stops the bake's clock and nothing else.
func TestPause(t *testing.T) {
	c := open(t)
	t.Run("Resume", func(t *testing.T) {
		t.Parallel()
		s := c.scene(t)
		s.start(oneStep)
		s.bakes(1000)
		before := time.Now()
		s.order(0, "pause")
		paused := time.Now()
		require.Equal(t, rollout.Noop, s.order(0, "pause").Answer)
		require.True(t, s.status().Paused)
		time.Sleep(bake + time.Second) // longer than the bake
		require.Equal(t, rollout.Weight(1000), s.weight())
		length := time.Since(paused)
		s.order(0, "resume")
		s.ends(0, rollout.Promoted, "")
		stays := s.stayed(bake+length, 1000, rollout.All)
		require.Less(t, stays[0].from.Sub(before), bake)
		require.Len(t, s.told(rollout.EventPaused), 1)
		require.Len(t, s.told(rollout.EventResumed), 1)
	})
	t.Run("Breach", func(t *testing.T) {
		t.Parallel()
		s := c.scene(t)
		s.start(oneLong)
		s.bakes(1000)
		s.order(0, "pause")
		s.breaks()
		e := s.ends(10, rollout.RolledBack, rollout.CauseVerdict)
		require.False(t, e.Paused)
		s.asBefore()
		require.Equal(t, undone, s.world.Log())
		require.Empty(t, s.told(rollout.EventResumed))
	})
}
