package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
)

// Beats sends heartbeats and waits for their receipt; a Temporal client is one.
// [activity.RecordHeartbeat] does not say whether a heartbeat arrived. When none does,
// the SDK ends the act, but up to twice as late as Temporal gives it to another worker.
type Beats interface {
	// RecordActivityHeartbeat returns once Temporal has the heartbeat.
	RecordActivityHeartbeat(ctx context.Context, taskToken []byte, details ...any) error
}

// errCutOff: no heartbeat of an act has arrived for as long as it may be silent.
var errCutOff = errors.New("this worker was cut off from Temporal for so long that another one is given the act")

// unlessCutOff returns a context for an act that two workers must not do at once. If
// this worker reaches everything but Temporal, the context ends before Temporal, for
// want of heartbeats, gives the act to another worker. Every heartbeat carries the
// details of its moment.
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
