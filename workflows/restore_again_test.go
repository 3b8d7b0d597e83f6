package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// A router may drop the write that puts users back, or take its time for it.
func TestRestoreIsWrittenAgain(t *testing.T) {
	tell(t, map[string]story{
		"a router that drops the restoring write is told again soon, however long it may take to settle": {
			spec: func(s *rollout.Spec) {
				s.SettleWithin, s.NeedsHumanAfter = rollout.Duration(5*time.Minute), rollout.Duration(time.Minute)
			},
			plot: func(s *teller) {
				ticks(s)
				s.at(800*time.Millisecond, func() {
					s.world.IgnoreWeights(true)
					s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo", Reason: "pager"})
				})
				lasts(s, 500*time.Millisecond, isPutBack, func() { s.world.IgnoreWeights(false) })
			},
			want: rollout.Aborted, wantLog: undone,
			check: func(t *testing.T, _ *sim.World, s rollout.Status) {
				require.Less(t, s.TimeToRestore.Traffic.Std(), 5*time.Second)
			},
		},
		"a router that begins its lag anew with every write comes to an end of it": {
			spec: func(s *rollout.Spec) {
				s.SettleWithin, s.NeedsHumanAfter = rollout.Duration(5*time.Minute), rollout.Duration(time.Minute)
			},
			plot: func(s *teller) {
				ticks(s)
				s.at(800*time.Millisecond, func() {
					s.world.RestartLag(3 * time.Second)
					s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo", Reason: "pager"})
				})
			},
			want: rollout.Aborted, wantLog: undone,
			check: func(t *testing.T, _ *sim.World, s rollout.Status) {
				require.Less(t, s.TimeToRestore.Traffic.Std(), 16*time.Second)
			},
		},
	})
}
