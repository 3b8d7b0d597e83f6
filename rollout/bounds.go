package rollout

// MaxEvents is the longest history that Admit accepts.
const MaxEvents = 10000

// UnitEvents is what being a unit of a fleet adds to a rollout's history: what
// it reports, the window that watches it until the fleet is decided, and the word
// that it is. Each half day of waiting adds 6.
const UnitEvents = 20

// EventBound computes how long the history may become when nothing goes
// wrong: 60 + Σ per step (13 + 6·windows), 6 for the window that watches the
// kept baseline, 14 for a copy of it, 6 for each cohort and for the removal of
// their rules, 8 per approval, and 8 more for each that is asked for while the
// candidate has traffic, because then a window stays open beside it.
func (p Plan) EventBound() int {
	events := 60
	for _, step := range p.longestWay() {
		events += 13 + 6*len(step.Windows)
	}
	if p.KeepBaseline > 0 {
		events += 6
	}
	if p.Copy != "" {
		events += 14
	}
	if cohorts := len(p.Cohorts()); cohorts > 0 {
		events += 6 * (cohorts + 1)
	}
	events += 16 * len(p.Approvals())
	if len(p.Steps) > 0 && p.Steps[0].Approve != nil {
		events -= 8
	}
	return events
}

// ActionBound computes the billable actions when nothing goes wrong, without
// heartbeats: 15 + Σ per step (3 + windows) + 3 per approval, and one for each
// cohort and for the removal of their rules.
func (p Plan) ActionBound() int {
	actions := 15
	if p.Copy != "" {
		actions += 2
	}
	if cohorts := len(p.Cohorts()); cohorts > 0 {
		actions += cohorts + 1
	}
	for _, step := range p.longestWay() {
		actions += 3 + len(step.Windows)
	}
	return actions + 3*len(p.Approvals())
}

// longestWay is the plan's steps; an adaptive one may take more than are listed.
func (p Plan) longestWay() []PlannedStep {
	a := p.Spec.Strategy.Adaptive
	if a == nil {
		return p.Steps
	}
	var steps []PlannedStep
	for i, step := range a.rungs() {
		steps = append(steps, p.step(i+1, step))
		// A weight that stays is baked anew, twice as long each time, until the deadline.
		for spent, bake := step.Bake, 2*step.Bake; spent < p.Spec.Deadline/mostRungs; spent, bake = spent+bake, 2*bake {
			steps = append(steps, p.step(i+1, Step{Weight: step.Weight, Bake: bake}))
		}
	}
	return steps
}
