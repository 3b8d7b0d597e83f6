package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
)

// end is the result.
func (r *rehearsing) end() rehearsal.Status {
	now := r.now()
	r.status.EndedAt, r.status.Begun = &now, nil
	r.enter(rehearsal.Completed, "")
	_ = r.index() // who looks for it finds it in its phase before
	r.tell()
	endWatch(r.ctx, r.watch)
	return r.status
}

// index lets rehearsals be found: by what they practise on, and at their end by
// their outcome, and by how many drills they made, as the step. A control that
// had to go red proves nothing of its target, and is found under its own word.
func (r *rehearsing) index() error {
	m := r.order.Manifest
	updates := []temporal.SearchAttributeUpdate{
		attributeTarget.ValueSet(m.Target().String()), attributeService.ValueSet(m.Rollout.Service), attributeEnvironment.ValueSet(m.Environment),
		attributePhase.ValueSet(string(r.status.Phase)), attributeStep.ValueSet(int64(r.status.Drills)),
	}
	if r.status.Outcome != "" {
		outcome := string(r.status.Outcome)
		if m.Negative {
			outcome = rehearsal.OutcomeOfControl
		}
		updates = append(updates, attributeOutcome.ValueSet(outcome))
	}
	return workflow.UpsertTypedSearchAttributes(r.ctx, updates...)
}

func (r *rehearsing) now() time.Time { return workflow.Now(r.ctx) }

// enter moves to a phase, and shows it at the top of the Temporal UI.
func (r *rehearsing) enter(p rehearsal.Phase, doing string) {
	r.status.Phase = p
	r.doing(doing)
}

// doing says what goes on, and that it was stopped.
func (r *rehearsing) doing(what string) {
	if r.stopped != "" && what != "" {
		what = r.stopped + "; " + what
	}
	r.status.Doing = what
	s := r.status
	text := fmt.Sprintf("**rehearsal %s of %s: %s** %s\n\n%d of %d drills\n\n%s", s.Name, s.Target, s.Phase, s.Outcome, s.Drills, s.Planned, what+s.Reason)
	workflow.SetCurrentDetails(r.ctx, text)
}

// begins notes what is begun, for who finds that the rehearsal is gone.
func (r *rehearsing) begins(what string) {
	if !slices.Contains(r.status.Begun, what) {
		r.status.Begun = append(r.status.Begun, what)
	}
}

// act is a quick act on the rehearsal queue. A repeated id gets a number.
func (r *rehearsing) act(id, summary string) act {
	r.ids[id]++
	if n := r.ids[id]; n > 1 {
		id = fmt.Sprintf("%s.%d", id, n)
	}
	return act{id: id, summary: summary, queue: rollout.QueueRehearsal, limit: quickLimit}
}

func (r *rehearsing) timer(summary string, d time.Duration) timer {
	ctx, cancel := workflow.WithCancel(r.ctx)
	return timer{workflow.NewTimerWithOptions(ctx, d, workflow.TimerOptions{Summary: summary}), cancel}
}

// sleep waits, at most until the rehearsal is stopped.
func (r *rehearsing) sleep(ctx workflow.Context, summary string, d time.Duration) {
	if d <= 0 || r.stopped != "" {
		return
	}
	timer := r.timer(summary, d)
	_ = workflow.Await(ctx, func() bool { return timer.IsReady() || r.stopped != "" })
	timer.cancel()
}
