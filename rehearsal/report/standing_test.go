package report_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report"
)

const week = 7 * 24 * time.Hour

func TestStanding(t *testing.T) {
	first, last, other := rich("a", 1), later(rich("b", 2), 48), refused()
	other.Service = "cart"
	other.Actions = []evidence.Action{{Do: "of another service"}}
	first.Actions = []evidence.Action{{Do: "done since"}}
	last.Actions = []evidence.Action{
		{Do: "later", Due: last.EndedAt.Add(100 * time.Hour)}, {Do: "done", Done: &last.EndedAt}, {Do: "sooner", Due: last.EndedAt.Add(time.Hour)},
	}
	runs := []evidence.Run{last, other, first}
	now := last.EndedAt.Add(24 * time.Hour)
	s := report.StandingOf("checkout", runs, now, week)
	require.True(t, s.Readiness.Ready())
	require.Equal(t, last.ID, s.Readiness.Run)
	require.Len(t, s.Trend.Points, 2)
	require.Len(t, s.Actions, 2, "those of the last run that are open")
	require.Equal(t, []string{"sooner", "later"}, []string{s.Actions[0].Do, s.Actions[1].Do})
	require.Equal(t, []report.ActionState{report.ActionOverdue, report.ActionOpen}, []report.ActionState{s.Actions[0].State, s.Actions[1].State})

	var text, markdown, page bytes.Buffer
	require.NoError(t, s.Text(&text))
	for _, want := range []string{"Readiness of checkout", "Ready: the last drill passed", "IF IT HAD TO GO BACK RIGHT NOW", "Reckon with 3.13 s from the breach", "sooner", "overdue", "RUNS, OLDEST FIRST"} {
		require.Contains(t, text.String(), want)
	}
	require.NoError(t, s.Markdown(&markdown))
	require.Contains(t, markdown.String(), "Readiness of checkout")
	require.NoError(t, s.HTML(&page))
	wellFormed(t, page.String())
}

// What is not known, is too old, or failed since is never ready.
func TestStandingThatIsNotReady(t *testing.T) {
	good := rich("a", 1)
	failed := later(poor(), 1)
	failed.Drills[0].Repeats[0].Outcome = evidence.Failed
	for want, s := range map[string]report.Standing{
		"Nobody knows how long it would take": report.StandingOf("cart", nil, began, week),
		"older than allowed":                  report.StandingOf("checkout", []evidence.Run{good}, good.EndedAt.Add(2*week), week),
		"It did not work when it was tried":   report.StandingOf("checkout", []evidence.Run{good, failed}, failed.EndedAt, week),
	} {
		var text bytes.Buffer
		require.NoError(t, s.Text(&text))
		require.Contains(t, text.String(), want)
		require.Contains(t, text.String(), "Not ready: ")
	}
}

// One page has all three: readiness, how the canary did, and the autoscaler.
func TestStandingHasCanaryAndAutoscaling(t *testing.T) {
	run, newer := rich("a", 1), later(poor(), 1)
	run.Baseline, run.Candidate = "2.4.1", "2.5.0"
	run.Criteria = append(run.Criteria, evidence.Criterion{Name: "scaling up", Outcome: evidence.Passed, Value: to(38.0), Limit: to(60.0), Unit: "s"})
	control := later(rich("c", 9), 2)
	control.Negative = true
	s := report.StandingOf("checkout", []evidence.Run{newer, run, control}, run.EndedAt.Add(3*time.Hour), week)
	require.Equal(t, run.ID, s.Canary.Run, "the last that says anything of it, and no control")
	require.Equal(t, run.ID, s.Scaling.Run)
	var page bytes.Buffer
	require.NoError(t, s.HTML(&page))
	text := wellFormed(t, page.String())
	for _, want := range []string{"Canary, when it was last rehearsed", "Latency p99", "254 ms", "282 ms", "Autoscaling, when it was last rehearsed", "Passed: up in 38 s", "scaling up"} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "cores", "only what both sides have")

	other := report.StandingOf("cart", nil, run.EndedAt, week)
	all := report.Standings{other, report.StandingOf("checkout", []evidence.Run{run}, run.EndedAt.Add(time.Hour), week)}
	page.Reset()
	require.NoError(t, all.HTML(&page))
	text = wellFormed(t, page.String())
	for _, want := range []string{"1 of 2 services ready to go back.", "no drill passed", "2.4.1 → 2.5.0", "0.13 % / 0.099 %"} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "Serves now", "nobody asked")
}

// Of which release a drill was is said, as far as it was written down: old evidence
// has it in its manifest alone.
func TestStandingSaysWithWhatWasPractised(t *testing.T) {
	for name, c := range map[string]struct {
		run  func(*evidence.Run)
		want string
	}{
		"both":         {func(r *evidence.Run) { r.Baseline, r.Candidate = "2.4.1", "2.5.0" }, "with 2.4.1 → 2.5.0"},
		"old evidence": {func(r *evidence.Run) { r.Manifest = `{"rollout": {"release": {"version": "2.5.0"}}}` }, "with 2.5.0\n"},
		"nothing":      {func(r *evidence.Run) { r.Manifest = "kind: Rehearsal" }, "In run"},
	} {
		t.Run(name, func(t *testing.T) {
			run := rich("a", 1)
			c.run(&run)
			s := report.StandingOf("checkout", []evidence.Run{run}, run.EndedAt, week)
			s.Hold([]report.Serving{{Target: "production/checkout", Version: "2.6.0"}})
			var text bytes.Buffer
			require.NoError(t, s.Text(&text))
			require.Contains(t, text.String(), c.want)
			require.Contains(t, text.String(), "2.6.0 serves production/checkout now")
			require.Contains(t, text.String(), "? Ready by its drills, and not known to be so with what serves now")
		})
	}
}

// A breach that a rehearsal met is told beside its drills.
func TestStandingTellsOfRealBreaches(t *testing.T) {
	var text bytes.Buffer
	require.NoError(t, report.StandingOf("checkout", []evidence.Run{reversed("a")}, after(99), week).Text(&text))
	require.Contains(t, text.String(), "The last rollout that its own checks sent back in a rehearsal, at 2026-11-22 10:15:00, was seen after 4 s, back after 1.5 s.")
}
