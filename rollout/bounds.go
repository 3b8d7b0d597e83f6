package rollout

// MaxEvents is the longest history that Admit accepts.
const MaxEvents = 10000

// UnitEvents is what being a unit of a fleet adds to a rollout's history: what
// it reports, the window that watches it until the fleet is decided, the word
// that it is, and the entry with its Target. Each half day of waiting adds 6.
const UnitEvents = 26

// EventBound computes how long the history may become when nothing goes
// wrong: 60 + Σ per step (13 + 6·windows), 6 for the window that watches the
// kept baseline, 14 for a copy of it, 6 for each cohort and 8 for the removal of
// their rules, 1 per approval and 17 for each of its votes, which has a witness and
// is authorized, and 8 more for each approval that is asked for while the candidate has traffic,
// because then a window stays open beside it; where people are told, 9 for each
// notice and 14 for each escalation. A call of a hook is 16.
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
		events += 6*cohorts + 8
	}
	for _, q := range p.Approvals() {
		events += 9 + 17*q.Quorum
	}
	if len(p.Steps) > 0 && p.Steps[0].Approve != nil {
		events -= 8
	}
	return events + 16*p.hookCalls() + noticeEvents*p.notices() + (noticeEvents+escalationEvents)*p.escalations()
}

// hookCalls is how often hooks are called when nothing goes wrong.
func (p Plan) hookCalls() int {
	calls := 0
	for _, h := range p.Spec.Hooks {
		switch h.At {
		case HookBeforeStep, HookAfterStep:
			calls += len(p.longestWay())
		case HookBeforeStart, HookBeforePromote, HookAfter:
			calls++
		}
	}
	return calls
}

// A notice is a child workflow that is initiated, started and completed, the
// last two with a workflow task each; an escalation before it is a timer that
// starts and fires, with a task.
const (
	noticeEvents     = 9
	escalationEvents = 5
)

// notices is how many people are told of when nothing goes wrong: each approval
// and the end.
func (p Plan) notices() int {
	if !p.Notifies {
		return 0
	}
	return len(p.Approvals()) + 1
}

// escalations is how many there are when every approval comes late.
func (p Plan) escalations() int {
	if !p.Notifies {
		return 0
	}
	return len(p.Approvals()) * len(p.Escalation)
}

// noticeActions is a child workflow, who is told, and one of them.
const noticeActions = 4

// ActionBound computes the billable actions when nothing goes wrong, without
// heartbeats: 15 + Σ per step (3 + windows) + 2 per approval and 3 for each of
// its votes, one for each cohort and for the removal of their rules, and what
// notices cost.
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
	for _, q := range p.Approvals() {
		actions += 2 + 3*q.Quorum
	}
	return actions + 2*p.hookCalls() + noticeActions*(p.notices()+p.escalations()) + p.escalations()
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
