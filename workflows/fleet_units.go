package workflows

import (
	"errors"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// unit is one unit of a fleet.
type unit struct {
	rollout.PlannedUnit
	number int                          // in the status
	child  workflow.ChildWorkflowFuture // nil: not begun

	kept     bool // promoted, with its way back
	failed   bool // it goes back, or is lost, and nobody here ordered that
	ordered  bool // the fleet ordered it back
	tidies   bool // it was told to tidy up
	restored bool
	over     bool
	skipped  bool       // it does not begin: what it comes after failed
	turn     *time.Time // when it may begin, while it waits for that
	served   bool       // the candidate served there before
	lost     bool       // ended without an outcome, or with what a person must look at
	cutOff   string     // the run that was ended from outside; "": none was
}

// at is where a unit stands, as the status tells it.
func (f *fleet) at(u *unit) *rollout.UnitStatus { return &f.status.Units[u.number] }

// underWay counts the units that have begun and are not decided.
func (f *fleet) underWay() int {
	n := 0
	for _, u := range f.units {
		if u.child != nil && !u.kept && !u.over {
			n++
		}
	}
	return n
}

func (f *fleet) allOver(units []*unit) bool {
	return !slices.ContainsFunc(units, func(u *unit) bool { return u.child != nil && !u.over })
}

// begin starts the rollout of a unit. The workflow id is the lock of the unit's
// target: if a rollout runs there already, the unit fails.
func (f *fleet) begin(u *unit) {
	f.start(u, f.order.UnitOrder(u.Unit, f.status.WorkflowID), fmt.Sprintf("%s to %s, wave %d of %s", u.Candidate, u.Target, u.Wave, f.status.WorkflowID))
}

// start starts a rollout of a unit, and follows it. If that is cut off, a recovery
// puts back what it had changed.
func (f *fleet) start(u *unit, order rollout.Order, summary string) {
	child := workflow.WithChildOptions(f.ctx, childOptions(u, order.Spec, summary))
	u.child = workflow.ExecuteChildWorkflow(child, rollout.WorkflowType, order)
	workflow.Go(f.ctx, func(ctx workflow.Context) {
		var run workflow.Execution
		begun := u.child.GetChildWorkflowExecution().Get(ctx, &run)
		for turn := f.turnOf(u, order); turn.mayCome(ctx, begun); {
			u.child = workflow.ExecuteChildWorkflow(child, rollout.WorkflowType, order)
			begun = u.child.GetChildWorkflowExecution().Get(ctx, &run)
		}
		if begun == nil {
			f.at(u).RunID, f.at(u).Phase = run.RunID, rollout.PhaseRunning
		}
		var status rollout.Status
		err := u.child.Get(ctx, &status)
		if f.isCutOff(u, err) {
			f.recover(u, howLost(err))
			return
		}
		f.unitEnded(u, status, err)
	})
}

func childOptions(u *unit, spec rollout.Spec, summary string) workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		WorkflowID: rollout.WorkflowID(spec.Key()), TaskQueue: rollout.QueueControl, WorkflowTaskTimeout: 2 * time.Second,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL, WaitForCancellation: true,
		StaticSummary: shorten(summary),
		TypedSearchAttributes: temporal.NewSearchAttributes(
			attributeTarget.ValueSet(u.Target), attributeService.ValueSet(spec.Service), attributeEnvironment.ValueSet(spec.Environment),
			attributeCandidate.ValueSet(u.Candidate), attributePhase.ValueSet(string(rollout.PhasePending))),
	}
}

// hearUnits takes in what units report.
func (f *fleet) hearUnits() {
	workflow.Go(f.ctx, func(ctx workflow.Context) {
		reports := workflow.GetSignalChannel(ctx, rollout.SignalUnit)
		for {
			var report rollout.UnitReport
			reports.Receive(ctx, &report)
			i := slices.IndexFunc(f.units, func(u *unit) bool { return u.Target == report.Target })
			if i >= 0 && !f.units[i].over {
				f.reported(f.units[i], report)
			}
		}
	})
}

func (f *fleet) reported(u *unit, report rollout.UnitReport) {
	s := f.at(u)
	u.kept, u.restored = report.Kept, report.Restored
	s.Kept, s.Phase, s.Reason, s.RunID = report.Kept, report.Phase, report.Reason, report.RunID
	if report.Cause != "" {
		s.Cause = report.Cause
	}
	switch {
	case report.Kept:
		s.Weight = rollout.All
	case report.Restored:
		s.Weight = 0
	}
	if report.Outcome != "" && !u.ordered {
		f.fails(u, report.Outcome)
	}
	f.refresh()
}

// unitEnded takes in how a unit's rollout ended.
func (f *fleet) unitEnded(u *unit, status rollout.Status, err error) {
	if err != nil {
		status = f.lost(u, err)
	}
	u.over, u.restored = true, !u.lost
	u.served = f.plan.Exact && status.Outcome == rollout.Refused && status.Cause == rollout.CauseServing
	promoted := status.Outcome == rollout.Promoted || u.served
	u.kept = promoted
	s := f.at(u)
	s.Phase, s.Outcome, s.Cause, s.Reason, s.Weight, s.Kept = rollout.PhaseCompleted, status.Outcome, status.Cause, status.Reason, status.Weight, false
	if promoted {
		s.Weight = rollout.All
	}
	if u.lost {
		s.Phase = rollout.PhaseNeedsHuman
	}
	if !promoted && (!u.ordered || u.lost) {
		f.fails(u, status.Outcome)
	}
	f.refresh()
}

// lost is what is known of a unit whose rollout did not complete. One that was
// cut off from outside has put nothing back: a person must look.
func (f *fleet) lost(u *unit, err error) rollout.Status {
	var status rollout.Status
	var failed *temporal.ApplicationError
	var running *temporal.ChildWorkflowExecutionAlreadyStartedError
	switch {
	case errors.As(err, &running):
		return rollout.Status{Outcome: rollout.Refused, Cause: rollout.CauseRunning, Reason: u.Target + " has a running rollout already"}
	case errors.As(err, &failed) && failed.HasDetails() && failed.Details(&status) == nil && status.Outcome != "":
		u.lost = true
		return status
	}
	u.lost = true
	return rollout.Status{Outcome: rollout.Failed, Weight: f.at(u).Weight,
		Reason: fmt.Sprintf("its rollout was ended from outside (%s): nothing was put back; bakeoff restore %s", rootCause(err), u.Target)}
}

// fails counts a failed unit. One more than may fail stops the front.
func (f *fleet) fails(u *unit, outcome rollout.Outcome) {
	if u.failed {
		return
	}
	u.failed = true
	failures := 0
	for _, other := range f.units {
		if other.failed {
			failures++
		}
	}
	if failures <= f.plan.Budget || !f.isGoing() {
		return
	}
	s := f.at(u)
	if f.plan.Exact && outcome == rollout.Rejected {
		s.Cause = rollout.CauseApproval
	}
	f.front = f.wave
	if f.plan.Eager { // and what came after: it may have begun already
		f.front = u.Wave
	}
	f.turn(setback{outcome: rollout.RolledBack, cause: s.Cause,
		reason: fmt.Sprintf("%s: %s: %s", u.Unit, outcome, s.Reason)}, f.plan.OnFailure)
}

// tell says a word to units, in one act that is repeated until all have heard
// it. One whose start is still on its way is told as soon as it has begun.
func (f *fleet) tell(units []*unit, w rollout.Word) {
	var now []activities.Unit
	for _, u := range units {
		if f.at(u).RunID != "" {
			now = append(now, f.run(u))
			continue
		}
		workflow.Go(f.ctx, func(ctx workflow.Context) {
			_ = workflow.Await(ctx, func() bool { return u.over || f.at(u).RunID != "" })
			if !u.over {
				f.say(w, f.run(u))
			}
		})
	}
	f.say(w, now...)
}

func (f *fleet) say(w rollout.Word, to ...activities.Unit) {
	if len(to) == 0 {
		return
	}
	summary := fmt.Sprintf("tell %d units to %s", len(to), w.Say)
	if w.Command.Reason != "" {
		summary += ": " + w.Command.Reason
	}
	f.words++
	w.Number = f.words
	act := f.act("tell."+w.Say, summary)
	act.queue, act.limit, act.priority = rollout.QueueControl, writeLimit, 1
	_ = start(f.ctx, act, a.TellUnits, activities.TellUnitsInput{Word: w, Units: to})
}

func (f *fleet) run(u *unit) activities.Unit {
	return activities.Unit{WorkflowID: rollout.WorkflowIDOf(u.Target), RunID: f.at(u).RunID}
}
