package workflows

import (
	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

func (r *run) obeySignals() {
	var c rollout.Command
	for workflow.GetSignalChannel(r.ctx, rollout.CommandAbort).ReceiveAsync(&c) {
		c.Name = rollout.CommandAbort
		r.once(c, r.abort)
		c = rollout.Command{}
	}
}

func (r *run) obeyCancel() {
	r.once(rollout.Command{ID: cancelActor, Name: rollout.CommandAbort, Actor: cancelActor, Reason: "the workflow was cancelled"}, r.abort)
	r.mayTidy = true // a fleet that is gone says nothing more
}

// heed obeys an abort that has come in the same task as what is waited for. It
// is older than whatever would follow, and nothing does.
func (r *run) heed() {
	if r.isUnit() {
		r.obeyFleet()
	}
	if !r.plan.AbortFirst {
		return
	}
	r.obeySignals()
	if r.root.Err() != nil {
		r.obeyCancel()
	}
}
