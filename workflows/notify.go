package workflows

import (
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// Limits of telling one recipient: each try, all of them, and the time between
// two.
const (
	tellLimit  = 20 * time.Second
	tellWithin = 24 * time.Hour
	tellPause  = 5 * time.Minute
)

// telling is what people were told, and what the Temporal UI shows.
type telling struct {
	notices []workflow.Future // ready when a workflow has taken over to tell people
	told    []workflow.Future // hooks that were told of something
	phases  int               // counts the phases that were entered
	waited  map[string]*wait  // by name
	shown   shown
}

// Notify tells people of one occasion of a rollout, everyone at the same time,
// and tries again for up to a day. It is a workflow of its own so that no
// rollout ever waits for it; it outlives the rollout that began it.
func Notify(ctx workflow.Context, in rollout.Telling) (rollout.Told, error) {
	var told rollout.Told
	var list activities.RecipientsOutput
	ask := act{id: "recipients", summary: "find out who is told", queue: rollout.QueueInfra, limit: quickLimit, within: tellWithin}
	if err := start(ctx, ask, a.Recipients, in).Get(ctx, &list); err != nil {
		return told, err
	}
	var answers []workflow.Future
	for i, to := range list.Recipients {
		answers = append(answers, startTelling(ctx, i+1, activities.NotifyInput{Notice: in.Notice, Recipient: to}))
	}
	for i, to := range list.Recipients {
		result := "sent"
		if err := answers[i].Get(ctx, nil); err != nil {
			result = "failed"
			told.Untold = append(told.Untold, rollout.Untold{Recipient: to, Why: rootCause(err)})
		} else {
			told.Told = append(told.Told, to)
		}
		workflow.GetMetricsHandler(ctx).WithTags(map[string]string{"sink": to.To, "result": result}).Counter("bakeoff_notifications").Inc(1)
	}
	return told, nil
}

func startTelling(ctx workflow.Context, number int, in activities.NotifyInput) workflow.Future {
	o := act{id: fmt.Sprintf("notify.%s.%d", in.Recipient.To, number), summary: fmt.Sprintf("tell %s: %s", in.Recipient, in.Notice.Text),
		queue: rollout.QueueInfra, limit: tellLimit, within: tellWithin}.options()
	o.RetryPolicy.InitialInterval, o.RetryPolicy.MaximumInterval = time.Second, tellPause
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, o), a.Notify, in)
}

// notify begins to tell people of an occasion, and waits for nothing. Whom the
// call names are told besides those whom the spec and the worker's
// configuration name.
func (r *run) notify(n rollout.Notice, to ...rollout.Notification) {
	if !r.plan.Notifies {
		return
	}
	info := workflow.GetInfo(r.ctx)
	spec, s := r.order.Spec, r.status
	n.ID = rollout.NoticeID(s.WorkflowID, info.OriginalRunID, len(r.notices)+1, n.Event)
	n.At, n.Target, n.Environment, n.Service, n.Unit, n.Owner = r.now(), s.Target, spec.Environment, spec.Service, spec.Unit, spec.Owner
	n.StepOwner, n.Back = s.StepOwner, s.Back
	n.Baseline, n.Candidate, n.Weight, n.Cause = s.Baseline, s.Candidate, s.Weight, s.Cause
	n.WaitingFor, n.Until, n.StartedBy, n.WorkflowID, n.RunID = s.WaitingFor, r.waitsUntil(), s.StartedBy, s.WorkflowID, s.RunID
	n.Text = s.Target + ": " + n.Text
	if r.isQuiet() {
		n.Text, n.Rehearsal = n.Text+" (part of "+r.order.Rehearsal+")", r.order.Rehearsal
	}
	r.notices = append(r.notices, startNotify(r.ctx, n, append(to, spec.Notify...)))
}

// startNotify starts the workflow that tells people. The future is ready when it
// has taken over.
func startNotify(ctx workflow.Context, n rollout.Notice, to []rollout.Notification) workflow.Future {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: n.ID, ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON, StaticSummary: shorten(n.Text)})
	return workflow.ExecuteChildWorkflow(ctx, rollout.NotifyWorkflowType, rollout.Telling{Notice: n, To: to}).GetChildWorkflowExecution()
}

// awaitTold waits until notices have been taken over.
func awaitTold(ctx workflow.Context, notices ...workflow.Future) {
	for _, started := range notices {
		_ = started.Get(ctx, nil) // one that the server refuses could not be told in any other way
	}
}

// awaitNotices waits until everything that is to be told has been taken over by
// a workflow of its own: that takes the server's time, never a receiver's.
func (r *run) awaitNotices() {
	awaitTold(r.ctx, r.notices...)
}

// waitsUntil is when what is waited for ends by itself.
func (r *run) waitsUntil() *time.Time {
	switch r.status.WaitingFor {
	case rollout.WaitingForPause: // by a command alone
		return nil
	case rollout.WaitingForHold:
		until := r.heldSince.Add(r.plan.Spec.Policy.HoldFor.Std())
		return &until
	default:
		return r.status.WaitingUntil
	}
}

// waiting is what is waited for, and why, in words.
func (r *run) waiting() string {
	switch r.status.WaitingFor {
	case rollout.WaitingForApproval, rollout.WaitingForPause, "": // the reason says so
		return r.status.Reason
	case rollout.WaitingForHold:
		return "held: " + r.status.Reason
	default:
		return "waiting for " + r.status.WaitingFor + ": " + r.status.Reason
	}
}

// atLatest says when a wait ends by itself, where it does.
func atLatest(until *time.Time) string {
	if until == nil {
		return ""
	}
	return ", until " + rollout.Clock(until.UTC()) + " at the latest"
}

// tellOfPhase tells people of a phase that is entered, and of what it waits for.
func (r *run) tellOfPhase(was rollout.Status) {
	s := r.status
	if s.Phase == was.Phase && s.WaitingFor == was.WaitingFor {
		return
	}
	r.phases++
	if r.isQuiet() && s.Phase != rollout.PhaseNeedsHuman {
		return
	}
	switch wasBack := was.Phase == rollout.PhaseNeedsHuman || was.Phase == rollout.PhaseRollingBack; {
	case s.Phase == rollout.PhaseWaiting && r.isFrozen():
		r.notify(rollout.Notice{Event: rollout.OnFrozen, Reason: s.Reason,
			Text: fmt.Sprintf("%s is frozen at %s: %s%s", s.Candidate, s.Weight, s.Reason, atLatest(r.waitsUntil()))})
	case s.Phase == rollout.PhaseWaiting:
		r.notify(rollout.Notice{Event: rollout.OnWaiting, Reason: s.Reason,
			Text: fmt.Sprintf("%s at %s: %s%s", s.Candidate, s.Weight, r.waiting(), atLatest(r.waitsUntil()))})
	case s.Phase == rollout.PhaseNeedsHuman:
		r.notify(rollout.Notice{Event: rollout.OnNeedsHuman, Reason: s.Reason, Text: "a person is needed: " + s.Reason})
	case s.Phase == rollout.PhaseRollingBack && !wasBack && !r.isUntouched():
		r.notify(rollout.Notice{Event: rollout.OnRollingBack, Reason: s.Reason, Actor: s.Actor,
			Text: fmt.Sprintf("going back from %s to %s: %s", s.Candidate, named(s.Baseline), s.Reason)})
	case s.Phase == rollout.PhaseCompleted:
		text := fmt.Sprintf("%s is %s: %s", s.Candidate, ending(s.Outcome), s.Reason)
		if s.Back && s.Outcome == rollout.Promoted {
			text = fmt.Sprintf("went back to %s: %s", s.Candidate, s.StartReason)
		}
		r.notify(rollout.Notice{Event: rollout.OccasionOf(s.Outcome), Reason: s.Reason, Actor: s.Actor, Text: text})
	}
	if r.isForPeople() {
		r.escalate()
	}
}

// isFrozen reports whether what is waited for is that the target opens again.
func (r *run) isFrozen() bool {
	what := r.status.WaitingFor
	return what == rollout.WaitingForFreeze || r.plan.TellsGates && r.closure != nil && what == r.closure.Gate
}

// ending is an outcome in words.
func ending(o rollout.Outcome) string {
	if o == rollout.PlatformRolledBack {
		return "rolled back by its platform"
	}
	if o == rollout.RolledBack {
		return "rolled back"
	}
	return strings.ToLower(string(o))
}

// noteDenied tells people of a command that was denied.
func (r *run) noteDenied(c rollout.Command, why string) {
	r.notify(ofDenied(c, why))
}

// ofDenied is what people are told of a command that was denied.
func ofDenied(c rollout.Command, why string) rollout.Notice {
	return rollout.Notice{Event: rollout.OnDenied, Actor: c.Actor, Reason: why, Text: fmt.Sprintf("%s by %s was denied: %s", c.Name, rollout.NameOf(c.Actor), why)}
}

// noteOverride records, and tells people, that somebody passed what policy asks
// for.
func (r *run) noteOverride(c rollout.Command) {
	r.status.Overrides = append(r.status.Overrides, rollout.Override{Command: c.Name, Actor: c.Actor, Reason: c.Reason, At: r.now()})
	r.series().WithTags(map[string]string{"command": c.Name}).Counter("bakeoff_overrides").Inc(1)
	r.notify(rollout.Notice{Event: rollout.OnOverridden, Actor: c.Actor, Reason: c.Reason,
		Text: fmt.Sprintf("%s by %s passed what policy asks for: %s", c.Name, c.Actor, c.Reason)})
}
