package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// wayBack is what another run would need to put everything back, should this
// one be cut off.
func (r *run) wayBack() (activities.WayBack, error) {
	back := activities.WayBack{Plan: r.plan, Snapshot: r.snapshot, Job: r.job, Undo: r.undo, Beyond: r.beyond, Served: r.served,
		Weight: r.status.Weight, Step: r.status.Step}
	if s := r.back; s != nil {
		back.Back = &activities.Setback{Outcome: s.outcome, Cause: s.cause, Reason: s.reason, Actor: s.actor, At: s.at}
	}
	return back, nil
}

// terminateActor is who ends a rollout that is terminated.
const terminateActor = "temporal:terminate"

// takeOverWithin is how long reading the lost run may take before a person is
// asked for.
const takeOverWithin = time.Minute

// takeOver puts itself into the place of a run that was cut off from outside,
// and goes back from there. Where that run was beyond going back, it tidies up.
func (r *run) takeOver() *setback {
	r.enter(rollout.PhaseRollingBack, "", "taking over from a run that was cut off: "+r.order.Reason)
	act := r.act("take.over", "read what the run that was cut off had changed")
	var back activities.WayBack
	in := activities.ReadWayBackInput{WorkflowID: r.status.WorkflowID, RunID: r.order.Recover}
	read := start(r.ctx, act, a.ReadWayBack, in)
	alarm := r.timer("ask for a human when what had been changed cannot be read", takeOverWithin)
	if _ = workflow.Await(r.ctx, func() bool { return read.IsReady() || alarm.IsReady() }); !read.IsReady() {
		r.needHuman("what the run that was cut off had changed cannot be read")
	}
	alarm.cancel()
	if err := read.Get(r.ctx, &back); err != nil {
		return &setback{outcome: rollout.Failed, cause: rollout.CauseLost, reason: "what had been changed could not be read: " + rootCause(err)}
	}
	fence := r.job.Fence // of this run, and so higher than the lost one's
	r.adopt(back.Plan)
	r.order.Spec, r.snapshot, r.undo, r.served = back.Plan.Spec, back.Snapshot, back.Undo, back.Served
	if back.Job.Target != "" {
		r.job = back.Job
	}
	r.job.Fence, r.job.Intent = fence, ""
	r.status.Baseline, r.status.Candidate = r.job.Baseline, r.job.Candidate
	r.status.Weight, r.status.Step = back.Weight, back.Step
	r.tellOfPhase(rollout.Status{}) // whether anybody wants to know stands in the plan
	if back.Beyond {
		return nil
	}
	return r.lostSetback(back.Back)
}

// lostSetback is why the run that takes over goes back: for the reason of the one
// that was cut off, where that was going back already. The first one wins.
func (r *run) lostSetback(first *activities.Setback) *setback {
	switch {
	case first != nil:
		return &setback{outcome: first.Outcome, cause: first.Cause, actor: first.Actor, at: first.At,
			reason: first.Reason + "; on its way back the rollout was cut off: " + r.order.Reason}
	case r.order.Reason == activities.LostTerminated:
		return &setback{outcome: rollout.Aborted, actor: terminateActor,
			reason: fmt.Sprintf("aborted by %s: run %s was terminated", terminateActor, r.order.Recover)}
	}
	return &setback{outcome: rollout.RolledBack, cause: rollout.CauseLost, reason: "the rollout was cut off: " + r.order.Reason}
}

// lostWait is how long that takes.
func (r *run) lostWait() time.Duration {
	if r.order.Recover == "" {
		return 0
	}
	return writeLimit
}

// waitOutLostRun waits until what the run that was cut off had begun can write
// no more.
func (r *run) waitOutLostRun() {
	if r.order.Recover == "" {
		return
	}
	timer := r.timer("wait out what the run that was cut off may still write", r.lostWait())
	_ = workflow.Await(r.ctx, func() bool { return timer.IsReady() || r.acknowledged != nil })
}
