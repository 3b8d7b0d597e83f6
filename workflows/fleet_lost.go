package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// isCutOff reports whether a unit's rollout began, and ended without having put
// anything back. What a person acknowledged is none of it.
func (f *fleet) isCutOff(u *unit, err error) bool {
	var failed *temporal.ApplicationError
	acknowledged := errors.As(err, &failed) && failed.HasDetails()
	return f.plan.Recovers && err != nil && !acknowledged && f.at(u).RunID != ""
}

// recover puts back what a unit's rollout had changed that was cut off, by a
// rollout of its own under the same id. The unit has failed; when the fleet is
// decided, and only a baseline was left to be removed, it has not.
func (f *fleet) recover(u *unit, lost string) {
	s := f.at(u)
	if u.cutOff == "" { // else a recovery was lost, too: there is still the same to put back
		u.cutOff = s.RunID
	}
	order := f.order.UnitOrder(u.Unit, f.status.WorkflowID)
	order.ID, order.Recover, order.Reason = rollout.RecoveryID(s.RunID), u.cutOff, lost
	u.kept, u.restored = false, false
	s.RunID, s.Kept, s.Phase, s.Cause, s.Reason = "", false, rollout.PhaseRollingBack, rollout.CauseLost, "its rollout was cut off: "+lost
	if !u.ordered && !f.beyond {
		outcome := rollout.RolledBack
		if lost == activities.LostTerminated {
			outcome = rollout.Aborted
		}
		f.fails(u, outcome)
	}
	f.start(u, order, fmt.Sprintf("put back what the rollout of %s had changed: %s", u.Target, lost))
	f.refresh()
}
