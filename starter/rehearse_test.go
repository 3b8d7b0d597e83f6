package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// practise writes a rehearsal, and a suite of it, and returns their files.
func practise(t *testing.T) (one, suite string) {
	t.Helper()
	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	write("checkout.yaml", strings.Replace(smallest, "environment: production", "environment: staging", 1))
	one = write("one.yaml", "kind: Rehearsal\nname: one\nenvironment: staging\nrollout: checkout.yaml\ndrills: [{from: step 1, restoreWithin: 10s}]\n")
	return one, write("suite.yaml", "kind: RehearsalSuite\nname: weekly\nrehearsals: [one.yaml]\n")
}

// ends lets what was begun end so.
func ends(status any) func(run, any) error {
	return func(_ run, into any) error { return copied(status, into) }
}

func TestRehearseExitCodes(t *testing.T) {
	one, suite := practise(t)
	left := rehearsal.Status{Outcome: evidence.Failed, Left: []string{"version 2 is deployed"}}
	for name, tt := range map[string]struct {
		end  any
		want int
	}{
		"passed":              {rehearsal.Status{Outcome: evidence.Passed}, 0},
		"failed":              {rehearsal.Status{Outcome: evidence.Failed}, 10},
		"unmeasured":          {rehearsal.Status{Outcome: evidence.Unmeasured}, 10},
		"without an outcome":  {rehearsal.Status{}, 10},
		"stopped":             {rehearsal.Status{Outcome: evidence.Aborted}, 11},
		"left something":      {left, 14},
		"refused":             {rehearsal.Status{Outcome: evidence.Refused, Cause: rollout.CauseSpec}, 3},
		"refused for now":     {rehearsal.Status{Outcome: evidence.Refused, Cause: rollout.CausePolicy}, 15},
		"a suite that passed": {rehearsal.SuiteStatus{Outcome: evidence.Passed, Rehearsals: []rehearsal.Status{{Outcome: evidence.Passed}}}, 0},
		"a suite of which one was refused": {rehearsal.SuiteStatus{Outcome: evidence.Refused,
			Rehearsals: []rehearsal.Status{{Outcome: evidence.Refused, Cause: rollout.CausePolicy}, {Outcome: evidence.Passed}}}, 15},
		"a suite that was stopped": {rehearsal.SuiteStatus{Outcome: evidence.Aborted,
			Rehearsals: []rehearsal.Status{{Outcome: evidence.Refused, Cause: rollout.CauseSpec}, {}}}, 11},
		"a suite that left something": {rehearsal.SuiteStatus{Outcome: evidence.Aborted, Rehearsals: []rehearsal.Status{{}, left}}, 14},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{practice: ends(tt.end)}
			file := one
			if _, of := tt.end.(rehearsal.SuiteStatus); of {
				file = suite
			}
			got := bakeoff(t.Context(), f, "rehearse", file)
			require.Equal(t, tt.want, got.code, "%s %s", got.out, got.err)
			require.Len(t, f.begun, 1)
		})
	}
}

// Whatever is asked, -o json answers with one JSON value.
func TestRehearseAsJSON(t *testing.T) {
	one, suite := practise(t)
	passed := ends(rehearsal.SuiteStatus{Outcome: evidence.Passed, Rehearsals: []rehearsal.Status{{Name: "one", Outcome: evidence.Passed}}})
	for name, tt := range map[string]struct {
		fake *fake
		args []string
		want map[string]any
	}{
		"a rehearsal": {&fake{practice: ends(rehearsal.Status{Name: "one", Outcome: evidence.Passed})}, []string{one}, map[string]any{"name": "one", "outcome": "Passed"}},
		"a suite":     {&fake{practice: passed}, []string{suite}, map[string]any{"outcome": "Passed"}},
		"detached":    {&fake{practice: passed}, []string{suite, "--detach"}, map[string]any{"workflowId": "suite/weekly", "runId": "r"}},
		"scheduled": {&fake{}, []string{one, "--schedule", "0 6 * * MON", "--overlap", "buffer"},
			map[string]any{"schedule": "schedule/rehearsal/staging/one", "note": "0 6 * * MON UTC, overlap buffer"}},
		"stopped":         {&fake{practice: ends(rehearsal.Status{Outcome: evidence.Aborted})}, []string{one, "--stop", "--reason", "x"}, map[string]any{"outcome": "Aborted"}},
		"nothing to stop": {&fake{}, []string{one, "--stop", "--reason", "x"}, map[string]any{"workflowId": "rehearsal/staging/one", "note": "nothing runs"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := bakeoff(t.Context(), tt.fake, append([]string{"rehearse", "-o", "json"}, tt.args...)...)
			require.Zero(t, got.code, got.err)
			answer := decodeLine(t, got.out)
			for key, want := range tt.want {
				require.Equal(t, want, answer[key], key)
			}
		})
	}
}

// A suite says what its members do that run, by their own word.
func TestWatchedSuite(t *testing.T) {
	_, suite := practise(t)
	id := rollout.RehearsalID("staging", "one")
	f := &fake{standing: map[string]any{
		rollout.SuiteID("weekly"): rehearsal.SuiteStatus{Rehearsals: []rehearsal.Status{{Name: "one", Phase: rehearsal.Practising, WorkflowID: id},
			{Name: "two", Phase: rehearsal.Practising, WorkflowID: "rehearsal/staging/two"}}},
		id:                      rehearsal.Status{Phase: rehearsal.TearingDown, Doing: "ending load and faults"},
		"rehearsal/staging/two": rehearsal.Status{Phase: rehearsal.Completed, Doing: "the run before"},
	}}
	f.practice = ends(rehearsal.SuiteStatus{Outcome: evidence.Passed})
	got := bakeoff(t.Context(), f, "rehearse", suite)
	require.Contains(t, got.err, "one: TearingDown, ending load and faults\n")
	require.Contains(t, got.err, "two: Practising\n")
	require.NotContains(t, got.err, "the run before")
}

// What keeps a rehearsal from going on is said while it is waited for.
func TestTroubleOfARehearsal(t *testing.T) {
	one, _ := practise(t)
	id := rollout.RehearsalID("staging", "one")
	f := &fake{pollers: map[string]int{}, standing: map[string]any{id: rehearsal.Status{Name: "one", Phase: rehearsal.Practising, Doing: "reading the state before", WorkflowID: id}},
		practice: ends(rehearsal.Status{Name: "one", Outcome: evidence.Failed, Reason: "the state before could not be read"}),
		others:   map[string]execution{id: {Retrying: []rollout.Retrying{{Act: "look.before", Attempt: 3, Failure: "GET /weights: 500"}}}}}
	got := bakeoff(t.Context(), f, "rehearse", one)
	require.Equal(t, 10, got.code)
	require.Contains(t, got.err, "one: look.before is tried again: GET /weights: 500\n")
	require.Contains(t, got.err, "one: nobody polls queue rehearsal: start a worker that serves it\n")
	require.Contains(t, got.out, "  the state before could not be read\n")
}

func TestRehearsalThatIsNotSeenToEnd(t *testing.T) {
	one, suite := practise(t)
	away := 0
	got := bakeoff(t.Context(), &fake{practice: func(_ run, into any) error {
		if away++; away < 3 {
			return serviceerror.NewUnavailable("the server starts again")
		}
		return copied(rehearsal.Status{Outcome: evidence.Passed}, into)
	}}, "rehearse", one)
	require.Zero(t, got.code, got.err)
	require.Equal(t, 3, away)

	got = bakeoff(t.Context(), &fake{practice: func(run, any) error { return &temporal.TerminatedError{} }}, "rehearse", one)
	require.Equal(t, 14, got.code)
	require.Contains(t, got.err, "rehearsal/staging/one was ended from outside")
	got = bakeoff(t.Context(), &fake{practice: func(run, any) error { return &temporal.TerminatedError{} }}, "rehearse", suite)
	require.Contains(t, got.err, "suite/weekly was ended from outside: those of its rehearsals that ran are stopped")

	got = bakeoff(t.Context(), &fake{practice: func(run, any) error { return errors.New("judge the rehearsal: no room") }}, "rehearse", one)
	require.Equal(t, 1, got.code)
	require.Contains(t, got.err, "wait for rehearsal/staging/one: judge the rehearsal: no room")

	never := func(run, any) error { select {} }
	got = bakeoff(t.Context(), &fake{practice: never}, "rehearse", one, "--timeout", "20ms")
	require.Equal(t, 20, got.code)
	got = bakeoff(t.Context(), &fake{practice: never}, "rehearse", one, "--timeout", "20ms", "-o", "json")
	require.Equal(t, "goes on", decodeLine(t, got.out)["note"])
	require.Equal(t, 20, got.code)
	interrupted, stop := context.WithCancelCause(t.Context())
	stop(errInterrupted)
	got = bakeoff(interrupted, &fake{practice: never}, "rehearse", one)
	require.Equal(t, 130, got.code)
	require.Contains(t, got.err, "the rehearsal goes on")
}

// What is started has the variables in it, alone and in a suite.
func TestVariablesArePutInWhereItIsStarted(t *testing.T) {
	one, suite := practise(t)
	text, err := os.ReadFile(one)
	require.NoError(t, err)
	text = append(text, "variables: {host: \"127.0.0.1:8080\"}\nload: [{name: browse, url: \"http://{{var.host}}/\", rate: 1/s, for: 10s}]\n"...)
	require.NoError(t, os.WriteFile(one, text, 0o600))
	f := &fake{practice: ends(rehearsal.Status{Outcome: evidence.Passed})}
	require.Zero(t, bakeoff(t.Context(), f, "rehearse", one).code)
	f.practice = ends(rehearsal.SuiteStatus{Outcome: evidence.Passed})
	require.Zero(t, bakeoff(t.Context(), f, "rehearse", suite).code)
	inline := "kind: RehearsalSuite\nname: weekly\nrehearsals:\n  - " + strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n    ") + "\n"
	require.NoError(t, os.WriteFile(suite, []byte(inline), 0o600))
	got := bakeoff(t.Context(), f, "rehearse", suite)
	require.Zero(t, got.code, got.err)
	sent := []rehearsal.Manifest{f.begun[0].input.(rehearsal.Order).Manifest,
		f.begun[1].input.(rehearsal.SuiteOrder).Suite.Rehearsals[0].Manifest, f.begun[2].input.(rehearsal.SuiteOrder).Suite.Rehearsals[0].Manifest}
	for _, m := range sent {
		require.Equal(t, "http://127.0.0.1:8080/", m.Load[0].URL)
	}
}
