package report_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report"
	"bakeoff/rollout"
)

const hours = float64(3600)

// later is the run, that many hours later.
func later(run evidence.Run, n float64) evidence.Run {
	by := time.Duration(n * float64(time.Hour))
	run.StartedAt, run.EndedAt = run.StartedAt.Add(by), run.EndedAt.Add(by)
	for d := range run.Drills {
		for r := range run.Drills[d].Repeats {
			repeat := &run.Drills[d].Repeats[r]
			repeat.EndedAt = repeat.EndedAt.Add(by)
		}
	}
	return run
}

func TestTrends(t *testing.T) {
	other := refused()
	other.Service = "cart"
	trends := report.Trends([]evidence.Run{later(poor(), 24), rich("a", 1), other})
	require.Len(t, trends, 2)
	require.Equal(t, "cart", trends[0].Service)
	require.Nil(t, trends[0].Points[0].Restore)
	points := trends[1].Points
	require.Len(t, points, 2)
	require.Equal(t, 10, points[0].Restore.N, "oldest first")
	require.Zero(t, points[0].Early, "drills go back from where their manifest says")
	require.Nil(t, points[0].Age)
	require.InDelta(t, 24*hours, points[1].Age.Std().Seconds(), 400)

	control := rich("c", 1)
	control.Negative = true
	require.Nil(t, report.Trends([]evidence.Run{control, later(poor(), 24)})[0].Points[1].Age, "a control proves nothing")

	var text, page bytes.Buffer
	require.NoError(t, trends[1].Text(&text))
	require.NotContains(t, text.String(), "early reversal")
	require.NoError(t, trends[1].HTML(&page))
	wellFormed(t, page.String())
	require.NoError(t, report.Trend{Service: "x"}.Markdown(&text))
}

// TestEarlyReversals counts rollouts that their own checks sent back before most
// of the users had met the candidate.
func TestEarlyReversals(t *testing.T) {
	half, order, promoted := reversed("half"), reversed("order"), reversed("promoted")
	half.Rollout.Shares[1].Share = 0.5
	order.Rollout.BreachAt = nil // a person sent it back
	promoted.Rollout = &evidence.Rollout{Outcome: rollout.Promoted, Shares: []evidence.Share{{At: after(5), Share: 0.1}}}
	runs := []evidence.Run{reversed("early"), later(half, 1), later(order, 2), later(promoted, 3)}
	trend := report.Trends(runs)[0]
	early := []int{}
	for _, p := range trend.Points {
		early = append(early, p.Early)
	}
	require.Equal(t, []int{1, 0, 0, 0}, early)
	require.Equal(t, "seen after 4 s, back after 1.5 s", trend.Points[0].Breach.String())
	require.Nil(t, trend.Points[2].Breach)
	var text bytes.Buffer
	require.NoError(t, trend.Text(&text))
	require.Contains(t, text.String(), "1 early reversal of a rollout by its own checks, drills not counted")
	text.Reset()
	require.NoError(t, trend.HTML(&text))
	require.Contains(t, text.String(), "<title>a real breach: 1.5 s</title>")
}

func TestReadiness(t *testing.T) {
	runs := []evidence.Run{rich("a", 1)}
	end := runs[0].Drills[0].Repeats[9].EndedAt

	r := report.ReadinessOf("checkout", runs, end.Add(48*time.Hour), 7*24*time.Hour)
	require.True(t, r.Ready())
	require.Equal(t, rollout.Duration(48*time.Hour), r.Age)
	require.Equal(t, end, *r.LastDrill)
	require.Contains(t, r.Reason, "the last drill passed 2 d ago; of 10 drills the slowest took 1.96 s")

	r = report.ReadinessOf("checkout", runs, end.Add(8*24*time.Hour), 7*24*time.Hour)
	require.True(t, r.Overdue)
	require.Contains(t, r.Reason, "8 d ago, 7 d is allowed")
	require.False(t, report.ReadinessOf("checkout", runs, end.Add(8*24*time.Hour), 0).Overdue, "any age is allowed")

	r = report.ReadinessOf("cart", runs, end, time.Hour)
	require.True(t, r.Overdue)
	require.Equal(t, "cart: no drill ever passed", r.Reason)

	failed := later(poor(), 1)
	failed.Drills[0].Repeats[0].Outcome = evidence.Failed
	r = report.ReadinessOf("checkout", append(runs, failed), end.Add(2*time.Hour), 7*24*time.Hour)
	require.False(t, r.Ready())
	require.False(t, r.Overdue)
	require.Contains(t, r.Reason, "a later one failed")

	failed.Negative = true
	require.True(t, report.ReadinessOf("checkout", append(runs, failed), end.Add(2*time.Hour), 7*24*time.Hour).Ready(), "a control has to fail")

	mixed := rich("b", 1)
	mixed.Drills[0].Repeats[4].Outcome = evidence.Failed
	r = report.ReadinessOf("checkout", []evidence.Run{mixed}, end.Add(time.Hour), 7*24*time.Hour)
	require.Equal(t, 1, r.NotBack)
	require.Contains(t, r.Reason, "and 1 drill of its run did not; of 10 drills")

	earlier := later(poor(), -1)
	earlier.Drills[0].Repeats[0].Outcome = evidence.Failed
	require.True(t, report.ReadinessOf("checkout", append(runs, earlier), end.Add(time.Hour), 7*24*time.Hour).Ready(), "failed, and mended since")
}

// A drill is as good as what its run says of it: users who lost requests, or data
// that is not whole, are a way back that failed, though the baseline came back.
func TestReadinessByCriteria(t *testing.T) {
	for name, is := range map[string]evidence.Outcome{
		"drill from step 1: longest gap": evidence.Failed, evidence.DataIsWhole: evidence.Failed, evidence.NothingIsLeft: evidence.Failed,
		"drill from step 1: requests lost": evidence.Unmeasured, "errors always": evidence.Failed,
	} {
		t.Run(name, func(t *testing.T) {
			good, later := rich("a", 1), later(rich("b", 1), 7*24)
			later.Criteria = append(later.Criteria, evidence.Criterion{Name: name, Outcome: is})
			end := later.Drills[0].Repeats[9].EndedAt
			r := report.ReadinessOf("checkout", []evidence.Run{good, later}, end.Add(time.Hour), 0)
			if name == "errors always" {
				require.Equal(t, end, *r.LastDrill, "it says nothing of drills")
				return
			}
			require.Equal(t, good.ID, r.Run)
			require.Equal(t, is == evidence.Failed, r.Failed != nil, r.Reason)
			require.Equal(t, is != evidence.Failed, r.Ready())
		})
	}
}

func TestFindings(t *testing.T) {
	run := rich("a", 1)
	run.Faults[1].Verified = false
	run.Residue = []string{"route canary"}
	run.Ledger.Lost = 2
	run.Drills[0].Repeats[3].Differences = []string{"flag beta is on"}
	found := report.Findings(run)
	var findings, criteria []string
	for _, a := range found {
		criteria = append(criteria, a.Criterion)
		findings = append(findings, a.Finding)
		require.Equal(t, run.ID, a.From)
		require.Equal(t, "kim@example.com", a.Owner)
		require.Equal(t, run.EndedAt.AddDate(0, 0, 14), a.Due)
		require.NotEmpty(t, a.Do)
	}
	require.Equal(t, []string{
		"latency-p99 during slow-db: latency-p99 was 1.04 s at 1:12, at most 900 ms",
		"queue depth: no sample of queue depth came between 0:00 and 7:00",
		"drill from step 1, 4: not as before: flag beta is on",
		"transactions: 2 lost, 0 doubled, 0 altered",
		"fault card-provider-answers-with-errors was not seen to be gone",
		"left behind: route canary",
	}, findings)
	require.Equal(t, []string{"latency-p99 during slow-db", "queue depth", "drill from step 1: as before", "data is whole",
		"card-provider-answers-with-errors came and went", "nothing is left behind"}, criteria, "the next run tells by them whether it helped")
	scaled := evidence.Run{Scaling: run.Scaling, Criteria: []evidence.Criterion{{Name: "scaling floor", Outcome: evidence.Passed}, {Name: "scaling up", Outcome: evidence.Failed}}}
	require.Equal(t, "scaling up", report.Findings(scaled)[1].Criterion, "advice is to be done where scaling failed")
	require.Empty(t, report.Findings(evidence.Run{Criteria: []evidence.Criterion{{Name: "a", Outcome: evidence.Passed}}}))

	run.Negative = true
	found = report.Findings(run)
	require.Len(t, found, 3, "what a control is made to find is nobody's to mend; what it leaves behind is")
	require.Equal(t, "left behind: route canary", found[2].Finding)
}

func TestCheckOfActions(t *testing.T) {
	action := func(criterion string, done bool, due float64) evidence.Action {
		a := evidence.Action{Criterion: criterion, Due: after(due)}
		if done {
			a.Done = to(began)
		}
		return a
	}
	criteria := []evidence.Criterion{{Name: "good", Outcome: evidence.Passed}, {Name: "bad", Outcome: evidence.Failed}}
	willBe := func(due float64) evidence.Action {
		a := action("", false, due)
		a.Done = to(after(1))
		return a
	}
	tests := []struct {
		action evidence.Action
		want   report.ActionState
	}{
		{willBe(10), report.ActionOpen},
		{willBe(-10), report.ActionOverdue},
		{action("", true, 10), report.ActionDone},
		{action("good", true, -10), report.ActionDone},
		{action("bad", true, 10), report.ActionAgain},
		{action("good", false, -10), report.ActionMended},
		{action("bad", false, 10), report.ActionOpen},
		{action("bad", false, -10), report.ActionOverdue},
		{action("gone", false, -10), report.ActionOverdue},
		{evidence.Action{}, report.ActionOpen},
	}
	for _, tt := range tests {
		checked := report.Check([]evidence.Action{tt.action}, began, criteria)
		require.Equal(t, []report.Checked{{Action: tt.action, State: tt.want}}, checked)
	}
	require.Empty(t, report.Check(nil, began, nil))
}

// TestMergedActions holds that an action is there once, and that the manifest is
// where people say what became of it.
func TestMergedActions(t *testing.T) {
	left := []evidence.Action{
		{Finding: "left behind: route", Do: "remove it", Criterion: "nothing is left behind", From: "a"},
		{Finding: "left behind: pod", Do: "remove it", Criterion: "nothing is left behind", From: "a"},
		{Do: "retry once", Owner: "kim"},
		{Do: "said once, and taken out of the manifest since", Owner: "kim", Due: began},
		{Finding: "autoscaling: up in 38 s", Do: "one replica serves about 80/s", From: "a"},
		{Finding: "4 are late", Do: "find out why", Criterion: evidence.ActionsInTime, From: "a"},
	}
	merged := report.Merged([]evidence.Action{
		{Do: "retry once", Owner: "kim", Done: to(began)},
		{Finding: "left behind: pod", Do: "remove it", Criterion: "nothing is left behind", Done: to(began)},
	}, left)
	require.Equal(t, []evidence.Action{
		{Do: "retry once", Owner: "kim", Done: to(began)},
		{Finding: "left behind: pod", Do: "remove it", Criterion: "nothing is left behind", Done: to(began), From: "a"},
		left[0],
		left[3],
	}, merged)
	require.Equal(t, left[:4], report.Merged(nil, left))
}
