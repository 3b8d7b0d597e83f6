package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// What platforms wrote does not steer the terminal of who reads it; programs get it
// as it is.
func TestWhatWouldSteerATerminal(t *testing.T) {
	t.Parallel()
	const steers = "\x1b[2Jgone\u009b31m\a\\u001b"
	s := result(rollout.RolledBack, rollout.CauseVerdict)
	s.Baseline, s.Candidate, s.Reason, s.StartedBy = "2.4.1"+steers, "2.5.0"+steers, steers, steers
	s.Cause = rollout.Cause(steers)
	s.Warnings, s.Checks[0].Reason, s.Checks[0].Name = []string{steers}, steers, steers
	for _, args := range [][]string{{"status", "production/checkout"}, {"wait", "production/checkout"}} {
		got := bakeoff(t.Context(), over(t, s), args...)
		for _, text := range []string{got.out, got.err} {
			require.NotContains(t, text, "\x1b")
			require.NotContains(t, text, "\u009b")
			require.NotContains(t, text, "\a")
		}
		require.Contains(t, got.out, `[2Jgone31m\u001b`)
	}
	got := bakeoff(t.Context(), over(t, s), "status", "production/checkout", "-o", "json")
	require.Equal(t, steers, decodeLine(t, got.out)["reason"])
	require.Equal(t, "a\nb[2J", unsteered("a\nb\x1b[2J"))
}
