package report

import (
	"fmt"
	"strings"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
)

// CanaryHealth is how the candidate did beside its baseline in the last run that
// could tell them apart.
type CanaryHealth struct {
	Run   string    `json:"run"`
	At    time.Time `json:"at"`
	Sides []Sides   `json:"sides"`
}

// Sides is one signal of both: the medians of its seconds.
type Sides struct {
	Signal    string  `json:"signal"`
	Unit      string  `json:"unit"`
	Baseline  float64 `json:"baseline"`
	Candidate float64 `json:"candidate"`
}

// ScalingHealth is how the autoscaler did in the last run that looked at it.
type ScalingHealth struct {
	Run      string               `json:"run"`
	At       time.Time            `json:"at"`
	Outcome  evidence.Outcome     `json:"outcome"`
	Reason   string               `json:"reason"`
	Criteria []evidence.Criterion `json:"criteria,omitempty"`
}

// scalingCriteria is what the names of those of an autoscaler begin with.
const scalingCriteria = "scaling"

// health is of the last runs of a service that say anything of the two. Controls,
// which have to be bad, do not.
func health(service string, runs []evidence.Run) (canary *CanaryHealth, scaling *ScalingHealth) {
	for _, run := range runs {
		if run.Service != service || run.Negative {
			continue
		}
		if names := both(run); len(names) > 0 && (canary == nil || run.StartedAt.After(canary.At)) {
			canary = &CanaryHealth{Run: run.ID, At: run.StartedAt}
			for _, name := range names {
				b, c := side(run, name, baseline), side(run, name, candidate)
				if x := (Sides{Signal: name, Unit: b.Unit, Baseline: middle(b.Values), Candidate: middle(c.Values)}); finite(x.Baseline) && finite(x.Candidate) {
					canary.Sides = append(canary.Sides, x)
				}
			}
		}
		if s := run.Scaling; s != nil && (scaling == nil || run.StartedAt.After(scaling.At)) {
			scaling = &ScalingHealth{Run: run.ID, At: run.StartedAt, Outcome: s.Outcome, Reason: s.Reason}
			for _, c := range run.Criteria {
				if strings.HasPrefix(c.Name, scalingCriteria) {
					scaling.Criteria = append(scaling.Criteria, c)
				}
			}
		}
	}
	return canary, scaling
}

func (c *CanaryHealth) describe() section {
	s := section{Title: "Canary, when it was last rehearsed"}
	if c == nil {
		return s
	}
	t := table{Columns: columns("Signal", ">Candidate", ">Baseline"), Note: fmt.Sprintf("Medians of the seconds of run %s.", c.Run)}
	for _, x := range c.Sides {
		t.Rows = append(t.Rows, texts(upper(signal(x.Signal)), chart.Value(x.Candidate, x.Unit), chart.Value(x.Baseline, x.Unit)))
	}
	if len(t.Rows) > 0 {
		s.Tables = []table{t}
	}
	return s
}

func (h *ScalingHealth) describe() section {
	s := section{Title: "Autoscaling, when it was last rehearsed"}
	if h == nil {
		return s
	}
	s.Text = []string{fmt.Sprintf("%s: %s", h.Outcome, sentence(h.Reason))}
	t := table{Columns: columns("Criterion", "Outcome", ">Value", ">Limit"), Note: fmt.Sprintf("In run %s.", h.Run)}
	for _, c := range h.Criteria {
		t.Rows = append(t.Rows, []cell{{Text: c.Name}, {Text: string(c.Outcome), Tone: toneOf(c.Outcome)}, {Text: measured(c.Value, c.Unit)}, {Text: measured(c.Limit, c.Unit)}})
	}
	if len(t.Rows) > 0 {
		s.Tables = []table{t}
	}
	return s
}
