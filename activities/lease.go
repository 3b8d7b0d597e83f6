package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
)

// Beats tells Temporal that an act goes on, and returns when it has heard that. A
// client of Temporal does it. [activity.RecordHeartbeat] does not say whether anybody
// heard; the SDK ends an act of which nobody did, but up to twice as late as Temporal
// gives it to another worker.
type Beats interface {
	RecordActivityHeartbeat(ctx context.Context, taskToken []byte, details ...any) error
}

// errCutOff: Temporal has not heard of an act for as long as that may be silent.
var errCutOff = errors.New("this worker was cut off from Temporal for so long that another one is given the act")

// unlessCutOff returns a context for what must not be done twice at once, by a
// worker that reaches everything but Temporal. It ends before Temporal, which has
// heard nothing for as long as the activity may go without a heartbeat, gives it to
// another worker. With every heartbeat go the details of that moment.
func (a *Activities) unlessCutOff(ctx context.Context, details func() []any) (context.Context, context.CancelFunc) {
	info := activity.GetInfo(ctx)
	if a.Beats == nil || info.HeartbeatTimeout == 0 {
		return context.WithCancel(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		// A tenth less: what is under way has to end, too.
		if err := lease(ctx, info.HeartbeatTimeout*9/10, func(ctx context.Context) error {
			return a.Beats.RecordActivityHeartbeat(ctx, info.TaskToken, details()...)
		}); err != nil {
			activity.GetLogger(ctx).Warn("stop what another worker is given", "activity", info.ActivityID, "workflow", info.WorkflowExecution.ID, "why", err)
			cancel(err)
		}
	}()
	return ctx, func() { cancel(nil) }
}

// lease renews what lasts for a term, four times in each where the answers come soon
// enough, until the context ends: then it returns nil. It returns errCutOff when the term is over, which counts from
// the moment at which the last renewal that was heard had been asked for, or when it is
// somebody else's already.
func lease(ctx context.Context, term time.Duration, renew func(context.Context) error) error {
	for ends := time.Now().Add(term); time.Now().Before(ends); {
		asked := time.Now()
		asking, cancel := context.WithDeadline(ctx, ends)
		err := renew(asking)
		cancel()
		var gone *serviceerror.NotFound
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it is not needed any more
		case errors.As(err, &gone):
			return errCutOff
		case err == nil || temporal.IsCanceledError(err): // one that is to end has been heard, too
			ends = asked.Add(term)
		}
		if sleep(ctx, min(time.Until(asked.Add(term/4)), time.Until(ends))) != nil {
			return nil //nolint:nilerr // it is not needed any more
		}
	}
	return errCutOff
}
