package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// On the way back one verification lasts firstLook, or longestLook after quickTries of
// them; then the weights are written once more. The longer looks keep history short
// while a router stays out of reach for days.
const (
	quickTries  = 30
	longestLook = time.Minute
)

// restoreHeartbeat is short, so that another worker soon takes over when the one that
// verifies the return of users dies.
const restoreHeartbeat = 4 * time.Second

// verifyTrafficRestored reads until users are back on the baseline, and writes
// again, less and less often, as long as they are not.
func (r *run) verifyTrafficRestored() {
	if !r.begun(rollout.RestoreTraffic) {
		return
	}
	for tries := 1; r.acknowledged == nil; tries++ {
		look := firstLook
		if tries > quickTries {
			look = longestLook
		}
		want := r.snapshot.Split
		var out activities.VerifyTrafficOutput
		again := false
		act := r.insist("verify that traffic is back", func() (workflow.Future, workflow.CancelFunc) {
			if again && r.writesOnRetry() {
				r.restoreTrafficAgain("a person wants it tried again")
			}
			again = true
			o := r.act("restore.verify", "verify that traffic is back on "+named(r.job.Baseline))
			o.queue, o.limit, o.heartbeat, o.priority = rollout.QueueAnalysis, look+time.Minute, restoreHeartbeat, 1
			ctx, cancel := workflow.WithCancel(r.ctx)
			return start(ctx, o, a.VerifyTraffic, activities.VerifyTrafficInput{
				Job: r.job, Split: want, Within: rollout.Duration(look), Restoring: true}), cancel
		})
		if !r.finishAct(act, &out) {
			return
		}
		if out.Verified {
			r.status.Weight = 0
			r.noteShare(0, 0, nil)
			return
		}
		r.status.Problems = []string{out.Reason}
		r.restoreTrafficAgain("it was not in force")
	}
}

// writesOnRetry reports whether `retry` also writes again the weights that are being
// verified. Under older workers it only read them again.
func (r *run) writesOnRetry() bool {
	return workflow.GetVersion(r.ctx, "retry-writes-traffic", workflow.DefaultVersion, 1) == 1
}

func (r *run) restoreTrafficAgain(why string) (out activities.RestoreTrafficOutput) {
	r.finishAct(r.insist("put traffic back", func() (workflow.Future, workflow.CancelFunc) {
		return startRestore(r, "restore.traffic", "put traffic back again: "+why, a.RestoreTraffic,
			activities.RestoreTrafficInput{Job: r.write("restore.traffic"), Split: r.snapshot.Split, Copy: r.plan.Copy})
	}), &out)
	return out
}
