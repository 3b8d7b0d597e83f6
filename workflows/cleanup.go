package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// compare reads the state again. What this rollout put back, and is lost again, is
// put back once more, at once at first. Whatever else differs from the snapshot, or
// does not last, needs a human, until it is as before or acknowledged. It is looked
// at less and less often.
func (r *run) compare() {
	if !r.begun(rollout.RestoreTraffic) && !r.begun(rollout.RestoreFlags) {
		return
	}
	why := "the state cannot be compared with the snapshot"
	defer r.alarm(why, func() string { return why })()
	begun := r.now()
	for found := 1; r.acknowledged == nil; found++ {
		var out activities.CompareOutput
		act := r.insist("compare with the snapshot", func() (workflow.Future, workflow.CancelFunc) {
			ctx, cancel := workflow.WithCancel(r.ctx)
			return start(ctx, r.act("restore.compare", "compare the state with the snapshot"), a.Compare,
				activities.CompareInput{Job: r.job, Snapshot: r.snapshot}), cancel
		})
		if !r.finishAct(act, &out) {
			return
		}
		r.status.Problems = out.Differences
		if len(out.Differences) == 0 {
			if found > 1 {
				r.timeAgain()
			}
			r.leaveNeedsHuman()
			return
		}
		why = "the state differs from the snapshot: " + list(out.Differences)
		mends := r.mends(out)
		if after := r.plan.Spec.NeedsHumanAfter.Std(); !mends || found > quickTries || after > 0 && r.now().Sub(begun) >= after {
			r.needHuman(why)
		}
		if r.putBackLost(out, why); mends && found <= quickTries {
			continue
		}
		timer := r.timer("compare again with the snapshot", slower(firstLook, r.now().Sub(begun)))
		_ = workflow.Await(r.ctx, func() bool { return timer.IsReady() || r.retry || r.acknowledged != nil })
		timer.cancel()
		r.retry = false
	}
}

// mends reports whether all that differs is what this rollout wrote, and can put back.
func (r *run) mends(out activities.CompareOutput) bool {
	for _, kind := range out.Lost {
		if !r.begun(kind) {
			return false
		}
	}
	return len(out.Lost) > 0 && !out.Remains
}

// putBackLost puts back once more what was lost after it had been put back: a router
// that starts from its old file, somebody who wrote.
func (r *run) putBackLost(out activities.CompareOutput, why string) {
	for _, kind := range out.Lost {
		if !r.begun(kind) || r.acknowledged != nil {
			continue
		}
		switch kind {
		case rollout.RestoreTraffic:
			r.count("drift")
			r.putUsersBackAgain(out.Split, why, 1) // compare itself looks less and less often
		case rollout.RestoreCohorts:
			r.finishAct(r.restoreCohorts("restore.cohorts", " again: "+why), nil)
		case rollout.RestoreFlags:
			r.finishAct(r.restoreFlags(" again: "+why), nil)
		case rollout.RestorePointers:
			r.finishAct(r.restorePointers(" again: "+why), nil)
		}
	}
}

// alarm sets NeedsHuman when what follows takes too long. The returned function
// ends the alarm, and the phase if it was entered.
func (r *run) alarm(reason string, later func() string) func() {
	return r.alarmAfter(r.plan.Spec.NeedsHumanAfter.Std(), reason, later)
}

// alarmAfter is alarm after another time. Where the reason may have changed by
// then, later says it.
func (r *run) alarmAfter(after time.Duration, reason string, later func() string) func() {
	if after <= 0 || len(r.undo) == 0 && !r.beyond {
		return func() {}
	}
	over := false
	timer := r.timer("ask for a human when "+reason, after)
	workflow.Go(r.ctx, func(ctx workflow.Context) {
		_ = workflow.Await(ctx, func() bool { return timer.IsReady() || over })
		if !over && later != nil {
			reason = later()
		}
		if !over {
			r.needHuman(reason)
		}
	})
	return func() {
		over = true
		timer.cancel()
		r.leaveNeedsHuman()
	}
}

// needHuman says that something could not be put back. The rollout keeps trying.
func (r *run) needHuman(reason string) {
	r.noteHuman(reason)
	r.status.NeededHuman = true
	r.enter(rollout.PhaseNeedsHuman, "", reason)
	r.publish()
	r.report(rollout.UnitReport{Phase: rollout.PhaseNeedsHuman, Restored: r.restored, Reason: reason})
}

// leaveNeedsHuman ends the phase NeedsHuman: what failed has succeeded.
func (r *run) leaveNeedsHuman() {
	if r.status.Phase != rollout.PhaseNeedsHuman || r.acknowledged != nil {
		return
	}
	phase, reason := rollout.PhaseRunning, "tidying up"
	if r.back != nil {
		phase, reason = rollout.PhaseRollingBack, r.back.reason
	}
	r.enter(phase, "", reason)
	r.publish()
	r.report(rollout.UnitReport{Phase: phase, Restored: r.restored, Reason: reason})
}
