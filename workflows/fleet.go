package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// Fleet moves many units to a candidate as one decision: each by a Rollout of
// its own, in waves. Every unit keeps its baseline until the fleet is decided,
// so that all of them can go back at once: when more have failed than may, and
// when somebody aborts.
//
// It completes with its outcome, as Rollout does. It fails only when what one
// of its units left behind is for a person to look at. A cancel is obeyed as an
// abort is; when it is terminated its units are cancelled, and go back.
func Fleet(ctx workflow.Context, order rollout.FleetOrder) (rollout.Status, error) {
	f := newFleet(ctx, order)
	if err := f.listen(); err != nil {
		return f.status, err
	}
	setback := f.admit()
	if setback == nil {
		setback = f.advance()
	}
	switch {
	case setback == nil:
		f.release()
	case len(f.units) == 0: // refused, or stopped before anything was begun
		f.status.Outcome, f.status.Cause, f.status.Reason, f.status.Actor = setback.outcome, setback.cause, setback.reason, setback.actor
	default:
		f.goBack()
	}
	return f.finish()
}

// fleet is one fleet in progress.
type fleet struct {
	ctx  workflow.Context // disconnected: a cancel is an order, not an end
	root workflow.Context // a cancel ends it

	order  rollout.FleetOrder
	plan   rollout.FleetPlan
	units  []*unit // in the order of waves
	status rollout.Status
	ids    map[string]int
	seen   map[string]answered // by command id
	shown  shown

	words   int               // counts what was said to units
	told    shown             // to people: the phase, and what it waits for
	notices []workflow.Future // ready when a workflow has taken over to tell people

	back     *setback // the first order, or reason, to go back
	scope    string   // what goes back
	sent     string   // the scope that units have been told of
	proving  bool     // whose signature the abort has is being found out
	doing    string   // what goes on, for people
	wave     int      // the present one, from 1; the newest in which a unit has begun
	front    int      // the wave that goes back, where one does
	stays    bool     // every unit is decided, and users have it for a time
	between  bool     // it waits for the next one
	restored bool     // every unit that goes back has its baseline
	beyond   bool     // too late: baselines are being removed
	ended    bool
	pausedAt time.Time
	paused   time.Duration
}

func newFleet(ctx workflow.Context, order rollout.FleetOrder) *fleet {
	info := workflow.GetInfo(ctx)
	detached, _ := workflow.NewDisconnectedContext(ctx)
	f := &fleet{ctx: detached, root: ctx, order: order, ids: map[string]int{}, seen: map[string]answered{}}
	f.status = rollout.Status{
		Target: order.Spec.Key().String(), WorkflowID: info.WorkflowExecution.ID, RunID: info.WorkflowExecution.RunID,
		Phase: rollout.PhasePending, Candidate: order.Spec.Rollout.Release.Version, Checks: []rollout.CheckResult{},
		StartedBy: order.Actor, StartedAt: info.WorkflowStartTime,
	}
	return f
}

// admit has all units looked at before any of them begins: a refusal of one
// refuses the fleet.
func (f *fleet) admit() *setback {
	act := f.act("admit", "check the spec of every unit and make the plan of the fleet")
	act.limit = time.Minute
	future := start(f.ctx, act, a.AdmitFleet, activities.AdmitFleetInput{Order: f.order, Received: f.status.StartedAt})
	f.await(future.IsReady)
	if f.back != nil {
		return f.back
	}
	var out activities.AdmitFleetOutput
	if err := future.Get(f.ctx, &out); err != nil {
		return &setback{outcome: rollout.Refused, cause: rollout.CausePolicy, reason: "could not check the units: " + rootCause(err)}
	}
	if out.Cause != "" {
		f.plan.Notifies = out.Notifies
		f.status.Problems = rollout.Texts(out.Problems)
		return &setback{outcome: rollout.Refused, cause: out.Cause, reason: "the fleet is refused: " + list(f.status.Problems)}
	}
	f.adopt(out.Plan)
	return nil
}

// adopt makes a plan the one that is followed.
func (f *fleet) adopt(p rollout.FleetPlan) {
	f.plan = p
	f.status.PlanDigest, f.status.Warnings, f.status.Candidate = p.Digest, p.Warnings, p.Candidate
	f.status.Waves, f.status.Steps = len(p.Waves), len(p.Waves)
	for i, planned := range p.Units {
		f.status.Units = append(f.status.Units, rollout.UnitStatus{
			Unit: planned.Unit, Target: planned.Target, Wave: planned.Wave, Phase: rollout.PhasePending})
		f.units = append(f.units, &unit{PlannedUnit: planned, number: i})
	}
}

// advance takes one wave after the other; where units come after one another,
// each as soon as it may. A release that users have for a time only stays until
// that is over.
func (f *fleet) advance() *setback {
	f.startDeadline()
	f.startSchedule()
	f.takeAll()
	if f.back == nil {
		f.stay(func() bool { return f.back != nil })
	}
	return f.back
}

// takeAll begins every unit in its turn, and returns when all are decided, or when
// the fleet has to go back.
func (f *fleet) takeAll() {
	if f.plan.Eager {
		f.takeUnits()
		return
	}
	for number := range f.plan.Waves {
		if number > 0 && f.plan.Wait > 0 {
			f.waitForWave(number + 1)
		}
		f.takeWave(number + 1)
		if f.back != nil {
			return
		}
	}
}

// waitForWave lets the time between two waves pass.
func (f *fleet) waitForWave(number int) {
	if f.back != nil {
		return
	}
	until := workflow.Now(f.ctx).Add(f.plan.Wait.Std())
	f.between, f.status.WaitingUntil = true, &until
	f.show(fmt.Sprintf("waiting %s before wave %d", f.plan.Wait, number))
	timer := f.timer(fmt.Sprintf("wait %s before wave %d of %d", f.plan.Wait, number, len(f.plan.Waves)), f.plan.Wait.Std())
	f.await(timer.IsReady)
	timer.cancel()
	f.between, f.status.WaitingUntil = false, nil
}

// takeWave begins the units of a wave, no more at once than may be under way,
// and returns when all of them are decided.
func (f *fleet) takeWave(number int) {
	f.await(func() bool { return !f.status.Paused })
	for _, u := range f.units {
		if u.Wave != number {
			continue
		}
		f.await(func() bool { return !f.status.Paused && f.underWay() < f.plan.MaxParallel })
		if f.back != nil {
			return
		}
		if f.wave != number {
			f.wave, f.status.Wave, f.status.Step = number, number, number
			f.show(fmt.Sprintf("wave %d of %d: %s", number, len(f.plan.Waves), named(list(f.plan.Waves[number-1]))))
		}
		f.beginUnlessBlocked(u)
	}
	f.await(func() bool { return f.underWay() == 0 })
}

// release lets every unit that is promoted remove its baseline: from here on an
// abort comes too late.
func (f *fleet) release() {
	f.beyond = true
	f.show("the fleet is decided: baselines are removed")
	f.tell(slices.DeleteFunc(slices.Clone(f.units), func(u *unit) bool { return !u.kept || u.over }), rollout.Word{Say: rollout.SayRelease})
	_ = workflow.Await(f.ctx, func() bool { return f.allOver(f.units) })
}

// await waits until the condition holds or the fleet has to go back.
func (f *fleet) await(condition func() bool) { f.awaitIn(f.ctx, condition) }

// awaitIn is await in a coroutine of its own.
func (f *fleet) awaitIn(ctx workflow.Context, condition func() bool) {
	// The context is disconnected, so that waiting cannot fail.
	_ = workflow.Await(ctx, func() bool {
		f.heed()
		return f.back != nil || condition()
	})
}
