package report

import (
	"fmt"
	"io"
	"math"
	"strings"

	"bakeoff/rehearsal/report/chart"
)

// HTML writes the comparison as one page that needs nothing else.
func (c Comparison) HTML(w io.Writer) error { return c.describe().html(w) }

// Markdown writes the comparison as Markdown.
func (c Comparison) Markdown(w io.Writer) error { return c.describe().markdown(w) }

// Text writes the comparison for a terminal, in aligned columns.
func (c Comparison) Text(w io.Writer) error { return c.describe().text(w) }

func (c Comparison) describe() document {
	d := document{Title: "Comparison of rehearsal " + c.Name, Foot: "Times are UTC. Written by Bakeoff from the evidence of the runs."}
	d.Tone, d.Verdict = c.verdict()
	d.Facts = without([]fact{{"Service", c.Service}, {"Run", c.Candidate.ID}, {"Compared with", plainRefs(c.Baseline)}})
	d.add(section{Title: "What moved, and why it matters", List: c.Insights})
	d.add(section{Title: "To have in mind", List: c.Notes})
	metrics := section{Title: "Metrics", Tables: []table{c.metricTable()}}
	if f, ok := c.forest(); ok {
		metrics.Figures = []figure{f}
	}
	d.add(metrics)
	d.add(section{Title: "Runs", Tables: []table{c.runTable()}})
	d.add(section{Title: "Fingerprints", Tables: []table{c.partTable()}})
	return d
}

func plainRefs(refs []Ref) string {
	var ids []string
	for _, r := range refs {
		ids = append(ids, r.ID)
	}
	return strings.Join(ids, ", ")
}

// verdict counts what moved; the tone is that of the worst.
func (c Comparison) verdict() (tone, string) {
	var parts []string
	for _, m := range []struct {
		is   Movement
		text string
	}{{Worse, "worse"}, {Better, "better"}, {Moved, "moved"}, {Same, "the same"}, {Unclear, "unclear"}, {TooFew, "with too few pairs to say"}, {NotCompared, "not compared"}} {
		if n := c.count(m.is); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, m.text))
		}
	}
	broken := c.broken()
	said := "Nothing was measured in these runs"
	if len(parts) > 0 {
		said = fmt.Sprintf("Of %s: %s", count(len(c.Metrics), "metric", "metrics"), strings.Join(parts, ", "))
	}
	if broken > 0 {
		said += fmt.Sprintf("; %s no longer passed", count(broken, "criterion", "criteria"))
	}
	switch {
	case broken > 0 || c.count(Worse) > 0:
		return bad, said + "."
	case c.count(Better, Same, Moved) == 0:
		return unsure, said + "."
	default:
		return good, said + "."
	}
}

var movementTones = map[Movement]tone{Worse: bad, Better: good, Same: good, Moved: unsure, Unclear: unsure}

func (c Comparison) metricTable() table {
	t := table{Columns: columns("Metric", ">Baseline", ">Between its runs", ">Last run", ">Change, 95 % interval", ">Pairs", "Movement")}
	for _, m := range c.Metrics {
		pairs := chart.None
		if m.Pairs > 0 {
			pairs = fmt.Sprint(m.Pairs)
		}
		t.Rows = append(t.Rows, []cell{{Text: m.subject()}, {Text: measured(m.Baseline, m.Unit)}, {Text: m.spread()}, {Text: measured(m.Candidate, m.Unit)}, {Text: m.written()},
			{Text: pairs}, {Text: m.movement(), Tone: movementTones[m.Movement]}})
	}
	t.Note = fmt.Sprintf("Baseline and last run are medians. Pairs are the same drill, or the same stretch of a series, in both; it takes %d to say something. A change within %s is the same; unclear is what may lie within it or beyond.", leastPairs, chart.Value(margin, chart.Ratio))
	return t
}

// spread is how far the baseline runs are from each other.
func (m Metric) spread() string {
	if m.Spread == nil {
		return chart.None
	}
	low, high := chart.Value(m.Spread[0], m.Unit), chart.Value(m.Spread[1], m.Unit)
	if low == high {
		return "no difference"
	}
	return low + " to " + high
}

// movement in words, with the reason where there is one.
func (m Metric) movement() string {
	switch {
	case m.Movement == Unclear && m.Reason != "":
		return "unclear: " + m.Reason
	case m.Reason != "":
		return m.Reason
	default:
		return string(m.Movement)
	}
}

// forest is a picture of every relative change with its interval.
func (c Comparison) forest() (figure, bool) {
	f := figure{Figure: chart.Figure{Title: "Relative changes, with intervals of 95 %.", Text: "What crosses “no change” may not have moved at all."}}
	f.X = chart.Axis{Label: "change against the baseline", Unit: chart.Ratio, Low: -0.1, High: 0.1}
	p := chart.Panel{}
	for _, m := range c.Metrics {
		if !m.Relative || m.Change == nil || m.Interval == nil {
			continue
		}
		f.X.Low, f.X.High = math.Min(f.X.Low, m.Interval[0]*1.1), math.Max(f.X.High, m.Interval[1]*1.1)
		p.Lanes = append(p.Lanes, chart.Lane{Label: m.subject(), Value: m.signed(*m.Change),
			Spans: []chart.Span{{From: m.Interval[0], To: m.Interval[1], Kind: chart.Interval, Text: m.written()}},
			Dots:  []chart.Mark{{X: *m.Change, Kind: chart.Shift, Text: m.signed(*m.Change)}}})
	}
	f.Panels = []chart.Panel{p}
	f.Marks = []chart.Mark{{X: 0, Kind: chart.Figures, Label: "no change"}}
	return f, len(p.Lanes) > 0
}

func (c Comparison) runTable() table {
	t := table{Columns: columns("Run", "Side", "Started", "Outcome", "Bakeoff", ">Seed")}
	add := func(r Ref, side string) {
		t.Rows = append(t.Rows, []cell{{Text: r.ID}, {Text: side}, {Text: at(r.StartedAt)}, {Text: string(r.Outcome), Tone: toneOf(r.Outcome)}, {Text: r.Tool}, {Text: fmt.Sprint(r.Seed)}})
	}
	for _, r := range c.Baseline {
		add(r, "baseline")
	}
	add(c.Candidate, "last run")
	return t
}

func (c Comparison) partTable() table {
	t := table{Columns: columns("Part", "In all runs")}
	for _, p := range c.Parts {
		agree := cell{Text: "the same"}
		if !p.Agree {
			agree = cell{Text: "differs", Tone: unsure}
		}
		if len(p.Limits) > 0 {
			agree.Text = "differs in limits alone: " + strings.Join(p.Limits, "; ")
		}
		t.Rows = append(t.Rows, []cell{{Text: p.Name}, agree})
	}
	return t
}
