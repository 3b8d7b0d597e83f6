package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
)

// errFrozen: the process stood still for longer than an act may be silent.
var errFrozen = errors.New("this worker stood still for so long that another one was given the act")

// unlessFrozen returns a context for what must not be done twice at once. It ends
// when the process has stood still, as a machine that was paused does, for longer
// than the activity may go without a heartbeat: another worker does it by then.
func unlessFrozen(ctx context.Context, now func() time.Time) (context.Context, context.CancelFunc) {
	silence := activity.GetInfo(ctx).HeartbeatTimeout
	if silence == 0 {
		return context.WithCancel(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		for last := now(); sleep(ctx, min(silence/4, liveEvery/10)) == nil; last = now() {
			if now().Sub(last) > silence {
				cancel(errFrozen)
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}
