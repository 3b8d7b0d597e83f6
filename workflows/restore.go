package workflows

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// turning is whether the rollout may go back, and how far it has come.
type turning struct {
	undo        []rollout.Compensation // how to undo what has been begun, in order
	beyond      bool                   // too late: the removal of the baseline has been scheduled
	back        *setback               // the first order, or reason, to go back
	turned      time.Time              // when going back began
	returning   bool                   // it goes back: the fence rises no more
	usersBack   time.Time              // when traffic was verified on the way back
	restoredAll bool                   // flags and pointers are back, too
	restored    bool                   // the baseline is verified, or nothing had been changed
	ended       bool
}

// goBack puts the baseline back. Traffic, cohorts, flags and pointers go back at once
// and in parallel; none of them waits for another, or for the way forward to stop.
// Then the result is verified, compared with the snapshot, and tidied up. Nothing
// here gives up: only a person can end what cannot be put back.
func (r *run) goBack(s *setback) {
	r.back = s
	started := r.now()
	r.turned = started
	if s.at.IsZero() {
		s.at = started
	}
	r.generation++
	r.returning = true
	restoring := r.startRestoring(s)
	if !r.isUntouched() {
		r.tellHooks(rollout.HookOnRollback, s.reason, s.cause)
	}
	r.stop()
	r.status.Cause, r.status.Actor, r.status.Paused = s.cause, s.actor, false
	r.enter(rollout.PhaseRollingBack, "", s.reason)
	r.publish()
	if !r.ordered {
		r.report(rollout.UnitReport{Phase: rollout.PhaseRollingBack, Outcome: s.outcome, Cause: s.cause, Reason: s.reason})
	}

	alarm := r.alarmAfter(r.plan.Spec.NeedsHumanAfter.Std()+r.lostWait()+r.unprovedFor(), "the baseline is not back yet", r.notBack)
	r.finishRestoring(restoring)
	r.restoredAll = true
	r.verifyHealthRestored()
	alarm()
	if r.begun(rollout.RestoreTraffic) && r.acknowledged == nil {
		r.measure(s, started, r.usersBack)
	}
	r.restored = r.acknowledged == nil
	if r.restored {
		r.report(rollout.UnitReport{Phase: rollout.PhaseRollingBack, Outcome: s.outcome, Cause: s.cause, Restored: true, Reason: s.reason})
	}

	r.compare()
	r.awaitTurn()
	if r.begun(rollout.RemoveCopy) {
		r.removeBack(r.plan.Copy)
	}
	if r.begun(rollout.RemoveCandidate) {
		r.removeBack(r.plan.Candidate)
	}
	r.status.Outcome, r.status.Reason = s.outcome, s.reason
	if r.acknowledged != nil {
		r.status.Outcome = rollout.Failed
		r.status.Reason = fmt.Sprintf("%s; acknowledged by %s: %s", s.reason, r.acknowledged.Actor, r.acknowledged.Reason)
	}
}

// notBack is what of the baseline is not back yet.
func (r *run) notBack() string {
	switch {
	case r.usersBack.IsZero():
		return "the baseline is not back yet"
	case !r.restoredAll:
		return "traffic is back, but flags or the primary version are not"
	}
	return "traffic is back, but the baseline's health cannot be verified"
}

// isUntouched reports whether nothing was ever written: then nothing goes back, and
// nobody is told of a way back. Under older workers people were told.
func (r *run) isUntouched() bool {
	return len(r.writes) == 0 && r.order.Recover == "" && workflow.GetVersion(r.ctx, "untouched-tells-of-no-way-back", workflow.DefaultVersion, 1) == 1
}

// restoring is the acts that put users back, while they run.
type restoring struct {
	traffic, cohorts, flags, pointers retried
}

// retried is an act that is tried until it succeeds, and how to begin it anew.
type retried struct {
	what  string
	begin func() (workflow.Future, workflow.CancelFunc)
	workflow.Future
	cancel workflow.CancelFunc
}

// startRestoring starts everything that has to be undone, in this one workflow task.
func (r *run) startRestoring(s *setback) restoring {
	var out restoring
	because := ": " + s.reason
	if r.begun(rollout.RestoreTraffic) {
		out.traffic = r.insist("put traffic back", func() (workflow.Future, workflow.CancelFunc) {
			return startRestore(r, "restore.traffic", "put traffic back to "+named(r.job.Baseline)+because, a.RestoreTraffic,
				activities.RestoreTrafficInput{Job: r.write("restore.traffic"), Split: r.snapshot.Split, Copy: r.plan.Copy})
		})
	}
	if r.begun(rollout.RestoreCohorts) {
		out.cohorts = r.restoreCohorts("restore.cohorts", because)
	}
	if r.begun(rollout.RestoreFlags) {
		out.flags = r.restoreFlags(because)
	}
	if r.begun(rollout.RestorePointers) {
		out.pointers = r.restorePointers(because)
	}
	return out
}

func (r *run) restoreFlags(because string) retried {
	return r.insist("put flags back", func() (workflow.Future, workflow.CancelFunc) {
		return startRestore(r, "restore.flags", "put flags back"+because, a.RestoreFlags,
			activities.RestoreFlagsInput{Job: r.write("restore.flags"), Flags: r.snapshot.Flags})
	})
}

func (r *run) restorePointers(because string) retried {
	return r.insist("put the primary version back", func() (workflow.Future, workflow.CancelFunc) {
		return startRestore(r, "restore.pointers", "make "+named(r.job.Baseline)+" the primary version again"+because, a.RestorePointers,
			activities.RestorePointersInput{Job: r.write("restore.pointers"), Primary: r.snapshot.Primary})
	})
}

// startRestore starts one restoring act: at once, urgent, retried without end,
// out of reach of any cancellation. One whose worker is lost is soon begun anew.
func startRestore[In, Out any](r *run, id, summary string, activity func(context.Context, In) (Out, error), in In) (workflow.Future, workflow.CancelFunc) {
	o := r.act(id, summary)
	o.queue, o.limit, o.heartbeat, o.priority = rollout.QueueControl, writeLimit, restoreHeartbeat, 1
	if id == "restore.pointers" {
		o.queue = rollout.QueueInfra
	}
	ctx, cancel := workflow.WithCancel(r.ctx)
	return start(ctx, o, activity, in), cancel
}

func (r *run) insist(what string, begin func() (workflow.Future, workflow.CancelFunc)) retried {
	act := retried{what: what, begin: begin}
	act.Future, act.cancel = begin()
	return act
}

// finishAct waits until the act has succeeded, or a person acknowledges that it
// cannot. An error that no retry can mend needs a human; `retry` begins anew.
func (r *run) finishAct(act retried, out any) bool {
	if act.Future == nil {
		return r.acknowledged == nil
	}
	for r.acknowledged == nil {
		_ = workflow.Await(r.ctx, func() bool { return act.IsReady() || r.retry || r.acknowledged != nil })
		switch {
		case r.acknowledged != nil:
			act.cancel()
			return false
		case !act.IsReady(): // a person wants it tried again now
			r.retry = false
			act.cancel()
			act.Future, act.cancel = act.begin()
		default:
			err := act.Get(r.ctx, out)
			if err == nil {
				return true
			}
			if temporal.IsCanceledError(err) {
				continue
			}
			r.needHuman(fmt.Sprintf("could not %s: %s", act.what, rootCause(err)))
			_ = workflow.Await(r.ctx, func() bool { return r.retry || r.acknowledged != nil })
			r.retry = false
			act.Future, act.cancel = act.begin()
		}
	}
	act.cancel()
	return false
}

// finishRestoring returns when everything is back. Users come first: their return is
// verified and reported while flags and pointers may still be on their way back.
func (r *run) finishRestoring(in restoring) {
	if !r.plan.UsersFirst {
		for _, act := range []retried{in.traffic, in.cohorts, in.flags, in.pointers} {
			r.finishAct(act, nil)
		}
		r.verifyTrafficRestored()
		r.overwriteLateWrites()
		r.usersBack = r.now()
		return
	}
	r.finishTraffic(in.traffic)
	r.finishAct(in.cohorts, nil)
	r.verifyTrafficRestored()
	r.usersBack = r.now()
	late := r.awaitLateWrites()
	if late {
		r.overwriteLateTraffic()
	}
	r.finishAct(in.flags, nil)
	r.finishAct(in.pointers, nil)
	if late {
		r.overwriteLateFlags()
		r.overwriteLatePointers()
	}
}

// overwriteLateWrites waits until every forward act has answered. One that was
// still running may have written after the restore, where the router cannot
// tell old writes from new ones: then the restore is repeated.
func (r *run) overwriteLateWrites() {
	if r.awaitLateWrites() {
		r.overwriteLateTraffic()
		r.overwriteLateFlags()
	}
}

// awaitLateWrites waits until every forward act has answered, and reports whether
// one was still running.
func (r *run) awaitLateWrites() bool {
	late := r.order.Recover != ""
	r.waitOutLostRun()
	for _, future := range r.pending {
		if !future.IsReady() {
			late = true
			_ = workflow.Await(r.ctx, func() bool { return future.IsReady() || r.acknowledged != nil })
		}
	}
	return late
}

func (r *run) overwriteLateTraffic() {
	if r.begun(rollout.RestoreTraffic) {
		out := r.restoreTrafficAgain("a late write may have changed it")
		r.verifyTrafficRestored()
		if !out.WasBack { // users had the candidate again, or nobody can tell
			r.usersBack = r.now()
		}
	}
	if r.begun(rollout.RestoreCohorts) {
		r.finishAct(r.restoreCohorts("restore.cohorts", ": a late write may have made them again"), nil)
	}
}

func (r *run) overwriteLateFlags() {
	if r.begun(rollout.RestoreFlags) {
		r.finishAct(r.restoreFlags(": a late write may have changed them"), nil)
	}
}

func (r *run) overwriteLatePointers() {
	if r.begun(rollout.RestorePointers) {
		r.finishAct(r.restorePointers(": a late write may have changed it"), nil)
	}
}
