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
