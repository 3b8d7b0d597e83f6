package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// An order of the queue is taken out by the Target alone: what runs hears nothing of
// it, and is not what the exit code tells of.
func TestAbortOfAQueuedOrder(t *testing.T) {
	t.Parallel()
	const target = "production/checkout"
	for name, tt := range map[string]struct {
		answer    rollout.Answer
		unasked   bool
		code      int
		out, says string
	}{
		"it waited":    {answer: rollout.Answer{Answer: rollout.Accepted, Why: "2.6.0 is out of the queue"}, out: "abort: accepted, 2.6.0 is out of the queue\n"},
		"not any more": {answer: rollout.Answer{Answer: rollout.Noop, Why: "2.6.0 waits no more"}, out: "abort: noop, 2.6.0 waits no more\n"},
		"it has begun": {answer: rollout.Answer{Answer: rollout.Denied, Why: "2.6.0 has begun"}, code: 15, out: "abort: denied, 2.6.0 has begun\n", says: "abort denied: 2.6.0 has begun"},
		"no Target":    {unasked: true, code: 15, says: "no order 2.6.0 is known: production/checkout has no queue"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := running(t)
			f.status.Phase = rollout.PhaseNeedsHuman
			var asked []rollout.Command
			if !tt.unasked {
				f.above = func(c rollout.Command) rollout.Answer { asked = append(asked, c); return tt.answer }
			}
			got := bakeoff(t.Context(), f, "abort", target, "--queued", "2.6.0", "--reason", "needs 2.5.1 first")
			require.Equal(t, tt.code, got.code, got.err)
			require.Contains(t, got.out, tt.out)
			require.Contains(t, got.err, tt.says)
			require.Empty(t, append(f.signals, f.updates...), "what runs goes on")
			for _, c := range asked {
				require.Equal(t, rollout.Command{ID: "id-1", Name: rollout.CommandDrop, Actor: "ana@laptop", Reason: "needs 2.5.1 first", At: c.At, Order: "2.6.0"}, c)
			}
		})
	}
	f := running(t)
	for _, args := range [][]string{{"--queued", " "}, {"--queued", ""}, {"--queued", "2.6.0", "--no-wait"}} {
		require.Equal(t, 2, bakeoff(t.Context(), f, append([]string{"abort", target, "--reason", "r"}, args...)...).code, args)
	}
}
