package report

import (
	"fmt"
	"strings"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
	"bakeoff/rollout"
)

// rolled is what became of the rollout itself: of one that went back, how long
// what was bad went unseen, and how long the way back took.
func rolled(run evidence.Run) section {
	r := run.Rollout
	if r == nil {
		return section{}
	}
	s := section{Title: "The rollout itself"}
	said := "It did not come to an end"
	if r.Outcome != "" {
		said = fmt.Sprintf("%s, after step %d of %d", r.Outcome, r.Step, r.Steps)
	}
	if r.Reason != "" {
		said += ": " + r.Reason
	}
	s.Text = append(s.Text, sentence(said))
	if back := wayBack(*r); back != "" {
		s.Text = append(s.Text, back)
	}
	if r.Early() {
		s.Text = append(s.Text, fmt.Sprintf("An early reversal: the candidate had at most %s of the traffic, and everybody else never met it.", chart.Value(evidence.Largest(r.Shares), chart.Ratio)))
	}
	if r.Human != "" {
		s.Text = append(s.Text, sentence("A person was needed: "+r.Human))
	}
	if r.MetUntil != nil {
		s.Text = append(s.Text, fmt.Sprintf("Users still met the candidate %s after the router had said that it has nothing.", chart.Value(r.MetUntil.Sub(*r.RestoredAt).Seconds(), chart.Seconds)))
	}
	if f, ok := wayBackFigure(*r); ok {
		s.Figures = append(s.Figures, f)
	}
	s.Tables = append(s.Tables, finalChecks(r.Checks)...)
	return s
}

// wayBack says how long a real breach went unseen, and how long the way back took.
func wayBack(r evidence.Rollout) string {
	var said []string
	lasted := func(what string, from, to *time.Time, rest string) {
		if from != nil && to != nil && !to.Before(*from) {
			said = append(said, fmt.Sprintf(what+" %s "+rest, chart.Value(to.Sub(*from).Seconds(), chart.Seconds)))
		}
	}
	lasted("what was bad was seen", r.MetAt, r.BreachAt, "after users could meet the candidate first")
	lasted("that is", r.FaultAt, r.BreachAt, "after fault "+r.Fault+" began")
	if took, known := r.Restored(); known {
		said = append(said, fmt.Sprintf("the baseline was back, and well, %s after that", chart.Value(took.Seconds(), chart.Seconds)))
	} else if r.BreachAt != nil {
		said = append(said, "nobody knows when the baseline was well again")
	}
	if u := r.Users; u != nil {
		said = append(said, fmt.Sprintf("on the way back %s of %s were lost, and the longest gap was %s", chart.Value(float64(u.Failed), ""),
			count(u.Requests, "request", "requests"), chart.Value(std(u.LongestGap), chart.Seconds)))
	}
	return sentence(upper(strings.Join(said, "; ")))
}

// wayBackFigure is one lane from the harm's beginning until it is over.
func wayBackFigure(r evidence.Rollout) (figure, bool) {
	if r.BreachAt == nil || r.HealthyAt == nil {
		return figure{}, false
	}
	parts := partsOf(evidence.Repeat{BreachAt: r.BreachAt, DecidedAt: r.DecidedAt, RestoredAt: r.RestoredAt, HealthyAt: r.HealthyAt})
	from := "from the breach"
	if took, known := r.Detected(); known {
		parts = append([]part{{chart.Detect, took.Seconds()}}, parts...)
		from = "since users could meet the candidate"
		if r.FaultAt != nil {
			from = "since fault " + r.Fault + " began"
		}
	}
	f := figure{Figure: chart.Figure{Title: "From harm to health.", Text: "Until it was detected users met what was bad; the rest is the way back.",
		X: chart.Axis{Label: from + " until the baseline was healthy", Unit: chart.Seconds}}}
	lane := laneOf("rollout", parts, &f.X)
	lane.Value = chart.Value(f.X.High/1.08, chart.Seconds)
	f.Panels = []chart.Panel{{Lanes: []chart.Lane{lane}}}
	return f, f.X.High > 0
}

// finalChecks is how the checks stood when the rollout ended.
func finalChecks(checks []rollout.CheckResult) []table {
	t := table{Title: "Its checks, as they stood last", Columns: columns("Check", "Verdict", ">Candidate", ">Baseline", "Reason")}
	for _, c := range checks {
		v := cell{Text: string(c.Verdict), Tone: unsure}
		switch c.Verdict {
		case rollout.Pass:
			v.Tone = good
		case rollout.Fail:
			v.Tone = bad
		case rollout.Continue:
			v.Tone = ""
		}
		if c.Advisory {
			v.Text += ", advisory"
		}
		t.Rows = append(t.Rows, []cell{{Text: c.Name}, v, {Text: counted(c.Candidate)}, {Text: counted(c.Baseline)}, {Text: c.Reason}})
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return []table{t}
}

// counted is what a check saw of a side: its value, or its failures of so many
// requests.
func counted(c *rollout.Counts) string {
	switch {
	case c == nil:
		return chart.None
	case c.Value != nil:
		return chart.Value(*c.Value, "")
	}
	return fmt.Sprintf("%s of %s", chart.Value(c.Failures, ""), chart.Value(c.Requests, ""))
}
