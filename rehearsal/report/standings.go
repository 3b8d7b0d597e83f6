package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
)

// Standings are where several services stand, a row each.
type Standings []Standing

// HTML writes them as one page that needs nothing else.
func (s Standings) HTML(w io.Writer) error { return s.describe().html(w) }

// Markdown writes them as Markdown.
func (s Standings) Markdown(w io.Writer) error { return s.describe().markdown(w) }

// Text writes them for a terminal, in aligned columns.
func (s Standings) Text(w io.Writer) error { return s.describe().text(w) }

func (s Standings) describe() document {
	t := table{Columns: columns("Service", "Ready", ">Drilled", ">Slowest", "Practised", ">Errors", "Autoscaling", ">To do"),
		Note: "Drilled: when a drill passed last; slowest: the longest time to restore of its run; errors: of the candidate / of the baseline, when they were last rehearsed. With --service all is shown of one."}
	asked := false
	for _, one := range s {
		asked = asked || len(one.Serves) > 0
	}
	if asked {
		t.Columns = append(t.Columns, column{Name: "Serves now"})
	}
	ready := 0
	var now time.Time
	for _, one := range s {
		if one.Readiness.Ready() && !one.unpractised() {
			ready++
		}
		now = one.At
		row := one.row()
		if asked {
			row = append(row, one.serves())
		}
		t.Rows = append(t.Rows, row)
	}
	d := document{Title: "Readiness of " + count(len(s), "service", "services"), Tone: bad,
		Verdict: fmt.Sprintf("%d of %s ready to go back.", ready, count(len(s), "service", "services")), Foot: fmt.Sprintf("As of %s. Times are UTC.", at(now))}
	if ready == len(s) {
		d.Tone = good
	}
	d.add(section{Title: "Where each stands", Tables: []table{t}})
	return d
}

// row is one service in a line.
func (s Standing) row() []cell {
	r := s.Readiness
	ready := cell{Text: "yes", Tone: good}
	switch {
	case r.LastDrill == nil:
		ready = cell{Text: "no drill passed", Tone: bad}
	case r.Failed != nil:
		ready = cell{Text: "failed since", Tone: bad}
	case r.Overdue:
		ready = cell{Text: "overdue", Tone: bad}
	case s.unpractised():
		ready = cell{Text: "not with what serves", Tone: unsure}
	}
	age, slowest := chart.None, chart.None
	if r.LastDrill != nil {
		age = chart.Value(std(r.Age), chart.Seconds) + " ago"
	}
	if r.Restore != nil {
		slowest = chart.Value(r.Restore.Max, r.Restore.Unit)
	}
	return []cell{{Text: r.Service}, ready, {Text: age}, {Text: slowest}, {Text: strings.TrimPrefix(r.practisedWith(), "with ")}, s.Canary.cell(), s.Scaling.cell(),
		{Text: fmt.Sprint(len(s.Actions))}}
}

func (s Standing) serves() cell {
	var said []string
	for _, x := range s.Serves {
		if x.Version == "" {
			said = append(said, x.Target+": not known")
			continue
		}
		said = append(said, x.Target+": "+x.Version)
	}
	return cell{Text: strings.Join(said, ", ")}
}

// cell is the candidate's errors beside the baseline's.
func (c *CanaryHealth) cell() cell {
	if c != nil {
		for _, x := range c.Sides {
			if x.Signal == evidence.SeriesErrors {
				return cell{Text: chart.Value(x.Candidate, x.Unit) + " / " + chart.Value(x.Baseline, x.Unit)}
			}
		}
	}
	return cell{}
}

func (h *ScalingHealth) cell() cell {
	if h == nil {
		return cell{}
	}
	return cell{Text: string(h.Outcome), Tone: toneOf(h.Outcome)}
}
