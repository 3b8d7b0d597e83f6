package activities

import (
	"context"
	"fmt"
	"time"

	"bakeoff/rollout"
)

// linePoll is how often a fault that is in force asks whether the line was stopped.
const linePoll = 2 * time.Second

// MayBreakInput asks whether a fault may begin that somebody else's activity makes.
type MayBreakInput struct {
	Environment string `json:"environment"`
}

// MayBreakOutput says why it may not; "" when it may.
type MayBreakOutput struct {
	Why string `json:"why,omitempty"`
}

// MayBreak asks whether anything may be broken in an environment now.
func (a *Activities) MayBreak(ctx context.Context, in MayBreakInput) (MayBreakOutput, error) {
	why, err := a.mayNotBreak(ctx, in.Environment)
	return MayBreakOutput{Why: why}, asTemporal("ask whether a fault may begin", err)
}

// mayNotBreak says why no fault may begin in an environment now; "" when it may. An
// error means that it is not known, which is never taken for a yes.
func (a *Activities) mayNotBreak(ctx context.Context, environment string) (string, error) {
	if held, can := a.Faults.(interface{ HeldBack() (string, error) }); can {
		if why, err := held.HeldBack(); err != nil || why != "" {
			return why, err
		}
	}
	return a.lineStopped(ctx, environment, a.now())
}

// lineStopped says by whom the line of an environment is stopped, as it was read
// after since; "" where it runs, and where no environment was named, as before this
// was asked.
func (a *Activities) lineStopped(ctx context.Context, environment string, since time.Time) (string, error) {
	if environment == "" {
		return "", nil
	}
	stops, err := a.stopped(ctx, environment, since)
	if c := rollout.Merge(stops, nil); c != nil && err == nil {
		return c.Reason, nil
	}
	return "", err
}

// holdUntil waits for the end of a fault, or until the line is stopped, and says by
// whom. Where that is not known the fault goes on: it has its expiry.
func (a *Activities) holdUntil(ctx context.Context, environment string, until time.Time) (stopped string) {
	for {
		left := until.Sub(a.now())
		if left <= 0 || sleep(ctx, min(left, linePoll)) != nil {
			return ""
		}
		if stopped, err := a.lineStopped(ctx, environment, a.now().Add(-lineFresh)); err == nil && stopped != "" {
			return stopped
		}
	}
}

// haltedFault says of a fault that it was kept from beginning, or ended before its
// time, and by what.
func haltedFault(out HoldFaultOutput, why string) HoldFaultOutput {
	how := "ended before its time"
	if out.Fault.StartedAt.IsZero() {
		how = "not begun"
	}
	out.Fault.Error = fmt.Sprintf("%s: %s", how, why)
	return out
}
