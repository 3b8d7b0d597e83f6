package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// Who has no file at hand names what is to be stopped, waited for, or repeated no
// longer.
func TestRehearsalByName(t *testing.T) {
	one, _ := practise(t)
	for text, want := range map[string]string{
		"staging/weekly":                                "rehearsal/staging/weekly",
		"rehearsal/staging/weekly":                      "rehearsal/staging/weekly",
		"rehearsal/staging/weekly-2026-11-22T06:00:00Z": "rehearsal/staging/weekly",
		"rehearsal/suite/weekly":                        "rehearsal/suite/weekly",
		"suite/weekly":                                  "suite/weekly",
		"staging/weekly.yaml":                           "",
		"weekly":                                        "",
		one:                                             "",
		"../weekly/x":                                   "",
	} {
		require.Equal(t, want, rehearsing{stop: true}.named(text), text)
		require.Empty(t, rehearsing{}.named(text), "to begin it, its file is needed")
	}

	f := &fake{practice: ends(rehearsal.Status{Name: "weekly", Environment: "staging", Phase: rehearsal.Completed, Outcome: evidence.Aborted})}
	got := bakeoff(t.Context(), f, "rehearse", "staging/weekly", "--stop", "--reason", "staging is needed")
	require.Zero(t, got.code, got.err)
	require.Contains(t, got.out, "weekly in staging: Aborted")
	require.Equal(t, []string{"rehearsal/staging/weekly"}, f.halted)
	got = bakeoff(t.Context(), f, "rehearse", "staging/weekly", "--wait")
	require.Equal(t, 11, got.code)
	f.practice = ends(rehearsal.SuiteStatus{Name: "weekly", Outcome: evidence.Passed})
	got = bakeoff(t.Context(), f, "rehearse", "suite/weekly", "--wait")
	require.Zero(t, got.code, got.err)
	require.Contains(t, got.out, "suite weekly: Passed")
	got = bakeoff(t.Context(), f, "rehearse", "suite/weekly", "--unschedule")
	require.Equal(t, ran{out: "schedule/suite/weekly: removed\n"}, got)
	got = bakeoff(t.Context(), &fake{timetable: errNotFound}, "rehearse", "staging/weakly", "--unschedule")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.err, "staging/weakly has no schedule: bakeoff list --rehearsals")
	for _, order := range [][]string{{"--stop", "--reason", "x"}, {"--wait"}} {
		got = bakeoff(t.Context(), &fake{}, append([]string{"rehearse", "staging/weakly"}, order...)...)
		require.Equal(t, 1, got.code, "a slip is not taken for one that has ended")
		require.Contains(t, got.err, "staging/weakly: no such rehearsal or suite has run: bakeoff list --rehearsals")
	}
}

func TestListOfRehearsals(t *testing.T) {
	closed, next := noon.Add(time.Hour), noon.Add(48*time.Hour)
	f := &fake{
		listed: []execution{
			{run: run{"rehearsal/staging/weekly-2026-11-21T12:00:00Z", "r1"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, Target: "staging/checkout", Started: noon},
			{run: run{"rehearsal/lab/silent", "r2"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, Started: noon},
			{run: run{"rehearsal/lab/daily", "r3"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, Phase: rollout.PhaseCompleted, Outcome: "Unmeasured", Step: 3, Started: noon, Closed: &closed},
			{run: run{"rehearsal/staging/cut", "r4"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, Outcome: rollout.Failed, Started: noon, Closed: &closed},
			{run: run{"suite/weekly", "r5"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, Started: noon, Closed: &closed},
		},
		standing:  map[string]any{"rehearsal/staging/weekly-2026-11-21T12:00:00Z": rehearsal.Status{Phase: rehearsal.Practising, Doing: "drill from step 1, 2 of 10", Drills: 1, Planned: 10}},
		practice:  ends(rehearsal.SuiteStatus{Outcome: evidence.Failed, Reason: "1 of 2 did not pass"}),
		schedules: []schedule{{id: "schedule/rehearsal/staging/weekly", next: next}, {id: "schedule/suite/weekly", paused: true, note: "staging moves", next: next}, {id: "schedule/rehearsal/lab/daily"}},
	}
	got := bakeoff(t.Context(), f, "list", "--rehearsals")
	require.Zero(t, got.code, got.err)
	require.Equal(t, "WorkflowType IN ('Rehearsal', 'RehearsalSuite')", f.query)
	require.Equal(t, ""+
		"NAME            PHASE                                   DRILLS   STARTED               TOOK\n"+
		"staging/weekly  Practising, drill from step 1, 2 of 10  1 of 10  2026-11-21 12:00:00Z  5m\n"+
		"lab/silent      Practising                              0        2026-11-21 12:00:00Z  5m\n"+
		"lab/daily       Unmeasured                              3        2026-11-21 12:00:00Z  1h\n"+
		"staging/cut     Failed                                  0        2026-11-21 12:00:00Z  1h\n"+
		"suite/weekly    Failed                                           2026-11-21 12:00:00Z  1h\n"+
		"\n"+
		"SCHEDULE        NEXT\n"+
		"staging/weekly  2026-11-23 12:00:00Z\n"+
		"suite/weekly    paused: staging moves\n"+
		"lab/daily       never\n", got.out)

	got = bakeoff(t.Context(), f, "list", "--rehearsals", "--env", "lab", "-o", "json")
	var lines []map[string]any
	for line := range strings.Lines(got.out) {
		var one map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &one))
		lines = append(lines, one)
	}
	var names []any
	for _, line := range lines {
		names = append(names, line["kind"], line["name"])
	}
	require.Equal(t, []any{"rehearsal", "lab/silent", "rehearsal", "lab/daily", "suite", "suite/weekly", "schedule", "suite/weekly", "schedule", "lab/daily"}, names)
	require.Equal(t, "1 of 2 did not pass", lines[2]["reason"])
	require.Equal(t, true, lines[3]["paused"])
	require.NotContains(t, lines[3], "next", "a schedule that is paused begins nothing")

	require.Equal(t, 2, bakeoff(t.Context(), f, "list", "--rehearsals", "--phase", "Running").code)
}
