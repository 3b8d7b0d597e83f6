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

// isNext reports whether the first of the queue may start, or a rollback that goes
// ahead of the queue.
func (t *target) isNext() bool {
	return t.status.Running == nil && (t.back != nil || t.status.Stands == "" && len(t.status.Queue) > 0)
}

// next is the order whose turn it is.
func (t *target) next() rollout.Submit {
	if t.back != nil {
		return *t.back
	}
	return t.status.Queue[0]
}

func (t *target) shiftQueue() rollout.Submit {
	next := t.next()
	if t.back != nil {
		t.back = nil
	} else {
		t.status.Queue = slices.Clone(t.status.Queue[1:])
	}
	return next
}

func (t *target) hasEnded() bool { return t.course != nil && t.course.IsReady() }

// resume picks up what the run before this one left going: the rollout, and the ladder
// of people who are told of a queue that stands. Futures of both do not survive
// continue-as-new.
func (t *target) resume() {
	if t.status.Running != nil {
		t.watch()
	}
	if t.status.StandsSince != nil {
		t.tellThatItStands()
	}
}

// watch follows a rollout that is no child of this run, by an activity.
func (t *target) watch() {
	act := t.act("watch", "follow the rollout of "+t.status.Target.String())
	act.limit, act.heartbeat = longestCourse, heartbeat
	t.course, t.watched = start(t.ctx, act, a.WatchRollout, activities.WatchRolloutInput{
		WorkflowID: rollout.WorkflowID(t.status.Target), RunID: t.status.Running.RunID}), true
}

// adopt looks after a rollout that this Target did not start: one that began while no
// worker answered, or a fleet's unit that is about to end.
func (t *target) adopt(c rollout.Course) {
	c.Submit.Order.Fleet = ""
	o := c.Submit.Order
	if t.isQueued(o.ID) && workflow.GetVersion(t.ctx, "order-settled-meanwhile", workflow.DefaultVersion, 1) == 1 {
		t.unqueue(o.ID)
	}
	switch r := t.status.Running; {
	case r == nil:
		t.status.Running = &rollout.Course{Submit: c.Submit, RunID: c.RunID}
		t.watch()
	case r.Holder && (r.RunID == "" || r.RunID == c.RunID):
		r.Submit, r.RunID, r.Holder = c.Submit, c.RunID, false
	case r.RunID != c.RunID: // it began after that one's end, of which nothing is known here yet
		t.status.Beside = append(t.status.Beside, rollout.Course{Submit: c.Submit, RunID: c.RunID})
	}
	t.settle(o.ID, func(f *rollout.Submission) { f.Fate, f.Why, f.RunID = rollout.FateStarted, "", c.RunID })
	if t.fateOf(o.ID).ID == "" {
		t.status.Fates = append(t.status.Fates, rollout.Submission{ID: o.ID, Version: o.Spec.Release.Version, Actor: o.Actor,
			At: workflow.Now(t.ctx), Fate: rollout.FateStarted, RunID: c.RunID, SpecDigest: o.SpecDigest})
	}
	t.describe()
}

// longestCourse bounds one attempt to follow a rollout; after it another begins.
const longestCourse = 30 * 24 * time.Hour

// begin starts an order's rollout as a child that outlives this workflow. If a rollout
// that was started elsewhere holds the target, that one is followed, and the order
// goes into the queue behind it.
func (t *target) begin(s rollout.Submit) {
	t.status.Running = &rollout.Course{Submit: s, Lost: s.Order.Recover}
	t.settle(s.Order.ID, func(f *rollout.Submission) { f.Fate, f.Why = rollout.FateStarting, "" })
	t.describe()
	o := s.Order
	o.Received = t.fateOf(o.ID).At
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(t.ctx, t.childOptions(s)), rollout.WorkflowType, o)
	var started workflow.Execution
	err := child.GetChildWorkflowExecution().Get(t.ctx, &started)
	if err != nil {
		t.notBegun(s, err)
		return
	}
	t.course, t.watched, t.status.Running.RunID = child, false, started.RunID
	t.settle(s.Order.ID, func(f *rollout.Submission) { f.Fate, f.RunID = rollout.FateStarted, started.RunID })
	if t.abort != nil {
		t.tell(t.ctx, rollout.CommandAbort, *t.abort)
	}
	if t.newer != nil {
		t.tell(t.ctx, rollout.CommandSupersede, *t.newer)
	}
	t.abort, t.newer = nil, nil
}

// notBegun deals with an order whose rollout could not be started.
func (t *target) notBegun(s rollout.Submit, err error) {
	t.status.Running, t.abort, t.newer = nil, nil, nil
	var held *temporal.ChildWorkflowExecutionAlreadyStartedError
	if !errors.As(err, &held) {
		t.refuse(s.Order.ID, rollout.CausePolicy, "its rollout could not be started: "+err.Error())
		return
	}
	if !t.takeBeside() {
		t.status.Running = &rollout.Course{Holder: true}
		t.watch()
	}
	switch {
	case s.Order.Recover != "":
		t.owe(s)
	case !t.isSettled(s.Order.ID): // else the holder is the order itself
		t.place(t.ctx, s)
	}
}

func (t *target) childOptions(s rollout.Submit) workflow.ChildWorkflowOptions {
	o := s.Order.Spec
	return workflow.ChildWorkflowOptions{
		WorkflowID: rollout.WorkflowID(t.status.Target), TaskQueue: rollout.QueueControl,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		// A task that was handed to a worker as it died is given to another then.
		WorkflowTaskTimeout: 2 * time.Second,
		StaticSummary:       s.Summary, StaticDetails: s.Details,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			attributeTarget.ValueSet(t.status.Target.String()), attributeService.ValueSet(o.Service),
			attributeEnvironment.ValueSet(o.Environment), attributeCandidate.ValueSet(o.Release.Version),
			attributePhase.ValueSet(string(rollout.PhasePending)),
		),
	}
}

// takeEnd learns from the end of the rollout, and makes way for the next. A rollout
// that was cut off has put nothing back, so a recovery follows it.
func (t *target) takeEnd() {
	status, lost := t.end()
	ended := *t.status.Running
	t.status.Running, t.course = nil, nil
	if lost != "" {
		t.status.Owed = append(t.status.Owed, t.recovery(ended, lost))
	} else {
		t.learn(ended, status)
		t.acquit(status)
	}
	switch n := len(t.status.Owed); {
	case t.takeBeside():
	case n > 0:
		next := t.status.Owed[n-1]
		t.status.Owed = slices.Clone(t.status.Owed[:n-1])
		t.begin(next)
	}
	t.describe()
}

// end reads how the rollout ended; lost says how it was cut off, if it was.
func (t *target) end() (status rollout.Status, lost string) {
	if t.watched {
		var out activities.WatchRolloutOutput
		if err := t.course.Get(t.ctx, &out); err != nil {
			return status, "" // it is not known any more: there is nothing to follow
		}
		t.status.Running.RunID = out.RunID
		return out.Status, out.Lost
	}
	err := t.course.Get(t.ctx, &status)
	var failed *temporal.ApplicationError
	switch {
	case err == nil:
	case errors.As(err, &failed) && failed.HasDetails():
		_ = failed.Details(&status) // a person acknowledged what could not be put back
	default:
		lost = howLost(err)
	}
	return status, lost
}

// howLost says how a rollout came to an end that was not its own.
func howLost(err error) string {
	switch {
	case temporal.IsTerminatedError(err):
		return activities.LostTerminated
	case isCutOff(err):
		return "it was cut off from outside"
	}
	return rootCause(err)
}

// recovery is the order that puts back what a lost rollout had changed.
func (t *target) recovery(ended rollout.Course, lost string) rollout.Submit {
	run := ended.RunID
	if ended.Lost != "" { // a recovery was lost, too: there is still the same to put back
		run = ended.Lost
	}
	o := ended.Submit.Order
	key := t.status.Target
	o.Spec.Environment, o.Spec.Service, o.Spec.Unit = key.Environment, key.Service, key.Unit
	o.ID, o.Recover, o.Reason = rollout.RecoveryID(ended.RunID), run, lost
	return rollout.Submit{Order: o, Summary: shorten(fmt.Sprintf("put back what the rollout of %s had changed: %s", named(o.Spec.Release.Version), lost))}
}
