package report

import (
	"fmt"
	"strings"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
)

// headline says what a run came to, what was practised, by whom and when.
func headline(run evidence.Run) document {
	d := document{
		Title:   "Rehearsal " + run.Name,
		Tone:    toneOf(run.Outcome),
		Verdict: verdict(run),
		Facts: []fact{
			{"Service", run.Service},
			{"Environment", run.Environment},
			{"What was practised", practised(run)},
			{"Started by", run.StartedBy},
			{"Why", run.Why},
			{"When", during(run.StartedAt, run.EndedAt)},
			{"Suite", run.Suite},
			{"Seed", fmt.Sprint(run.Seed)},
		},
		Foot: fmt.Sprintf("Run %s, recorded by Bakeoff %s. Times are UTC.", run.ID, run.Tool),
	}
	if run.WorkflowID != "" {
		d.Foot += fmt.Sprintf(" Workflow %s, run %s.", run.WorkflowID, run.RunID)
	}
	d.Facts = without(d.Facts)
	return d
}

// without drops facts that are not known.
func without(facts []fact) []fact {
	var out []fact
	for _, f := range facts {
		if f.Text != "" {
			out = append(out, f)
		}
	}
	return out
}

func toneOf(o evidence.Outcome) tone {
	switch o {
	case evidence.Passed:
		return good
	case evidence.Unmeasured, evidence.Aborted:
		return unsure
	default:
		return bad
	}
}

func verdict(run evidence.Run) string {
	said := string(run.Outcome)
	if len(run.Criteria) > 0 {
		passed := 0
		for _, c := range run.Criteria {
			if c.Outcome == evidence.Passed {
				passed++
			}
		}
		said = fmt.Sprintf("%s, with %d of %d criteria passed", said, passed, len(run.Criteria))
	}
	if run.Reason == "" {
		return said + "."
	}
	return said + ": " + sentence(run.Reason)
}

// practised names the parts of a rehearsal: "60 drills, 2 faults, 1 load".
func practised(run evidence.Run) string {
	repeats := 0
	for _, d := range run.Drills {
		repeats += len(d.Repeats)
	}
	var parts []string
	add := func(n int, one, more string) {
		if n > 0 {
			parts = append(parts, count(n, one, more))
		}
	}
	add(repeats, "rollback drill", "rollback drills")
	if run.Rollout != nil {
		parts = append(parts, "the rollout itself")
	}
	add(len(run.Faults), "fault", "faults")
	add(len(run.Load), "load", "loads")
	if run.Scaling != nil {
		parts = append(parts, "autoscaling")
	}
	if run.Ledger != nil {
		parts = append(parts, fmt.Sprintf("%s synthetic transactions", chart.Value(float64(run.Ledger.Written+run.Ledger.Unsure), "")))
	}
	if len(parts) == 0 {
		return "nothing was run"
	}
	return strings.Join(parts, ", ")
}

func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return chart.Value(float64(n), "") + " " + more
}

const stamp = "2006-01-02 15:04:05"

func at(t time.Time) string {
	if t.IsZero() {
		return chart.None
	}
	return t.UTC().Format(stamp)
}

func during(from, to time.Time) string {
	if from.IsZero() || to.Before(from) {
		return at(from)
	}
	return fmt.Sprintf("%s UTC, for %s", at(from), chart.Value(to.Sub(from).Seconds(), chart.Seconds))
}

// sentence ends a text as sentences end.
func sentence(text string) string {
	if text == "" || strings.ContainsAny(text[len(text)-1:], ".!?") {
		return text
	}
	return text + "."
}

// measured is a value that may not be there.
func measured(x *float64, unit string) string {
	if x == nil {
		return chart.None
	}
	return chart.Value(*x, unit)
}

// criteria is the table of what had to hold.
func criteria(run evidence.Run) section {
	s := section{Title: "Criteria"}
	if len(run.Criteria) == 0 {
		s.Text = []string{"No criterion was judged."}
		return s
	}
	t := table{Columns: columns("Criterion", "Outcome", ">Value", ">Limit", "Reason")}
	for _, c := range run.Criteria {
		reason := c.Reason
		if c.From != nil && !run.StartedAt.IsZero() {
			reason = sentence(reason) + " First broken at " + chart.Value(c.From.Sub(run.StartedAt).Seconds(), chart.Clock) + " of the run."
		}
		t.Rows = append(t.Rows, []cell{{Text: c.Name}, {Text: string(c.Outcome), Tone: toneOf(c.Outcome)},
			{Text: measured(c.Value, c.Unit)}, {Text: measured(c.Limit, c.Unit)}, {Text: reason}})
	}
	s.Tables = []table{t}
	return s
}
