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

// Trend is how the rehearsals of one service went, oldest first.
type Trend struct {
	Service string       `json:"service"`
	Points  []TrendPoint `json:"points"`
}

// TrendPoint is one run.
type TrendPoint struct {
	Ref
	Name string `json:"name"`

	// Restore is over all drills of the run; nil: none was measured.
	Restore *evidence.Distribution `json:"restore,omitempty"`

	// Breach is what the checks of the rollout itself saw, where they sent it back;
	// nil: no verdict but injected ones did.
	Breach *Breach `json:"breach,omitempty"`

	// Early counts the rollouts, drills left out, that went back by their own checks
	// while the candidate had less than half of the traffic: a good thing. Drills go
	// back from where their manifest says.
	Early int `json:"early"`

	// Age is how old the last drill that passed was when this run began; nil:
	// there was none.
	Age *rollout.Duration `json:"age,omitempty"`
}

// Breach is how a rollout that no drill was made of came back. What nobody knows is
// nil.
type Breach struct {
	Detect  *rollout.Duration `json:"detect,omitempty"`  // since users could meet what was bad
	Restore *rollout.Duration `json:"restore,omitempty"` // since it was seen
	Share   float64           `json:"share"`             // the candidate's largest, a ratio
}

// breachOf is the real breach of a run; nil where there was none.
func breachOf(run evidence.Run) *Breach {
	r := run.Rollout
	if r == nil || r.BreachAt == nil {
		return nil
	}
	b := Breach{Share: evidence.Largest(r.Shares)}
	if took, known := r.Detected(); known {
		d := rollout.Duration(took)
		b.Detect = &d
	}
	if took, known := r.Restored(); known {
		d := rollout.Duration(took)
		b.Restore = &d
	}
	return &b
}

// String says it in the words of a table.
func (b *Breach) String() string {
	if b == nil {
		return chart.None
	}
	said := "seen"
	if b.Detect != nil {
		said += " after " + chart.Value(std(*b.Detect), chart.Seconds)
	}
	if b.Restore != nil {
		said += ", back after " + chart.Value(std(*b.Restore), chart.Seconds)
	}
	return said
}

// Trends has one trend for each service, by name. Runs may be in any order.
func Trends(runs []evidence.Run) []Trend {
	byService := map[string][]evidence.Run{}
	for _, run := range runs {
		byService[run.Service] = append(byService[run.Service], run)
	}
	var out []Trend
	for service, of := range byService {
		slices.SortStableFunc(of, func(a, b evidence.Run) int { return a.StartedAt.Compare(b.StartedAt) })
		t := Trend{Service: service}
		for i, run := range of {
			t.Points = append(t.Points, trendPoint(run, of[:i]))
		}
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b Trend) int { return strings.Compare(a.Service, b.Service) })
	return out
}

func trendPoint(run evidence.Run, before []evidence.Run) TrendPoint {
	p := TrendPoint{Ref: ref(run), Name: run.Name, Restore: wholeRestore(run)}
	p.Breach = breachOf(run)
	if run.Rollout != nil && run.Rollout.Early() {
		p.Early = 1
	}
	if last, found := lastDrill(before, evidence.Passed); found {
		age := rollout.Duration(max(run.StartedAt.Sub(last.at), 0))
		p.Age = &age
	}
	return p
}

// wholeRestore is the time to restore over all kinds of drills of a run.
func wholeRestore(run evidence.Run) *evidence.Distribution {
	var values []float64
	for _, d := range run.Drills {
		values = append(values, distributionOf(d).Values...)
	}
	if len(values) == 0 {
		return nil
	}
	all := Distribution(values, 0.95)
	return &all
}

// drillEnd is when the last drill of a run ended.
type drillEnd struct {
	at  time.Time
	run evidence.Run
}

// lastDrill is the newest drill with an outcome, by all that its run says of it.
// Those of controls prove nothing.
func lastDrill(runs []evidence.Run, outcome evidence.Outcome) (last drillEnd, found bool) {
	for _, run := range runs {
		if run.Negative {
			continue
		}
		for _, d := range run.Drills {
			kind := evidence.Proved(run.Criteria, d.Name)
			for _, r := range d.Repeats {
				if proved(r.Outcome, kind) == outcome && (!found || r.EndedAt.After(last.at)) {
					last, found = drillEnd{r.EndedAt, run}, true
				}
			}
		}
	}
	return last, found
}

// proved is what a drill proves: no more than the criteria of its kind do. One that
// measured nothing stays so.
func proved(drill, kind evidence.Outcome) evidence.Outcome {
	if drill == evidence.Passed {
		return kind
	}
	return drill
}

// HTML writes the trend as one page that needs nothing else.
func (t Trend) HTML(w io.Writer) error { return t.describe().html(w) }

// Markdown writes the trend as Markdown.
func (t Trend) Markdown(w io.Writer) error { return t.describe().markdown(w) }

// Text writes the trend for a terminal, in aligned columns.
func (t Trend) Text(w io.Writer) error { return t.describe().text(w) }

func (t Trend) describe() document {
	d := document{Title: "Rehearsals of " + t.Service, Verdict: "Nothing was rehearsed.", Tone: unsure, Foot: "Times are UTC."}
	if len(t.Points) > 0 {
		last := t.Points[len(t.Points)-1]
		d.Tone, d.Verdict = toneOf(last.Outcome), fmt.Sprintf("%s; the last %s.", count(len(t.Points), "run", "runs"), past(last.Outcome))
	}
	table := table{Columns: columns("Started", "Rehearsal", "Outcome", ">Drills", ">Median restore", ">Slowest", "Real breach", ">Last good drill before")}
	early := 0
	for _, p := range t.Points {
		drills, median, slowest, age := "0", chart.None, chart.None, chart.None
		if p.Restore != nil {
			drills, median, slowest = fmt.Sprint(p.Restore.N), chart.Value(p.Restore.Median, chart.Seconds), chart.Value(p.Restore.Max, chart.Seconds)
		}
		if p.Age != nil {
			age = chart.Value(std(*p.Age), chart.Seconds) + " old"
		}
		early += p.Early
		table.Rows = append(table.Rows, []cell{{Text: at(p.StartedAt)}, {Text: p.Name}, {Text: string(p.Outcome), Tone: toneOf(p.Outcome)},
			{Text: drills}, {Text: median}, {Text: slowest}, {Text: p.Breach.String()}, {Text: age}})
	}
	s := section{Title: "Runs, oldest first", Figures: t.figures()}
	if early > 0 {
		s.Text = []string{fmt.Sprintf("%s of a rollout by its own checks, drills not counted: each kept a bad candidate from most of the users.", upper(count(early, "early reversal", "early reversals")))}
	}
	s.Tables = append(s.Tables, table)
	d.add(s)
	return d
}

// figures draw the time to restore over the runs, a lane each.
func (t Trend) figures() []figure {
	f := figure{Figure: chart.Figure{Title: "Time to restore, run by run.", Text: "In each lane one run: a dot for each drill, a triangle for a breach that its checks saw.",
		X: chart.Axis{Label: "from the breach until the baseline was healthy", Unit: chart.Seconds}}}
	var p chart.Panel
	for _, point := range t.Points {
		lane, slowest := chart.Lane{Label: point.StartedAt.UTC().Format("01-02 15:04")}, 0.0
		if point.Restore != nil {
			for _, v := range point.Restore.Values {
				lane.Dots = append(lane.Dots, chart.Mark{X: v, Kind: chart.Dot, Text: chart.Value(v, chart.Seconds)})
			}
			slowest = point.Restore.Max
		}
		if b := point.Breach; b != nil && b.Restore != nil {
			real := std(*b.Restore)
			lane.Dots = append(lane.Dots, chart.Mark{X: real, Kind: chart.Breach, Text: "a real breach: " + chart.Value(real, chart.Seconds)})
			slowest = max(slowest, real)
		}
		if len(lane.Dots) == 0 {
			continue
		}
		lane.Value = chart.Value(slowest, chart.Seconds)
		p.Lanes = append(p.Lanes, lane)
		f.X.High = max(f.X.High, slowest*1.08)
	}
	if len(p.Lanes) == 0 {
		return nil
	}
	f.Panels = []chart.Panel{p}
	return []figure{f}
}
