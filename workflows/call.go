package workflows

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// a names activities by their methods. It stays nil: workflows never run them.
var a *activities.Activities

// Limits of single attempts. Writes are short because an abort waits them out.
const (
	writeLimit = 10 * time.Second
	quickLimit = 30 * time.Second // reads and checks
	heartbeat  = 15 * time.Second // of acts that wait for something

	// lostWorker is the room for one worker that dies: until that is noticed, the
	// pause before the next attempt, and a look by another one.
	lostWorker = heartbeat + 15*time.Second

	lookHeartbeat = 5 * time.Second
)

// act says how one activity is called.
type act struct {
	id        string // readable and permanent: s02.w05.observe
	summary   string // what an auditor reads beside the event
	queue     string
	limit     time.Duration // one attempt
	within    time.Duration // all attempts; 0: without end
	heartbeat time.Duration // 0: none expected
	toStart   time.Duration // scheduled → started; 0: without end
	priority  int           // 1 is the most urgent; 0: default
	cause     rollout.Cause // of the rollback when a forward act fails
	refuses   bool          // its failure is a refusal: nothing was changed yet
}

// calls is the acts that were called.
type calls struct {
	ids     map[string]int    // how often each activity id was used
	pending []workflow.Future // forward acts that may still be running
}

// act is a quick act on the infra queue. A repeated id gets a number.
func (r *run) act(id, summary string) act {
	r.ids[id]++
	if n := r.ids[id]; n > 1 {
		id = fmt.Sprintf("%s.%d", id, n)
	}
	return act{id: id, summary: summary, queue: rollout.QueueInfra, limit: quickLimit, cause: rollout.CauseDeploy}
}

// look is an act that only reads, before anything is changed. If it fails, the
// rollout is refused; if only its worker dies, another worker takes it over at once.
func (r *run) look(id, summary string) act {
	o := r.act(id, summary)
	o.within, o.heartbeat, o.refuses = max(r.plan.Spec.ReadyWithin.Std(), 2*quickLimit), lookHeartbeat, true
	return o
}

// patient is an act that waits for something in the world, and heartbeats meanwhile:
// an attempt for as long as it says, and all of them for a lost worker longer.
func (r *run) patient(id, summary string, within rollout.Duration) act {
	o := r.act(id, summary)
	o.within, o.limit, o.heartbeat = within.Std()+lostWorker, within.Std(), heartbeat
	return o
}

func (o act) options() workflow.ActivityOptions {
	return workflow.ActivityOptions{
		ActivityID: o.id, Summary: shorten(o.summary), TaskQueue: o.queue,
		StartToCloseTimeout: o.limit, ScheduleToCloseTimeout: o.within,
		HeartbeatTimeout: o.heartbeat, ScheduleToStartTimeout: o.toStart,
		WaitForCancellation: true, Priority: temporal.Priority{PriorityKey: o.priority},
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 5 * time.Second},
	}
}

// shorten keeps a summary within what the server stores.
func shorten(s string) string {
	if runes := []rune(s); len(runes) > 120 {
		return string(runes[:119]) + "…"
	}
	return s
}

// start schedules an activity. The type parameters make the compiler check
// what workflow.ExecuteActivity leaves until run time.
func start[In, Out any](ctx workflow.Context, o act, activity func(context.Context, In) (Out, error), in In) workflow.Future {
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, o.options()), activity, in)
}

// startForward starts an act on the way forward, and remembers it: nothing is
// removed before it has answered.
func startForward[In, Out any](r *run, o act, activity func(context.Context, In) (Out, error), in In) workflow.Future {
	future := start(r.forward, o, activity, in)
	r.pending = append(r.pending, future)
	return future
}

// forwardAct runs an act on the way forward. It does not wait for it any longer
// once the rollout goes back.
func forwardAct[In, Out any](r *run, o act, activity func(context.Context, In) (Out, error), in In) (Out, *setback) {
	var out Out
	if r.back != nil {
		return out, r.back
	}
	s := r.result(startForward(r, o, activity, in), o, &out)
	return out, s
}

// watchedAct runs an act that an outside system may refuse for long, while users
// may meet the candidate: after its first seconds an Observe is open beside it.
func watchedAct[In, Out any](r *run, o act, id string, activity func(context.Context, In) (Out, error), in In) (Out, *setback) {
	if r.plan.Revision < 1 || r.back != nil {
		return forwardAct(r, o, activity, in)
	}
	var out Out
	first := o
	first.within = min(firstLook, o.within/4)
	future := startForward(r, first, activity, in)
	r.await(future.IsReady)
	if r.back != nil || !isOutOfTime(future.Get(r.ctx, &out)) {
		return out, r.result(future, first, &out)
	}
	again := o
	again.id, again.within = r.act(id, o.summary).id, o.within-first.within
	future = startForward(r, again, activity, in)
	if s := r.watchWhile(future, strings.SplitN(id, ".", 2)[0]); s != nil {
		return out, s
	}
	return out, r.result(future, again, &out)
}

// isOutOfTime reports whether an act failed only because it ran out of time.
func isOutOfTime(err error) bool {
	var failed *temporal.ActivityError
	var timeout *temporal.TimeoutError
	return errors.As(err, &failed) && failed.RetryState() == enumspb.RETRY_STATE_TIMEOUT || errors.As(err, &timeout)
}

// result waits for a forward act, or for the order to go back. An act that
// failed for good is a reason to go back.
func (r *run) result(future workflow.Future, o act, out any) *setback {
	r.await(func() bool { return future.IsReady() })
	if r.back != nil {
		return r.back
	}
	if err := future.Get(r.ctx, out); err != nil && o.refuses {
		return &setback{outcome: rollout.Refused, cause: rollout.CausePolicy, reason: fmt.Sprintf("could not %s: %s", o.summary, rootCause(err))}
	} else if err != nil {
		return &setback{outcome: rollout.RolledBack, cause: o.cause, reason: fmt.Sprintf("could not %s: %s", o.summary, rootCause(err))}
	}
	return nil
}

// await waits until the condition holds or the rollout is to go back.
func (r *run) await(condition func() bool) {
	// The context is disconnected, so that waiting cannot fail.
	_ = workflow.Await(r.ctx, func() bool {
		r.heed()
		return r.back != nil || condition()
	})
}

// write is the job of the next write, with its intent and a higher fence. All writes
// on the way back share one fence, higher than any on the way forward, so that none of
// them can keep another one out.
func (r *run) write(id string) activities.Job {
	if !r.returning {
		r.generation++
	}
	return r.beside(id)
}

// beside is the job of a write that is made at the same time as the last one. It has
// the same fence, because a server that keeps one fence for everything would refuse
// the slower of the two.
func (r *run) beside(id string) activities.Job {
	if r.writes[id]++; r.writes[id] > 1 {
		id = fmt.Sprintf("%s.%d", id, r.writes[id])
	}
	j := r.job
	j.Fence.Generation = r.generation
	j.Intent = fmt.Sprintf("%s/%s/%s", r.status.WorkflowID, r.status.RunID, id)
	return j
}

// record notes how an act is undone, before the act.
func (r *run) record(id string) {
	for _, done := range r.undo {
		if done.For == id {
			return
		}
	}
	for _, act := range r.plan.Acts {
		if act.ID == id && act.Compensation != nil {
			r.undo = append(r.undo, *act.Compensation)
		}
	}
}

// begun reports whether anything was done that this kind of act undoes.
func (r *run) begun(kind rollout.CompensationKind) bool {
	for _, c := range r.undo {
		if c.Kind == kind {
			return true
		}
	}
	return false
}

// rootCause is the innermost message of an activity's failure: what people
// want to read.
func rootCause(err error) string {
	var timeout *temporal.TimeoutError
	var application *temporal.ApplicationError
	switch isLate := errors.As(err, &timeout); {
	case isLate && errors.As(timeout.Unwrap(), &application):
		return "no success in time, at last: " + rootCause(application)
	case isLate:
		return "it did not answer in time"
	}
	if errors.As(err, &application) {
		return strings.TrimSuffix(application.Message(), ": final")
	}
	return err.Error()
}

func list(problems []string) string { return strings.Join(problems, "; ") }
