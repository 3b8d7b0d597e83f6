package workflows

import (
	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

func (r *run) obeySignals() {
	takeAll(r.ctx, workflow.GetSignalChannel(r.ctx, rollout.CommandAbort), unreadAbort(), func(c rollout.Command) {
		c.Name = rollout.CommandAbort
		r.once(c, r.abort)
	})
}

func (r *run) obeyCancel() {
	why := "the workflow was cancelled"
	if r.isRehearsed() { // a rehearsal that is stopped says so before
		why += ", or its rehearsal was ended from outside"
	}
	r.once(rollout.Command{ID: cancelActor, Name: rollout.CommandAbort, Actor: cancelActor, Reason: why}, r.abort)
	r.mayTidy = true // a fleet that is gone says nothing more
}

// heed obeys an abort that arrived in the same workflow task as an awaited answer.
// The abort is older than anything that the answer would begin, so nothing begins.
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
