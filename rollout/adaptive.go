package rollout

import (
	"fmt"
	"strconv"
	"strings"
)

// Adaptive lets the evidence choose the weights: starting at From, the candidate
// gets as much traffic as its failures allow, until it has baked at To. See
// analysis.Exposure.
type Adaptive struct {
	From       Weight   `json:"from"`            // the first weight, and the lowest that the evidence lowers it to
	To         Weight   `json:"to"`              // after a bake at this weight it is promoted
	RiskBudget Budget   `json:"riskBudget"`      // failures beyond the baseline's that the rollout may cost: "200 failures"
	MinBake    Duration `json:"minBake"`         // at each weight
	Owner      string   `json:"owner,omitempty"` // who answers for its steps; default the rollout's owner
}

// Budget is a number of failures, written "200 failures" or 200.
type Budget int

// String writes the budget as people do: "200 failures".
func (b Budget) String() string { return fmt.Sprintf("%d failures", int(b)) }

// MarshalText writes the budget as String does.
func (b Budget) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads "200 failures" or "200".
func (b *Budget) UnmarshalText(text []byte) error {
	digits := strings.TrimSpace(strings.TrimSuffix(strings.TrimSuffix(string(text), "s"), "failure"))
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 {
		return fmt.Errorf("%q is not a budget: write a number of failures from 1, such as 200 failures", text)
	}
	*b = Budget(n)
	return nil
}

// AdaptiveGrowth bounds each raise: an adaptive weight is at most so many times
// the one before.
const AdaptiveGrowth = 4

// mostRungs is how many adaptive weights a rollout may take.
const mostRungs = 30

// NextWeight is the weight that the evidence allows after the present one, and
// why, in one sentence.
type NextWeight struct {
	Weight Weight `json:"weight"`
	Reason string `json:"reason"`
}

// Fastest is the next weight where nothing speaks against it.
func (a Adaptive) Fastest(w Weight) Weight { return min(AdaptiveGrowth*w, a.To) }

// fastest are the rungs where nothing speaks against any.
func (a Adaptive) fastest() []Step {
	var steps []Step
	for w := a.From; w > 0; w = a.Fastest(w) {
		steps = append(steps, Step{Weight: w, Bake: a.MinBake, Owner: a.Owner})
		if w >= a.To {
			break
		}
	}
	return steps
}

// rungs are so many steps as are planned for at most.
func (a Adaptive) rungs() []Step {
	steps := make([]Step, mostRungs)
	for i := range steps {
		steps[i] = Step{Weight: a.From, Bake: a.MinBake}
	}
	return steps
}

func (a Adaptive) validate(v *validation) {
	const path = "strategy.adaptive"
	v.require(a.From > 0 && a.From <= All, path+".from", "%s is impossible: more than 0%% and at most 100%%", a.From)
	v.require(a.To > 0 && a.To <= All, path+".to", "%s is impossible: more than 0%% and at most 100%%", a.To)
	v.require(a.To == 0 || a.From <= a.To, path+".to", "%s is below from (%s)", a.To, a.From)
	v.require(a.RiskBudget > 0, path+".riskBudget", "is missing: say how many failures beyond the baseline's it may cost, such as 200 failures")
	v.bake(a.MinBake, path+".minBake", "a step without a bake proves nothing: give a duration such as 2m")
}

// Rung is an adaptive step: the number-th, at that weight, baked for that long.
func (p Plan) Rung(number int, w Weight, bake Duration) PlannedStep {
	return p.step(number, Step{Weight: w, Bake: bake, Owner: p.Spec.Strategy.Adaptive.Owner})
}
