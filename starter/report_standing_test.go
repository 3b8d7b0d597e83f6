package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// kept writes the evidence of a run of a service, whose one drill passed some
// time ago, and returns its folder.
func kept(t *testing.T, folder, service string, ago time.Duration) string {
	t.Helper()
	at := noon.Add(-ago)
	run := evidence.Run{Version: evidence.Version, ID: "staging/" + service + "/" + at.Format("20060102T150405Z"), Name: service, Service: service, Environment: "staging", Baseline: "2.4.1", Candidate: "2.5.0",
		Outcome: evidence.Passed, StartedAt: at, EndedAt: at, Actions: []evidence.Action{{Finding: "slow", Do: "mend it", Due: at}},
		Drills: []evidence.Drill{{Name: "from step 1", Step: 1, Repeats: []evidence.Repeat{{Number: 1, Outcome: evidence.Passed, EndedAt: at}}}}}
	place := filepath.Join(folder, run.ID)
	require.NoError(t, os.MkdirAll(place, 0o750))
	body, err := json.Marshal(run)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(place, "evidence.json"), body, 0o600))
	return place
}

func TestReportOfAFolder(t *testing.T) {
	folder := t.TempDir()
	kept(t, folder, "checkout", 40*day)
	one := kept(t, folder, "checkout", day)
	got := bakeoff(t.Context(), nil, "report", folder)
	require.Zero(t, got.code, got.err)
	require.Contains(t, got.out, "Ready: the last drill passed")
	require.Contains(t, got.out, "mend it")
	got = bakeoff(t.Context(), nil, "report", folder, "--older", "12h", "-o", "json")
	require.Contains(t, got.out, `"overdue":true`)
	require.Equal(t, 2, strings.Count(got.out, `"startedAt"`))
	require.Contains(t, bakeoff(t.Context(), nil, "report", one).out, "Rehearsal checkout", "one run is shown as it was")
	page := filepath.Join(t.TempDir(), "readiness.html")
	require.Zero(t, bakeoff(t.Context(), nil, "report", folder, "--format", "html", "--out", page).code)
	require.FileExists(t, page)

	kept(t, folder, "cart", day)
	require.Contains(t, bakeoff(t.Context(), nil, "report", folder, "--service", "cart").out, "Readiness of cart")
	for _, wrong := range []struct {
		code int
		want string
		args []string
	}{
		{1, "no rehearsal of shop found; there are rehearsals of cart, checkout", []string{folder, "--service", "shop"}},
		{1, "there is no evidence of any rehearsal", []string{t.TempDir()}},
		{1, "read the evidence of a run", []string{filepath.Join(folder, "nowhere")}},
		{2, "--older must be a length of time", []string{folder, "--service", "cart", "--older", "0s"}},
		{2, "is not one of text, markdown, html, json", []string{folder, "--service", "cart", "--format", "pdf"}},
		{2, "is a single run", []string{one, "--service", "cart"}},
		{2, "is a single run", []string{one, "--serves"}},
	} {
		got := bakeoff(t.Context(), nil, append([]string{"report"}, wrong.args...)...)
		require.Equal(t, wrong.code, got.code, got.err)
		require.Contains(t, got.err, wrong.want)
	}
	require.NoError(t, os.WriteFile(filepath.Join(one, "evidence.json"), []byte("{"), 0o600))
	require.Equal(t, 1, bakeoff(t.Context(), nil, "report", folder, "--service", "checkout").code, "what cannot be read is not passed over")
}

// Several services have a line each, in every format.
func TestReportOfSeveralServices(t *testing.T) {
	folder := t.TempDir()
	kept(t, folder, "checkout", day)
	kept(t, folder, "cart", 40*day)
	got := bakeoff(t.Context(), nil, "report", folder)
	require.Zero(t, got.code, got.err)
	require.Contains(t, got.out, "1 of 2 services ready to go back.")
	require.Regexp(t, `cart +✗ overdue +40 d ago +– +2.4.1 → 2.5.0`, got.out)
	require.Regexp(t, `checkout +✓ yes +24 h 5 min ago`, got.out)
	got = bakeoff(t.Context(), nil, "report", folder, "-o", "json")
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	require.Len(t, lines, 2)
	require.Contains(t, lines[0], `"service":"cart"`)
	require.Contains(t, bakeoff(t.Context(), nil, "report", folder, "--format", "html").out, "Readiness of 2 services")
	require.Contains(t, bakeoff(t.Context(), nil, "report", folder, "--format", "markdown").out, "| cart |")
}

// What serves now is held against what was practised, where Temporal is asked; no
// drill of another release says anything of it.
func TestReportOfWhatServes(t *testing.T) {
	folder := t.TempDir()
	kept(t, folder, "checkout", day)
	good := func(versions ...string) *fake {
		f := &fake{listed: []execution{{run: run{WorkflowID: "target/production/checkout"}}, {run: run{WorkflowID: "target/production/other"}}}}
		f.listed[0].Status = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
		f.onTarget = func(int) rollout.TargetStatus {
			var s rollout.TargetStatus
			for _, v := range versions {
				s.Good = append(s.Good, rollout.Known{Release: rollout.Release{Version: v}, At: noon})
			}
			return s
		}
		return f
	}
	for want, f := range map[string]*fake{
		"Practised with 2.4.1 → 2.5.0, 2.6.0 serves production/checkout now, and would go back to 2.5.0: with that nobody practised.": good("2.6.0", "2.5.0"),
		"2.5.0 serves production/checkout now: it is what the drills went back from.":                                                 good("2.5.0"),
		"2.4.1 serves production/checkout now: it is what the drills went back to.":                                                   good("2.4.1"),
		"What serves production/checkout now is not known: nothing was promoted there yet.":                                           good(),
		"What serves checkout now is not known: Temporal knows no target of it":                                                       {},
	} {
		got := bakeoff(t.Context(), f, "report", folder, "--serves")
		require.Zero(t, got.code, got.err)
		require.Contains(t, got.out, want)
	}
	got := bakeoff(t.Context(), good("2.6.0"), "report", folder, "--serves")
	require.Contains(t, got.out, "Ready by its drills, and not known to be so with what serves now")
	require.Contains(t, bakeoff(t.Context(), good("2.6.0"), "report", folder, "--serves", "-o", "json").out, `"version":"2.6.0"`)
	kept(t, folder, "cart", day)
	require.Regexp(t, `checkout +\? not with what serves.* production/checkout: 2.6.0`, bakeoff(t.Context(), good("2.6.0"), "report", folder, "--serves").out)

	offline := &fake{dialError: errors.New("nobody listens")}
	require.Equal(t, 1, bakeoff(t.Context(), offline, "report", folder, "--serves").code, "what was asked for is not passed over")
	require.Zero(t, bakeoff(t.Context(), offline, "report", folder).code, "evidence needs no Temporal")
}
