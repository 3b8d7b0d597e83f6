package report

import (
	"fmt"
	"slices"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
	"bakeoff/rollout"
)

// scaled is what an autoscaler did: replicas against load and queue.
func scaled(run evidence.Run) section {
	s := section{Title: "Autoscaling"}
	if f := replicas(run); len(f.Panels) > 1 || run.Scaling != nil && len(f.Panels) > 0 {
		s.Figures = []figure{f}
	}
	if run.Scaling == nil {
		return s
	}
	sc := run.Scaling
	s.Text = []string{fmt.Sprintf("%s: %s", sc.Outcome, sentence(sc.Reason))}
	s.List = sc.Advice
	kept := cell{Text: "kept", Tone: good}
	switch {
	case !sc.CooldownKept:
		kept = cell{Text: "not kept", Tone: bad}
	case slices.ContainsFunc(run.Criteria, func(c evidence.Criterion) bool {
		return c.Name == "scaling cooldown" && c.Outcome == evidence.Unmeasured
	}):
		kept = cell{Text: "not measured"}
	}
	s.Tables = []table{{Columns: columns("Figure", ">Measured", "What it is"), Rows: [][]cell{
		texts("Time to scale up", lasted(sc.Up), "from the crossing of the trigger to enough replicas"),
		texts("Time to scale down", lasted(sc.Down), "from the end of the need to the floor"),
		texts("Overshoot", count(sc.Overshoot, "replica", "replicas"), "above what was needed, at most"),
		texts("Oscillations", fmt.Sprint(sc.Oscillations), "turns from up to down to up, and the other way"),
		texts("Replicas", fmt.Sprintf("%d to %d", sc.Floor, sc.Ceiling), "fewest and most that were seen"),
		{{Text: "Cooldown"}, kept, {Text: "the time between two changes"}},
		texts("Longest queue", chart.Value(sc.QueueMax, ""), "while more replicas were awaited"),
		texts("Worst p99", chart.Value(sc.LatencyMax, chart.Seconds), "in the same time"),
	}}}
	return s
}

func lasted(d *rollout.Duration) string {
	if d == nil {
		return "not measured"
	}
	return chart.Value(std(*d), chart.Seconds)
}

func replicas(run evidence.Run) figure {
	f := figure{Figure: chart.Figure{Title: "Replicas against load and queue.", X: clockAxis(run)}}
	var shown []evidence.Series
	add := func(title, name string, step bool) {
		series := named(run, name)
		if len(series) == 0 {
			return
		}
		lines := colors{}.lines(asMeasured(run, series), false)
		for i := range lines {
			lines[i].Step, lines[i].Fill, lines[i].Thin = step, step && i == 0, step && i > 0 // ready, then wanted
			if name == evidence.SeriesQueue {
				lines[i].Color += 1 // a queue is no load
			}
		}
		f.Panels = append(f.Panels, chart.Panel{Title: title, Unit: series[0].Unit, Lines: lines})
		shown = append(shown, series...)
	}
	add("Replicas", evidence.SeriesReplicas, true)
	add("Requests a second", evidence.SeriesRate, false)
	add("Queue", evidence.SeriesQueue, false)
	f.Shades = faultSpans(run, f.X.High)
	if len(named(run, evidence.SeriesReplicas)) == 0 {
		return figure{}
	}
	f.Data = sampled(f.X, shown)
	f.Text = "Replicas follow the load with the delay that the queue shows."
	if run.Scaling != nil {
		f.Text = fmt.Sprintf("From %d to %d replicas.", run.Scaling.Floor, run.Scaling.Ceiling)
	}
	return f
}
