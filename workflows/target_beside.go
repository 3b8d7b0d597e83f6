package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// takeBeside follows the oldest of the rollouts that were started without this Target,
// if there is one. Under older workers nobody looked after those.
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

// owe keeps a recovery until nobody holds the target. The rollout that holds it may be
// refused as dirty, because of the very changes that the recovery puts back. Under
// older workers such a recovery was dropped.
func (t *target) owe(recovery rollout.Submit) {
	if workflow.GetVersion(t.ctx, "recovery-waits-for-holder", workflow.DefaultVersion, 1) == 1 {
		t.status.Owed = append(t.status.Owed, recovery)
	}
}

// acquit drops the recoveries that waited for a rollout which has now ended, if that
// rollout took a snapshot of its own or was promoted: then nothing is left of the
// changes before it.
func (t *target) acquit(s rollout.Status) {
	if s.Outcome == rollout.Promoted || s.Outcome != rollout.Refused && s.Baseline != "" {
		t.status.Owed = nil
	}
}
