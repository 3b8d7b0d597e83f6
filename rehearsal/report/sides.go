package report

import (
	"fmt"
	"math"
	"slices"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
)

// sides is the canary against the baseline, wherever both were measured.
func sides(run evidence.Run) section {
	s := section{Title: "Candidate against baseline"}
	for _, name := range both(run) {
		s.Figures = append(s.Figures, against(run, name))
	}
	return s
}

// both are the names of the series that both sides have.
func both(run evidence.Run) []string {
	var out []string
	for _, one := range run.Series {
		if side(run, one.Name, baseline) != nil && side(run, one.Name, candidate) != nil && !slices.Contains(out, one.Name) {
			out = append(out, one.Name)
		}
	}
	return out
}

func side(run evidence.Run, name, of string) *evidence.Series {
	i := slices.IndexFunc(run.Series, func(s evidence.Series) bool { return s.Name == name && s.Of == of && len(s.Seconds) > 0 })
	if i < 0 {
		return nil
	}
	return &run.Series[i]
}

func against(run evidence.Run, name string) figure {
	series := []evidence.Series{*side(run, name, baseline), *side(run, name, candidate)}
	f := figure{Figure: chart.Figure{Title: upper(signal(name)) + " of candidate and baseline.", X: clockAxis(run)}}
	f.Shades = faultSpans(run, f.X.High)
	lines := colors{}.lines([]evidence.Series{broken(series[0], betweenReadings), broken(series[1], betweenReadings)}, false)
	lines[0].Thin = true // told apart without color, too
	f.Panels = []chart.Panel{{Unit: series[0].Unit, Title: upper(signal(name)), Lines: lines}}
	f.Text = fmt.Sprintf("Median of the baseline %s, of the candidate %s.",
		chart.Value(middle(series[0].Values), series[0].Unit), chart.Value(middle(series[1].Values), series[1].Unit))
	f.Data = sampled(f.X, series)
	return f
}

// middle is the median; NaN of nothing.
func middle(values []float64) float64 {
	kept := slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return !finite(v) })
	if len(kept) == 0 {
		return math.NaN()
	}
	slices.Sort(kept)
	return quantile(kept, 0.5)
}
