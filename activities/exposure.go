package activities

import (
	"fmt"
	"math"

	"bakeoff/analysis"
	"bakeoff/rollout"
)

// budgetCheck is the name under which a spent risk budget is reported.
const budgetCheck = "riskBudget"

// exposed is what the checks of failures know of the candidate.
func (o *observer) exposed() []analysis.Exposed {
	var out []analysis.Exposed
	for _, check := range o.in.Checks {
		if !check.CountsExcess() {
			continue
		}
		j := o.panel.judges[check.Name]
		e := j.Verdict()
		out = append(out, analysis.Exposed{Check: check.Name, Baseline: e.Baseline, Candidate: e.Candidate,
			Ratio: e.Ratio, Low: e.Interval[0], Pace: j.Pace()})
	}
	return out
}

func (o *observer) allowance() analysis.Allowance {
	a := o.in.Adaptive
	x := analysis.Exposure{From: share(a.From), To: share(a.To), Budget: float64(a.RiskBudget), Bake: a.MinBake.Std().Seconds(), Growth: rollout.AdaptiveGrowth}
	return x.Next(share(o.in.Weight), o.exposed())
}

func share(w rollout.Weight) float64 { return float64(w) / float64(rollout.All) }

// overBudget is a Fail when the candidate has cost more failures than it may,
// and that is proved.
func (o *observer) overBudget() (trouble, bool) {
	if o.in.Adaptive == nil || o.in.Absolute {
		return trouble{}, false
	}
	proved := o.allowance().Proved
	if proved < float64(o.in.Adaptive.RiskBudget) {
		return trouble{}, false
	}
	return trouble{rollout.Fail, fmt.Sprintf("%s: at least %.0f failures beyond the baseline's, %d are allowed",
		budgetCheck, proved, int(o.in.Adaptive.RiskBudget))}, true
}

// next is the weight that the evidence allows after this window, as the router
// can make it; nil where the plan says it. A weight that the router cannot make
// is not tried.
func (o *observer) next() *rollout.NextWeight {
	if o.in.Adaptive == nil || o.in.Absolute {
		return nil
	}
	allowed := o.allowance()
	w := rollout.Weight(math.Round(allowed.Share * float64(rollout.All)))
	plan := rollout.Plan{Candidate: o.in.Candidate, Copy: o.in.Copy}
	if _, err := o.traffic.Approximate(plan.Split(o.in.Baseline, w)); err != nil {
		return &rollout.NextWeight{Weight: o.in.Weight, Reason: fmt.Sprintf("stay at %s: the router cannot make %s: %v", o.in.Weight, w, err)}
	}
	text := "stay at"
	switch {
	case w > o.in.Weight:
		text = "raise to"
	case w < o.in.Weight:
		text = "lower to"
	}
	return &rollout.NextWeight{Weight: w, Reason: fmt.Sprintf("%s %s: %s", text, w, allowed.Reason)}
}

// isTooMuch reports whether less traffic is allowed than the candidate has: a
// window that counts does not wait for its end then.
func (o *observer) isTooMuch() bool {
	if o.in.Adaptive == nil || o.in.Waiting || o.in.Held {
		return false
	}
	next := o.next()
	return next != nil && next.Weight < o.in.Weight
}
