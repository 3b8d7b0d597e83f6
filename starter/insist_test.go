package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"bakeoff/rollout"
)

// awayFor answers the first calls with errors.
func awayFor(times int, err error) func(int) error {
	return func(n int) error {
		if n <= times {
			return err
		}
		return nil
	}
}

// A Temporal that is away while an order is taken back, or its rollout is started
// beside the Target, is asked again: the order goes on as if nothing had been.
func TestTemporalIsAwayWhileAnOrderIsGiven(t *testing.T) {
	t.Parallel()
	away := serviceerror.NewUnavailable("frozen")
	given := func(f rollout.Submission) func(int) rollout.TargetStatus {
		f.ID, f.Actor = "id-7", "ana"
		return func(int) rollout.TargetStatus { return rollout.TargetStatus{Fates: []rollout.Submission{f}} }
	}
	begun := func(t *testing.T) *fake { // by the order, although nobody was told
		f := running(t)
		o := anOrder()
		o.ID = "id-7"
		f.tape = &tape{t: t}
		f.tape.started(o)
		return f
	}
	for name, tt := range map[string]struct {
		spec    string
		change  func(t *testing.T, f *fake) *fake
		beside  int
		adopted int
	}{
		"when it is taken back": {smallest, func(_ *testing.T, f *fake) *fake {
			f.onWithdraw = awayFor(2, away)
			return f
		}, 1, 1},
		"and the Target had taken the order": {smallest, func(_ *testing.T, f *fake) *fake {
			f.onWithdraw, f.onTarget = awayFor(1, context.DeadlineExceeded), given(rollout.Submission{Version: "2.5.0", Fate: rollout.FateStarted, RunID: checkout.RunID})
			return f
		}, 0, 0},
		"and the Target heard of the withdrawal first": {smallest, func(_ *testing.T, f *fake) *fake {
			f.onWithdraw, f.onTarget = awayFor(1, away), given(rollout.Submission{Version: "2.5.0", Fate: rollout.FateRefused, Cause: rollout.CauseWithdrawn})
			return f
		}, 1, 1},
		"when the rollout is started": {smallest, func(_ *testing.T, f *fake) *fake {
			f.onStart = awayFor(2, away)
			return f
		}, 3, 1},
		"when the Target is told": {smallest, func(_ *testing.T, f *fake) *fake {
			f.onAdopt = awayFor(2, away)
			return f
		}, 1, 3},
		"and the rollout had begun": {smallest, func(t *testing.T, f *fake) *fake {
			b := begun(t)
			b.submitErr = f.submitErr
			b.others = map[string]execution{checkout.WorkflowID: {run: run{checkout.WorkflowID, "older"}}}
			b.tapes = map[string]*tape{"older": opening(t)}
			b.onStart = func(int) error { delete(b.others, checkout.WorkflowID); return away }
			return b
		}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := tt.change(t, &fake{submitErr: errNoWorker})
			got := bakeoff(t.Context(), f, "start", file(t, tt.spec), "--id", "id-7", "--actor", "ana", "-o", "json")
			require.Zero(t, got.code, got.err)
			require.Equal(t, checkout.RunID, decodeLine(t, got.out)["runId"])
			require.Len(t, f.beside, tt.beside)
			require.Len(t, f.adopted, tt.adopted)
		})
	}
}

// A Temporal that is away when a command begins is tried again, by those that change
// something or wait; those that only look say so at once.
func TestTemporalIsAwayWhenACommandBegins(t *testing.T) {
	t.Parallel()
	away := fmt.Errorf("connect to Temporal at 127.0.0.1:1: %w", serviceerror.NewUnavailable("refused"))
	for line, tries := range map[string]bool{
		"abort": true, "approve": true, "pause": true, "wait": true, "start": true, "run": true, "stop-the-line": true,
		"status": false, "history": false, "list": false,
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			f := over(t, result(rollout.Promoted, ""))
			f.onDial = awayFor(2, away)
			f.answer = func(rollout.Command) (rollout.Answer, error) { return rollout.Answer{Answer: rollout.Accepted}, nil }
			args := []string{line, "production/checkout", "--reason", "slow"}
			switch line {
			case "start", "run":
				args[1] = file(t, smallest)
			case "stop-the-line":
				args[1] = "--environment=production"
			case "list":
				args = args[:1]
			case "wait", "status", "history":
				args = args[:2]
			}
			got := bakeoff(t.Context(), f, args...)
			if !tries {
				require.Equal(t, ran{1, "", "bakeoff: connect to Temporal at 127.0.0.1:1: refused\n"}, got)
				return
			}
			require.Zero(t, got.code, got.err)
			require.Equal(t, 3, f.dials)
			require.Equal(t, 1, strings.Count(got.err, "trying on"), got.err)
			require.Contains(t, got.err, "Temporal does not answer (connect to Temporal at 127.0.0.1:1: refused); trying on")
			require.Contains(t, got.err, ", Ctrl-C ends that\n")
		})
	}
}

// It is tried for as long as the command may take, and never after Ctrl-C; what no
// second try can mend is said at once.
func TestTemporalStaysAway(t *testing.T) {
	t.Parallel()
	away := serviceerror.NewUnavailable("refused")
	for name, tt := range map[string]struct {
		args []string
		err  error
		code int
		says string
	}{
		"wait":        {[]string{"wait", "production/checkout", "--timeout", "20ms"}, away, exitFailed, "giving the same command again is safe: refused"},
		"run":         {[]string{"run", "FILE", "--timeout", "20ms"}, away, exitFailed, "giving the same command again is safe: refused"},
		"abort":       {[]string{"abort", "production/checkout", "--reason", "slow", "--timeout", "20ms"}, away, exitFailed, "giving the same command again is safe: refused"},
		"interrupted": {[]string{"abort", "production/checkout", "--reason", "slow"}, away, exitInterrupted, "interrupted: nothing was asked of Temporal yet"},
		"denied":      {[]string{"wait", "production/checkout"}, serviceerror.NewPermissionDenied("no", ""), exitFailed, "Temporal does not permit this to you"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			f := running(t)
			f.onDial = func(n int) error {
				if name == "interrupted" && n == 3 {
					interrupt()
				}
				return tt.err
			}
			if tt.args[1] == "FILE" {
				tt.args[1] = file(t, smallest)
			}
			got := bakeoff(ctx, f, tt.args...)
			require.Equal(t, tt.code, got.code, got.err)
			require.Contains(t, got.err, tt.says)
			require.Equal(t, name != "denied", f.dials > 2)
			require.Empty(t, f.submitted)
			require.Empty(t, f.signals)
		})
	}
}

// Whoever stops waiting for such a Temporal is told that nobody knows, and how to
// find out.
func TestAnOrderOfWhichNobodyKnows(t *testing.T) {
	t.Parallel()
	const look = "it may still be carried out: bakeoff wait production/checkout --id id-7"
	for name, tt := range map[string]struct {
		args []string
		fake func(interrupt func()) *fake
		code int
	}{
		"its time is over": {[]string{"run", "--timeout", "20ms"}, func(func()) *fake {
			return &fake{submitErr: errNoWorker, onWithdraw: awayFor(1e6, context.DeadlineExceeded)}
		}, exitTimeout},
		"its time is over while it starts": {[]string{"run", "--timeout", "20ms"}, func(func()) *fake {
			return &fake{submitErr: errNoWorker, onStart: awayFor(1e6, context.DeadlineExceeded)}
		}, exitTimeout},
		"it is interrupted": {[]string{"start"}, func(interrupt func()) *fake {
			return &fake{submitErr: errNoWorker, onWithdraw: func(int) error { interrupt(); return context.DeadlineExceeded }}
		}, exitInterrupted},
		"Temporal says no": {[]string{"run"}, func(func()) *fake {
			return &fake{submitErr: errNoWorker, onWithdraw: awayFor(1e6, errors.New("no"))}
		}, exitFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			f := tt.fake(interrupt)
			got := bakeoff(ctx, f, append(tt.args, file(t, smallest), "--id", "id-7", "-o", "json")...)
			require.Equal(t, tt.code, got.code, got.err)
			require.Contains(t, got.err, look)
			if tt.code == exitTimeout {
				require.Equal(t, "Pending", decodeLine(t, got.out)["phase"])
			}
		})
	}
}

// A fleet that Temporal began without saying so is found again.
func TestTemporalIsAwayWhileAFleetIsStarted(t *testing.T) {
	t.Parallel()
	f := &fake{startErr: context.DeadlineExceeded}
	got := bakeoff(t.Context(), f, "run", file(t, threeUnits), "--timeout", "20ms", "--id", "id-7", "-o", "json")
	require.Equal(t, exitTimeout, got.code, got.err)
	require.Contains(t, got.err, "it may still be carried out: bakeoff wait production/checkout --id id-7")
	require.Equal(t, "production/checkout", decodeLine(t, got.out)["target"])
}
