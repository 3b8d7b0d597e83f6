package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
)

// kept writes the evidence of a run of a service, whose one drill passed some
// time ago, and returns its folder.
func kept(t *testing.T, folder, service string, ago time.Duration) string {
	t.Helper()
	at := noon.Add(-ago)
	run := evidence.Run{Version: evidence.Version, ID: "staging/" + service + "/" + at.Format("20060102T150405Z"), Name: service, Service: service, Environment: "staging",
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
		{2, "there are rehearsals of cart, checkout: choose one with --service", []string{folder}},
		{1, "there is no rehearsal of shop, but of cart, checkout", []string{folder, "--service", "shop"}},
		{1, "there is no evidence of any rehearsal", []string{t.TempDir()}},
		{1, "read the evidence of a run", []string{filepath.Join(folder, "nowhere")}},
		{2, "--older must be a length of time", []string{folder, "--service", "cart", "--older", "0s"}},
		{2, "is not one of text, markdown, html, json", []string{folder, "--service", "cart", "--format", "pdf"}},
		{2, "is one run", []string{one, "--service", "cart"}},
	} {
		got := bakeoff(t.Context(), nil, append([]string{"report"}, wrong.args...)...)
		require.Equal(t, wrong.code, got.code, got.err)
		require.Contains(t, got.err, wrong.want)
	}
	require.NoError(t, os.WriteFile(filepath.Join(one, "evidence.json"), []byte("{"), 0o600))
	require.Equal(t, 1, bakeoff(t.Context(), nil, "report", folder, "--service", "checkout").code, "what cannot be read is not passed over")
}
