package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
	"bakeoff/rollout"
)

// Standing is what all runs of a service say together: what would happen if it
// had to go back right now, what is left to do, and how its rehearsals went.
type Standing struct {
	At        time.Time        `json:"at"`
	Most      rollout.Duration `json:"most,omitempty"` // the greatest age of a drill that is allowed; 0: any
	Readiness Readiness        `json:"readiness"`
	Actions   []Checked        `json:"actions,omitempty"` // that are not done, the one that is due first before the others
	Canary    *CanaryHealth    `json:"canary,omitempty"`
	Scaling   *ScalingHealth   `json:"scaling,omitempty"`
	Serves    []Serving        `json:"serves,omitempty"` // where Temporal was asked
	Trend     Trend            `json:"trend"`
}

// StandingOf judges the runs of one service, as [ReadinessOf] does.
func StandingOf(service string, runs []evidence.Run, now time.Time, most time.Duration) Standing {
	s := Standing{At: now, Most: rollout.Duration(most), Readiness: ReadinessOf(service, runs, now, most), Trend: Trend{Service: service}}
	for _, t := range Trends(runs) {
		if t.Service == service {
			s.Trend = t
		}
	}
	for _, run := range newest(service, runs) {
		for _, a := range run.Actions {
			c := checkAfter(run, a, now)
			if c.State != ActionDone && c.State != ActionMended {
				s.Actions = append(s.Actions, c)
			}
		}
	}
	s.Canary, s.Scaling = health(service, runs)
	slices.SortStableFunc(s.Actions, func(a, b Checked) int { return a.Due.Compare(b.Due) })
	return s
}

// newest has the last run of each rehearsal of a service: it was left whatever
// those before it had not done.
func newest(service string, runs []evidence.Run) []evidence.Run {
	var out []evidence.Run
	for _, run := range runs {
		if run.Service != service {
			continue
		}
		same := func(r evidence.Run) bool { return r.Environment == run.Environment && r.Name == run.Name }
		if i := slices.IndexFunc(out, same); i < 0 {
			out = append(out, run)
		} else if run.StartedAt.After(out[i].StartedAt) {
			out[i] = run
		}
	}
	slices.SortFunc(out, func(a, b evidence.Run) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// HTML writes where the service stands as one page that needs nothing else.
func (s Standing) HTML(w io.Writer) error { return s.describe().html(w) }

// Markdown writes it as Markdown.
func (s Standing) Markdown(w io.Writer) error { return s.describe().markdown(w) }

// Text writes it for a terminal, in aligned columns.
func (s Standing) Text(w io.Writer) error { return s.describe().text(w) }

func (s Standing) describe() document {
	r := s.Readiness
	why := sentence(strings.TrimPrefix(r.Reason, r.Service+": "))
	d := document{Title: "Readiness of " + r.Service, Tone: bad, Verdict: "Not ready: " + why, Foot: fmt.Sprintf("As of %s. Times are UTC.", at(s.At))}
	if r.Ready() {
		d.Tone, d.Verdict = good, "Ready: "+why
	}
	if r.Ready() && s.unpractised() {
		d.Tone, d.Verdict = unsure, "Ready by its drills, and not known to be so with what serves now: "+why
	}
	d.Facts = []fact{{"Last good drill", when(r.LastDrill)}, {"Practised", r.practisedWith()}, {"Where", r.Environment}, {"In run", r.Run}, {"Failed since", when(r.Failed)}}
	if s.Most > 0 {
		d.Facts = append(d.Facts, fact{"Wanted every", chart.Value(std(s.Most), chart.Seconds)})
	}
	d.Facts = without(d.Facts)
	d.add(section{Title: "If it had to go back right now", List: s.expected()})
	actions := table{Columns: columns("Finding", "To do", "Owner", ">Due", "State")}
	for _, a := range s.Actions {
		actions.Rows = append(actions.Rows, checkedRow(a))
	}
	if len(actions.Rows) > 0 {
		d.add(section{Title: "What is to be done", Tables: []table{actions}})
	}
	d.add(s.Canary.describe())
	d.add(s.Scaling.describe())
	d.Sections = append(d.Sections, s.Trend.describe().Sections...)
	return d
}

// expected says what is known of a way back that begins now.
func (s Standing) expected() []string {
	out := s.known()
	for i := len(s.Trend.Points) - 1; i >= 0; i-- {
		if b := s.Trend.Points[i].Breach; b != nil {
			out = append(out, fmt.Sprintf("The last rollout that its own checks sent back in a rehearsal, at %s, was %s.", at(s.Trend.Points[i].StartedAt), b))
			break
		}
	}
	for _, x := range s.Serves {
		out = append(out, x.against(s.Readiness))
	}
	return out
}

// known is what drills say of it.
func (s Standing) known() []string {
	r := s.Readiness
	if r.LastDrill == nil {
		return []string{"Nobody knows how long it would take, or whether it would work: no drill ever passed."}
	}
	var out []string
	if r.Restore != nil {
		out = append(out, fmt.Sprintf("Reckon with %s from the breach until the baseline is healthy: so long took the slowest drill, and half of them %s.",
			chart.Value(r.Restore.Max, r.Restore.Unit), chart.Value(r.Restore.Median, r.Restore.Unit)))
	} else {
		out = append(out, "It worked the last time; how long it took was not measured.")
	}
	if r.NotBack > 0 {
		out = append(out, fmt.Sprintf("In the same run %s did not put the baseline back: that may happen again.", count(r.NotBack, "drill", "drills")))
	}
	if r.Failed != nil {
		out = append(out, fmt.Sprintf("It did not work when it was tried last, at %s: reckon with a person who has to help.", at(*r.Failed)))
	}
	if r.Overdue {
		out = append(out, "What was measured is older than allowed: much may have changed since.")
	}
	return out
}

// when is a moment that may not be known.
func when(t *time.Time) string {
	if t == nil {
		return ""
	}
	return at(*t)
}
