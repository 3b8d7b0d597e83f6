package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"bakeoff/rollout"
)

// behind is a rollout that was cut off with a part of the traffic, and one that came
// after it and has changed nothing.
func behind(t *testing.T, after func(*execution)) *fake {
	f := running(t)
	f.verified.Verified = true
	f.pollers = map[string]int{"control": 1, "analysis": 1, "infra": 1}
	lost, last := *f.execution, *f.execution
	lost.RunID, lost.Started, lost.Status, lost.Outcome = "lost", noon.Add(-time.Hour), enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, rollout.Failed
	last.Candidate = "2.6.0"
	after(&last)
	f.execution, f.listed = &last, []execution{last, lost}
	f.others = map[string]execution{lost.RunID: lost}
	untouched := &tape{t: t}
	untouched.started(anOrder())
	f.tapes = map[string]*tape{last.RunID: untouched, lost.RunID: f.tape}
	if !last.open() {
		refused := result(rollout.Refused, rollout.CauseDirty)
		untouched.completed(refused)
		close(f.ended)
	}
	return f
}

// Who came after a rollout that was cut off, and changed nothing, does not hide that
// nothing was put back.
func TestRestoreLooksBehindWhatChangedNothing(t *testing.T) {
	for name, after := range map[string]func(*execution){
		"one that was refused":   func(e *execution) { e.Status, e.Outcome = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, rollout.Refused },
		"one that has not begun": func(*execution) {},
	} {
		t.Run(name, func(t *testing.T) {
			f := behind(t, after)
			got := bakeoff(t.Context(), f, "restore", "production/checkout", "--reason", "stuck")
			require.Equal(t, 0, got.code, got.err)
			require.Contains(t, got.out, "traffic is back on 2.4.1")
			require.Len(t, f.acts, 3)
			require.Equal(t, "lost", f.restored[0].RunID)
		})
	}
	back := behind(t, func(e *execution) { e.Status, e.Outcome = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, rollout.Refused })
	found := bakeoff(t.Context(), back, "doctor")
	require.Equal(t, 14, found.code, found.err)
	require.Contains(t, found.out, "cutOff: production/checkout: the rollout of 2.5.0 was ended from outside, and nothing was put back")

	over := behind(t, func(e *execution) {
		e.Status, e.Outcome = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, rollout.Promoted
	})
	require.NotContains(t, bakeoff(t.Context(), over, "doctor").out, "the rollout of 2.5.0 was ended")
	bakeoff(t.Context(), over, "restore", "production/checkout", "--reason", "stuck")
	require.Empty(t, over.acts)
}
