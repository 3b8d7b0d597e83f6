package workflows

import (
	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// listenForBreaches obeys the signal by which an outside system reports harm.
func (r *run) listenForBreaches(ctx workflow.Context) {
	breaches := workflow.GetSignalChannel(ctx, rollout.SignalBreach)
	for {
		var b rollout.Breach
		breaches.Receive(ctx, &b)
		r.breach(b)
	}
}

// breach turns back because of harm that an outside system saw, once for each id.
// If users have met nothing of the candidate, or the rollout goes back already or no
// longer can, the signal is only recorded.
func (r *run) breach(b rollout.Breach) {
	isNew := !r.breached[b.ID]
	r.breached[b.ID] = true
	if isNew && r.isGoing() && (r.served || r.hasFlags()) {
		r.turn(setback{outcome: rollout.RolledBack, cause: rollout.CauseVerdict, reason: r.where(b.String())})
	}
}

// hasFlags reports whether users may have met the flags of the candidate. Under
// older workers only its traffic counted.
func (r *run) hasFlags() bool {
	return r.begun(rollout.RestoreFlags) && workflow.GetVersion(r.ctx, "flags-are-met", workflow.DefaultVersion, 1) == 1
}
