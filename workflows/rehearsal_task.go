package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
)

// taskLimit bounds one call of somebody else's activity, and toStartTask how long
// nobody may take it up that is to start a fault, or to stop one whose start was
// given up.
const (
	taskLimit   = time.Minute
	toStartTask = 20 * time.Second
)

// holdTask has somebody else's activity start a fault, and stop it at its end, or
// as soon as the rehearsal is stopped. Whether it started or not, it is stopped. One
// that was not seen to be gone is left behind.
func (r *rehearsing) holdTask(ctx workflow.Context, p fault.Planned, from time.Time) evidence.Fault {
	f := p.Fault
	out := evidence.Fault{Name: f.Name, What: f.String(), RemovedBy: "rehearsal"}
	if why := r.mayNotBreak(ctx, f); why != "" {
		out.Error = "not begun: " + why
		return out
	}
	in := fault.TaskInput{ID: r.plan.Run + "/" + f.Name, Name: f.Name, Do: fault.TaskStart, Until: from.Add(f.For.Std()), Input: f.Task.Input}
	started, err := r.callTask(ctx, r.going, f, in, act{within: taskLimit, toStart: toStartTask})
	stopping := act{within: f.For.Std() + 10*taskLimit}
	switch {
	case nobodyTook(err) && workflow.GetVersion(r.ctx, "task-not-begun", workflow.DefaultVersion, 1) == 1:
		out.Error = fmt.Sprintf("not begun: nobody who serves the queue %s took it within %s", f.Task.TaskQueue, toStartTask)
		return out
	case temporal.IsCanceledError(err): // whoever has not taken it up by now never gets it; what a try before has come to is not known
		out.Error = "its start was given up when the practice ended"
		stopping.toStart = toStartTask
	case err != nil:
		out.Error = "it could not be started: " + rootCause(err)
	case started.Active:
		out.StartedAt = r.now()
		r.sleep(ctx, fmt.Sprintf("keep %s until its end", f.Name), in.Until.Sub(r.now()))
	}
	in.Do = fault.TaskStop
	stopped, err := r.callTask(ctx, r.ctx, f, in, stopping)
	out.EndedAt, out.Verified = r.now(), err == nil && !stopped.Active
	switch {
	case nobodyTook(err):
		out.Error = joined(out.Error, fmt.Sprintf("whether it had begun is not known: nobody who serves the queue %s took its stop within %s", f.Task.TaskQueue, toStartTask))
	case err != nil:
		out.Error = joined(out.Error, "it could not be stopped: "+rootCause(err))
	case stopped.Active:
		out.Error = joined(out.Error, strings.TrimSuffix("it says that it is still in force: "+stopped.Message, ": "))
	}
	return out
}

// nobodyTook reports whether no worker ever had an act: nothing can have come of it.
func nobodyTook(err error) bool {
	var timeout *temporal.TimeoutError
	return errors.As(err, &timeout) && timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START && timeout.Unwrap() == nil
}

// mayNotBreak says why somebody else's activity is not to make a fault now; "" when
// it may.
func (r *rehearsing) mayNotBreak(ctx workflow.Context, f fault.Fault) string {
	if !r.plan.AsksLine {
		return ""
	}
	act := r.act("fault."+f.Name+".may", "may "+f.Name+" begin?")
	act.within = time.Minute
	var out activities.MayBreakOutput
	if err := start(r.going, act, a.MayBreak, activities.MayBreakInput{Environment: r.status.Environment}).Get(ctx, &out); err != nil {
		return "whether it may could not be found out: " + rootCause(err)
	}
	return out.Why
}

// joined is one sentence after another.
func joined(first, second string) string {
	if first == "" {
		return second
	}
	return first + "; " + second
}

// callTask calls the activity of a fault on its own queue.
func (r *rehearsing) callTask(ctx, within workflow.Context, f fault.Fault, in fault.TaskInput, limits act) (out fault.TaskOutput, err error) {
	act := r.act("fault."+f.Name+"."+in.Do, fmt.Sprintf("%s %s", in.Do, f))
	act.queue, act.limit, act.within, act.toStart = f.Task.TaskQueue, taskLimit, limits.within, limits.toStart
	err = workflow.ExecuteActivity(workflow.WithActivityOptions(within, act.options()), f.Task.Activity, in).Get(ctx, &out)
	return out, err
}
