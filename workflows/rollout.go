// Package workflows holds the durable processes: which act follows which, and
// what is undone when. Code here is replayed from history, so it asks
// activities for every fact and branches only on what they recorded.
package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/analysis"
	"bakeoff/rollout"
)

// Rollout moves one target from its baseline to a candidate, in small judged
// steps, and can put everything back until the baseline's removal begins.
//
// It completes with its outcome: Promoted, RolledBack, Aborted, Rejected,
// PlatformRolledBack and Refused all mean that it did its job. It fails only
// when a person acknowledged what could not be put back. A cancel is obeyed as
// an abort is.
//
// This is the main path of the repository: start reading here.
func Rollout(ctx workflow.Context, order rollout.Order) (rollout.Status, error) {
	r := newRun(ctx, order)
	if err := r.listen(); err != nil {
		return r.status, err
	}
	setback := r.prepare()
	if setback == nil {
		setback = r.advance()
	}
	switch {
	case setback == nil:
		r.conclude(rollout.Promoted)
	case setback.outcome == rollout.Refused:
		r.refuse(setback)
	default:
		r.goBack(setback)
	}
	return r.finish()
}

// run is one rollout in progress.
type run struct {
	ctx     workflow.Context // disconnected: a cancel is an order, not an end
	forward workflow.Context // ends when going back begins
	stop    workflow.CancelFunc

	order    rollout.Order
	plan     rollout.Plan
	snapshot activities.Snapshot
	bounds   map[string][]float64         // latency bounds by check
	learned  map[string]*analysis.Learned // of the baseline's past, by check
	delay    time.Duration                // of the metrics
	job      activities.Job
	status   rollout.Status

	undo       []rollout.Compensation // what has been begun, in order
	ours       []rollout.Split        // the splits that may be in force: ours
	generation int                    // counts writes, for the fence
	ids        map[string]int         // how often each activity id was used
	pending    []workflow.Future      // forward acts that may still be running
	state      []byte                 // of the judges
	putBacks   int                    // how often foreign weights were put back
	served     bool                   // the candidate may have traffic
	unready    string                 // how the candidate stood, when it was looked at last; "": ready

	commands
	shown shown
}

func newRun(ctx workflow.Context, order rollout.Order) *run {
	info := workflow.GetInfo(ctx)
	detached, _ := workflow.NewDisconnectedContext(ctx)
	forward, stop := workflow.WithCancel(detached)
	r := &run{ctx: detached, forward: forward, stop: stop, order: order, ids: map[string]int{}}
	target := order.Spec.Key().String()
	r.status = rollout.Status{
		Target: target, WorkflowID: info.WorkflowExecution.ID, RunID: info.WorkflowExecution.RunID,
		Phase: rollout.PhasePending, Candidate: order.Spec.Release.Version, Checks: []rollout.CheckResult{},
		StartedBy: order.Actor, StartedAt: info.WorkflowStartTime,
	}
	r.job = activities.Job{
		Target: target, Drivers: order.Spec.Target, Candidate: order.Spec.Release.Version,
		Fence: activities.Fence{Epoch: info.WorkflowStartTime.UnixMilli()},
	}
	r.cancelled = ctx.Done()
	return r
}

// prepare finds out what will be done, what was before, and whether there is a
// way back. Nothing has been changed when it returns a setback.
func (r *run) prepare() *setback {
	r.count("rollouts_started")
	if s := r.admit(); s != nil {
		return s
	}
	r.startDeadline()
	if s := r.takeSnapshot(); s != nil {
		return s
	}
	return r.preflight()
}

func (r *run) admit() *setback {
	out, s := forwardAct(r, r.act("admit", "check the spec and make the plan"), a.Admit, activities.AdmitInput{Order: r.order})
	if s != nil {
		return s
	}
	if out.Cause != "" {
		for _, p := range out.Problems {
			r.status.Problems = append(r.status.Problems, p.String())
		}
		return &setback{outcome: rollout.Refused, cause: out.Cause, reason: "the spec is refused: " + list(r.status.Problems)}
	}
	r.adopt(out.Plan)
	r.job.Drivers = out.Plan.Spec.Target
	return nil
}

// adopt makes a plan the one that is followed.
func (r *run) adopt(p rollout.Plan) {
	r.plan = p
	r.status.PlanDigest, r.status.Steps, r.status.Warnings = p.Digest, len(p.Steps), p.Warnings
}

func (r *run) takeSnapshot() *setback {
	in := activities.SnapshotInput{Job: r.job, Flags: r.plan.Spec.Release.Flags}
	if b := r.plan.Spec.Baseline; b != nil {
		in.Expect = b.Version
	}
	act := r.act("snapshot", "record the state to go back to")
	act.within, act.refuses = r.plan.Spec.ReadyWithin.Std(), true
	out, s := forwardAct(r, act, a.Snapshot, in)
	if s != nil {
		return s
	}
	if out.Cause != "" {
		return &setback{outcome: rollout.Refused, cause: out.Cause, reason: out.Reason}
	}
	r.snapshot = out.Snapshot
	r.job.Baseline, r.status.Baseline = out.Snapshot.Baseline, out.Snapshot.Baseline
	r.job.Endpoints = map[string][]string{}
	if out.Snapshot.Baseline != "" {
		r.job.Endpoints[out.Snapshot.Baseline] = out.Snapshot.Endpoints
	} else {
		r.adopt(r.plan.FirstRelease())
	}
	r.ours = []rollout.Split{out.Snapshot.Split}
	return nil
}

func (r *run) preflight() *setback {
	act := r.act("preflight", "prove that going back is possible")
	act.within, act.refuses = r.plan.Spec.ReadyWithin.Std(), true
	out, s := forwardAct(r, act, a.Preflight,
		activities.PreflightInput{Job: r.job, Snapshot: r.snapshot, Checks: r.plan.Spec.Checks,
			Steps: activities.Outlooks(r.plan.Steps), Alpha: r.plan.Spec.Policy.Alpha})
	if s != nil {
		return s
	}
	r.bounds, r.learned, r.delay = out.Bounds, out.Learned, out.Delay.Std()
	r.status.Warnings = append(r.status.Warnings, out.Warnings...)
	if len(out.Problems) > 0 {
		r.status.Problems = out.Problems
		return &setback{outcome: rollout.Refused, cause: rollout.CauseDirty, reason: list(out.Problems)}
	}
	return nil
}

// advance deploys the candidate, takes every step, and promotes it.
func (r *run) advance() *setback {
	if s := r.deploy(); s != nil {
		return s
	}
	if s := r.setFlags(); s != nil {
		return s
	}
	for _, step := range r.plan.Steps {
		if s := r.climb(step); s != nil {
			return s
		}
	}
	if s := r.promote(); s != nil {
		return s
	}
	return r.keepBaseline()
}

func (r *run) deploy() *setback {
	r.enter(rollout.PhaseRunning, "", "deploying "+r.plan.Candidate)
	r.publish()
	if !r.snapshot.Present {
		r.record("deploy")
	}
	in := activities.DeployInput{Job: r.write("deploy"), Service: r.plan.Spec.Service,
		Release: r.plan.Spec.Release, Replicas: r.replicas()}
	act := r.patient("deploy", "deploy "+r.plan.Candidate, r.plan.Spec.ReadyWithin)
	out, s := forwardAct(r, act, a.Deploy, in)
	if s != nil {
		return s
	}
	if out.Platform != "" {
		return &setback{outcome: rollout.PlatformRolledBack, reason: out.Platform}
	}
	r.job.Endpoints[r.plan.Candidate] = out.Endpoints
	return nil
}

// replicas is how many the candidate is asked to have.
func (r *run) replicas() int {
	n := 0
	if _, err := fmt.Sscan(r.plan.Spec.Target.Replicas, &n); err == nil {
		return n
	}
	return r.snapshot.Replicas
}

func (r *run) setFlags() *setback {
	if len(r.plan.Spec.Release.Flags) == 0 {
		return nil
	}
	r.record("flags")
	act := r.act("flags", "set the flags of "+r.plan.Candidate)
	act.queue, act.limit, act.cause = rollout.QueueControl, writeLimit, rollout.CauseTraffic
	act.within = r.plan.Spec.SettleWithin.Std()
	_, s := forwardAct(r, act, a.SetFlags, activities.SetFlagsInput{Job: r.write("flags"), Flags: r.plan.Spec.Release.Flags})
	return s
}

// climb takes one step: ask, raise, watch.
func (r *run) climb(step rollout.PlannedStep) *setback {
	if s := r.gate(step.Approve, step.Number, fmt.Sprintf("the raise to %s", step.Weight)); s != nil {
		return s
	}
	if r.skipAll {
		return nil
	}
	if s := r.waitUntilReady(fmt.Sprintf("the raise to %s", step.Weight)); s != nil {
		return s
	}
	r.status.Step = step.Number
	if s := r.shift(rollout.StepID(step.Number), step.Number, step.Weight); s != nil {
		return s
	}
	return r.bake(newBake(step, rollout.StepID(step.Number), r.plan.Spec.Strategy.Window))
}

// waitUntilReady waits for a candidate that was not ready when it was looked at
// last: it is given no more traffic before it is.
func (r *run) waitUntilReady(what string) *setback {
	if r.unready == "" {
		return nil
	}
	r.enter(rollout.PhaseRunning, "", fmt.Sprintf("%s is %s: %s waits", r.plan.Candidate, r.unready, what))
	act := r.patient("ready", fmt.Sprintf("wait until %s is ready, before %s", r.plan.Candidate, what), r.plan.Spec.ReadyWithin)
	future := startForward(r, act, a.VerifyReady, activities.VerifyReadyInput{Job: r.job, Replicas: r.replicas()})
	if s := r.watchWhile(future, "ready"); s != nil {
		return s
	}
	return r.result(future, act, nil)
}

// promote gives the candidate all of the traffic and makes it primary.
func (r *run) promote() *setback {
	if s := r.gate(r.plan.Promote, len(r.plan.Steps)+1, "the promotion"); s != nil {
		return s
	}
	if s := r.waitUntilReady("the promotion"); s != nil {
		return s
	}
	if s := r.shift("promote", 0, rollout.All); s != nil {
		return s
	}
	r.record("promote")
	out, s := r.makePrimary(min(firstLook, r.plan.Spec.ReadyWithin.Std()/4), false)
	if s == nil && (out.PlatformRolledBack || out.Pending) {
		out, s = r.makePrimary(r.plan.Spec.ReadyWithin.Std(), true)
	}
	switch {
	case s != nil:
	case out.PlatformRolledBack:
		s = &setback{outcome: rollout.PlatformRolledBack, reason: out.Reason}
	case out.Pending:
		s = &setback{outcome: rollout.RolledBack, cause: rollout.CauseDeploy, reason: out.Reason}
	}
	return s
}

// makePrimary asks for the candidate to be primary. With watched, an Observe
// stays open beside it: it may take long, and users have the candidate.
func (r *run) makePrimary(within time.Duration, watched bool) (activities.PromoteOutput, *setback) {
	var out activities.PromoteOutput
	act := r.patient("promote", "make "+r.plan.Candidate+" the primary version", rollout.Duration(within)+r.plan.Spec.ReadyWithin)
	future := startForward(r, act, a.Promote, activities.PromoteInput{Job: r.write("promote"), Within: rollout.Duration(within)})
	if watched {
		if s := r.watchWhile(future, "promote"); s != nil {
			return out, s
		}
	}
	s := r.result(future, act, &out)
	return out, s
}

// keepBaseline watches the candidate at 100 % while the way back is still open.
func (r *run) keepBaseline() *setback {
	keep := r.plan.KeepBaseline
	if keep <= 0 {
		return r.back
	}
	r.enter(rollout.PhaseRunning, "", fmt.Sprintf("keeping %s for %s", named(r.job.Baseline), keep))
	window := r.plan.Spec.Strategy.Window
	b := newBake(rollout.PlannedStep{
		Number: len(r.plan.Steps), Weight: rollout.All, Bake: keep, Poll: window.PollFor(keep),
		Grace: r.plan.Spec.Policy.GraceFor(keep), Windows: []rollout.Duration{keep}, Absolute: true,
	}, "keep", window)
	b.primary = r.plan.Candidate
	return r.bake(b)
}

// conclude ends a promoted rollout: from here on an abort comes too late, and
// the baseline goes.
func (r *run) conclude(outcome rollout.Outcome) {
	r.beyond = true
	r.status.Outcome = outcome
	if r.job.Baseline != "" {
		r.enter(rollout.PhaseRunning, "", "removing "+r.job.Baseline)
		r.remove(r.job.Baseline)
	}
	r.status.Reason = r.plan.Candidate + " serves everything"
}

// refuse ends a rollout that has changed nothing.
func (r *run) refuse(s *setback) {
	r.status.Outcome, r.status.Cause, r.status.Reason = rollout.Refused, s.cause, s.reason
}

func named(version string) string {
	if version == "" {
		return "no version"
	}
	return version
}
