package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"bakeoff/rollout"
)

// Who waits for an order hears what becomes of that order, whatever else runs.
func TestWaitForAnOrder(t *testing.T) {
	t.Parallel()
	order := func(f rollout.Submission) rollout.TargetStatus {
		f.ID, f.Version, f.Actor = "o", "2.6.0", "ana"
		return rollout.TargetStatus{Fates: []rollout.Submission{{ID: "before", Version: "2.5.0", Fate: rollout.FateStarted, RunID: checkout.RunID}, f}}
	}
	queued := order(rollout.Submission{Fate: rollout.FateQueued, Why: "held by the rollout of 2.5.0"})
	then := func(last rollout.TargetStatus) func(*fake) {
		return func(f *fake) {
			f.onTarget = func(n int) rollout.TargetStatus {
				if n < 3 {
					return queued
				}
				return last
			}
		}
	}
	for name, tt := range map[string]struct {
		change func(*fake)
		args   []string
		code   int
		says   string
	}{
		"it is refused at its turn": {
			change: then(order(rollout.Submission{Fate: rollout.FateRefused, Cause: rollout.CauseQuarantine, Why: "2.6.0 is in quarantine"})),
			code:   15, says: "refused: 2.6.0 is in quarantine"},
		"it was withdrawn, because nobody took it in": {
			change: func(f *fake) {
				f.onTarget = func(int) rollout.TargetStatus {
					return order(rollout.Submission{Fate: rollout.FateRefused, Cause: rollout.CauseWithdrawn, Why: "withdrawn: nobody had taken it in"})
				}
			},
			code: 15, says: "refused: withdrawn: nobody had taken it in"},
		"a newer one took its place": {
			change: then(order(rollout.Submission{Fate: rollout.FateSuperseded, Why: "superseded by 2.7.0, which came while it waited"})),
			code:   12, says: "superseded by 2.7.0"},
		"somebody took it out of the queue": {
			change: then(order(rollout.Submission{Fate: rollout.FateAborted, Why: "taken out of the queue by cy: needs 2.5.1 first"})),
			code:   11, says: "taken out of the queue by cy: needs 2.5.1 first"},
		"it has its turn": {
			change: func(f *fake) {
				then(order(rollout.Submission{Fate: rollout.FateStarted, RunID: checkout.RunID}))(f)
				f.others = map[string]execution{"target/production/checkout": {Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}}
				f.end(result(rollout.RolledBack, rollout.CauseVerdict))
			},
			code: 10},
		"it still waits": {
			change: func(f *fake) { f.onTarget = func(int) rollout.TargetStatus { return queued } },
			args:   []string{"--timeout", "30ms"}, code: 21, says: "in the queue: held by the rollout of 2.5.0"},
		"what held it was ended": {
			change: func(f *fake) {
				f.onTarget = func(int) rollout.TargetStatus { return queued }
				f.others = map[string]execution{"target/production/checkout": {Status: enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED}}
			},
			code: 1, says: "the order of 2.6.0 is lost: the workflow that held it, target/production/checkout, was ended from outside"},
		"nobody knows it": {
			change: func(f *fake) {
				f.onTarget = func(int) rollout.TargetStatus { return rollout.TargetStatus{} }
				f.listed = []execution{*f.execution}
			},
			code: 1, says: "no order o of production/checkout is known: it never arrived, or was lost\n  give it again: bakeoff run FILE --id o"},
		"it was started beside the Target": {
			change: func(f *fake) {
				o := anOrder()
				o.ID = "o"
				f.tape = &tape{t: f.tape.t}
				f.tape.started(o)
				f.listed = []execution{*f.execution}
				f.end(result(rollout.Promoted, ""))
			},
			code: 0},
		"no worker answers": {
			change: func(f *fake) { f.silent = true },
			args:   []string{"--timeout", "30ms"}, code: 21},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := running(t)
			tt.change(f)
			got := bakeoff(t.Context(), f, append([]string{"wait", "production/checkout", "--id", "o"}, tt.args...)...)
			require.Equal(t, tt.code, got.code, got.err+got.out)
			require.Contains(t, got.err, tt.says)
		})
	}
}

// Who waits for the rollout that runs is told of an order that it is not: the
// result is another release's.
func TestWaitNamesOrdersThatItDoesNotWaitFor(t *testing.T) {
	t.Parallel()
	f := over(t, result(rollout.Promoted, ""))
	f.onTarget = func(int) rollout.TargetStatus {
		return rollout.TargetStatus{Fates: []rollout.Submission{
			{ID: "old", Version: "2.4.0", At: noon.Add(-1), Fate: rollout.FateRefused, Why: "long ago"},
			{ID: "its", Version: "2.5.0", At: noon.Add(-1), Fate: rollout.FateStarted, RunID: checkout.RunID},
			{ID: "o", Version: "2.6.0", Actor: "ana", At: noon.Add(1), Fate: rollout.FateRefused, Why: "2.6.0 is in quarantine"},
		}}
	}
	got := bakeoff(t.Context(), f, "wait", "production/checkout")
	require.Zero(t, got.code, got.err)
	require.Contains(t, got.err, "not waited for here: 2.6.0, asked for by ana: refused, 2.6.0 is in quarantine\n  wait for it: bakeoff wait production/checkout --id o\n")
	require.NotContains(t, got.err, "2.4.0")
}
