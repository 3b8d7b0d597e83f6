package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// On the way back one verification lasts a look; then the weights are written once more.
// The first looks are short, because a router may drop a write. Then they last firstLook,
// so that one that begins its lag anew with every write comes to an end of it, and
// longestLook after quickTries, which keeps history short while a router stays out of
// reach for days.
const (
	shortLook   = 2 * time.Second
	shortLooks  = 4
	quickTries  = 30
	longestLook = time.Minute
)

// lookFor is how long that verification lasts; the first is 1.
func lookFor(try int) time.Duration {
	switch {
	case try <= shortLooks:
		return shortLook
	case try <= quickTries:
		return firstLook
	}
	return longestLook
}

// longestInFlight is how long a write that a router did not accept may still be on
// its way to it. One that comes later is found before the candidate is removed.
const longestInFlight = 10 * time.Second

// restoreHeartbeat is short, so that another worker soon takes over when the one that
// puts users back, or verifies their return, dies or hangs.
const restoreHeartbeat = 4 * time.Second

// unseenRaise is a raise from nothing that may have been written, and that nobody saw
// in force. It may come into force later.
type unseenRaise struct {
	unseen  rollout.Weight    // of the candidate; 0: there is none
	raises  []workflow.Future // the acts that wrote it
	unnamed bool              // the router did not name the candidate after that, before it was told of the restore
}

// verifyTrafficRestored reads until users are back on the baseline, and writes
// again, less and less often, as long as they are not.
func (r *run) verifyTrafficRestored() {
	if !r.begun(rollout.RestoreTraffic) {
		return
	}
	written := r.now()
	for tries := 1; r.acknowledged == nil; tries++ {
		look := lookFor(tries)
		summary := "verify that traffic is back on " + named(r.job.Baseline)
		unproved := max(r.unprovedFor()-r.now().Sub(written), 0)
		if unproved > 0 {
			summary += fmt.Sprintf(": a raise to %s was never seen in force, and may still take effect", r.unseen)
		}
		want := r.snapshot.Split
		var out activities.VerifyTrafficOutput
		again := false
		act := r.insist("verify that traffic is back", func() (workflow.Future, workflow.CancelFunc) {
			if again && r.writesOnRetry() {
				r.restoreTrafficAgain("a person wants it tried again")
			}
			again = true
			o := r.act("restore.verify", summary)
			o.queue, o.limit, o.heartbeat, o.priority = rollout.QueueAnalysis, look+unproved+time.Minute, restoreHeartbeat, 1
			ctx, cancel := workflow.WithCancel(r.ctx)
			return start(ctx, o, a.VerifyTraffic, activities.VerifyTrafficInput{
				Job: r.job, Split: want, Within: rollout.Duration(look), Restoring: true, Unproved: rollout.Duration(unproved), Unnamed: r.unnamed}), cancel
		})
		if !r.finishAct(act, &out) {
			return
		}
		if out.Verified {
			r.unseen = 0
			r.status.Weight = 0
			r.noteShare(0, 0, nil)
			return
		}
		r.status.Problems = []string{out.Reason}
		why := "it was not in force"
		if r.see(out.Observed); out.Came {
			why = "a raise has come into force meanwhile"
		}
		r.restoreTrafficAgain(why)
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

// finishTraffic is done when users are put back, and whatever raised them may have
// been written before. Where that may not have come into force yet, the split of
// before the raise is no proof of the restore: a router does in order what it is told,
// so that the raise is waited for, or for as long as the router may take.
func (r *run) finishTraffic(act retried) {
	var out activities.RestoreTrafficOutput
	if !r.finishAct(act, &out) {
		return
	}
	r.see(out.Observed)
	if r.unprovedFor() == 0 {
		return
	}
	late := false
	for _, raise := range r.raises {
		if !raise.IsReady() {
			late = true
			_ = workflow.Await(r.ctx, func() bool { return raise.IsReady() || r.acknowledged != nil })
		}
	}
	if r.acknowledged != nil {
		return
	}
	if !r.mayHaveRaised() {
		r.unseen = 0
	}
	if late {
		out = r.restoreTrafficAgain("a late write may have changed it")
		r.see(out.Observed)
	}
	_, named := out.Observed[r.plan.Candidate]
	r.unnamed = !late && !named && len(out.Observed) > 0
}

// see notes a split that was in force: with traffic on the candidate, what was
// raised has come.
func (r *run) see(s rollout.Split) {
	if s[r.plan.Candidate] > 0 {
		r.unseen = 0
	}
}

// unprovedFor is how long a router may take for a raise that was never seen in force;
// 0 where there is none. Rollouts that began under older workers did not ask.
func (r *run) unprovedFor() time.Duration {
	if r.unseen == 0 || !r.plan.ProvesBack {
		return 0
	}
	settle := r.plan.Spec.SettleWithin.Std()
	if r.raiseFailed() {
		return min(settle, longestInFlight)
	}
	return settle
}

// raiseFailed reports whether the router took none of the raises, as far as it said:
// each ended with an error, or was cancelled in mid-write.
func (r *run) raiseFailed() bool {
	for _, raise := range r.raises {
		if !raise.IsReady() || raise.Get(r.ctx, nil) == nil {
			return false
		}
	}
	return len(r.raises) > 0
}

// mayHaveRaised reports whether the last weight may have been written: it was, or
// nobody knows.
func (r *run) mayHaveRaised() bool {
	if len(r.raises) != 1 || !r.raises[0].IsReady() {
		return len(r.raises) > 0
	}
	var out activities.SetTrafficOutput
	err := r.raises[0].Get(r.ctx, &out)
	var refused *temporal.ApplicationError
	switch {
	case errors.As(err, &refused):
		return !refused.NonRetryable() && refused.Type() != activities.NothingWritten
	case err != nil:
		return true
	}
	isUnwritten := out.Closed != nil || out.Unready != "" || out.Conflict
	return !isUnwritten || out.Tried
}
