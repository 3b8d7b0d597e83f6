package report

import (
	"fmt"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
)

// probes says what the service answered around its faults, and how soon they were
// gone where that was not good.
func probes(run evidence.Run) section {
	s := section{Title: "Probes"}
	if run.Halt != nil {
		s.Text = []string{halt(run, *run.Halt)}
	}
	t := table{Columns: columns("Probe", "When", "What", ">Asked", ">Bad", ">One after another", ">Slowest", "The last bad answer")}
	for _, p := range run.Probes {
		bad := cell{Text: chart.Value(float64(p.Failed), "")}
		if p.Failed > 0 {
			bad.Tone = unsure
		}
		last := p.Said
		if p.Error != "" {
			last = "could not be asked to the end: " + p.Error
		}
		t.Rows = append(t.Rows, []cell{{Text: p.Name}, {Text: p.When}, {Text: p.What}, {Text: chart.Value(float64(p.Asked), "")}, bad,
			{Text: chart.Value(float64(p.InRow), "")}, {Text: chart.Value(std(p.Slowest), chart.Seconds)}, {Text: last}})
	}
	if len(t.Rows) > 0 {
		s.Tables = []table{t}
	}
	return s
}

// halt is how a probe ended the rehearsal, with its times.
func halt(run evidence.Run, h evidence.Halt) string {
	clock := func(seconds float64) string { return chart.Value(seconds, chart.Clock) }
	said := fmt.Sprintf("%s was bad %s one after another, the last time: %s.", h.Probe, count(h.Answers, "time", "times"), h.Said)
	if h.Before {
		return said + " Nothing had been done to the service yet: it was not healthy before, and nothing was begun."
	}
	said += fmt.Sprintf(" The first bad answer was asked for at %s of the run, and it was halted at %s", clock(since(run, &h.FailedAt)), clock(since(run, &h.DecidedAt)))
	if h.GoneAt == nil || h.Took == nil {
		return said + "; no fault was in force then, or not every one was seen to be gone."
	}
	return said + fmt.Sprintf("; every fault was gone at %s, %s after the first bad answer.", clock(since(run, h.GoneAt)), chart.Value(std(*h.Took), chart.Seconds))
}
