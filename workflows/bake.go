package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/analysis"
	"bakeoff/rollout"
)

// judging is what the judges need to know beside a window.
type judging struct {
	bounds  map[string][]float64         // latency bounds by check
	learned map[string]*analysis.Learned // of the baseline's past, by check
	delay   time.Duration                // of the metrics
	state   []byte                       // of the judges, handed from window to window
	current *bake                        // the one that is going on
}

// bake is one stretch of watching at a weight: its clock and its windows. The
// clock counts data time that was watched, at a verified weight, after
// warm-up, and neither paused nor held.
type bake struct {
	step    rollout.PlannedStep
	id      string // s02, keep
	primary string // must be primary meanwhile; "": not asked
	windows rollout.WindowSpec

	need    time.Duration
	done    time.Duration
	queue   []rollout.Duration // windows to come, where nothing interrupts them
	covered time.Time          // data time up to which was watched
	warm    time.Time          // end of the warm-up
	from    time.Time          // data before does not count: warm-up, or the resume
	begin   time.Time          // where the present window begins to count
	lost    time.Duration      // of the present window: pauses that are over
	fresh   bool               // minimum evidence is to be counted from the next window
	drifted bool               // the present hold is because of drift
	count   int                // windows so far
	trouble rollout.Duration
}

func newBake(step rollout.PlannedStep, id string, windows rollout.WindowSpec) *bake {
	windows.First = windows.FirstFor(step.Bake)
	return &bake{step: step, id: id, windows: windows, need: step.Bake.Std(), queue: step.Windows, fresh: true}
}

// start sets the clock to begin at now, after the warm-up.
func (b *bake) start(now time.Time) {
	b.covered, b.warm, b.done, b.lost = now, now.Add(b.step.WarmUp.Std()), 0, 0
	b.from = b.warm
	b.fresh, b.drifted, b.trouble = true, false, 0
	b.queue = b.windows.Windows(rollout.Duration(b.need))
}

func (b *bake) remaining() time.Duration { return max(b.need-b.done, 0) }
func (b *bake) isOver() bool             { return b.remaining() == 0 }

// longestWait bounds a window during which the clock stands still.
const longestWait = 12 * time.Hour

// next is the window to watch now: the next piece of the bake, or, while the
// clock stands still, one long window that something else ends.
func (b *bake) next(r *run) activities.ObserveInput {
	b.count++
	in := r.window(b.step, b.count)
	in.Start, in.CountFrom = b.covered, b.warm
	in.NewStep, in.Trouble, in.Primary = b.fresh, b.trouble, b.primary
	in.Concerns = r.status.Concerns
	if b.primary != "" { // the baseline is kept for as long as was asked for
		in.Policy.EndEarly = false
	}
	b.fresh = false
	r.inject(b, &in)
	if !r.heldSince.IsZero() {
		in.HeldFor = rollout.Duration(r.now().Sub(r.heldSince))
	}
	b.begin = later(b.covered, b.from)
	switch {
	case r.stands():
		in.Waiting, in.AtEnd = true, b.isOver()
		in.End = r.now().Add(longestWait)
	case r.holding() || b.isOver():
		in.Held, in.AtEnd = true, b.isOver()
		in.TellsDrift, in.Known = r.plan.HeedsDrift, r.foreign
		in.End = r.now().Add(min(r.plan.Spec.Policy.LongestHold(in.HeldFor.Std())+time.Second, longestWait))
	default:
		length := time.Duration(b.queue[0])
		in.End, in.Final = b.begin.Add(length), length >= b.remaining()
	}
	return in
}

// window is what every window of this rollout is told.
func (r *run) window(step rollout.PlannedStep, number int) activities.ObserveInput {
	in := activities.ObserveInput{
		Job: r.job, Step: step.Number, Window: number, Start: r.now(), CountFrom: r.now(), Poll: step.Poll,
		Weight: step.Weight, Checks: r.plan.Spec.Checks, Bounds: r.bounds, Learned: r.learned, Policy: r.plan.Spec.Policy,
		Grace: step.Grace, Absolute: step.Absolute || r.job.Baseline == "", State: r.state, PutBacks: r.putBacks,
		Adaptive: r.plan.Spec.Strategy.Adaptive, Copy: r.plan.Copy, Cohorts: r.cohorts, Apart: step.Apart,
		Ask: r.ask(), Closed: r.closure,
	}
	in.Fence.Generation, in.Replicas = r.generation, r.replicas()
	if len(r.ours) == 1 && !r.writing { // what is being written may come at any moment, and is not somebody else's
		in.Expect = r.ours[0]
	}
	return in
}

// account credits the clock with what a window covered, and plans the rest of the
// bake's windows anew if this one did not go as planned.
func (b *bake) account(r *run, in activities.ObserveInput, out activities.ObserveOutput) {
	planned := !in.Held && !in.Waiting
	if planned {
		lost := b.lost
		if r.status.Paused {
			lost += max(out.End.Sub(later(r.pausedAt, b.begin)), 0)
		}
		counted := out.End.Sub(b.begin) - lost - out.Unwatched.Std() - out.Trouble.Std()
		b.done += max(counted, 0)
	}
	b.lost, b.covered, b.trouble = 0, out.End, out.Trouble
	if whole := planned && len(b.queue) > 0 && out.End.Equal(in.End) && b.need-b.done == sum(b.queue[1:]); whole {
		b.queue = b.queue[1:]
		return
	}
	b.queue = b.windows.Windows(rollout.Duration(b.remaining()))
}

// resumed moves the clock's beginning when it starts to run again.
func (b *bake) resumed(now time.Time) { b.from = later(b.from, now) }

// bake watches until the step is passed, or says why the rollout goes back.
// While the candidate has traffic exactly one Observe is open.
func (r *run) bake(b *bake) *setback {
	b.start(r.now())
	r.current, r.skip = b, false
	defer r.leaveBake(b, r.now())
	for {
		in := b.next(r)
		r.showWindow(b, in)
		out, s := r.observe(in, func() bool { return r.skip || r.isStale(in) })
		if s != nil {
			return s
		}
		b.account(r, in, out)
		r.allowed = out.Next
		if r.skip {
			r.overrule()
			return r.back
		}
		if r.leaves(in, out) {
			return nil
		}
		if passed, s := r.follow(b, in, out); passed || s != nil {
			return s
		}
	}
}

// isStale reports whether what an open window waited for is over, or whether it
// does not know that people's concerns hold the end of the bake.
func (r *run) isStale(in activities.ObserveInput) bool {
	if in.Waiting {
		return !r.stands()
	}
	return in.Policy.Concerns.HoldsBack(in.Concerns) != r.isHeldBack()
}

// follow does what a window's decision says. It reports whether the step is
// passed.
func (r *run) follow(b *bake, in activities.ObserveInput, out activities.ObserveOutput) (passed bool, s *setback) {
	if out.Drift != nil {
		r.count("drift")
	}
	switch d := out.Decision; d.Action {
	case rollout.PutBack:
		if s := r.putBack(b.id, b.step.Number, b.step.Weight); s != nil {
			return false, s
		}
		b.start(r.now())
	case rollout.Hold:
		b.drifted = b.drifted || out.Drift != nil
		r.hold(d.Reason)
	case rollout.GoOn:
		if r.stands() || in.Final && !b.isOver() && !r.endsEarly(in, out) {
			return false, nil
		}
		if r.isHeldBack() && !in.Policy.Concerns.HoldsBack(in.Concerns) { // somebody is concerned since it ended
			r.hold(rollout.ConcernsText(r.status.Concerns))
			return false, nil
		}
		r.overrule() // where a hold ends as `otherwise: promote`
		r.release()
		return true, nil
	default:
		if r.holding() {
			r.release()
			b.resumed(r.now())
			if b.drifted { // the weight was not what the bake is about
				b.start(r.now())
			}
		}
	}
	return false, nil
}

func later(t, u time.Time) time.Time {
	if u.After(t) {
		return u
	}
	return t
}

func sum(list []rollout.Duration) (total time.Duration) {
	for _, d := range list {
		total += d.Std()
	}
	return total
}

// endsEarly reports whether a step was proved before its last window was over.
// Rollouts that began under older workers stayed, in windows without length.
func (r *run) endsEarly(in activities.ObserveInput, out activities.ObserveOutput) bool {
	return out.End.Before(in.End) && workflow.GetVersion(r.ctx, "end-early-in-last-window", workflow.DefaultVersion, 1) == 1
}
