package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// An order under the id of somebody else's, or of another version's or spec's, reaches the Target,
// and is a refused one of its own in history, whatever an older worker answered. The
// rollout is said to be asked for by who asked for it.
func TestOrdersWithOneID(t *testing.T) {
	t.Parallel()
	order := func(actor, version string) rollout.Submit {
		o := rollout.Order{ID: "CHG-1", Actor: actor, Reason: "r", Spec: spec(), SpecDigest: "a"}
		o.Spec.Release.Version = version
		return rollout.Submit{Order: o}
	}
	ana, bo, newer := order("ana", "2.5.0"), order("bo", "2.5.0"), order("ana", "2.6.0")
	again := ana
	again.Order.Reason, again.Order.At = "once more", noon
	require.Equal(t, submitID(ana.Order), submitID(again.Order))
	require.NotEqual(t, submitID(ana.Order), submitID(bo.Order))
	require.NotEqual(t, submitID(ana.Order), submitID(newer.Order))
	other := ana
	other.Order.SpecDigest = "b"
	require.NotEqual(t, submitID(ana.Order), submitID(other.Order))

	p := aboveTape(t, "")
	give := func(s rollout.Submit, fate rollout.Submission) {
		at := p.updated(submitID(s.Order), rollout.CommandSubmit, s)
		p.by("", "bakeoff/"+s.Order.Actor)
		p.fate(at, fate)
	}
	started := rollout.Submission{ID: "CHG-1", Version: "2.5.0", Actor: "ana", Fate: rollout.FateStarted, RunID: "run-9"}
	give(ana, started)
	give(bo, started)
	give(newer, rollout.Submission{ID: "CHG-1", Version: "2.6.0", Actor: "ana", Fate: rollout.FateRefused, Cause: rollout.CausePolicy, Why: "the id was used"})
	give(other, rollout.Submission{ID: "CHG-1", Version: "2.5.0", Actor: "ana", Fate: rollout.FateRefused, Cause: rollout.CausePolicy, Why: "the id was used"})
	p.signalled(rollout.CommandWithdraw, rollout.Withdrawal{ID: "CHG-1", Version: "2.5.0", Actor: "bo", SpecDigest: "a"})
	const why = ": refused, the id CHG-1 was that of the order of 2.5.0, by ana: give each order its own"
	require.Equal(t, []string{
		"Submitted ana asked for 2.5.0: started", "Submitted bo asked for 2.5.0" + why, "Submitted ana asked for 2.6.0" + why,
		"Submitted ana asked for 2.5.0: refused, the id CHG-1 was that of an order of 2.5.0 with another spec, by ana: give this one an id of its own, with --id",
	}, texts(toldOrders(t, shelf{targetRun.RunID: p}).lines))

	p = aboveTape(t, "")
	give(bo, started)
	give(ana, started)
	s := told(t, startedAbove(t, ana.Order, "t-2"))
	s.asked(t.Context(), shelf{"t-2": p})
	require.Equal(t, map[string]any{"identity": "bakeoff/ana"}, sent(s.lines[0]))
}

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
