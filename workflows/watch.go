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

// observe opens one Observe and waits for it, for a command that ends it, or
// for the order to go back; only in the last case it does not wait for its end.
func (r *run) observe(in activities.ObserveInput, interrupted func() bool) (activities.ObserveOutput, *setback) {
	w := r.open(in)
	r.await(func() bool { return w.IsReady() || interrupted() })
	if r.back == nil && !w.IsReady() {
		w.cancelled = true
		w.cancel()
		r.await(w.IsReady)
	}
	if r.back != nil {
		w.cancel()
		return activities.ObserveOutput{}, r.back
	}
	return r.take(w, interrupted)
}

// watch is one open Observe.
type watch struct {
	workflow.Future
	cancel workflow.CancelFunc
	in     activities.ObserveInput

	cancelled bool // nothing waits for it any more
}

func (r *run) open(in activities.ObserveInput) watch {
	ctx, cancel := workflow.WithCancel(r.forward)
	length := max(in.End.Sub(r.now()), 0)
	act := r.act(fmt.Sprintf("%s.w%02d.observe", r.watchID(in), in.Window), watchSummary(in, length))
	act.queue, act.priority = rollout.QueueAnalysis, 4
	act.limit, act.toStart = length+r.delay+5*time.Minute, time.Minute
	act.heartbeat = min(max(3*in.Poll.Std(), 10*time.Second), 30*time.Second)
	if act.heartbeat < 2*in.Poll.Std() {
		act.heartbeat = 3 * in.Poll.Std()
	}
	if length >= time.Hour && !in.Waiting && !in.Held { // it reports three times a minute
		act.heartbeat = max(act.heartbeat, time.Minute)
	}
	act.heartbeat += r.delay // the first numbers can be read so much later
	return watch{Future: start(ctx, act, a.Observe, in), cancel: cancel, in: in}
}

func (r *run) watchID(in activities.ObserveInput) string {
	if in.Primary != "" {
		return "keep"
	}
	return rollout.StepID(in.Step)
}

// take reads what a window came to. One that was lost, because no worker took
// it or it died too often, is an Error: nobody looked.
func (r *run) take(w watch, interrupted func() bool) (activities.ObserveOutput, *setback) {
	var out activities.ObserveOutput
	err := w.Get(r.ctx, &out)
	var canceled *temporal.CanceledError
	switch {
	case errors.As(err, &canceled) && canceled.HasDetails():
		// The server puts a text in the place of the details of one that no worker had begun.
		if err = canceled.Details(&out); err != nil && workflow.GetVersion(r.ctx, "window-not-begun", workflow.DefaultVersion, 1) == 1 {
			out, err = unseen(w.in), nil
		}
	case errors.As(err, &canceled), err != nil && w.cancelled: // it had not begun, or died with its worker
		out, err = unseen(w.in), nil
	}
	if err != nil {
		out = r.lostWindow(w.in, err)
		out.Closed = w.in.Closed
		if r.pauseWatching(w.in, out, err, interrupted); r.back != nil {
			return out, r.back
		}
	} else if out.Polls > 0 {
		r.unwatched = time.Time{}
	}
	r.noteForeign(w.in, out)
	r.noteWindow(w.in, out)
	r.see(out.Split)
	r.unready = out.Unready
	if out.Platform != "" {
		return out, &setback{outcome: rollout.PlatformRolledBack, reason: out.Platform}
	}
	if out.Decision.Action == rollout.RollBack {
		s := setback{outcome: rollout.RolledBack, cause: out.Decision.Cause, reason: r.whereSeen(out.Decision.Reason, out.Split)}
		if s.at = out.Seen; s.at.After(r.now()) {
			s.at = r.now()
		}
		return out, &s
	}
	if w.in.Ask == nil || w.cancelled { // an order that ended the window knows better
		return out, nil
	}
	return out, r.meet(out.Closed)
}

// unseen is what a window comes to that was stopped before anybody looked.
func unseen(in activities.ObserveInput) activities.ObserveOutput {
	return activities.ObserveOutput{End: in.Start, Decision: rollout.Decision{Action: rollout.Watch}}
}

// lostPause and longestPause bound the time between two windows that cannot be
// watched, so that they do not fill history.
const (
	lostPause    = 15 * time.Second
	longestPause = time.Hour
)

// pauseWatching waits before the next window, where one was lost. Rollouts whose
// pause an order met under older workers waited for its end.
func (r *run) pauseWatching(in activities.ObserveInput, out activities.ObserveOutput, lost error, interrupted func() bool) {
	if r.unwatched.IsZero() || out.Polls > 0 {
		r.unwatched = r.now()
	}
	pause := r.timer("try again to watch: "+rootCause(lost), r.pauseAfter(in))
	r.await(func() bool { return pause.IsReady() || interrupted() })
	if !pause.IsReady() && r.back == nil && workflow.GetVersion(r.ctx, "order-ends-lost-pause", workflow.DefaultVersion, 1) != 1 {
		r.await(pause.IsReady)
	}
	pause.cancel()
}

// pauseAfter is how long that is. It grows only where nothing but history would end
// the windows, and not beyond the end of a hold.
func (r *run) pauseAfter(in activities.ObserveInput) time.Duration {
	pause := slower(lostPause, r.now().Sub(r.unwatched))
	switch {
	case in.Waiting:
		return pause
	case in.Held:
		return min(pause, max(r.plan.Spec.Policy.LongestHold(r.now().Sub(r.heldSince))+time.Second, lostPause))
	}
	return lostPause
}

// slower is the pause before something is tried again that has failed for so long:
// a quarter of that, so that what is mended soon is noticed soon.
func slower(first, since time.Duration) time.Duration {
	return max(first, min(since/4, longestPause))
}

// lostWindow is what a window comes to that nobody could watch to its end: an
// Error, for as long as nobody has looked. Rollouts that lost one under older
// workers counted from the window's beginning, and watched all of it again.
func (r *run) lostWindow(in activities.ObserveInput, err error) activities.ObserveOutput {
	out := activities.ObserveOutput{End: in.Start, State: in.State}
	out.Trouble = in.Trouble + rollout.Duration(max(r.now().Sub(in.Start), 0))
	trouble, kept := out.Trouble, workflow.GetVersion(r.ctx, "lost-window-keeps-progress", workflow.DefaultVersion, 1) == 1
	if kept {
		out = activities.LastSeen(in, err)
		trouble = out.Trouble + rollout.Duration(max(r.now().Add(-r.delay).Sub(out.End), 0))
		out.Trouble = max(out.Trouble, troubleBegun)
		if b := r.current; b != nil && in.NewStep && out.Polls == 0 { // the judges have not heard of the step yet
			b.fresh = true
		}
	}
	reason := "nobody watched: " + rootCause(err)
	out.Checks = []rollout.CheckResult{{Name: "observe", Verdict: rollout.Error, Reason: reason}}
	out.Decision = in.Policy.Decide(rollout.Moment{Checks: out.Checks, Trouble: trouble, Grace: in.Grace, HeldFor: in.HeldFor})
	if d := &out.Decision; kept && in.Held && d.Action == rollout.Watch { // nobody saw that there is nothing to hold for any more
		d.Action = rollout.Hold
	}
	return out
}

// troubleBegun is the trouble of a window that was lost, at its last poll: what the
// next one meets with at its first goes on with it.
const troubleBegun = rollout.Duration(time.Millisecond)

// where adds the place to a reason: "errors ×3.1 at 5%".
func (r *run) where(reason string) string { return r.whereSeen(reason, nil) }

// whereSeen is where by the split that a window saw last: while a weight settles,
// that is more than what was verified.
func (r *run) whereSeen(reason string, seen rollout.Split) string {
	weight := max(r.status.Weight, seen[r.plan.Candidate])
	return fmt.Sprintf("%s at %s", reason, rollout.Audience(weight, r.step.Apart && weight == 0, r.cohorts...))
}

// watchUntil keeps an Observe open until the condition holds, for whatever the
// rollout waits for while the candidate has traffic.
func (r *run) watchUntil(condition func() bool, id string) *setback {
	if !r.served {
		r.await(condition)
		return r.back
	}
	for !condition() && r.back == nil {
		in := r.waitWindow()
		out, s := r.observe(in, condition)
		if s != nil {
			return s
		}
		if out.Decision.Action == rollout.PutBack {
			if s := r.putBack(id, in.Step, in.Weight); s != nil {
				return s
			}
		}
	}
	return r.back
}

// watchWhile keeps an Observe open until the future is ready. It does not take
// the future's result.
func (r *run) watchWhile(future workflow.Future, id string) *setback {
	return r.watchUntil(future.IsReady, id)
}

// waitWindow is a window of no bake: it counts nothing and ends with what the
// rollout waits for.
func (r *run) waitWindow() activities.ObserveInput {
	step := r.step
	step.Number, step.Weight = max(r.status.Step, 1), r.weight
	step.Apart = step.Apart && step.Weight == 0
	r.waits++
	in := r.window(step, 50+r.waits)
	in.Waiting = true
	if r.kept {
		in.Primary = r.plan.Candidate
	}
	in.Absolute = in.Absolute || rollout.All-r.weight < rollout.All/100
	in.End = r.now().Add(longestWait)
	return in
}
