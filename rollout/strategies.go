package rollout

import (
	"fmt"
	"strings"
)

// Step is one rung: who gets the candidate, how long it bakes, and who must
// agree before.
type Step struct {
	Weight  Weight    `json:"weight,omitempty"`  // share of traffic, higher than in the step before; a ring with a cohort has none
	Bake    Duration  `json:"bake"`              // how long it is watched
	Cohort  string    `json:"cohort,omitempty"`  // named users who get the candidate from this step on, by a rule that goes with the rollout
	Owner   string    `json:"owner,omitempty"`   // who answers for this step; default the rollout's owner
	Approve *Approval `json:"approve,omitempty"` // asked before the raise
}

// Linear raises by Step, bakes each time, and promotes at Until, which has no
// bake of its own. Until defaults to 100%.
type Linear struct {
	Step  Weight   `json:"step"`
	Bake  Duration `json:"bake"`
	Until Weight   `json:"until,omitempty"`
	Owner string   `json:"owner,omitempty"` // who answers for its steps; default the rollout's owner
}

// BlueGreen judges the candidate on test traffic, which reaches it at its own
// endpoints, and then gives it all of the traffic at once.
type BlueGreen struct {
	Preview Duration `json:"preview"`         // how long it is watched before the switch
	Owner   string   `json:"owner,omitempty"` // who answers for its step; default the rollout's owner
}

// AllAtOnce gives the candidate all of the traffic in one step, on absolute
// checks alone.
type AllAtOnce struct {
	Bake  Duration `json:"bake"`
	Owner string   `json:"owner,omitempty"` // who answers for its step; default the rollout's owner
}

// Audience says who meets the candidate: "5%", "cohort internal", "5% and
// cohort internal". Apart from all users there is only test traffic.
func Audience(w Weight, apart bool, cohorts ...string) string {
	switch {
	case len(cohorts) == 0 && apart:
		return "test traffic"
	case len(cohorts) == 0:
		return w.String()
	}
	who := "cohort " + strings.Join(cohorts, ", ")
	if w > 0 {
		who = w.String() + " and " + who
	}
	return who
}

// Audience says who meets the candidate from this step on, besides those of the
// steps before.
func (s PlannedStep) Audience() string {
	if s.Cohort == "" {
		return Audience(s.Weight, s.Apart)
	}
	return Audience(s.Weight, s.Apart, s.Cohort)
}

// Raise is what taking the step means: "the raise to 5%".
func (s PlannedStep) Raise() string {
	if s.Weight == 0 {
		return "the step to " + s.Audience()
	}
	return "the raise to " + s.Audience()
}

// FirstShare is the first share of all users that meets the candidate.
func (p Plan) FirstShare() Weight {
	for _, step := range p.Steps {
		if step.Weight > 0 {
			return step.Weight
		}
	}
	return All
}

// Cohorts are those that the plan sends to the candidate, in order.
func (p Plan) Cohorts() []string {
	var names []string
	for _, step := range p.Steps {
		if step.Cohort != "" {
			names = append(names, step.Cohort)
		}
	}
	return names
}

// listed are the steps that a person wrote one by one, and where.
func (s Strategy) listed() (path string, steps []Step) {
	if len(s.Rings) > 0 {
		return "strategy.rings", s.Rings
	}
	return "strategy.canary", s.Canary
}

// StepPath is where a step of the plan stands in the spec: strategy.canary[1] for
// the second. Steps that nobody wrote one by one are in "strategy".
func (s Strategy) StepPath(number int) string {
	list, steps := s.listed()
	if number < 1 || number > len(steps) {
		return "strategy"
	}
	return fmt.Sprintf("%s[%d]", list, number-1)
}

// validateSteps checks the steps of a canary, or of rings.
func (s Strategy) validateSteps(v *validation) {
	list, steps := s.listed()
	last, cohorts := Weight(0), map[string]bool{}
	for i, step := range steps {
		path := fmt.Sprintf("%s[%d]", list, i)
		if len(s.Rings) > 0 && step.Cohort != "" {
			v.require(step.Weight == 0, path+".weight", "a ring is a cohort or a weight, not both: make them two rings, or a canary")
			v.require(last == 0, path+".cohort", "cohort %s comes after a weight: cohorts are the inner rings", step.Cohort)
		} else {
			v.require(step.Weight > 0 && step.Weight <= All, path+".weight", "%s is impossible: more than 0%% and at most 100%%", step.Weight)
			v.require(step.Weight > last || step.Weight <= 0, path+".weight", "%s does not rise: the step before has %s", step.Weight, last)
		}
		if step.Cohort != "" {
			v.name(step.Cohort, path+".cohort")
			v.require(!cohorts[step.Cohort], path+".cohort", "cohort %s has the candidate already: an earlier step sends it there", step.Cohort)
			cohorts[step.Cohort] = true
		}
		v.bake(step.Bake, path+".bake", "a step without a bake proves nothing: give a duration such as 10m")
		step.Approve.validate(v, path+".approve")
		last = step.Weight
	}
}

func (b BlueGreen) validate(v *validation) {
	v.bake(b.Preview, "strategy.blueGreen.preview", "a switch without a preview is allAtOnce: give a duration such as 30m")
}

func (a AllAtOnce) validate(v *validation) {
	v.bake(a.Bake, "strategy.allAtOnce.bake", "a step without a bake proves nothing: give a duration such as 30m")
}
