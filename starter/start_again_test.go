package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"bakeoff/rollout"
)

// An order that is given again is answered as the first time, whatever became of it
// since: start and run say what did, and end with its code.
func TestAnOrderThatIsGivenAgainLater(t *testing.T) {
	t.Parallel()
	first := rollout.Submission{ID: "o", Version: "2.5.0", Actor: "ana", Fate: rollout.FateQueued, Why: "held by the rollout of 2.4.9"}
	for name, tt := range map[string]struct {
		since rollout.Submission
		code  int
		says  string
	}{
		"it waits":                    {rollout.Submission{Fate: rollout.FateQueued, Why: "held by another"}, 0, "in the queue: held by another"},
		"it is about to begin":        {rollout.Submission{Fate: rollout.FateStarting}, 0, "in the queue: held by the rollout of 2.4.9"},
		"somebody took it out":        {rollout.Submission{Fate: rollout.FateAborted, Why: "taken out of the queue by cy: no"}, 11, "taken out of the queue by cy: no"},
		"a newer one took its place":  {rollout.Submission{Fate: rollout.FateSuperseded, Why: "superseded by 2.6.0"}, 12, "superseded by 2.6.0"},
		"it was refused at its turn":  {rollout.Submission{Fate: rollout.FateRefused, Cause: rollout.CauseQuarantine, Why: "2.5.0 is in quarantine"}, 15, "refused: 2.5.0 is in quarantine"},
		"its rollout runs":            {rollout.Submission{Fate: rollout.FateStarted, RunID: checkout.RunID}, 0, "production/checkout"},
		"nobody knows of it any more": {rollout.Submission{}, 0, "in the queue: held by the rollout of 2.4.9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := running(t)
			f.fate = &first
			f.onTarget = func(int) (known rollout.TargetStatus) {
				if tt.since.Fate != "" {
					tt.since.ID, tt.since.Version, tt.since.Actor = "o", "2.5.0", "ana"
					known.Fates = []rollout.Submission{tt.since}
				}
				return known
			}
			got := bakeoff(t.Context(), f, "start", file(t, smallest), "--id", "o", "--actor", "ana")
			require.Equal(t, tt.code, got.code, got.err)
			require.Contains(t, got.out+got.err, tt.says)
			if tt.code != 0 {
				require.NotContains(t, got.out+got.err, "in the queue")
				again := bakeoff(t.Context(), f, "run", file(t, smallest), "--id", "o", "--actor", "ana")
				require.Equal(t, tt.code, again.code)
				require.NotContains(t, again.err, "in the queue:")
			}
		})
	}
}

// An order that its Target decided has the time at which it was given, whenever it is
// asked about. When it was decided is not known.
func TestTheTimeOfAnOrderThatNeverBegan(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fate  rollout.Fate
		cause rollout.Cause
		at    time.Time
		began any
	}{
		"taken out of the queue":         {rollout.FateAborted, "", noon, "2026-11-21T12:00:00Z"},
		"superseded":                     {rollout.FateSuperseded, "", noon, "2026-11-21T12:00:00Z"},
		"refused":                        {rollout.FateRefused, rollout.CauseQuarantine, noon, "2026-11-21T12:00:00Z"},
		"refused, the target is held":    {rollout.FateRefused, rollout.CauseRunning, noon, "2026-11-21T12:00:00Z"},
		"of a Target that does not know": {rollout.FateAborted, "", time.Time{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := running(t)
			f.fate = &rollout.Submission{ID: "o", Version: "2.5.0", Actor: "ana", At: tt.at, Fate: tt.fate, Cause: tt.cause, Why: "no"}
			f.onTarget = func(int) rollout.TargetStatus { return rollout.TargetStatus{Fates: []rollout.Submission{*f.fate}} }
			for _, args := range [][]string{{"wait", "production/checkout"}, {"start", file(t, smallest), "--actor", "ana"}} {
				got := bakeoff(t.Context(), f, append(args, "--id", "o", "-o", "json")...)
				line := decodeLine(t, got.out)
				require.Equal(t, tt.began, line["startedAt"], got.out)
				require.NotContains(t, line, "endedAt")
			}
		})
	}
}

// The same of one whose rollout, or whose fleet, has ended since.
func TestAnOrderThatIsGivenAgainAfterItsEnd(t *testing.T) {
	t.Parallel()
	started := &rollout.Submission{ID: "o", Version: "2.5.0", Actor: "ana", Fate: rollout.FateStarted, RunID: checkout.RunID}
	for name, tt := range map[string]struct {
		spec   string
		change func(*fake)
		code   int
		says   string
	}{
		"it goes on":         {smallest, func(*fake) {}, 0, `"fate":"started"`},
		"it was aborted":     {smallest, func(f *fake) { f.end(result(rollout.Aborted, "")) }, 11, `"outcome":"Aborted"`},
		"it was promoted":    {smallest, func(f *fake) { f.end(result(rollout.Promoted, "")) }, 0, `"outcome":"Promoted"`},
		"it was rolled back": {threeUnits, func(f *fake) { f.end(result(rollout.RolledBack, rollout.CauseVerdict)) }, 10, `"outcome":"RolledBack"`},
		"it was cut off": {smallest, func(f *fake) {
			f.tape.terminated("eve", "oops")
			f.execution.Status = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
			close(f.ended)
		}, 14, "nothing was put back"},
		"it is put back after it was cut off": {smallest, func(f *fake) {
			recovery := &tape{t: f.tape.t}
			recovery.started(rollout.Order{ID: rollout.RecoveryID(checkout.RunID), Recover: checkout.RunID})
			f.tapes = map[string]*tape{"run-9": recovery}
			f.execution.Status = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
			f.listed = []execution{{run: run{checkout.WorkflowID, "run-9"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}, *f.execution}
		}, 0, `"fate":"started"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := running(t)
			f.fate = started
			if tt.spec == threeUnits {
				f.tape = &tape{t: t}
				f.tape.started(rollout.Order{ID: "o", Actor: "ana"})
			}
			tt.change(f)
			got := bakeoff(t.Context(), f, "start", file(t, tt.spec), "--id", "o", "--actor", "ana", "-o", "json")
			require.Equal(t, tt.code, got.code, got.err)
			require.Contains(t, got.out, tt.says)
		})
	}
}
