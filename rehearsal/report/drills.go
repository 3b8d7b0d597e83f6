package report

import (
	"fmt"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
	"bakeoff/rollout"
)

// drilled is what one kind of drill showed: how long the way back took, of what
// that was made, and what users noticed.
func drilled(d evidence.Drill) section {
	s := section{Title: "Time to restore, " + d.Name}
	if len(d.Repeats) == 0 {
		s.Text = []string{"No drill of this kind was run."}
		return s
	}
	restore := distributionOf(d)
	s.Text = append(s.Text, sentence(upper(Bound(restore))))
	if untimed := len(d.Repeats) - restore.N; untimed > 0 && restore.N > 0 {
		s.Text = append(s.Text, fmt.Sprintf("Of %s nobody knows how long it took: the bound says nothing of such drills.", count(untimed, "more drill", "more drills")))
	}
	if f, ok := restoreFigure(d, restore); ok {
		s.Figures = append(s.Figures, f)
	}
	s.Figures = append(s.Figures, continuity(d)...)
	s.Tables = append(s.Tables, repeats(d))
	return s
}

// distributionOf is the one in the evidence or, where that lacks it, that of
// the repeats.
func distributionOf(d evidence.Drill) evidence.Distribution {
	if d.Restore != nil && d.Restore.N > 0 {
		return *d.Restore
	}
	var values []float64
	for _, r := range d.Repeats {
		if took, ok := restored(r); ok {
			values = append(values, took)
		}
	}
	return Distribution(values, 0.95)
}

// restored is how long one drill took from the breach until health was back, and
// users had met the candidate for the last time: by its marks, else, of one that
// passed without them, by the rollout's own clock. Of one that went back before its
// verdict was injected nobody knows it.
func restored(r evidence.Repeat) (seconds float64, ok bool) {
	switch {
	case r.BreachAt != nil && r.HealthyAt != nil && !r.HealthyAt.Before(*r.BreachAt):
		back := *r.HealthyAt
		if met := r.MetUntil; met != nil && met.After(back) {
			back = *met
		}
		return back.Sub(*r.BreachAt).Seconds(), true
	case r.BreachAt == nil && r.Restore != nil && r.Outcome == evidence.Passed:
		return std(r.Restore.Total), true
	default:
		return 0, false
	}
}

// part is one stretch of the way back.
type part struct {
	kind    chart.Kind
	seconds float64
}

// partsOf are detect, decide, traffic and health: by the marks of the drill,
// else by the rollout's own clock.
func partsOf(r evidence.Repeat) []part {
	marks := []struct {
		at   *time.Time
		kind chart.Kind
	}{{r.SeenAt, chart.Detect}, {r.DecidedAt, chart.Decide}, {r.RestoredAt, chart.Traffic}, {r.HealthyAt, chart.Health}}
	var parts []part
	if last := r.BreachAt; last != nil {
		for _, m := range marks {
			if m.at != nil && !m.at.Before(*last) {
				parts, last = append(parts, part{m.kind, m.at.Sub(*last).Seconds()}), m.at
			}
		}
	}
	if _, timed := restored(r); len(parts) == 0 && r.Restore != nil && timed {
		parts = []part{{chart.Decide, std(r.Restore.Decide)}, {chart.Traffic, std(r.Restore.Traffic)}, {chart.Health, std(r.Restore.Health)}}
	}
	return parts
}

func std(d rollout.Duration) float64 { return d.Std().Seconds() }

// restoreFigure has every repeat as a dot over what it was made of.
func restoreFigure(d evidence.Drill, restore evidence.Distribution) (figure, bool) {
	if restore.N == 0 {
		return figure{}, false
	}
	f := figure{Figure: chart.Figure{Title: "Every drill, and what its time was made of.",
		X: chart.Axis{Label: "from the breach until the baseline was healthy", Unit: chart.Seconds, High: restore.Max * 1.08}}}
	f.Text = fmt.Sprintf("Median %s, p90 %s, slowest %s of %d.", chart.Value(restore.Median, restore.Unit),
		chart.Value(restore.P90, restore.Unit), chart.Value(restore.Max, restore.Unit), restore.N)
	dots := chart.Lane{Label: "all"}
	made := chart.Panel{Title: "Of what each was made"}
	for _, r := range d.Repeats {
		if took, ok := restored(r); ok {
			dots.Dots = append(dots.Dots, chart.Mark{X: took, Kind: chart.Dot, Text: fmt.Sprintf("drill %d: %s", r.Number, chart.Value(took, restore.Unit))})
		}
		made.Lanes = append(made.Lanes, stacked(r, &f.X))
	}
	f.Panels = []chart.Panel{{Title: "All drills", Lanes: []chart.Lane{dots}}, made}
	if restore.N > 1 { // of one they are all the same
		f.Marks = []chart.Mark{quantileMark("median", restore.Median, restore.Unit), quantileMark("p90", restore.P90, restore.Unit), quantileMark("slowest", restore.Max, restore.Unit)}
	}
	if limit := std(d.Limit); limit > 0 {
		f.Text += " The limit is " + chart.Value(limit, chart.Seconds) + "."
		if limit < 3*restore.Max {
			f.X.High = max(f.X.High, limit*1.05)
			f.Marks = append(f.Marks, chart.Mark{X: limit, Kind: chart.Limit, Label: "limit " + chart.Value(limit, chart.Seconds)})
		}
	}
	return f, true
}

func quantileMark(name string, value float64, unit string) chart.Mark {
	return chart.Mark{X: value, Kind: chart.Figures, Label: name + " " + chart.Value(value, unit)}
}

func stacked(r evidence.Repeat, axis *chart.Axis) chart.Lane {
	lane := laneOf(fmt.Sprintf("drill %d", r.Number), partsOf(r), axis)
	lane.Value = string(r.Outcome)
	if took, ok := restored(r); ok {
		lane.Value = chart.Value(took, chart.Seconds)
	}
	return lane
}

// laneOf puts the parts of a way back one after another.
func laneOf(label string, parts []part, axis *chart.Axis) chart.Lane {
	lane := chart.Lane{Label: label}
	from := 0.0
	for _, p := range parts {
		lane.Spans = append(lane.Spans, chart.Span{From: from, To: from + p.seconds, Kind: p.kind,
			Text: fmt.Sprintf("%s %s", p.kind, chart.Value(p.seconds, chart.Seconds))})
		from += p.seconds
	}
	axis.High = max(axis.High, from*1.08)
	return lane
}

// continuity is what users noticed of each drill.
func continuity(d evidence.Drill) []figure {
	lost := figure{Figure: chart.Figure{Title: "Requests lost during each drill.", X: chart.Axis{Label: "requests without a good answer", Unit: chart.Count, High: 5}}}
	gap := figure{Figure: chart.Figure{Title: "Longest gap in each drill.", X: chart.Axis{Label: "between two good answers", Unit: chart.Seconds, High: 0.01}}}
	var lanes, gaps []chart.Lane
	var failed, requests int
	var longest float64
	for _, r := range d.Repeats {
		if r.Users == nil {
			continue
		}
		u, name := r.Users, fmt.Sprintf("drill %d", r.Number)
		lanes = append(lanes, bar(name, float64(u.Failed), ""))
		gaps = append(gaps, bar(name, std(u.LongestGap), chart.Seconds))
		failed, requests, longest = failed+u.Failed, requests+u.Requests, max(longest, std(u.LongestGap))
		lost.X.High = max(lost.X.High, float64(u.Failed)*1.05)
	}
	if len(lanes) == 0 {
		return nil
	}
	gap.X.High = max(gap.X.High, longest*1.05)
	lost.Panels, gap.Panels = []chart.Panel{{Lanes: lanes}}, []chart.Panel{{Lanes: gaps}}
	lost.Text = fmt.Sprintf("%s of %s in all drills.", chart.Value(float64(failed), ""), count(requests, "request", "requests"))
	gap.Text = fmt.Sprintf("At most %s between two good answers that came one after the other.", chart.Value(longest, chart.Seconds))
	return []figure{lost, gap}
}

func bar(name string, value float64, unit string) chart.Lane {
	written := chart.Value(value, unit)
	return chart.Lane{Label: name, Value: written, Spans: []chart.Span{{To: value, Kind: chart.Bar, Text: written}}}
}
