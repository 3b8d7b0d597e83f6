package report

import (
	"fmt"
	"slices"
	"strings"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
)

// timeline is the picture of the whole run: what was done to the service above
// what it did.
func timeline(run evidence.Run) section {
	s := section{Title: "Timeline"}
	f := figure{Figure: chart.Figure{
		Title: "What was done, and what the service did.",
		X:     clockAxis(run),
	}}
	f.Shades = faultSpans(run, f.X.High)
	f.Panels = events(run, f.X.High)
	if weights, ok := weightPanel(run, f.X.High); ok {
		f.Panels = append(f.Panels, weights)
	}
	shown := signals(run, &f)
	if len(f.Panels) == 0 {
		return section{}
	}
	if breaches := kinds(run, evidence.MomentBreach); len(breaches) <= mostLines {
		for _, m := range breaches {
			f.Marks = append(f.Marks, chart.Mark{X: since(run, &m.Time), Kind: chart.Breach, Text: m.Text})
		}
	}
	f.Data = sampled(f.X, shown)
	f.Text = seen(run, f)
	s.Figures = []figure{f}
	return s
}

// mostLines through all panels: more of them hide what they cross.
const mostLines = 12

// seen says in words what the picture shows.
func seen(run evidence.Run, f figure) string {
	said := []string{fmt.Sprintf("%s of the run", chart.Value(f.X.High, chart.Seconds))}
	if len(f.Shades) > 0 {
		said = append(said, "faults shaded")
	}
	if excursions := outsideOf(f.Panels); excursions > 0 {
		said = append(said, count(excursions, "stretch", "stretches")+" outside the expected band, marked with a ring")
	} else if slices.ContainsFunc(run.Criteria, func(c evidence.Criterion) bool { return len(c.Band) > 0 }) {
		said = append(said, "every signal within its expected band")
	}
	return sentence(strings.Join(said, "; "))
}

func outsideOf(panels []chart.Panel) int {
	n := 0
	for _, p := range panels {
		n += len(p.Dots)
	}
	return n
}

// events are the lanes: loads, faults, bad answers to probes, drills, the rollout
// itself, and what the rollouts did.
func events(run evidence.Run, until float64) []chart.Panel {
	p := chart.Panel{Title: "Load, faults and rollouts"}
	for _, kind := range []string{evidence.MomentLoad, evidence.MomentFault, evidence.MomentProbe, evidence.MomentDrill, evidence.MomentRollout} {
		if kind == evidence.MomentFault && len(run.Faults) > 0 {
			for _, f := range run.Faults {
				p.Lanes = append(p.Lanes, chart.Lane{Label: f.Name, Spans: inForce(run, f)})
			}
			continue
		}
		p.Lanes = append(p.Lanes, spans(run, kind, until)...)
	}
	for _, kind := range []string{evidence.MomentBreach, evidence.MomentDecision, evidence.MomentRestored, evidence.MomentHealthy} {
		lane := chart.Lane{Label: kind}
		for _, m := range kinds(run, kind) {
			lane.Dots = append(lane.Dots, chart.Mark{X: since(run, &m.Time), Kind: chart.Kind(kind), Text: m.Text})
		}
		if len(lane.Dots) > 0 {
			p.Lanes = append(p.Lanes, lane)
		}
	}
	if len(p.Lanes) == 0 {
		return nil
	}
	return []chart.Panel{p}
}

// spans are the moments of a kind, a lane for each name.
func spans(run evidence.Run, kind string, until float64) []chart.Lane {
	var lanes []chart.Lane
	for _, m := range kinds(run, kind) {
		name := m.Name
		if name == "" {
			name = kind
		}
		i := slices.IndexFunc(lanes, func(l chart.Lane) bool { return l.Label == name })
		if i < 0 {
			i, lanes = len(lanes), append(lanes, chart.Lane{Label: name})
		}
		lanes[i].Spans = append(lanes[i].Spans, span(run, m, until))
	}
	return lanes
}

// weightPanel is the candidate's share of the traffic: as the router was seen to
// have it, in steps, and as users met it.
func weightPanel(run evidence.Run, until float64) (chart.Panel, bool) {
	router := chart.Line{Name: "candidate's share, by the router", Color: 5, Step: true, Fill: true}
	users := chart.Line{Name: "candidate's share, as users met it", Color: 3, Thin: true, Step: true}
	for _, s := range named(run, evidence.SeriesWeight) {
		switch s.Of {
		case evidence.SeriesUsers:
			s = broken(s, betweenReadings)
			users.X, users.Y = s.Seconds, s.Values
		default:
			router.X, router.Y = s.Seconds, s.Values
		}
	}
	for _, m := range kinds(run, evidence.MomentWeight) {
		if m.Value != nil && len(named(run, evidence.SeriesWeight)) == 0 {
			router.X, router.Y = append(router.X, since(run, &m.Time)), append(router.Y, *m.Value)
		}
	}
	p := chart.Panel{Title: "Candidate's share of the traffic", Unit: chart.Ratio}
	if last := len(router.X) - 1; last >= 0 {
		if router.X[last] < until {
			router.X, router.Y = append(slices.Clone(router.X), until), append(slices.Clone(router.Y), router.Y[last])
		}
		p.Lines = append(p.Lines, router)
	}
	if len(users.X) > 0 && len(p.Lines) > 0 { // without any rollout users meet what they always meet
		p.Lines = append(p.Lines, users)
	}
	return p, len(p.Lines) > 0
}

// signals appends the panels of latency, errors and every series that has no
// picture of its own, and returns what they show.
func signals(run evidence.Run, f *figure) []evidence.Series {
	color := colors{}
	median, latency, errors := named(run, evidence.SeriesMedian), named(run, evidence.SeriesLatency), named(run, evidence.SeriesErrors)
	shown := slices.Concat(latency, median, errors)
	panels := []chart.Panel{
		{Title: "Latency", Unit: chart.Seconds, Lines: append(color.lines(asMeasured(run, latency), false), color.lines(asMeasured(run, median), true)...)},
		{Title: "Errors, share of the requests", Unit: chart.Ratio, High: 0.01, Lines: color.lines(asMeasured(run, errors), false)},
	}
	expect(run, &panels[0], append(latency, median...))
	expect(run, &panels[1], errors)
	for _, name := range alone(run) {
		series := named(run, name)
		title := signal(name)
		if unit := series[0].Unit; unit != "" {
			title += " (" + unit + ")"
		}
		p := chart.Panel{Title: title, Unit: series[0].Unit, Lines: color.lines(asMeasured(run, series), false)}
		expect(run, &p, series)
		panels, shown = append(panels, p), append(shown, series...)
	}
	for i := range panels {
		for k, line := range panels[i].Lines {
			if line.Key != "" && slices.ContainsFunc(latency, func(s evidence.Series) bool { return s.Of == line.Key }) {
				panels[i].Lines[k].Key += " (latency: p99)" // all panels share the legend, and its line
			}
		}
	}
	for _, p := range panels {
		if len(p.Lines) > 0 {
			f.Panels = append(f.Panels, p)
		}
	}
	return shown
}

// alone are the names of series that the reports do not know.
func alone(run evidence.Run) []string {
	var out []string
	for _, s := range run.Series {
		if signalNames[s.Name] == "" && len(s.Seconds) > 0 && !slices.Contains(out, s.Name) {
			out = append(out, s.Name)
		}
	}
	return out
}
