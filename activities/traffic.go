package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"bakeoff/rollout"
)

// SetTraffic writes a split, unless somebody else's is in force: that is a
// conflict, which only the workflow decides, something closes the target, or the
// candidate is to get more and is not ready. A split that is already as wanted is written no second time.
func (a *Activities) SetTraffic(ctx context.Context, in SetTrafficInput) (SetTrafficOutput, error) {
	doing := "send traffic: " + in.Split.String()
	traffic, err := a.Drivers.traffic(in.Drivers.Traffic)
	if err != nil {
		return SetTrafficOutput{}, asTemporal(doing, err)
	}
	want, err := traffic.Approximate(in.Split)
	if err != nil {
		return SetTrafficOutput{}, asTemporal(doing, fmt.Errorf("%w: %w", err, ErrFinal))
	}
	observed, err := traffic.Split(ctx)
	if err != nil {
		return SetTrafficOutput{}, asTemporal(doing+": read weights", err)
	}
	out, asked := SetTrafficOutput{Split: want, Observed: observed.Split}, a.now()
	if !observed.Split.Equal(want) {
		if out.Closed, err = a.closed(ctx, in.Job, in.Ask); err != nil {
			return out, asTemporal(doing, err)
		}
	}
	if out.Closed == nil && in.Replicas != nil && want[in.Candidate] > observed.Split[in.Candidate] {
		if out.Unready, err = a.unready(ctx, in.Job, *in.Replicas); err != nil {
			return out, asTemporal(doing, err)
		}
	}
	if out.Closed != nil || out.Unready != "" {
		out.Tried = activity.GetInfo(ctx).Attempt > 1
		return out, nil
	}
	if !in.Force && !isOneOf(observed.Split, append(in.Ours, want)) && !in.onItsWay(observed.Split, want) {
		out.Tried = activity.GetInfo(ctx).Attempt > 1
		return in.foreign(out), nil
	}
	if observed.Split.Equal(want) && len(observed.Split) > 0 {
		return out, nil
	}
	err = traffic.Shift(ctx, Shift{Write: in.write(), Split: in.Split, Endpoints: in.Endpoints, Revision: observed.Revision})
	if errors.Is(err, ErrConflict) {
		return a.conflict(ctx, traffic, in, out, err)
	}
	if err == nil && want[in.Candidate] > observed.Split[in.Candidate] {
		if stop := a.overtaken(ctx, in.Job, in.Ask, asked); stop != nil {
			out.Closed = a.takeBack(ctx, traffic, in, observed.Split, stop)
			out.Tried = out.Closed != nil
		}
	}
	return out, asTemporal(doing, err)
}

// NothingWritten is the type of the error of a write that its router has refused, and
// that is tried again: an abort that comes before that has nothing to wait for.
const NothingWritten = "NothingWritten"

// readyLook is how long a platform may take to say how the candidate stands.
const readyLook = 2 * time.Second

// unready says how the candidate stands, if that is not ready with its replicas.
// What cannot be found out is not taken for ready.
func (a *Activities) unready(ctx context.Context, job Job, replicas int) (string, error) {
	deployer, err := a.Drivers.deployer(job.Drivers.Deploy)
	if err != nil {
		return "", err
	}
	look, cancel := context.WithTimeout(ctx, readyLook)
	defer cancel()
	state, err := deployer.Version(look, job.Candidate)
	switch {
	case err != nil:
		return "not known to be ready: " + err.Error(), nil
	case !isReady(state, replicas):
		return standing(state, replicas), nil
	}
	return "", nil
}

// conflict reads again after a refused write. Where the split is still ours,
// the revision may have been old, and trying again helps; a router that goes on
// refusing has its own reason, which is told.
func (a *Activities) conflict(ctx context.Context, traffic Traffic, in SetTrafficInput, out SetTrafficOutput, refusal error) (SetTrafficOutput, error) {
	observed, err := traffic.Split(ctx)
	if err != nil {
		return out, asTemporal("read weights after a conflict", err)
	}
	out.Observed = observed.Split
	switch unchanged := isOneOf(observed.Split, in.Ours); {
	case unchanged && activity.GetInfo(ctx).Attempt < 3:
		err := fmt.Errorf("the router refused the write though nothing has changed: trying again: %v", refusal) //nolint:errorlint // a conflict is final, this is not
		if activity.GetInfo(ctx).Attempt == 1 {
			err = temporal.NewApplicationError(err.Error(), NothingWritten)
		}
		return out, err
	case observed.Split.Equal(out.Split):
		return out, nil
	case unchanged:
		out = in.foreign(out)
		out.Refused = refusal.Error()
		out.Decision.Reason = "the router refuses the write: " + out.Refused
		return out, nil
	}
	return in.foreign(out), nil
}

// foreign says that the split in force is somebody else's, and what the policy
// makes of that.
func (in SetTrafficInput) foreign(out SetTrafficOutput) SetTrafficOutput {
	out.Conflict = true
	out.Decision = in.Policy.Decide(rollout.Moment{
		Absolute: true, Drifted: out.Observed.String(), PutBacks: in.PutBacks, HeldFor: in.HeldFor,
	})
	return out
}

// onItsWay reports whether a split is what the router makes of our own write: the
// one that it came to before, or one on the way from there to the one wanted.
func (in SetTrafficInput) onItsWay(s, want rollout.Split) bool {
	if len(in.Landed) == 0 {
		return false
	}
	if s.Equal(in.Landed) {
		return true
	}
	from, to, now := in.Landed[in.Candidate], want[in.Candidate], s[in.Candidate]
	return len(s) > 0 && now >= min(from, to) && now <= max(from, to)
}

func isOneOf(s rollout.Split, splits []rollout.Split) bool {
	for _, t := range splits {
		if s.Equal(t) {
			return true
		}
	}
	return false
}

// VerifyTraffic reads until the split is in force, for as long as Within. A
// split that is not in force by then is a result: the workflow decides. One that
// is, but proves nothing yet, is read until it does, or something else is in force.
func (a *Activities) VerifyTraffic(ctx context.Context, in VerifyTrafficInput) (VerifyTrafficOutput, error) {
	defer keepAlive(ctx)() // a slow router is no dead worker
	report := asTemporal
	if in.Restoring {
		report = insistently
	}
	traffic, err := a.Drivers.traffic(in.Drivers.Traffic)
	if err != nil {
		return VerifyTrafficOutput{}, report("verify traffic", err)
	}
	var out VerifyTrafficOutput
	asked := activity.GetInfo(ctx).ScheduledTime
	deadline, proved := asked.Add(in.Within.Std()), asked.Add(in.Unproved.Std())
	for {
		observed, err := traffic.Split(ctx)
		isWanted := err == nil && observed.Split.Equal(in.Split)
		if err == nil {
			out.Observed, out.Reason = observed.Split, "the router has "+observed.Split.String()
			_, named := observed.Split[in.Candidate]
			if out.Verified = isWanted && (!time.Now().Before(proved) || in.Unnamed && named); out.Verified {
				out.Reason = ""
				return out, nil
			}
			if out.Came = in.Unproved > 0 && observed.Split[in.Candidate] > 0; out.Came {
				return out, nil
			}
		} else if errors.Is(err, ErrFinal) && !in.Restoring {
			return out, report("verify traffic", err)
		} else {
			out.Reason = "weights cannot be read: " + err.Error()
		}
		if !isWanted && !time.Now().Before(deadline) {
			return out, nil
		}
		activity.RecordHeartbeat(ctx)
		every := pollEvery
		if in.Unproved > 0 { // a raise that an abort overtook is in force for a moment only
			every /= 5
		}
		if err := sleep(ctx, min(every, in.Within.Std()/10+time.Millisecond)); err != nil {
			return out, err
		}
	}
}

// SetFlags sets the release's flags and reads them back, unless something closes
// the target.
func (a *Activities) SetFlags(ctx context.Context, in SetFlagsInput) (SetFlagsOutput, error) {
	c, err := a.closed(ctx, in.Job, in.Ask)
	if err == nil && c == nil {
		err = a.writeFlags(ctx, in.Job, in.Flags)
	}
	return SetFlagsOutput{Closed: c}, asTemporal("set flags", err)
}

func (a *Activities) writeFlags(ctx context.Context, j Job, flags map[string]any) error {
	driver, err := a.Drivers.flags(j.Drivers.Flags)
	if err != nil {
		return err
	}
	if err := driver.SetFlags(ctx, j.write(), flags); err != nil {
		return err
	}
	found, err := a.readFlags(ctx, j, flags)
	if err != nil {
		return fmt.Errorf("read flags back: %w", err)
	}
	if diff := flagDifferences(flags, found); len(diff) > 0 {
		return fmt.Errorf("flags were accepted but are not in force: %v", diff)
	}
	return nil
}
