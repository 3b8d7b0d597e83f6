// Package workflows holds the durable processes: which act follows which, and
// what is undone when. Code here is replayed from history, so it asks
// activities for every fact and branches only on what they recorded.
//
// Read Rollout first, then its way forward (course, prepare, advance, climb), and
// then goBack in restore.go. Target starts rollouts, one at a time for each target;
// Fleet moves many units with one Rollout each; Rehearsal practises with Rollouts.
//
// What changes the order of acts must not disturb histories that have begun. Where a
// comment says what happened "under older workers", a GetVersion or a field of the
// plan beside it keeps that for them.
package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
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
	setback := r.course()
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

// run is one rollout in progress. What belongs to one part of it is declared beside
// that part: its file is named here.
type run struct {
	ctx     workflow.Context // disconnected: a cancel is an order, not an end
	forward workflow.Context // ends when going back begins
	stop    workflow.CancelFunc

	order    rollout.Order
	plan     rollout.Plan
	snapshot activities.Snapshot
	job      activities.Job
	step     rollout.PlannedStep // the one that was taken last
	status   rollout.Status

	calls       // call.go
	written     // traffic.go
	unseenRaise // restore_verify.go
	judging     // bake.go
	adapting    // adaptive.go
	commands    // commands.go
	pausing     // gate.go
	turning     // restore.go
	member      // member.go
	closed      // closed.go
	losses      // lost.go
	telling     // notify.go
}

// course goes forward until the candidate serves everything, or something sends
// the rollout back.
func (r *run) course() *setback {
	if r.order.Recover != "" {
		return r.takeOver()
	}
	if s := r.prepare(); s != nil {
		return s
	}
	return r.advance()
}

func newRun(ctx workflow.Context, order rollout.Order) *run {
	info := workflow.GetInfo(ctx)
	detached, _ := workflow.NewDisconnectedContext(ctx)
	forward, stop := workflow.WithCancel(detached)
	r := &run{ctx: detached, forward: forward, stop: stop, order: order}
	r.ids, r.writes = map[string]int{}, map[string]int{}
	target := order.Spec.Key().String()
	r.status = rollout.Status{
		Target: target, WorkflowID: info.WorkflowExecution.ID, RunID: info.WorkflowExecution.RunID,
		Phase: rollout.PhasePending, Candidate: order.Spec.Release.Version, Checks: []rollout.CheckResult{},
		StartedBy: order.Actor, StartReason: order.Reason, StartedAt: info.WorkflowStartTime,
	}
	r.job = activities.Job{
		Target: target, Drivers: order.Spec.Target, Candidate: order.Spec.Release.Version,
		Fence: activities.Fence{Epoch: info.WorkflowStartTime.UnixMilli()},
	}
	r.root, r.member = ctx, memberOf(order, info)
	if r.isRehearsed() {
		r.status.Rehearsed = &rollout.Rehearsed{}
	}
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
	r.startSchedule()
	if s := r.waitToStart(); s != nil {
		return s
	}
	if s := r.takeSnapshot(); s != nil {
		return s
	}
	return r.preflight()
}

func (r *run) admit() *setback {
	order := r.order
	order.Back = order.Back && r.isOfTarget()
	r.status.Back = order.Back
	out, s := forwardAct(r, r.act("admit", "check the spec and make the plan"), a.Admit, activities.AdmitInput{Order: order, Received: r.received(), Rehearsal: r.isRehearsed()})
	if s != nil {
		return s
	}
	if out.Cause != "" {
		r.plan.Notifies = out.Notifies
		r.status.Problems = rollout.Texts(out.Problems)
		what := "the spec is refused: "
		if out.Cause != rollout.CauseSpec && out.Cause != rollout.CausePolicy {
			what = "refused for now: "
		}
		return &setback{outcome: rollout.Refused, cause: out.Cause, reason: what + list(r.status.Problems)}
	}
	r.adopt(out.Plan)
	r.job.Drivers = out.Plan.Spec.Target
	if o := r.order; o.Override {
		r.noteOverride(rollout.Command{Name: rollout.CommandStart, Actor: o.Actor, Reason: o.Reason})
	}
	r.wants(rollout.ActionStart)
	r.mind(out.Closed)
	return nil
}

// received is when Temporal got the order: when the Target did, if that started this
// rollout at its turn, else when this workflow was started.
func (r *run) received() time.Time {
	if r.isUnit() || r.isRehearsed() { // whoever started it has looked at who asked for it
		return time.Time{}
	}
	if r.isOfTarget() && !r.order.Received.IsZero() {
		return r.order.Received
	}
	return r.status.StartedAt
}

// isOfTarget reports whether the Target started this rollout. It asks the server's
// record, because an order may claim anything.
func (r *run) isOfTarget() bool {
	parent := workflow.GetInfo(r.ctx).ParentWorkflowExecution
	return parent != nil && parent.ID == rollout.TargetID(r.order.Spec.Key())
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
	act := r.look("snapshot", "record the state to go back to")
	out, s := forwardAct(r, act, a.Snapshot, in)
	if s != nil {
		return s
	}
	if out.Cause != "" {
		return &setback{outcome: rollout.Refused, cause: out.Cause, reason: out.Reason}
	}
	if r.plan.GoesBack && out.Snapshot.Baseline == "" {
		return &setback{outcome: rollout.Refused, cause: rollout.CauseDirty, reason: "a drill goes back to what serves, and nothing does"}
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
	act := r.look("preflight", "prove that going back is possible")
	out, s := forwardAct(r, act, a.Preflight,
		activities.PreflightInput{Job: r.job, Snapshot: r.snapshot, Checks: r.plan.Spec.Checks,
			Steps: activities.Outlooks(r.plan), Cohorts: r.plan.Cohorts(), Alpha: r.plan.Spec.Policy.Alpha, Foresight: r.plan.Spec.Policy.Foresight, Copy: r.plan.Copy})
	if s != nil {
		return s
	}
	r.bounds, r.learned, r.delay = out.Bounds, out.Learned, out.Delay.Std()
	r.status.Warnings = append(r.status.Warnings, out.Warnings...)
	if len(out.Problems) > 0 {
		r.status.Problems = out.Problems
		cause := rollout.CauseDirty
		if out.Cause != "" {
			cause = out.Cause
		}
		return &setback{outcome: rollout.Refused, cause: cause, reason: list(out.Problems)}
	}
	return nil
}

// advance deploys the candidate, takes every step, and promotes it.
func (r *run) advance() *setback {
	if s := r.askHooks(rollout.HookBeforeStart, 0, 0); s != nil {
		return s
	}
	if s := r.deploy(); s != nil {
		return s
	}
	if s := r.setFlags(); s != nil {
		return s
	}
	for step, more := r.plan.Steps[0], true; more && !r.isDrilled(r.step); step, more = r.nextStep(step) {
		if s := r.climb(step); s != nil {
			return s
		}
	}
	if r.plan.GoesBack {
		return r.passedDrill()
	}
	if s := r.promote(); s != nil {
		return s
	}
	if s := r.keepBaseline(); s != nil {
		return s
	}
	if s := r.keepForSchedule(); s != nil {
		return s
	}
	return r.keepForFleet()
}

// climb takes one step: ask, raise, watch.
func (r *run) climb(step rollout.PlannedStep) *setback {
	r.status.StepOwner = step.Owner // who is asked for it, too
	if s := r.gates(step); s != nil {
		return s
	}
	if r.skipAll {
		return nil
	}
	if step.Weight > r.step.Weight || step.Cohort != "" { // less traffic waits for nothing
		if s := r.waitUntilReady(step.Raise()); s != nil {
			return s
		}
	}
	if !r.stays {
		if s := r.askHooks(rollout.HookBeforeStep, step.Number, step.Weight); s != nil {
			return s
		}
	}
	r.step, r.status.Step, r.status.Steps = step, step.Number, max(step.Number, r.status.Steps)
	if r.stays {
		if s := r.writeOver(rollout.StepID(step.Number), step.Number, step.Weight); s != nil {
			return s
		}
	} else {
		if s := r.shift(rollout.StepID(step.Number), step.Number, step.Weight); s != nil {
			return s
		}
		if s := r.sendCohort(step); s != nil {
			return s
		}
	}
	if s := r.bake(newBake(step, rollout.StepID(step.Number), r.plan.Spec.Strategy.Window)); s != nil {
		return s
	}
	return r.askHooks(rollout.HookAfterStep, step.Number, step.Weight)
}

// refuse gives a rollout that has changed nothing its outcome.
func (r *run) refuse(s *setback) {
	r.status.Outcome, r.status.Cause, r.status.Reason = rollout.Refused, s.cause, s.reason
}

func named(version string) string {
	if version == "" {
		return "no version"
	}
	return version
}
