package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// act is a quick act of the fleet. A repeated id gets a number.
func (f *fleet) act(id, summary string) act {
	f.ids[id]++
	if n := f.ids[id]; n > 1 {
		id = fmt.Sprintf("%s.%d", id, n)
	}
	return act{id: id, summary: summary, queue: rollout.QueueInfra, limit: quickLimit}
}

func (f *fleet) timer(summary string, d time.Duration) timer { return startTimer(f.ctx, summary, d) }

// show says what goes on now.
func (f *fleet) show(reason string) {
	f.doing = reason
	f.refresh()
}

// refresh works out in which phase the fleet is, and shows it.
func (f *fleet) refresh() {
	f.status.WaitingFor = ""
	f.lull()
	if !f.ended {
		f.status.Reason = f.doing
	}
	needsHuman := slices.IndexFunc(f.status.Units, func(u rollout.UnitStatus) bool { return u.Phase == rollout.PhaseNeedsHuman })
	switch {
	case f.ended:
		f.status.Phase = rollout.PhaseCompleted
	case needsHuman >= 0:
		u := f.status.Units[needsHuman]
		f.status.Phase, f.status.Reason = rollout.PhaseNeedsHuman, u.Target+": "+u.Reason
	case f.back != nil:
		f.status.Phase, f.status.Reason = rollout.PhaseRollingBack, f.back.reason
		if f.status.Paused {
			f.status.Reason += "; the units that do not go back are paused"
		}
	case f.status.Paused:
		f.status.Phase, f.status.WaitingFor = rollout.PhaseWaiting, rollout.WaitingForPause
	case f.between:
		f.status.Phase, f.status.WaitingFor = rollout.PhaseWaiting, rollout.WaitingForWave
	default:
		f.status.Phase = rollout.PhaseRunning
	}
	f.weigh()
	f.describe()
	f.publish()
	f.tellOfPhase()
}

// weigh makes the weight of the fleet: the mean of its units'.
func (f *fleet) weigh() {
	total := rollout.Weight(0)
	for _, u := range f.status.Units {
		total += u.Weight
	}
	f.status.Weight = total / rollout.Weight(max(len(f.status.Units), 1))
}

// describe writes what somebody sees who opens the workflow in the Temporal UI.
func (f *fleet) describe() {
	s := f.status
	stands := string(s.Phase)
	if s.Outcome != "" {
		stands += ": " + string(s.Outcome)
	}
	text := fmt.Sprintf("**%s %s**: %s, wave %d of %d\n\n%s\n", s.Target, stands, s.Candidate, s.Wave, s.Waves, s.Reason)
	if s.AbortSignature != "" {
		text += "\nsignature of the abort: " + s.AbortSignature + "\n"
	}
	for i, u := range s.Units {
		if i == 100 {
			text += fmt.Sprintf("\n- … and %d more", len(s.Units)-i)
			break
		}
		text += fmt.Sprintf("\n- %s: %s %s", u.Unit, orElse(string(u.Outcome), string(u.Phase)), u.Reason)
	}
	workflow.SetCurrentDetails(f.ctx, text)
}

// publish upserts the search attributes, if they changed. The step is the wave.
func (f *fleet) publish() {
	now := shown{phase: f.status.Phase, waitingFor: f.status.WaitingFor, step: f.status.Wave}
	if now == f.shown {
		return
	}
	f.shown = now
	updates := []temporal.SearchAttributeUpdate{
		attributeTarget.ValueSet(f.status.Target), attributeService.ValueSet(f.order.Spec.Service),
		attributeEnvironment.ValueSet(f.order.Spec.Environment), attributeCandidate.ValueSet(f.status.Candidate),
		attributePhase.ValueSet(string(now.phase)), attributeWaitingFor.ValueSet(now.waitingFor),
		attributeStep.ValueSet(int64(now.step)), attributeWeight.ValueSet(int64(f.status.Weight)),
		attributeNeedsHuman.ValueSet(now.phase == rollout.PhaseNeedsHuman),
	}
	if f.ended {
		updates = append(updates, attributeOutcome.ValueSet(string(f.status.Outcome)))
	}
	// The worker checked at its start that they exist, and their values are typed.
	if err := workflow.UpsertTypedSearchAttributes(f.ctx, updates...); err != nil {
		workflow.GetLogger(f.ctx).Error("Could not set search attributes", "error", err)
	}
}

// finish ends the workflow with its result; as failed when a unit has left
// behind what a person must look at.
func (f *fleet) finish() (rollout.Status, error) {
	f.sum()
	f.ended = true
	end := workflow.Now(f.ctx)
	f.status.EndedAt, f.status.Paused = &end, false
	f.refresh()
	_ = workflow.Await(f.ctx, func() bool { return workflow.AllHandlersFinished(f.ctx) && !f.proving })
	f.awaitNotices()
	if f.status.Outcome == rollout.Failed {
		return f.status, temporal.NewNonRetryableApplicationError(f.status.Reason, "Failed", nil, f.status)
	}
	return f.status, nil
}
