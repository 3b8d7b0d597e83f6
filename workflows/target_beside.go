package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// takeBeside follows the oldest of the rollouts that began beside this workflow, if
// there is one. Under older workers nobody looked after those.
func (t *target) takeBeside() bool {
	if len(t.status.Beside) == 0 {
		return false
	}
	next, later := t.status.Beside[0], slices.Clone(t.status.Beside[1:])
	t.status.Beside = nil
	if workflow.GetVersion(t.ctx, "follow-what-began-beside", workflow.DefaultVersion, 1) < 1 {
		return false
	}
	t.status.Running, t.status.Beside = &next, later
	t.watch()
	return true
}

// owe keeps a recovery for when nobody holds the target: who does may be refused
// because of what is to be put back, and then nobody else puts it back. Under older
// workers it was dropped.
func (t *target) owe(recovery rollout.Submit) {
	if workflow.GetVersion(t.ctx, "recovery-waits-for-holder", workflow.DefaultVersion, 1) == 1 {
		t.status.Owed = append(t.status.Owed, recovery)
	}
}

// acquit drops the recoveries that waited for a rollout which has ended, where that
// has seen, or made, a state of its own: there is nothing left of what came before.
func (t *target) acquit(s rollout.Status) {
	if s.Outcome == rollout.Promoted || s.Outcome != rollout.Refused && s.Baseline != "" {
		t.status.Owed = nil
	}
}
