package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// A hook is tried for this many of its timeouts, and for a little longer because of
// the pauses between tries.
const (
	hookTries  = 3
	hookPauses = 30 * time.Second
)

// askHooks calls the hooks of a point, one after the other, and goes back when one
// refuses, or does not answer and is not to be done without. Users who have met
// the candidate are watched meanwhile.
func (r *run) askHooks(at string, step int, w rollout.Weight) *setback {
	for i, h := range r.plan.Spec.Hooks {
		if h.At != at {
			continue
		}
		future := r.callHook(r.forward, i, r.hookCall(at, step, w))
		if s := r.watchWhile(future, rollout.StepID(max(step, 1))); s != nil {
			return s
		}
		if why := r.hookRefuses(future, h); why != "" {
			return r.refusedBy(h, fmt.Sprintf("hook %d (%s) %s", i+1, at, why))
		}
	}
	return nil
}

// tellHooks calls the hooks of a point that only hears what happened. Nothing
// waits for them before the end.
func (r *run) tellHooks(at, reason string, c rollout.Cause) {
	for i, h := range r.plan.Spec.Hooks {
		if h.At != at {
			continue
		}
		call := r.hookCall(at, r.status.Step, r.status.Weight)
		call.Outcome, call.Cause, call.Reason = r.status.Outcome, c, reason
		r.told = append(r.told, r.callHook(r.ctx, i, call))
	}
}

// awaitTold waits until the hooks that were told have heard, or will not.
func (r *run) awaitTold() {
	for _, future := range r.told {
		_ = future.Get(r.ctx, nil) // that it failed is on record, and changes nothing
	}
}

func (r *run) hookCall(at string, step int, w rollout.Weight) rollout.HookCall {
	s := r.status
	call := rollout.HookCall{At: at, Target: s.Target, WorkflowID: s.WorkflowID, RunID: s.RunID, Baseline: s.Baseline,
		Candidate: s.Candidate, Step: step, Weight: w, StartedBy: s.StartedBy, PlanDigest: s.PlanDigest}
	if r.isRehearsed() {
		call.Rehearsal = r.order.Rehearsal
	}
	return call
}

// callHook starts one call, by HTTP or of somebody's own activity.
func (r *run) callHook(ctx workflow.Context, i int, call rollout.HookCall) workflow.Future {
	h := r.plan.Spec.Hooks[i]
	id := fmt.Sprintf("hook%d.%s", i+1, call.At)
	if call.Step > 0 {
		id = rollout.StepID(call.Step) + "." + id
	}
	act := r.act(id, fmt.Sprintf("hook %d %s: %s", i+1, call.At, hookName(h)))
	act.limit, act.within = h.Timeout.Std(), hookTries*h.Timeout.Std()+hookPauses
	call.ID = fmt.Sprintf("%s/%s/%s", call.WorkflowID, call.RunID, act.id)
	if h.Task == nil {
		return start(ctx, act, a.Hook, activities.HookInput{URL: h.HTTP, Call: call})
	}
	act.queue = h.Task.TaskQueue
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, act.options()), h.Task.Activity, call)
}

func hookName(h rollout.Hook) string {
	if h.Task != nil {
		return h.Task.Activity + " on " + h.Task.TaskQueue
	}
	return h.HTTP
}

// hookRefuses says why a hook that has answered, or has not in time, keeps the
// rollout from going on; "" when it does not.
func (r *run) hookRefuses(future workflow.Future, h rollout.Hook) string {
	var out activities.HookOutput
	var into any = &out
	if h.Task != nil {
		into = nil // what somebody's own activity returns is its own affair
	}
	err := future.Get(r.ctx, into)
	var application *temporal.ApplicationError
	switch {
	case err == nil && out.Refused == "":
		return ""
	case err == nil:
		return "refuses: " + out.Refused
	case h.Task != nil && errors.As(err, &application) && application.NonRetryable():
		return "refuses: " + application.Message()
	case h.Otherwise == rollout.RuleGoOn:
		r.status.Warnings = append(r.status.Warnings, fmt.Sprintf("hook %s was done without: %s", h.At, rootCause(err)))
		return ""
	default:
		return "does not answer: " + rootCause(err)
	}
}

// refusedBy is what a hook's refusal comes to: before anything is changed the
// rollout is refused, later it goes back.
func (r *run) refusedBy(h rollout.Hook, reason string) *setback {
	if h.At == rollout.HookBeforeStart {
		return &setback{outcome: rollout.Refused, cause: rollout.CauseHook, reason: reason}
	}
	return &setback{outcome: rollout.RolledBack, cause: rollout.CauseHook, reason: reason}
}
