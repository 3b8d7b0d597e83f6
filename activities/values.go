package activities

import (
	"fmt"
	"math"
	"time"

	"bakeoff/analysis"
	"bakeoff/rollout"
)

// gathering is what was read of each check in its present step.
type gathering map[string]map[Side]gathered

// gathered is the sum and the number of one side's values.
type gathered struct {
	Sum   float64 `json:"sum"`
	Count int     `json:"count"`
}

// gathers reports whether a check's values are put together to one for each of
// its steps: the judges that compare value with value want them as independent
// as they can be had, and not the same scrape several times over.
func gathers(check rollout.Check) bool { return check.Query != "" && !check.IsAbsolute() }

// gather adds one reading of both sides. When the step is over it returns the
// means as one window. The first reading only says when the first step begins.
func (p *panel) gather(check rollout.Check, r CheckReading, at time.Time) (*analysis.Window, trouble) {
	read := map[Side]float64{}
	for _, side := range []Side{Candidate, Baseline} {
		x := r.Sides[side].Value
		if x == nil {
			return nil, trouble{rollout.NoData, fmt.Sprintf("%s: no value of the %s", check.Name, side)}
		}
		if math.IsNaN(*x) || math.IsInf(*x, 0) {
			return nil, trouble{rollout.Error, fmt.Sprintf("%s: the value of the %s is %g", check.Name, side, *x)}
		}
		read[side] = *x
	}
	from, begun := p.at[check.Name]
	if !begun {
		p.at[check.Name] = at
	}
	if !begun || !at.After(from) {
		return nil, trouble{}
	}
	if p.values[check.Name] == nil {
		p.values[check.Name] = map[Side]gathered{}
	}
	w := &analysis.Window{Check: check.Name, Start: seconds(from), End: seconds(at)}
	for side, counts := range map[Side]**analysis.Counts{Baseline: &w.Baseline, Candidate: &w.Candidate} {
		g := p.values[check.Name][side]
		g.Sum, g.Count = g.Sum+read[side], g.Count+1
		p.values[check.Name][side] = g
		mean := g.Sum / float64(g.Count)
		*counts = &analysis.Counts{Value: &mean}
	}
	if at.Sub(from) < check.Step().Std() {
		return nil, trouble{}
	}
	p.forget(check, at)
	return w, trouble{}
}

// beginAnew lets the next reading of each relative check only set the reference:
// what was counted so far was not among a share of the users.
func (p *panel) beginAnew() {
	for _, check := range p.checks {
		if !check.IsAbsolute() {
			delete(p.last, check.Name)
			delete(p.at, check.Name)
			delete(p.values, check.Name)
		}
	}
}

// forget begins a new step of a check at the given time.
func (p *panel) forget(check rollout.Check, at time.Time) {
	if gathers(check) {
		delete(p.values, check.Name)
		p.at[check.Name] = at
	}
}
