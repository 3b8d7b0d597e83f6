package rollout

import "slices"

// Owners are all who answer for something in the plan: for the rollout, a step or
// the promotion, each once.
func (p Plan) Owners() []string {
	owners := []string{p.Spec.Owner}
	for _, step := range p.Steps {
		owners = append(owners, step.Owner)
	}
	owners = append(owners, p.PromoteOwner)
	slices.Sort(owners)
	return slices.DeleteFunc(slices.Compact(owners), func(owner string) bool { return owner == "" })
}

// Ladder is who is told, one after another, when something waits for long that
// somebody answers for; "" is nobody in particular.
func (p Plan) Ladder(owner string) []Rung {
	if rungs, found := p.StepEscalation[owner]; found {
		return rungs
	}
	return p.Escalation
}
