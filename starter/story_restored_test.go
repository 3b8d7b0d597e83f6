package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// A restore beside a workflow that runs stands where it happened: history is told oldest
// first, and its numbers rise.
func TestHistoryOfARestoreBesideTheWorkflow(t *testing.T) {
	t.Parallel()
	f, target := cutOffBelow(t)
	target.signalled(rollout.SignalRestored, rollout.Restored{RunID: checkout.RunID, Baseline: "2.4.1",
		Command: rollout.Command{Name: commandRestore, Actor: "cy", Reason: "slow"}})
	at := f.tape.events[len(f.tape.events)-2].GetEventTime().AsTime()
	target.last().EventTime.Seconds, target.last().EventTime.Nanos = at.Unix(), int32(at.Nanosecond())
	got := bakeoff(t.Context(), f, "history", "production/checkout", "-o", "json")
	require.Zero(t, got.code, got.err)
	var kinds []rollout.EventKind
	var last rollout.Event
	for text := range strings.Lines(got.out) {
		var line rollout.Event
		require.NoError(t, json.Unmarshal([]byte(text), &line))
		require.Equal(t, last.Seq+1, line.Seq)
		require.False(t, line.Time.Before(last.Time), "%s at %s comes after %s", line.Kind, line.Time.Format(time.StampMilli), last.Time.Format(time.StampMilli))
		kinds, last = append(kinds, line.Kind), line
	}
	require.Contains(t, kinds, rollout.EventTrafficRestored)
	require.Equal(t, rollout.EventEnded, last.Kind)
}
