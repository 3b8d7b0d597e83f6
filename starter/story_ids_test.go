package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// Another command under a used id reaches the workflow, and has a line of its own.
func TestIDsThatAreUsedTwice(t *testing.T) {
	t.Parallel()
	vote := rollout.Command{ID: "CHG-1", Name: rollout.CommandApprove, Actor: "bo@example.com", Reason: "a", At: noon}
	again, other := vote, vote
	again.At, again.Trace, other.Actor = noon.Add(time.Minute), "00-1", "dora@example.com"
	require.Equal(t, updateID(vote), updateID(again))
	require.NotEqual(t, updateID(vote), updateID(other))

	abort := rollout.Command{ID: "CHG-2", Name: rollout.CommandAbort, Actor: "bo@example.com", Reason: "slow"}
	p := opening(t)
	for _, c := range []rollout.Command{vote, other} {
		answer := rollout.Answer{Answer: rollout.Accepted, Why: "1 of 2"}
		if c == other {
			answer = rollout.Answer{Answer: rollout.Denied, Why: "the id CHG-1 was that of another approve"}
		}
		p.answer(p.updated(updateID(c), c.Name, c), answer)
	}
	p.signalled(rollout.CommandAbort, abort)
	p.signalled(rollout.CommandAbort, abort)
	abort.Actor = "dora@example.com"
	p.signalled(rollout.CommandAbort, abort)
	var got [][]any
	for _, line := range told(t, p).lines {
		if line.Kind == rollout.EventCommand {
			got = append(got, []any{line.Actor, line.Data["name"], line.Data["answer"]})
		}
	}
	require.Equal(t, [][]any{
		{"bo@example.com", "approve", "accepted"}, {"dora@example.com", "approve", "denied"},
		{"bo@example.com", "abort", "accepted"}, {"dora@example.com", "abort", "denied"},
	}, got)
}
