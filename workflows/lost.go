package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// wayBack answers the query by which a recovery learns how to put everything back, if
// this run is cut off.
func (r *run) wayBack() (activities.WayBack, error) {
	back := activities.WayBack{Plan: r.plan, Snapshot: r.snapshot, Job: r.job, Undo: r.undo, Beyond: r.beyond, Served: r.served,
		Weight: r.status.Weight, Step: r.status.Step, Unseen: r.unseen}
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

// losses is what is not known because something was cut off.
type losses struct {
	unread    bool      // what a lost run had changed cannot be read, and a person is asked for
	unwatched time.Time // since when every window has been lost; zero: the last one was not
}

// takeOver takes the place of a run that was cut off from outside, and goes back from
// there. If that run was past the point of going back, it only tidies up.
func (r *run) takeOver() *setback {
	r.enter(rollout.PhaseRollingBack, "", "taking over from a run that was cut off: "+r.order.Reason)
	var back activities.WayBack
	if s := r.readLost(&back); s != nil {
		return s
	}
	told := r.plan.Notifies
	fence := r.job.Fence // of this run, and so higher than the lost one's
	r.adopt(back.Plan)
	r.order.Spec, r.snapshot, r.undo, r.served = back.Plan.Spec, back.Snapshot, back.Undo, back.Served
	if back.Job.Target != "" {
		r.job = back.Job
	}
	r.job.Fence, r.job.Intent = fence, ""
	r.status.Baseline, r.status.Candidate = r.job.Baseline, r.job.Candidate
	r.status.Weight, r.status.Step, r.unseen = back.Weight, back.Step, back.Unseen
	if goesBack := !back.Beyond || r.plan.Revision < 2; goesBack && !told {
		r.tellOfPhase(rollout.Status{}) // whether anybody wants to know stands in the plan
	}
	if back.Beyond {
		return nil
	}
	return r.lostSetback(back.Back)
}

// readLost reads what the lost run had changed. If that takes too long, it asks for a
// person, who may have it read anew (retry) or take over (acknowledge). Under older
// workers neither order was heeded meanwhile.
func (r *run) readLost(back *activities.WayBack) *setback {
	const what = "read what the run that was cut off had changed"
	read := r.insist(what, func() (workflow.Future, workflow.CancelFunc) {
		ctx, cancel := workflow.WithCancel(r.ctx)
		return start(ctx, r.act("take.over", what), a.ReadWayBack,
			activities.ReadWayBackInput{WorkflowID: r.status.WorkflowID, RunID: r.order.Recover}), cancel
	})
	alarm := r.timer("ask for a human when what had been changed cannot be read", takeOverWithin)
	if _ = workflow.Await(r.ctx, func() bool { return read.IsReady() || alarm.IsReady() }); !read.IsReady() {
		r.needHuman("what the run that was cut off had changed cannot be read")
		if workflow.GetVersion(r.ctx, "unread-way-back-heeds-orders", workflow.DefaultVersion, 1) == 1 {
			return r.insistOnReading(read, back)
		}
	}
	alarm.cancel()
	if err := read.Get(r.ctx, back); err != nil {
		return unreadSetback(": " + rootCause(err))
	}
	return nil
}

// insistOnReading goes on reading until it succeeds, or a person takes over.
func (r *run) insistOnReading(read retried, back *activities.WayBack) *setback {
	r.unread = true
	r.announceLost()
	done := r.finishAct(read, back)
	r.unread = false
	if !done {
		return unreadSetback("")
	}
	return nil
}

func unreadSetback(why string) *setback {
	return &setback{outcome: rollout.Failed, cause: rollout.CauseLost, reason: "what had been changed could not be read" + why}
}

// announceLost tells people that one of them is needed. The plan, which would say whom
// to tell, cannot be read either, so the worker is asked.
func (r *run) announceLost() {
	asked := start(r.ctx, r.act("take.over.announce", "find out who is told that nothing can be read"), a.Announce,
		activities.AnnounceInput{Spec: r.order.Spec})
	workflow.Go(r.ctx, func(ctx workflow.Context) {
		var out activities.AnnounceOutput
		if err := asked.Get(ctx, &out); err != nil || !r.unread {
			return
		}
		r.plan.Notifies, r.plan.Escalation = out.Notifies, out.Escalation
		r.tellOfPhase(rollout.Status{})
	})
}

// lostSetback is why the recovery goes back: if the run that was cut off was going
// back already, for that run's reason, because the first reason wins.
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
