package workflows

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// drillAll makes every drill, one after another.
func (r *rehearsing) drillAll() {
	for _, d := range r.plan.Drills {
		drill := evidence.Drill{Name: d.Name, Step: d.Step, Poll: d.Poll, Limit: d.Limit}
		for n := 1; n <= len(d.Injections) && r.stopped == ""; n++ {
			drill.Repeats = append(drill.Repeats, r.drill(d, n))
			r.status.Drills++
		}
		r.facts.Drills = append(r.facts.Drills, drill)
	}
}

// drill is one rollout that is sent back from a step, and what the target is like
// afterwards.
func (r *rehearsing) drill(d rehearsal.PlannedDrill, n int) evidence.Repeat {
	what := fmt.Sprintf("%s, %d of %d", d.Name, n, len(d.Injections))
	r.doing(what)
	out := evidence.Repeat{Number: n, StartedAt: r.now(), WorkflowID: rollout.WorkflowID(r.order.Manifest.Target())}
	status, run, err := r.practiseOnce(what, rollout.Order{Drill: &d.Injections[n-1]}, d.Takes.Std())
	out.RunID, out.EndedAt = run, r.now()
	if errors.Is(err, errNotBack) {
		status = r.ask(out.WorkflowID, run).Status
	}
	out = timed(out, status)
	if out.Outcome, out.Reason = drillOutcome(status, err); err == nil && r.stopped != "" {
		out.Outcome, out.Reason = evidence.Unmeasured, r.stopped
	}
	return r.lookAfter(out)
}

// timed takes the moments of a drill from its rollout. One that went back for
// another reason, before the injection, has none; and nobody knows when a baseline
// was well whose checks could not be judged.
func timed(out evidence.Repeat, s rollout.Status) evidence.Repeat {
	out.Restore, out.Shares = s.TimeToRestore, rehearsal.SharesOf(s)
	d := s.Drilled
	if d == nil || d.Healthy == nil || d.Decided.Before(d.Injected) {
		return out
	}
	out.RaisedAt, out.Weight = &d.Raised, float64(d.Weight)/float64(rollout.All)
	out.BreachAt, out.SeenAt, out.DecidedAt, out.RestoredAt = &d.Injected, d.Seen, d.Decided, d.Traffic
	if d.Unjudged == "" {
		out.HealthyAt = d.Healthy
	}
	return out
}

// drillOutcome says what a drill's rollout came to, and why. One that never came
// to its step, or whose baseline nobody could judge, measured nothing.
func drillOutcome(s rollout.Status, err error) (evidence.Outcome, string) {
	reason := fmt.Sprintf("%s: %s", s.Outcome, s.Reason)
	d := s.Drilled
	switch {
	case errors.Is(err, errNotBack):
		return evidence.Failed, notEnded(s)
	case err != nil:
		return evidence.Unmeasured, err.Error()
	case s.Outcome == rollout.Refused:
		return evidence.Unmeasured, reason
	case d == nil && s.Outcome != rollout.Failed:
		return evidence.Unmeasured, "no drill took place: " + reason
	case d != nil && d.Human != "":
		return evidence.Failed, fmt.Sprintf("a person was needed: %s; %s", d.Human, reason)
	case s.Outcome != rollout.RolledBack || d.Healthy == nil || d.Decided.Before(d.Injected):
		return evidence.Failed, reason
	case d.Unjudged != "":
		return evidence.Unmeasured, "the baseline is ready, but absolute checks could not be judged: " + d.Unjudged
	}
	return evidence.Passed, reason
}

// notEnded says what a rollout waits for that has not ended in time.
func notEnded(s rollout.Status) string {
	reason := errNotBack.Error()
	if s.Phase == "" { // it could not be asked
		return reason
	}
	if s.Drilled != nil && s.Drilled.Healthy != nil {
		reason = "the baseline is back, but the rollout has not ended in time, and is not cleaned up"
	}
	reason += fmt.Sprintf("; it is %s: %s", s.Phase, s.Reason)
	if s.WaitingFor != "" {
		reason += ", and waits for " + s.WaitingFor
	}
	return reason
}

// lookAfter compares the target with what it was like before.
func (r *rehearsing) lookAfter(out evidence.Repeat) evidence.Repeat {
	after := r.look("drill")
	out.Same, out.Residue = after.Digest != "" && after.Digest == r.facts.Before.Digest, after.LeftSince(r.facts.Before)
	if after.Error != "" {
		out.Differences = []string{evidence.StateUnread + after.Error}
	} else if !out.Same {
		out.Differences = []string{fmt.Sprintf("before: %s; after: %s", r.facts.Before.Text, after.Text)}
	}
	return out
}

// errNotBack is a rollout that has not come to its end in time. It goes on by
// itself until the baseline is back, or a person decides.
var errNotBack = errors.New("its rollout has not ended in time: it goes on until the baseline is back")

// practiseOnce runs one rollout as a child, in the place where every rollout of
// the target runs. One that does not end in time is left to itself.
func (r *rehearsing) practiseOnce(what string, order rollout.Order, within time.Duration) (status rollout.Status, run string, err error) {
	m := r.order.Manifest
	onClose := enumspb.PARENT_CLOSE_POLICY_ABANDON // who goes back goes on, whatever becomes of the rehearsal
	if order.Spec.Service == "" {
		order.Spec = m.Rollout.Spec
		order.Spec.Environment = m.Environment
		onClose = enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL
	}
	r.begins(rehearsal.BegunRollout)
	order.Actor, order.Rehearsal, order.Hooks = r.order.Actor, r.status.WorkflowID, m.Hooks
	order.Reason = fmt.Sprintf("rehearsal %s: %s", m.Name, what)
	going, giveUp := r.forChild()
	ctx := workflow.WithChildOptions(going, workflow.ChildWorkflowOptions{
		WorkflowID: rollout.WorkflowID(m.Target()), TaskQueue: rollout.QueueControl, WorkflowTaskTimeout: 2 * time.Second,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy:     onClose, WaitForCancellation: true,
		StaticSummary: shorten("practise " + what),
		TypedSearchAttributes: temporal.NewSearchAttributes(
			attributeTarget.ValueSet(m.Target().String()), attributeService.ValueSet(m.Rollout.Service), attributeEnvironment.ValueSet(m.Environment),
			attributeCandidate.ValueSet(order.Spec.Release.Version), attributePhase.ValueSet(string(rollout.PhasePending))),
	})
	child := workflow.ExecuteChildWorkflow(ctx, rollout.WorkflowType, order)
	r.handOn(child, giveUp, func() any { return rollout.Command{ID: r.by.ID, Actor: r.by.Actor, Reason: r.by.Reason} })
	var execution workflow.Execution
	if err := child.GetChildWorkflowExecution().Get(r.ctx, &execution); err != nil {
		return status, "", r.couldNotBegin(err)
	}
	patience := r.timer("wait for the end of "+what, within)
	defer patience.cancel()
	_ = workflow.Await(r.ctx, func() bool { return child.IsReady() || patience.IsReady() })
	if !child.IsReady() {
		return status, execution.RunID, errNotBack
	}
	err = child.Get(r.ctx, &status)
	var failed *temporal.ApplicationError
	if errors.As(err, &failed) && failed.HasDetails() && failed.Details(&status) == nil && status.Outcome != "" {
		err = nil
	}
	return status, execution.RunID, err
}

// couldNotBegin says why a rollout could not begin, and who is in its place.
func (r *rehearsing) couldNotBegin(err error) error {
	if !temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return fmt.Errorf("it could not begin: %s", rootCause(err))
	}
	by := ""
	switch held := r.ask(rollout.WorkflowID(r.order.Manifest.Target()), ""); {
	case held.Rehearsal != "":
		by = ", of " + held.Rehearsal
	case held.Status.StartedBy != "":
		by = ", which " + held.Status.StartedBy + " started"
	}
	return fmt.Errorf("it could not begin: another rollout of %s is under way%s", r.status.Target, by)
}

// ask asks a rollout where it stands, the one that runs where no run is named.
// Nothing where it does not answer.
func (r *rehearsing) ask(workflowID, run string) (out activities.AskRolloutOutput) {
	if !r.plan.Asks {
		return out
	}
	act := r.act("ask", "ask "+workflowID+" where it stands")
	act.within = time.Minute
	if start(r.ctx, act, a.AskRollout, activities.AskRolloutInput{WorkflowID: workflowID, RunID: run}).Get(r.ctx, &out) != nil {
		return activities.AskRolloutOutput{}
	}
	return out
}

// rollOut leaves the rollout to its checks. One that was promoted is followed by
// a rollout of what was there before.
func (r *rehearsing) rollOut() {
	began := r.now()
	status, run, err := r.practiseOnce("the rollout itself", rollout.Order{}, r.order.Manifest.Longest().Std())
	if err != nil {
		status.Reason = err.Error()
	}
	if status.StartedAt.IsZero() {
		status.StartedAt = began
	}
	status.RunID = run // "": it never began
	r.facts.Rollout = &status
	if status.Outcome == rollout.Promoted {
		r.comeBack()
	}
}

// comeBack deploys what was there before, and gives it all traffic. It is not
// given up when the rehearsal is stopped: the target would be left changed.
func (r *rehearsing) comeBack() {
	r.doing("going back to what was there before")
	going := r.going
	r.going = r.ctx
	defer func() { r.going = going }()
	spec := r.order.Manifest.BackTo(r.facts.Before)
	if what := r.order.Manifest.Unknown(r.facts.Before); what != "" {
		r.facts.NotBack = fmt.Sprintf("%s was deployed anew without %s that it had: nobody knew it", spec.Release.Version, what)
	}
	status, run, err := r.practiseOnce("going back to "+spec.Release.Version, rollout.Order{Spec: spec}, r.order.Manifest.Longest().Std())
	status.RunID = run
	r.facts.Back = &status
	if err == nil && status.Outcome == rollout.Promoted {
		return
	}
	if err == nil {
		err = fmt.Errorf("%s: %s", status.Outcome, status.Reason)
	}
	r.facts.NotBack = fmt.Sprintf("it could not go back to %s: %s", spec.Release.Version, err)
}
