package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bakeoff/rollout"
)

// WatchIdleInput says what a target must look like while no rollout runs.
type WatchIdleInput struct {
	Job
	Version string           `json:"version"` // has all of the traffic, and is primary
	Every   rollout.Duration `json:"every"`   // at least a second
	For     rollout.Duration `json:"for"`
	Known   string           `json:"known,omitempty"` // what was found already: only something else ends the watch
}

// WatchIdleOutput is how the target differs from what was promoted; "" when it
// does not.
type WatchIdleOutput struct {
	Drift string `json:"drift"`
}

// WatchIdle looks at a target until it is other than known, or the time is up.
// What cannot be read is looked at again the next time: nothing runs, and nothing
// is decided.
func (a *Activities) WatchIdle(ctx context.Context, in WatchIdleInput) (WatchIdleOutput, error) {
	defer keepAlive(ctx)()
	ctx, cancel := context.WithTimeout(ctx, in.For.Std())
	defer cancel()
	for sleep(ctx, max(in.Every.Std(), time.Second)) == nil {
		if drift, err := a.idleDrift(ctx, in); err == nil && drift != in.Known {
			return WatchIdleOutput{Drift: drift}, nil
		}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return WatchIdleOutput{Drift: in.Known}, nil
	}
	return WatchIdleOutput{}, context.Cause(ctx)
}

func (a *Activities) idleDrift(ctx context.Context, in WatchIdleInput) (string, error) {
	if a.Executions != nil { // a fleet asks no Target: what its rollout does is no drift
		if held, _, err := a.Executions.Holder(ctx, rollout.WorkflowIDOf(in.Target)); err != nil || held != "" {
			return in.Known, err
		}
	}
	now, err := a.readState(ctx, in.Job, nil)
	switch {
	case err != nil:
		return "", err
	case !now.Split.Equal(rollout.Split{in.Version: rollout.All}):
		return fmt.Sprintf("the weights are %s, and %s was promoted", now.Split, in.Version), nil
	case now.Primary != in.Version:
		return fmt.Sprintf("the primary version is %s, and %s was promoted", orNone(now.Primary), in.Version), nil
	}
	return "", nil
}

func orNone(version string) string {
	if version == "" {
		return "none"
	}
	return version
}
