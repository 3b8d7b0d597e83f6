package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"bakeoff/analysis"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
)

// Movement is where a metric went.
type Movement string

// The movements. Moved is one of which neither direction is better. Same is
// proved to lie within the margin, Unclear is not. TooFew pairs allow no interval.
const (
	Worse       Movement = "worse"
	Better      Movement = "better"
	Moved       Movement = "moved"
	Same        Movement = "same"
	Unclear     Movement = "unclear"
	TooFew      Movement = "tooFew"
	NotCompared Movement = "notCompared"
)

// margin is the change that is still called the same: a share of the value or,
// of figures that have been 0, an absolute one.
const (
	margin     = 0.05
	leastPairs = 8
)

var margins = map[string]float64{chart.Seconds: 0.01, chart.Ratio: 0.001}

// Metric is one figure of all runs.
type Metric struct {
	Name      string      `json:"name"`
	Of        string      `json:"of,omitempty"` // load, side or drill
	Unit      string      `json:"unit"`
	Baseline  *float64    `json:"baseline,omitempty"`  // median of its values
	Candidate *float64    `json:"candidate,omitempty"` // as well
	Spread    *[2]float64 `json:"spread,omitempty"`    // least and greatest median of the baseline runs, of which there are several

	// Change is the shift of the pairs, with an interval of 95 %: a share of
	// the baseline where Relative, else in the metric's unit.
	Change   *float64    `json:"change,omitempty"`
	Interval *[2]float64 `json:"interval,omitempty"`
	Relative bool        `json:"relative,omitempty"`
	Pairs    int         `json:"pairs"`
	Movement Movement    `json:"movement"`
	Reason   string      `json:"reason,omitempty"` // why too few, not compared, or unclear although it moved
	Differ   []string    `json:"differ,omitempty"` // parts for which it is not compared
}

// compareMetrics compares every figure that any run has, in the order of the
// last run.
func compareMetrics(runs []evidence.Run, parts []PartChange) []Metric {
	slot := slotOf(runs)
	var keys []quantity
	byRun := make([]map[string]quantity, len(runs))
	for i := len(runs) - 1; i >= 0; i-- {
		byRun[i] = map[string]quantity{}
		for _, q := range quantities(runs[i], slot) {
			if !slices.ContainsFunc(keys, func(k quantity) bool { return k.key() == q.key() }) {
				keys = append(keys, q)
			}
			byRun[i][q.key()] = q
		}
	}
	var out []Metric
	for _, key := range keys {
		sides := make([]quantity, len(runs))
		for i := range runs {
			sides[i] = byRun[i][key.key()]
		}
		m := Metric{Name: key.name, Of: key.of, Unit: key.unit, Differ: differing(key.needs, parts)}
		m.compare(key, sides[:len(sides)-1], sides[len(sides)-1])
		out = append(out, m)
	}
	return out
}

func (q quantity) key() string { return q.name + "\x00" + q.of }

// differing are the parts that a figure needs, and in which something else was done
// in one run than in another.
func differing(needs []string, parts []PartChange) []string {
	var out []string
	for _, p := range parts {
		kind, _, _ := strings.Cut(p.Name, "/")
		if !p.Agree && len(p.Limits) == 0 && slices.Contains(needs, kind) {
			out = append(out, p.Name)
		}
	}
	return out
}

func (m *Metric) compare(key quantity, baseline []quantity, candidate quantity) {
	if len(m.Differ) > 0 {
		m.Movement, m.Reason = NotCompared, fmt.Sprintf("%s %s: not compared", strings.Join(m.Differ, ", "), plural(len(m.Differ), "differs", "differ"))
		return
	}
	m.summarise(baseline, candidate)
	if m.Baseline == nil || m.Candidate == nil {
		m.Movement, m.Reason = NotCompared, "not measured in the last run"
		if m.Baseline == nil {
			m.Reason = "not measured in the baseline"
		}
		return
	}
	judged, err := m.judge(baseline, candidate)
	if err != nil {
		m.Movement, m.Reason = NotCompared, err.Error()
		return
	}
	m.decide(key.better, judged)
}

// summarise has the medians of all values of each side.
func (m *Metric) summarise(baseline []quantity, candidate quantity) {
	var all, each []float64
	for _, q := range baseline {
		if middle := middle(q.values()); finite(middle) {
			all, each = append(all, q.values()...), append(each, middle)
		}
	}
	m.Baseline, m.Candidate = known(middle(all)), known(middle(candidate.values()))
	if len(each) > 1 {
		m.Spread = &[2]float64{slices.Min(each), slices.Max(each)}
	}
}

func (q quantity) values() []float64 {
	var out []float64
	for _, p := range q.pairs {
		if finite(p.value) {
			out = append(out, p.value)
		}
	}
	return out
}

func known(x float64) *float64 {
	if !finite(x) {
		return nil
	}
	return &x
}

// verdicts are what the judge says to the two questions: is there a change
// beyond the margin, and is there proof that there is none.
type verdicts struct{ moved, same analysis.Evidence }

func (m *Metric) judge(baseline []quantity, candidate quantity) (verdicts, error) {
	params := analysis.RunCompare{Direction: "either", Transform: "log", Margin: margin, MinPairs: leastPairs}
	m.Relative = true
	for _, q := range append(slices.Clone(baseline), candidate) {
		if values := q.values(); len(values) > 0 && slices.Min(values) <= 0 {
			params.Transform, params.Margin, m.Relative = "diff", 0.5, false
			if absolute, ok := margins[m.Unit]; ok {
				params.Margin = absolute
			}
		}
	}
	j, err := analysis.New(analysis.Config{Name: m.Name, Judge: analysis.Params{RunCompare: &params}})
	if err != nil {
		return verdicts{}, err
	}
	m.Pairs = common(baseline, candidate)
	start := 0.0
	fold := func(q quantity, side func(*analysis.Window, *analysis.Counts)) {
		for _, p := range q.pairs {
			w := analysis.Window{Check: m.Name, Pair: p.name, Start: start, End: start + 1}
			side(&w, &analysis.Counts{Value: &p.value})
			_ = j.Fold(w) // what is no number is left out
			start++
		}
	}
	for _, q := range baseline {
		fold(q, func(w *analysis.Window, c *analysis.Counts) { w.Baseline = c })
	}
	fold(candidate, func(w *analysis.Window, c *analysis.Counts) { w.Candidate = c })
	return verdicts{moved: j.Final("noHarm"), same: j.Final("nonInferior")}, nil
}

// common counts the pairs that have both sides.
func common(baseline []quantity, candidate quantity) int {
	n := 0
	for _, p := range candidate.pairs {
		if finite(p.value) && slices.ContainsFunc(baseline, func(q quantity) bool {
			return slices.ContainsFunc(q.pairs, func(other pair) bool { return other.name == p.name && finite(other.value) })
		}) {
			n++
		}
	}
	return n
}

// decide turns the verdicts into a movement. Where several baseline runs are
// given, a median within theirs has not moved, whatever the interval of the
// pairs: runs differ by more than their pairs do.
func (m *Metric) decide(better direction, v verdicts) {
	if m.Pairs < leastPairs {
		m.Movement, m.Reason = TooFew, "too few to say"
		return
	}
	e := v.moved
	if e.Interval[0] == nil || e.Interval[1] == nil {
		m.Movement, m.Reason = NotCompared, e.Reason
		return
	}
	shift, low, high := e.Ratio-1, *e.Interval[0]-1, *e.Interval[1]-1
	if e.Difference != nil {
		shift, low, high = *e.Difference, *e.Interval[0], *e.Interval[1]
	}
	m.Change, m.Interval = &shift, &[2]float64{low, high}
	within := m.Spread != nil && *m.Candidate >= m.Spread[0] && *m.Candidate <= m.Spread[1]
	switch {
	case e.Verdict == analysis.Fail && within:
		m.Movement, m.Reason = Unclear, "no further from the baseline runs than they are from each other"
	case e.Verdict == analysis.Fail:
		m.Movement = moved(better, shift)
	case v.same.Verdict == analysis.Pass:
		m.Movement = Same
	default:
		m.Movement = Unclear // the interval holds both a change beyond the margin and none
	}
}

func moved(better direction, shift float64) Movement {
	switch {
	case better == either:
		return Moved
	case math.Signbit(shift) == (better == lower):
		return Better
	default:
		return Worse
	}
}
