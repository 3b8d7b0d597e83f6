package activities

import (
	"context"
	"fmt"
	"time"

	"bakeoff/rollout"
)

// A stop of the line is acknowledged when raises that had read before it that the
// line runs have had raiseWithin to be written. One that the router took longer for is
// looked at again, and taken back at once: users keep what they had before the stop.

// overtaken is the stop that came while a raise was being written, for longer than a
// stop waits; nil: none, or it was passed. asked is when the line was read. Whoever is
// to go back, or has no time left, leaves the raise as it is: what watches the
// candidate sees the stop at its next poll.
func (a *Activities) overtaken(ctx context.Context, j Job, ask *Ask, asked time.Time) *rollout.Closure {
	took := a.now().Sub(asked)
	if deadline, found := ctx.Deadline(); ask == nil || took <= raiseWithin || ctx.Err() != nil || found && time.Until(deadline) < took {
		return nil
	}
	target, err := rollout.ParseTarget(j.Target)
	if err != nil {
		return nil
	}
	stops, err := a.stopped(ctx, target.Environment, a.now())
	if err != nil {
		return nil
	}
	return rollout.Merge(stops, ask.Passed)
}

// takeBack writes the split that was in force before a raise, which a stop of the line
// has overtaken. A router that does not take it keeps the raise, and nothing is closed.
func (a *Activities) takeBack(ctx context.Context, traffic Traffic, in SetTrafficInput, before rollout.Split, stop *rollout.Closure) *rollout.Closure {
	now, err := traffic.Split(ctx)
	if err != nil {
		return nil
	}
	if err := traffic.Shift(ctx, Shift{Write: in.undoing(), Split: before, Endpoints: in.Endpoints, Revision: now.Revision}); err != nil {
		return nil
	}
	return wasTakenBack(stop, fmt.Sprintf("the raise to %s", in.Split[in.Candidate]))
}

// wasTakenBack says so where people read of the stop.
func wasTakenBack(stop *rollout.Closure, what string) *rollout.Closure {
	stop.Reason += "; " + what + " was on its way to the router, and was taken back"
	return stop
}

// undoing is the write that takes back what the same act has written.
func (j Job) undoing() Write {
	w := j.write()
	w.Intent += "/back"
	return w
}
