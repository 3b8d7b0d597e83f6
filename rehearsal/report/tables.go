package report

import (
	"fmt"
	"slices"
	"strings"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
)

func loads(run evidence.Run) section {
	s := section{Title: "Load"}
	t := table{Columns: columns("Load", ">Sent", ">Rate", ">Failed", ">Not sent", ">p50", ">p99", ">Slowest", ">p99 from sending", ">Late by, p99", "Errors"),
		Note: "Latencies count from the moment at which a request should have been sent, so that a stall is charged to the server that stalls; “p99 from sending” is what a naive tool would show."}
	for _, l := range run.Load {
		failed := cell{Text: chart.Value(float64(l.Failed), "")}
		if l.Sent > 0 {
			failed.Text += " (" + chart.Value(float64(l.Failed)/float64(l.Sent), chart.Ratio) + ")"
		}
		t.Rows = append(t.Rows, []cell{{Text: l.Name}, {Text: chart.Value(float64(l.Sent), "")}, {Text: chart.Value(l.Rate, chart.PerTime)}, failed,
			{Text: chart.Value(float64(l.Missed), "")}, {Text: latency(l.Latency, l.Latency.P50)}, {Text: latency(l.Latency, l.Latency.P99)},
			{Text: latency(l.Latency, l.Latency.Max)}, {Text: latency(l.Service, l.Service.P99)},
			{Text: chart.Value(l.ArrivalErrorP99, chart.Seconds)}, {Text: errorKinds(l.Errors)}})
	}
	if len(t.Rows) > 0 {
		s.Tables = []table{t}
	}
	if t := traces(run); len(t.Rows) > 0 {
		s.Tables = append(s.Tables, t)
	}
	return s
}

// traces names the failed and the slowest requests by the trace that they carried.
func traces(run evidence.Run) table {
	t := table{Title: "Traces to look at", Columns: columns("Load", "Trace", ">Request", ">Due at", ">Took", "Version", "Why"),
		Note: "Of the requests that carried a traceparent: the first that failed, and the slowest of the others. They are found by these ids where the service sends its spans."}
	for _, l := range run.Load {
		if l.Traces == nil {
			continue
		}
		add := func(of evidence.Trace, why cell) {
			t.Rows = append(t.Rows, []cell{{Text: l.Name}, {Text: of.ID, Code: true}, {Text: chart.Value(float64(of.Step), "")},
				{Text: chart.Value(since(run, &of.At), chart.Clock)}, {Text: chart.Value(of.Latency, chart.Seconds)}, {Text: of.Version}, why})
		}
		for _, of := range l.Traces.FirstFailed {
			add(of, cell{Text: of.Error, Tone: bad})
		}
		for _, of := range l.Traces.Slowest {
			add(of, cell{Text: "slow"})
		}
	}
	return t
}

// latency is one of the quantiles in words: nothing where nobody was answered.
func latency(of evidence.Quantiles, seconds float64) string {
	if !of.Known() {
		return chart.None
	}
	return chart.Value(seconds, chart.Seconds)
}

func errorKinds(errors map[string]int) string {
	var out []string
	for kind, n := range errors {
		out = append(out, fmt.Sprintf("%s × %d", kind, n))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func ledger(run evidence.Run) section {
	s := section{Title: "Data integrity"}
	l := run.Ledger
	if l == nil {
		return s
	}
	row := func(name string, n int, tone tone, what string) []cell {
		c := cell{Text: chart.Value(float64(n), "")}
		if n > 0 {
			c.Tone = tone
		}
		return []cell{{Text: name}, c, {Text: what}}
	}
	s.Tables = []table{{Title: "Synthetic transactions", Columns: columns("Transactions", ">Number", "What it is"), Rows: [][]cell{
		row("Written", l.Written, "", "the service said that it had them"),
		row("Unsure", l.Unsure, "", "sent without an answer: may be there once, or not"),
		row("Lost", l.Lost, bad, "written, and not there afterwards"),
		row("Doubled", l.Doubled, bad, "there more than once"),
		row("Altered", l.Altered, bad, "there with another content"),
		row("Unread", l.Unread, unsure, "could not be read back"),
	}}}
	s.List = l.Examples
	if len(l.Tables) > 0 {
		s.Tables = append(s.Tables, referenceTables(l.Tables))
	}
	return s
}

func referenceTables(tables []evidence.Table) table {
	t := table{Title: "Reference tables", Columns: columns("Table", ">Rows", "Before", "After", "Outcome")}
	for _, one := range tables {
		same := cell{Text: "as before", Tone: good}
		switch {
		case one.Before == "" || one.After == "":
			same = cell{Text: "could not be read", Tone: unsure}
		case one.Before != one.After:
			same = cell{Text: "changed", Tone: bad}
		}
		t.Rows = append(t.Rows, []cell{{Text: one.Name}, {Text: chart.Value(float64(one.Rows), "")}, digest(one.Before), digest(one.After), same})
	}
	return t
}

// digest is shown by its beginning; the evidence has all of it.
func digest(d string) cell {
	const shown = len("sha256:") + 12
	if len(d) > shown {
		d = d[:shown] + "…"
	}
	return cell{Text: d, Code: true}
}

func faults(run evidence.Run) section {
	s := section{Title: "Faults, as they were"}
	t := table{Columns: columns("Fault", "What", ">From", ">In force", "Removed by", "Seen to be gone")}
	for _, f := range run.Faults {
		gone := cell{Text: "yes", Tone: good}
		if !f.Verified {
			gone = cell{Text: "no", Tone: bad}
		}
		if f.Error != "" {
			gone.Text += ": " + f.Error
		}
		t.Rows = append(t.Rows, []cell{{Text: f.Name}, {Text: f.What}, {Text: chart.Value(since(run, &f.StartedAt), chart.Clock)},
			{Text: forceOf(f)}, {Text: f.RemovedBy}, gone})
	}
	if len(t.Rows) > 0 {
		s.Tables = []table{t}
	}
	return s
}

// forceOf is how long a fault was in force, and of how long, where it was interrupted.
func forceOf(f evidence.Fault) string {
	stretches := f.InForce()
	if len(stretches) == 0 {
		return chart.None
	}
	sum := 0.0
	for _, s := range stretches {
		sum += s.To.Sub(s.From).Seconds()
	}
	text := chart.Value(sum, chart.Seconds)
	if len(stretches) > 1 {
		text += fmt.Sprintf(" of %s, interrupted", chart.Value(f.EndedAt.Sub(f.StartedAt).Seconds(), chart.Seconds))
	}
	return text
}

// momentUnits are those of values that no sentence is about.
var momentUnits = map[string]string{evidence.MomentWeight: chart.Ratio}

// moments is the timeline in words.
func moments(run evidence.Run) section {
	s := section{Title: "What happened when"}
	t := table{Columns: columns(">At", "What")}
	for _, m := range run.Timeline {
		text := m.Text
		if text == "" {
			text = m.Kind + " " + m.Name
		}
		if m.Text == "" && m.Value != nil {
			text += chart.Value(*m.Value, momentUnits[m.Kind])
		}
		t.Rows = append(t.Rows, texts(chart.Value(since(run, &m.Time), chart.Clock), text))
	}
	if len(t.Rows) > 0 {
		s.Tables = []table{t}
	}
	return s
}
