package report

import (
	"fmt"
	"slices"
	"strings"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
)

func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// written is the change with its interval: "+30 % [+25 %, +36 %]".
func (m Metric) written() string {
	if m.Change == nil || m.Interval == nil {
		return chart.None
	}
	return fmt.Sprintf("%s [%s, %s]", m.signed(*m.Change), m.signed(m.Interval[0]), m.signed(m.Interval[1]))
}

func (m Metric) signed(x float64) string {
	unit, sign := m.Unit, ""
	if m.Relative {
		unit = chart.Ratio
	}
	if x > 0 {
		sign = "+"
	}
	return sign + chart.Value(x, unit)
}

// subject names the metric: "latency p99, pay".
func (m Metric) subject() string {
	if m.Of == "" {
		return m.Name
	}
	return m.Name + ", " + m.Of
}

// notes say what to have in mind: parts that differ, data first, and how much
// chance there is in it.
func (c Comparison) notes() []string {
	out := []string{} // programs read it
	var data, inputs, limits []string
	subject := false // what is practised differs
	for _, p := range c.Parts {
		switch kind, _, _ := strings.Cut(p.Name, "/"); {
		case p.Agree:
		case len(p.Limits) > 0:
			limits = append(limits, p.Limits...)
		case kind == "data":
			data = append(data, p.Name)
		case kind == "rollout", kind == "baseline":
			subject = true
		case kind == "tool":
		case kind == "expect", kind == "negative", kind == "quotas":
			limits = append(limits, p.Name)
		default:
			inputs = append(inputs, p.Name)
		}
	}
	if len(limits) > 0 {
		out = append(out, "What is asked differs ("+strings.Join(limits, "; ")+"): a criterion may have another outcome without anything having moved.")
	}
	if len(data) > 0 && subject {
		out = append(out, fmt.Sprintf("Both the data (%s) and what was rolled out differ: of what moved nobody can say from which of the two it came. Repeat the run with the same data.", strings.Join(data, ", ")))
	} else if len(data) > 0 && len(inputs) == 0 {
		out = append(out, fmt.Sprintf("The data differ (%s) while load and rollout agree: what moved may come from the data, and be no regression.", strings.Join(data, ", ")))
	} else if len(data) > 0 {
		out = append(out, fmt.Sprintf("The data differ (%s): what moved may come from them.", strings.Join(data, ", ")))
	}
	if len(inputs) > 0 {
		out = append(out, upper(strings.Join(inputs, ", "))+" "+plural(len(inputs), "differs", "differ")+": what depends on it is not compared.")
	}
	if len(c.Baseline) == 1 {
		out = append(out, "There is one baseline run: intervals say how these two runs differ, not how much runs differ from each other by chance. Give several baseline runs to see that.")
	}
	if n := c.count(Worse, Better, Moved, Same, Unclear); n >= 10 {
		out = append(out, fmt.Sprintf("%d metrics were compared, each with an interval of 95 %%: about one in twenty misses the truth.", n))
	}
	return out
}

func (c Comparison) count(movements ...Movement) int {
	n := 0
	for _, m := range c.Metrics {
		if slices.Contains(movements, m.Movement) {
			n++
		}
	}
	return n
}

// insights say what changed, what moved, and why it matters.
func (c Comparison) insights() []string {
	var out []string
	if differ := c.differ(); len(differ) > 0 {
		out = append(out, "What changed: "+strings.Join(differ, ", ")+".")
	} else {
		out = append(out, "Nothing that was put in changed: what moved came from the service, the machines or chance.")
	}
	for _, m := range c.Metrics {
		if m.Movement != Worse && m.Movement != Better {
			continue
		}
		out = append(out, fmt.Sprintf("%s got %s: %s, from %s to %s.%s", upper(m.subject()), m.Movement, m.written(),
			chart.Value(*m.Baseline, m.Unit), chart.Value(*m.Candidate, m.Unit), c.matters(m)))
	}
	for _, change := range c.Criteria {
		before := "had " + past(change.Before)
		switch {
		case change.Before == "":
			before = "was not judged before"
		case strings.HasPrefix(past(change.Before), "was "):
			before = past(change.Before) + " before"
		}
		out = append(out, fmt.Sprintf("Criterion %q %s and now %s: %s", change.Name, before, past(change.Now), sentence(change.Reason)))
	}
	return out
}

func past(o evidence.Outcome) string {
	switch o {
	case evidence.Unmeasured:
		return "was not measured"
	case evidence.Aborted, evidence.Halted, evidence.Refused:
		return "was " + strings.ToLower(string(o))
	default:
		return strings.ToLower(string(o))
	}
}

// matters says which criterion of the last run looks at the metric.
func (c Comparison) matters(m Metric) string {
	for _, criterion := range c.candidate {
		if criterion.Limit == nil || criterion.Value == nil || !concerns(criterion, m) {
			continue
		}
		return fmt.Sprintf(" It matters to criterion %q, which %s with %s, limit %s.", criterion.Name, past(criterion.Outcome),
			measured(criterion.Value, criterion.Unit), measured(criterion.Limit, criterion.Unit))
	}
	return ""
}

func concerns(criterion evidence.Criterion, m Metric) bool {
	if criterion.Signal != "" {
		return signal(criterion.Signal) == m.Name && (criterion.Of == "" || criterion.Of == m.Of)
	}
	about, drill := strings.CutPrefix(criterion.Name, m.Of+": ")
	return drill && (about == m.Name || m.Name == timeToRestore && strings.HasPrefix(about, "restored"))
}
