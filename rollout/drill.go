package rollout

import (
	"errors"
	"fmt"
	"slices"
)

// Drill injects a verdict at a step, to practise the way back. Admit refuses
// it outside rehearsals.
type Drill struct {
	Step    int      `json:"step"` // from 1
	Verdict Verdict  `json:"verdict"`
	After   Duration `json:"after,omitempty"` // into the step's bake, its warm-up not counted
}

// DrillVerdicts are the verdicts that lead back, and so can be practised.
func DrillVerdicts() []Verdict { return []Verdict{Fail, NoData, Error, Inconclusive} }

// check says what is wrong with a drill of a plan; "" when nothing is.
func (d Drill) check(p Plan) string {
	switch i := d.Step - 1; {
	case i < 0 || i >= len(p.Steps):
		return fmt.Sprintf("there is no step %d: the plan has %d", d.Step, len(p.Steps))
	case d.After < 0 || d.After >= p.Steps[i].Bake:
		return fmt.Sprintf("step %d bakes %s: %s after its start nobody watches it any more", d.Step, p.Steps[i].Bake, d.After)
	case !slices.Contains(DrillVerdicts(), d.Verdict):
		return fmt.Sprintf("%q is none of the verdicts that lead back: %v", d.Verdict, DrillVerdicts())
	}
	return ""
}

// Drilling makes of a plan that of a drill, sealed again. Nobody is asked in a
// drill: it goes back whatever anybody says, and no proof ends a bake before its
// verdict is injected.
func (p Plan) Drilling(d Drill) (Plan, error) {
	if why := d.check(p); why != "" {
		return p, errors.New(why)
	}
	p.Drill, p.Promote, p.GoesBack = &d, nil, true
	p.Spec.Policy.EndEarly = false
	p.Steps = slices.Clone(p.Steps)
	for i := range p.Steps {
		p.Steps[i].Approve, p.Steps[i].PolicyApprove = nil, nil
	}
	return p.Seal(), nil
}

// Drilled is the policy in the step that a drill goes back from: what would let
// the candidate pass leads back.
func (p Policy) Drilled() Policy {
	p.EndEarly = false
	if p.Inconclusive == RulePromote {
		p.Inconclusive = RuleRollback
	}
	if p.Otherwise == RulePromote {
		p.Otherwise = RuleRollback
	}
	return p
}

// WayOn says by which of its fields the policy goes on upon a verdict that is
// there; "" where it goes back.
func (p Policy) WayOn(v Verdict) string {
	field, rule := "", ""
	switch v {
	case NoData:
		field, rule = "noData", p.NoData
	case Error:
		field, rule = "error", p.Error
	case Inconclusive:
		field, rule = "inconclusive", p.Inconclusive
	}
	switch {
	case rule == RulePromote:
		return fmt.Sprintf("policy.%s is %s", field, RulePromote)
	case rule == RuleHold && p.Otherwise == RulePromote:
		return fmt.Sprintf("policy.%s is %s, and policy.otherwise %s", field, RuleHold, RulePromote)
	}
	return ""
}
