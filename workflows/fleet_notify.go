package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// notify begins to tell people of an occasion of the fleet, and waits for
// nothing. Whom the call names are told besides those whom the spec and the
// worker's configuration name. Its units tell of their own.
func (f *fleet) notify(n rollout.Notice, to ...rollout.Notification) {
	if !f.plan.Notifies {
		return
	}
	spec, s := f.order.Spec, f.status
	n.ID = rollout.NoticeID(s.WorkflowID, workflow.GetInfo(f.ctx).OriginalRunID, len(f.notices)+1, n.Event)
	n.At, n.Target, n.Environment, n.Service, n.Owner = workflow.Now(f.ctx), s.Target, spec.Environment, spec.Service, spec.Owner
	n.Candidate, n.Weight, n.Cause, n.WaitingFor, n.Until = s.Candidate, s.Weight, s.Cause, s.WaitingFor, s.WaitingUntil
	n.StartedBy, n.WorkflowID, n.RunID = s.StartedBy, s.WorkflowID, s.RunID
	n.Text = s.Target + ": " + n.Text
	f.notices = append(f.notices, startNotify(f.ctx, n, append(to, spec.Rollout.Notify...)))
}

// tellOfPhase tells people of a phase that is entered, and of what it waits for.
func (f *fleet) tellOfPhase() {
	s, was := f.status, f.told
	f.told = shown{phase: s.Phase, waitingFor: s.WaitingFor}
	if f.told == was {
		return
	}
	candidate := f.candidate()
	switch wasBack := was.phase == rollout.PhaseNeedsHuman || was.phase == rollout.PhaseRollingBack; {
	case s.Phase == rollout.PhaseWaiting:
		f.notify(rollout.Notice{Event: rollout.OnWaiting, Reason: s.Reason,
			Text: fmt.Sprintf("%s, wave %d of %d: %s%s", candidate, s.Wave, s.Waves, s.Reason, atLatest(s.WaitingUntil))})
	case s.Phase == rollout.PhaseNeedsHuman:
		f.notify(rollout.Notice{Event: rollout.OnNeedsHuman, Reason: s.Reason, Text: "a person is needed: " + s.Reason})
	case s.Phase == rollout.PhaseRollingBack && !wasBack:
		f.notify(rollout.Notice{Event: rollout.OnRollingBack, Reason: s.Reason, Actor: f.back.actor,
			Text: fmt.Sprintf("going back from %s: %s", candidate, s.Reason)})
	case s.Phase == rollout.PhaseCompleted:
		f.notify(rollout.Notice{Event: rollout.OccasionOf(s.Outcome), Reason: s.Reason, Actor: s.Actor,
			Text: fmt.Sprintf("%s: %s: %s", candidate, ending(s.Outcome), s.Reason)})
	}
}

// candidate is what the fleet moves its units to, for people.
func (f *fleet) candidate() string {
	return fmt.Sprintf("%s in %d units", orElse(f.status.Candidate, "releases"), len(f.status.Units))
}

// awaitNotices waits until everything that is to be told has been taken over.
func (f *fleet) awaitNotices() {
	awaitTold(f.ctx, f.notices...)
}
