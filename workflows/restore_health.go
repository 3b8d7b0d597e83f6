package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// verifyHealthRestored returns when the baseline is healthy. Where the router loses the
// split meanwhile, users are put back again first.
func (r *run) verifyHealthRestored() {
	if !r.begun(rollout.RestoreTraffic) {
		return
	}
	within := min(r.plan.Spec.NeedsHumanAfter.Std()/2, 30*time.Second)
	poll := r.plan.Spec.Strategy.Window.PollFor(r.plan.Steps[0].Bake)
	for lost := 0; ; {
		var out activities.VerifyHealthOutput
		if !r.finishAct(r.insist("verify the baseline's health", func() (workflow.Future, workflow.CancelFunc) {
			o := r.act("restore.health", "verify that "+named(r.job.Baseline)+" is healthy")
			o.queue, o.limit, o.heartbeat, o.priority = rollout.QueueAnalysis, time.Hour, max(restoreHeartbeat, 3*poll.Std()), 1
			ctx, cancel := workflow.WithCancel(r.ctx)
			return start(ctx, o, a.VerifyHealth, activities.VerifyHealthInput{
				Job: r.job, Checks: r.plan.Spec.Checks, Poll: poll, Within: rollout.Duration(within), Split: r.snapshot.Split, Rehearsed: r.isRehearsed()}), cancel
		}), &out) {
			return
		}
		if len(out.Drift) == 0 {
			r.noteHealth(out)
			return
		}
		lost++
		r.count("drift")
		r.status.Problems = []string{out.Reason}
		r.putTrafficBackAgain(out.Drift, out.Reason, lost)
	}
}

// putUsersBackAgain puts back what was lost after it had been verified. The time to
// restore goes on until users are back.
func (r *run) putUsersBackAgain(split rollout.Split, why string, times int) {
	r.putTrafficBackAgain(split, why, times)
	r.verifyHealthRestored()
	if r.acknowledged == nil {
		r.measureAgain()
	}
}

// putTrafficBackAgain says which split is in force, writes the baseline's once more and
// verifies it. A router that loses it again and again is written less often, so that
// history grows slowly.
func (r *run) putTrafficBackAgain(lost rollout.Split, why string, times int) {
	r.status.Weight = lost[r.plan.Candidate]
	r.noteShare(0, r.status.Weight, nil)
	r.describe()
	r.publish()
	if times > quickTries {
		timer := r.timer("put traffic back again", longestLook)
		_ = workflow.Await(r.ctx, func() bool { return timer.IsReady() || r.retry || r.acknowledged != nil })
		timer.cancel()
		r.retry = false
	}
	if r.acknowledged != nil {
		return
	}
	r.restoreTrafficAgain(why)
	r.verifyTrafficRestored()
	r.usersBack = r.now()
	r.publish()
}

// measure notes how long the way back took, in differences of event times.
func (r *run) measure(s *setback, started, traffic time.Time) {
	health := r.now()
	r.noteTimes(s, started, traffic, health)
	r.metrics().Timer("bakeoff_time_to_restore").Record(health.Sub(s.at))
	r.enter(rollout.PhaseRollingBack, "", s.reason)
}

// measureAgain has the time to restore last until now: users had lost what had been
// put back. The metric keeps the first.
func (r *run) measureAgain() { r.noteTimes(r.back, r.turned, r.usersBack, r.now()) }

func (r *run) noteTimes(s *setback, started, traffic, health time.Time) {
	r.status.TimeToRestore = &rollout.TimeToRestore{
		Decide: rollout.Duration(started.Sub(s.at)), Traffic: rollout.Duration(traffic.Sub(started)),
		Health: rollout.Duration(health.Sub(traffic)), Total: rollout.Duration(health.Sub(s.at)),
	}
	r.timeReturn(s.at, started, traffic, health)
}
