package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
)

// Each thing that keeps a rollout from being obeyed is found, with what to do.
func TestDoctor(t *testing.T) {
	served := map[string]int{"control": 2, "analysis": 1, "infra": 1}
	for name, tt := range map[string]struct {
		change func(*fake)
		want   []string // kinds
		advice string
	}{
		"nothing": {change: func(f *fake) { f.execution, f.listed = nil, nil }},
		"a queue that nobody polls": {change: func(f *fake) { f.execution, f.listed, f.pollers = nil, nil, map[string]int{"control": 1, "infra": 1} },
			want: []string{"unserved"}, advice: "bakeoff-worker --queues analysis"},
		"a workflow that workers cannot go on with": {change: func(f *fake) { f.execution.TaskAttempts = 7 },
			want: []string{"wedged"}, advice: "bakeoff restore production/checkout --reason"},
		"one that needs a human": {change: func(f *fake) { f.execution.NeedsHuman = true },
			want: []string{"needsHuman"}, advice: "bakeoff status production/checkout"},
		"one that was cut off": {change: func(f *fake) { f.execution.Status = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED },
			want: []string{"cutOff"}, advice: "bakeoff restore production/checkout"},
		"one that failed on its way": {change: func(f *fake) { f.execution.Status, f.execution.Broken = enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, true },
			want: []string{"cutOff"}, advice: "bakeoff restore production/checkout"},
		"one that a person acknowledged": {change: func(f *fake) {
			f.execution.Status, f.execution.Outcome = enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, rollout.Failed
		}},
		"a worker that polls and does not answer": {change: func(f *fake) { f.silent = true },
			want: []string{"unserved"}, advice: "no worker answers for production/checkout"},
		"a queue that was ended": {change: func(f *fake) {
			closed, of := noon.Add(time.Hour), run{"target/production/checkout", "t-1"}
			f.execution, f.byType = nil, map[string][]execution{rollout.TargetType: {{run: of, Status: enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, Closed: &closed}}}
			f.standing = map[string]any{of.WorkflowID: rollout.TargetStatus{Queue: []rollout.Submit{{Order: rollout.Order{
				Actor: "ana", Spec: rollout.Spec{Release: rollout.Release{Version: "2.6.0"}}}}}}}
		}, want: []string{"lost"}, advice: "its queue with it: 2.6.0 by ana"},
		"a Target that waits for what is over": {change: func(f *fake) {
			closed := noon.Add(time.Hour)
			f.byType = map[string][]execution{rollout.TargetType: {{run: run{WorkflowID: "target/production/checkout"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}}}
			f.onTarget = func(int) rollout.TargetStatus { return rollout.TargetStatus{Running: &rollout.Course{RunID: "over"}} }
			f.others = map[string]execution{"over": {run: run{"rollout/production/checkout", "over"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, Closed: &closed}}
		}, want: []string{"orphaned"}, advice: "cancel the workflow target/production/checkout"},
		"a queue that stands": {change: func(f *fake) {
			f.onTarget = func(int) rollout.TargetStatus {
				return rollout.TargetStatus{Stands: "aborted by ana", Queue: []rollout.Submit{{}}}
			}
		}, want: []string{"stands"}, advice: "bakeoff resume production/checkout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := running(t)
			f.listed, f.pollers = []execution{*f.execution}, served
			tt.change(f)
			if f.execution != nil {
				f.listed = []execution{*f.execution}
			}
			got := bakeoff(t.Context(), f, "doctor", "-o", "json")
			var kinds []string
			for line := range strings.Lines(got.out) {
				kinds = append(kinds, decodeLine(t, line)["kind"].(string))
			}
			for _, want := range tt.want {
				require.Contains(t, kinds, want, got.out)
			}
			if len(tt.want) == 0 {
				require.Empty(t, kinds)
				require.Zero(t, got.code)
				return
			}
			require.Equal(t, 14, got.code, got.err)
			require.Contains(t, got.out, tt.advice)
			require.Contains(t, bakeoff(t.Context(), f, "doctor").out, tt.want[0]+": ")
		})
	}
}

// Who reads the text is told which target a finding is about, once.
func TestDoctorNamesTargets(t *testing.T) {
	f := running(t)
	f.listed, f.pollers = []execution{*f.execution}, map[string]int{"control": 1, "analysis": 1, "infra": 1}
	f.execution.NeedsHuman = true
	require.Contains(t, bakeoff(t.Context(), f, "doctor").out, "needsHuman: production/checkout: the rollout of 2.5.0 needs a human\n")
	f.onTarget = func(int) rollout.TargetStatus {
		return rollout.TargetStatus{Drift: "the weights are 2.4.1 30%, 2.5.0 70%", Stands: "aborted by ana", Queue: []rollout.Submit{{}}}
	}
	f.byType = map[string][]execution{rollout.TargetType: {{run: run{WorkflowID: "target/production/checkout"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}}}
	out := bakeoff(t.Context(), f, "doctor").out
	require.Contains(t, out, "drifted: production/checkout: the weights are 2.4.1 30%, 2.5.0 70%\n")
	require.Contains(t, out, "stands: production/checkout: the queue of 1 stands: aborted by ana\n")
	f.silent = true
	require.Contains(t, bakeoff(t.Context(), f, "doctor").out, "unserved: no worker answers for production/checkout\n")
}

// A rehearsal looks after its rollouts, as long as it goes on. One that was ended from
// outside has left what it did, until it begins again.
func TestDoctorAndRehearsals(t *testing.T) {
	practice := execution{run: run{"rehearsal/staging/weekly", "p"}, Target: "staging/checkout", Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, Started: noon}
	drill := execution{run: run{"rollout/staging/checkout", "d"}, Parent: practice.run, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, Started: noon}
	f := &fake{pollers: map[string]int{"control": 1, "analysis": 1, "infra": 1}, byType: map[string][]execution{"Rollout": {drill}},
		others: map[string]execution{practice.WorkflowID: practice, drill.WorkflowID: drill}}
	require.NotContains(t, bakeoff(t.Context(), f, "doctor").out, "unsupervised")

	cut := practice
	cut.Status = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
	f.others[cut.WorkflowID], f.byType["Rehearsal"] = cut, []execution{cut}
	got := bakeoff(t.Context(), f, "doctor")
	require.Equal(t, 14, got.code)
	require.Contains(t, got.out, "unsupervised: staging/checkout: no Target looks after")
	require.Contains(t, got.out, "cutOff: staging/checkout: the rehearsal staging/weekly was ended from outside: nobody has looked whether its faults are gone")

	f.byType["Rollout"] = nil
	for phase, found := range map[rehearsal.Phase]bool{rehearsal.Preparing: false, rehearsal.Practising: true, rehearsal.TearingDown: true, rehearsal.Judging: false} {
		f.standing = map[string]any{cut.WorkflowID: rehearsal.Status{Phase: phase}}
		require.Equal(t, found, strings.Contains(bakeoff(t.Context(), f, "doctor").out, "the rehearsal staging/weekly was ended from outside"), phase)
	}
	f.standing = nil
	f.others[cut.WorkflowID] = execution{run: run{cut.WorkflowID, "again"}}
	require.NotContains(t, bakeoff(t.Context(), f, "doctor").out, "cutOff")
}

// A fleet looks after its units, and nothing has to look after the fleet.
func TestDoctorLeavesUnitsToTheirFleet(t *testing.T) {
	const fleet, unit = "fleet/production/checkout", "rollout/production/checkout/a"
	open := func(id string) execution {
		return execution{run: run{id, "r"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, Started: noon}
	}
	above, below := open(fleet), open(unit)
	below.Parent = above.run
	f := &fake{pollers: map[string]int{"control": 1, "analysis": 1, "infra": 1}, listed: []execution{above, below},
		others: map[string]execution{fleet: above, unit: below}}
	require.NotContains(t, bakeoff(t.Context(), f, "doctor").out, "unsupervised")

	above.Status = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
	f.others[fleet], f.listed = above, []execution{below}
	require.Contains(t, bakeoff(t.Context(), f, "doctor").out, "unsupervised: production/checkout/a: no Target looks after")
}

// Who interrupts the doctor is not told that all is well.
func TestDoctorInterrupted(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"doctor"}, {"doctor", "--tooling"}} {
		f := running(t)
		f.listed, f.silent = []execution{*f.execution}, true
		f.byType = map[string][]execution{rollout.TargetType: {{run: run{WorkflowID: "target/production/checkout"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}}}
		f.pollers = map[string]int{"control": 1, "analysis": 1, "infra": 1, "rehearsal": 1}
		ctx, interrupt := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer interrupt()
		got := bakeoff(ctx, f, args...)
		require.Equal(t, 130, got.code, got.err)
		require.Empty(t, got.out)
		require.Contains(t, got.err, "interrupted: not everything was looked at")
	}
}

// A target of another environment is not looked at.
func TestDoctorOfOneEnvironment(t *testing.T) {
	t.Parallel()
	f := running(t)
	f.silent, f.pollers = true, map[string]int{"control": 1, "analysis": 1, "infra": 1}
	f.byType = map[string][]execution{rollout.TargetType: {{run: run{WorkflowID: "target/production/checkout"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}}}
	got := bakeoff(t.Context(), f, "doctor", "--env", "staging")
	require.Zero(t, got.code, got.err)
	require.Equal(t, "nothing found\n", got.out)
}

func decodeLine(t *testing.T, line string) map[string]any {
	t.Helper()
	var out map[string]any
	require.NoError(t, json.Unmarshal([]byte(line), &out))
	return out
}
