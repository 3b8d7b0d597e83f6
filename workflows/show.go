package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// The typed search attributes, in the contract's names.
var (
	attributeTarget      = temporal.NewSearchAttributeKeyKeyword(rollout.AttributeTarget)
	attributeService     = temporal.NewSearchAttributeKeyKeyword(rollout.AttributeService)
	attributeEnvironment = temporal.NewSearchAttributeKeyKeyword(rollout.AttributeEnvironment)
	attributeCandidate   = temporal.NewSearchAttributeKeyKeyword(rollout.AttributeCandidate)
	attributePhase       = temporal.NewSearchAttributeKeyKeyword(rollout.AttributePhase)
	attributeOutcome     = temporal.NewSearchAttributeKeyKeyword(rollout.AttributeOutcome)
	attributeWaitingFor  = temporal.NewSearchAttributeKeyKeyword(rollout.AttributeWaitingFor)
	attributeStep        = temporal.NewSearchAttributeKeyInt64(rollout.AttributeStep)
	attributeWeight      = temporal.NewSearchAttributeKeyInt64(rollout.AttributeWeight)
	attributeNeedsHuman  = temporal.NewSearchAttributeKeyBool(rollout.AttributeNeedsHuman)
)

// shown is what the search attributes say at present.
type shown struct {
	phase      rollout.Phase
	waitingFor string
	step       int
	weight     rollout.Weight
}

// enter moves to a phase, shows it at the top of the Temporal UI, and tells the
// people who want to know.
func (r *run) enter(p rollout.Phase, waitingFor, reason string) {
	was := r.status
	if p == rollout.PhaseRunning && r.isShownPaused() {
		p, waitingFor, reason = was.Phase, was.WaitingFor, was.Reason
	}
	r.status.Phase, r.status.WaitingFor, r.status.Reason = p, waitingFor, reason
	r.describe()
	r.tellOfPhase(was)
}

// isShownPaused reports whether a pause is what is shown, until it is ended.
func (r *run) isShownPaused() bool {
	s := r.status
	return r.plan.PauseStands && r.isGoing() && s.Paused && s.WaitingFor == rollout.WaitingForPause
}

// describe writes the current details: what somebody sees who opens the
// workflow in the Temporal UI.
func (r *run) describe() {
	s := r.status
	stands := string(s.Phase)
	if s.Outcome != "" {
		stands += ": " + string(s.Outcome)
	}
	text := fmt.Sprintf("**%s %s**: %s → %s, at %s, step %d of %d\n\n%s", s.Target, stands, named(s.Baseline), s.Candidate,
		s.Weight, s.Step, s.Steps, s.Reason)
	if t := s.TimeToRestore; t != nil {
		text += fmt.Sprintf("\n\nthe baseline was back after %s", t.Total)
	}
	if s.WaitingFor != "" {
		text += "\n\nwaiting for: " + s.WaitingFor
	}
	if s.Asked != nil {
		text += "\n\nvotes: " + s.Asked.Tally
		for _, v := range s.Asked.Votes {
			text += fmt.Sprintf("\n- %s: %s", v.Member, v.Reason)
		}
	}
	if s.AbortSignature != "" {
		text += "\n\nsignature of the abort: " + s.AbortSignature
	}
	for _, c := range s.Concerns {
		text += fmt.Sprintf("\n\n%s is concerned: %s", c.Actor, c.Reason)
	}
	for _, c := range s.Checks {
		text += fmt.Sprintf("\n- %s: %s %s", c.Name, c.Verdict, c.Reason)
	}
	workflow.SetCurrentDetails(r.ctx, text)
}

// refresh shows whether the rollout is paused, held or running.
func (r *run) refresh() {
	switch reason := r.status.Reason; {
	case !r.isGoing():
		return
	case r.status.Paused:
		r.enter(rollout.PhaseWaiting, rollout.WaitingForPause, reason)
	case r.closure != nil && r.approval == nil:
		r.enter(rollout.PhaseWaiting, r.closure.Gate, reason)
	case r.holdingIt:
		r.enter(rollout.PhaseWaiting, rollout.WaitingForHold, reason)
	case r.approval != nil:
		r.enter(rollout.PhaseWaiting, rollout.WaitingForApproval, reason)
	default:
		r.enter(rollout.PhaseRunning, "", reason)
	}
	r.publish()
}

// publish upserts the search attributes, if they changed: one event for each
// change of phase, whatever it changes.
func (r *run) publish() {
	now := shown{r.status.Phase, r.status.WaitingFor, r.status.Step, r.status.Weight}
	if now == r.shown && r.status.Outcome == "" {
		return
	}
	r.shown = now
	spec := r.order.Spec
	updates := []temporal.SearchAttributeUpdate{
		attributeTarget.ValueSet(r.status.Target), attributeService.ValueSet(spec.Service),
		attributeEnvironment.ValueSet(spec.Environment), attributeCandidate.ValueSet(spec.Release.Version),
		attributePhase.ValueSet(string(now.phase)), attributeWaitingFor.ValueSet(now.waitingFor),
		attributeStep.ValueSet(int64(now.step)), attributeWeight.ValueSet(int64(now.weight)),
		attributeNeedsHuman.ValueSet(now.phase == rollout.PhaseNeedsHuman),
	}
	if r.status.Outcome != "" {
		updates = append(updates, attributeOutcome.ValueSet(string(r.status.Outcome)))
	}
	// The worker checked at its start that they exist, and their values are typed.
	if err := workflow.UpsertTypedSearchAttributes(r.ctx, updates...); err != nil {
		workflow.GetLogger(r.ctx).Error("Could not set search attributes", "error", err)
	}
}

// showWindow notes which window is being watched.
func (r *run) showWindow(b *bake, in activities.ObserveInput) {
	r.status.Window = &rollout.WindowStatus{
		Number: in.Window, Start: in.Start, End: in.End, Bake: rollout.Duration(b.need),
		Remaining: rollout.Duration(b.remaining()), Counts: !in.Waiting && !in.Held,
	}
}

// noteWindow keeps what a window came to.
func (r *run) noteWindow(in activities.ObserveInput, out activities.ObserveOutput) {
	if out.State != nil {
		r.state = out.State
	}
	results := out.Checks
	if in.Waiting { // it decides nothing by itself: what was reached stays
		results = slices.DeleteFunc(slices.Clone(results), func(c rollout.CheckResult) bool { return c.Verdict == rollout.Continue })
	}
	r.status.Note(results, r.plan.Spec.Checks)
	if !in.Absolute || in.Baseline == "" { // else the score of all checks stays
		r.status.Score, r.status.Groups, r.status.Uncounted = out.Score, out.Groups, out.Uncounted
	}
	for _, c := range out.Checks {
		r.metrics().WithTags(map[string]string{"check": c.Name, "verdict": string(c.Verdict)}).Counter("bakeoff_verdicts").Inc(1)
	}
	r.describe()
}

// leaveBake ends a bake: its hold, its clock, and what was measured of it.
func (r *run) leaveBake(_ *bake, started time.Time) {
	if r.holdingIt {
		r.holdingIt = false
		r.held += r.now().Sub(r.heldAt)
	}
	total := r.now().Sub(started)
	for _, part := range []struct {
		state  string
		length time.Duration
	}{{"held", r.held}, {"paused", r.paused - r.pausedBefore}, {"active", max(total-r.held-(r.paused-r.pausedBefore), 0)}} {
		r.metrics().WithTags(map[string]string{"state": part.state}).Timer("bakeoff_step_duration").Record(part.length)
	}
	r.held, r.pausedBefore, r.heldSince = 0, r.paused, time.Time{}
	r.current, r.status.Window = nil, nil
}

// metrics counts for this service, where the rollout is not practice: a drill goes
// back on purpose, and its rehearsal says how long that took.
func (r *run) metrics() client.MetricsHandler {
	if r.isRehearsed() {
		return client.MetricsNopHandler
	}
	return r.series()
}

// series are those of this service; units share them.
func (r *run) series() client.MetricsHandler {
	return workflow.GetMetricsHandler(r.ctx).WithTags(map[string]string{
		"environment": r.order.Spec.Environment, "service": r.order.Spec.Service})
}

func (r *run) count(name string) { r.metrics().Counter("bakeoff_" + name).Inc(1) }

func countCommand(ctx workflow.Context, name, answer string) {
	workflow.GetMetricsHandler(ctx).WithTags(map[string]string{"command": name, "answer": answer}).Counter("bakeoff_commands").Inc(1)
}

// watchSummary is the sentence of one Observe: "watch 5% for 8m: errors, latency".
func watchSummary(in activities.ObserveInput, length time.Duration) string {
	var judged []string
	for _, c := range in.Checks {
		if !in.Absolute || c.IsAbsolute() {
			judged = append(judged, c.Name)
		}
	}
	names := strings.Join(judged, ", ")
	if len(judged) == 0 {
		names = "weights and versions alone"
	}
	who := rollout.Audience(in.Weight, in.Apart, in.Cohorts...)
	if in.Waiting || in.Held {
		return fmt.Sprintf("keep watching %s while it waits: %s", who, names)
	}
	return fmt.Sprintf("watch %s for %s: %s", who, rollout.Duration(length.Round(time.Second)), names)
}

// finish ends the workflow: with its result, or, when a person acknowledged
// what could not be put back, as failed.
func (r *run) finish() (rollout.Status, error) {
	r.ended = true
	r.tellHooks(rollout.HookAfter, r.status.Reason, r.status.Cause)
	r.awaitTold()
	r.enterTarget()
	end := r.now()
	r.status.EndedAt = &end
	r.status.Paused, r.status.Window = false, nil
	r.enter(rollout.PhaseCompleted, "", r.status.Reason)
	r.publish()
	r.metrics().WithTags(map[string]string{"outcome": string(r.status.Outcome)}).Counter("bakeoff_rollouts_completed").Inc(1)
	_ = workflow.Await(r.ctx, func() bool { return workflow.AllHandlersFinished(r.ctx) && !r.proving })
	r.awaitNotices()
	if r.status.Outcome == rollout.Failed {
		return r.status, temporal.NewNonRetryableApplicationError(r.status.Reason, "Failed", nil, r.status)
	}
	return r.status, nil
}
