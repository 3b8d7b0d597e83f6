package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

func answers(answer, why string, change func(*rollout.Status)) func(rollout.Command) (rollout.Answer, error) {
	return func(rollout.Command) (rollout.Answer, error) {
		s := baking()
		if change != nil {
			change(&s)
		}
		return rollout.Answer{Answer: answer, Why: why, Status: s}, nil
	}
}

func TestEveryOrderIsSentWithItsReason(t *testing.T) {
	for _, name := range rollout.Commands() {
		t.Run(name, func(t *testing.T) {
			f := running(t)
			f.answer = answers(rollout.Accepted, "", nil)
			args := []string{name, "production/checkout", "--reason", "because"}
			if name == rollout.CommandExtend {
				args = append(args, "--by", "30m")
			}
			got := bakeoff(t.Context(), f, args...)
			require.Equal(t, 0, got.code, got.err)
			require.True(t, strings.HasPrefix(got.out, name+": accepted\nproduction/checkout: Running\n"), got.out)
			sent := f.updates[0]
			require.Equal(t, name, sent.Name)
			require.Equal(t, "ana@laptop", sent.Actor)
			require.Equal(t, "because", sent.Reason)
			require.Equal(t, "id-1", sent.ID)
			require.False(t, sent.At.IsZero())
			require.Equal(t, name == rollout.CommandAbort, len(f.signals) == 1)
		})
	}
}

func TestOrdersWithoutAReasonAreErrorsOfUsage(t *testing.T) {
	f := &fake{dialError: errors.New("must not be dialed")}
	for _, name := range rollout.Commands() {
		require.Equal(t, 2, bakeoff(t.Context(), f, name, "production/checkout").code)
		require.Equal(t, 2, bakeoff(t.Context(), f, name, "production/checkout", "--reason", " ").code)
		require.Equal(t, 2, bakeoff(t.Context(), f, name, "checkout", "--reason", "x").code)
		require.Equal(t, 2, bakeoff(t.Context(), f, name, "--reason", "x").code)
	}
	require.Equal(t, 2, bakeoff(t.Context(), f, "extend", "production/checkout", "--reason", "x").code)
}

func TestOrdersBindWhatTheyAreGiven(t *testing.T) {
	tests := []struct {
		args []string
		want rollout.Command
	}{
		{[]string{"promote", "--full"}, rollout.Command{Full: true}},
		{[]string{"extend", "--by", "1d"}, rollout.Command{By: rollout.Duration(24 * 3600e9)}},
		{[]string{"pause", "--actor", "bo", "--id", "CHG-1"}, rollout.Command{Actor: "bo", ID: "CHG-1"}},
		{[]string{"concern", "--withdraw"}, rollout.Command{Withdraw: true}},
		{[]string{"approve"}, rollout.Command{Digest: "sha256:d", RunID: "run-1"}}, // nothing waits: perhaps it is given again
		{[]string{"approve", "--step", "3", "--digest", "sha256:e", "--run", "run-0"}, rollout.Command{Step: 3, Digest: "sha256:e", RunID: "run-0"}},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			f := running(t)
			f.answer = answers(rollout.Accepted, "", nil)
			args := append([]string{tt.args[0], "production/checkout", "--reason", "because"}, tt.args[1:]...)
			require.Equal(t, 0, bakeoff(t.Context(), f, args...).code)
			got := f.updates[0]
			want := tt.want
			want.Name, want.Reason, want.At = tt.args[0], "because", got.At
			want.Actor, want.ID = orElse(want.Actor, "ana@laptop"), orElse(want.ID, "id-1")
			require.Equal(t, want, got)
		})
	}
}

func TestAnswersAreExitCodes(t *testing.T) {
	human := func(s *rollout.Status) { s.Phase = rollout.PhaseNeedsHuman }
	failed := func(s *rollout.Status) { s.Phase, s.Outcome = rollout.PhaseCompleted, rollout.Failed }
	tests := []struct {
		name, order, answer string
		change              func(*rollout.Status)
		want                int
	}{
		{"obeyed", "pause", rollout.Accepted, nil, 0},
		{"no-op", "pause", rollout.Noop, nil, 0},
		{"denied", "pause", rollout.Denied, nil, 15},
		{"abort that cannot restore", "abort", rollout.Accepted, human, 14},
		{"abort of one that cannot restore", "abort", rollout.Noop, human, 14},
		{"abort that ended as failed", "abort", rollout.Accepted, failed, 14},
		{"reject that cannot restore", "reject", rollout.Accepted, human, 14},
		{"retry by who knows it already", "retry", rollout.Accepted, human, 0},
		{"acknowledge", "acknowledge", rollout.Accepted, failed, 0},
		{"retry denied", "retry", rollout.Denied, nil, 15},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := running(t)
			f.answer = answers(tt.answer, "the why", tt.change)
			got := bakeoff(t.Context(), f, tt.order, "production/checkout", "--reason", "x", "-o", "json")
			require.Equal(t, tt.want, got.code)
			var out answer
			require.NoError(t, json.Unmarshal([]byte(got.out), &out))
			require.Equal(t, tt.answer, out.Answer)
			require.Equal(t, "production/checkout", out.Target)
			require.Equal(t, "id-1", out.CommandID)
			if tt.want == exitRefused {
				require.Contains(t, got.err, "denied: the why")
			}
		})
	}
}

func TestOrdersWithNothingRunningAreNoOps(t *testing.T) {
	for _, name := range []string{"abort", "pause", "approve"} {
		f := &fake{}
		got := bakeoff(t.Context(), f, name, "production/checkout", "--reason", "x")
		require.Equal(t, 0, got.code, got.err)
		require.Equal(t, name+": noop, no rollout of production/checkout is known, now or before: is the name right? bakeoff list shows what there is\n", got.out)
		got = bakeoff(t.Context(), f, name, "production/checkout", "--reason", "x", "-o", "json")
		require.Equal(t, 0, got.code)
		var unknown map[string]any
		require.NoError(t, json.Unmarshal([]byte(got.out), &unknown))
		require.Equal(t, "noop", unknown["answer"])
		require.Equal(t, "rollout/production/checkout", unknown["workflowId"])
		require.NotContains(t, unknown, "phase", "it is in none")
		require.NotContains(t, unknown, "startedAt")

		f = over(t, result(rollout.RolledBack, rollout.CauseVerdict))
		got = bakeoff(t.Context(), f, name, "production/checkout", "--reason", "x", "-o", "json")
		require.Equal(t, 0, got.code)
		var out answer
		require.NoError(t, json.Unmarshal([]byte(got.out), &out))
		require.Equal(t, "noop", out.Answer)
		require.Equal(t, rollout.PhaseCompleted, out.Phase)
		require.Equal(t, rollout.RolledBack, out.Outcome)
		require.Empty(t, append(f.signals, f.updates...))
	}
}

func TestAbortGoesBySignalAndThenByUpdateWithTheSameID(t *testing.T) {
	f := running(t)
	calls := 0
	f.answer = func(rollout.Command) (rollout.Answer, error) {
		if calls++; calls < 3 {
			return rollout.Answer{}, errNoWorker
		}
		s := result(rollout.Aborted, "")
		s.Phase, s.Outcome = rollout.PhaseRollingBack, ""
		return rollout.Answer{Answer: rollout.Accepted, Status: s}, nil
	}
	got := bakeoff(t.Context(), f, "abort", "production/checkout", "--reason", "slow", "-o", "json")
	require.Equal(t, 0, got.code, got.err)
	require.Len(t, f.signals, 1)
	require.Len(t, f.updates, 3)
	require.Equal(t, f.signals[0], f.updates[2])
	require.Contains(t, got.out, `"phase":"RollingBack"`)
}

func TestAbortOfARunThatEndsMeanwhile(t *testing.T) {
	tests := map[string]struct {
		outcome rollout.Outcome
		want    string
	}{
		"because of it": {rollout.Aborted, rollout.Accepted},
		"before it":     {rollout.Promoted, rollout.Noop},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := running(t)
			f.answer = func(rollout.Command) (rollout.Answer, error) {
				f.end(result(tt.outcome, ""))
				return rollout.Answer{}, errOver
			}
			got := bakeoff(t.Context(), f, "abort", "production/checkout", "--reason", "slow", "-o", "json")
			require.Equal(t, 0, got.code)
			require.Contains(t, got.out, `"answer":"`+tt.want+`"`)
		})
	}
}

func TestAbortWithoutWaiting(t *testing.T) {
	f := running(t)
	got := bakeoff(t.Context(), f, "abort", "production/checkout", "--reason", "slow", "--no-wait", "-o", "json")
	require.Equal(t, 0, got.code)
	require.Len(t, f.signals, 1)
	require.Empty(t, f.updates)
	require.Contains(t, got.out, `"answer":"stored"`)
}

func TestOrdersThatNobodyTakesUp(t *testing.T) {
	f := running(t)
	got := bakeoff(t.Context(), f, "pause", "production/checkout", "--reason", "x", "--timeout", "20ms")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.err, "no worker answered in time: the order is not on record")

	got = bakeoff(t.Context(), f, "abort", "production/checkout", "--reason", "x", "--timeout", "20ms")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.err, "the order is stored and will be obeyed")
}

func TestApproveShowsWhatItBinds(t *testing.T) {
	f := running(t)
	f.answer = answers(rollout.Accepted, "1 of 2", nil)
	until := noon.Add(65 * 60e9)
	f.status.Phase, f.status.WaitingFor, f.status.WaitingUntil = rollout.PhaseWaiting, "approval", &until
	got := typed(t.Context(), f, process{in: strings.NewReader("y\n"), inIsTerminal: true}, "approve", "production/checkout", "--reason", "ok")
	require.Equal(t, 0, got.code, got.err)
	require.Equal(t, `production/checkout, run run-1
  2.4.1 → 2.5.0, step 1/2 at 5%
  waiting for approval until 2026-11-21 13:05:00Z (1h left)
  approve: step 2 of 2: 50% to 2.5.0, bake 1h
  asked: 2 of release-managers within 1d, otherwise rollback
  plan sha256:d
  errors  Continue  ×1.02 [0.8, 1.3]
approve this? [y/N] `, got.err)
	require.Len(t, f.updates, 1)

	got = typed(t.Context(), f, process{in: strings.NewReader("\n"), inIsTerminal: true}, "approve", "production/checkout", "--reason", "ok")
	require.Equal(t, 1, got.code)
	require.Len(t, f.updates, 1, "nothing was sent")
}
