package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"bakeoff/rollout"
)

// Remove drains a version and removes it. It refuses to touch one that has
// traffic: the observed weight is read first, and again after the drain. With
// TellDrift another split than the one that is to be in force is a result.
func (a *Activities) Remove(ctx context.Context, in RemoveInput) (RemoveOutput, error) {
	doing := "remove " + in.Version
	deployer, err := a.Drivers.deployer(in.Drivers.Deploy)
	if err != nil {
		return RemoveOutput{}, insistently(doing, err)
	}
	if _, err := deployer.Version(ctx, in.Version); errors.Is(err, ErrNotFound) {
		return RemoveOutput{Reason: in.Version + " was gone already"}, nil
	}
	drift, err := a.drain(ctx, in, deployer)
	if err != nil {
		return RemoveOutput{}, insistently("drain "+in.Version, err)
	}
	if drift != nil {
		return in.drifted(drift), nil
	}
	differences, err := a.differences(ctx, in)
	if err != nil {
		return RemoveOutput{}, insistently("compare with the snapshot before removing "+in.Version, err)
	}
	if len(differences) > 0 {
		return RemoveOutput{Differences: differences, Reason: in.Version + " is not removed: " + strings.Join(differences, "; ")}, nil
	}
	if err := deployer.Remove(ctx, in.write(), in.Version); err != nil {
		return RemoveOutput{}, insistently(doing, err)
	}
	err = a.waitFor(ctx, func() (bool, error) {
		_, err := deployer.Version(ctx, in.Version)
		if errors.Is(err, ErrNotFound) {
			return true, nil
		}
		return false, err
	})
	return RemoveOutput{Reason: in.Version + " is gone"}, insistently(doing, err)
}

// differences lists what was put back and is not as in the snapshot any more, where
// that is asked: somebody may still count on the version that is to go.
func (a *Activities) differences(ctx context.Context, in RemoveInput) ([]string, error) {
	if in.Snapshot == nil {
		return nil, nil
	}
	now, err := a.readState(ctx, in.Job, in.Snapshot.Flags)
	if err != nil {
		return nil, err
	}
	var out CompareOutput
	out.compareRest(*in.Snapshot, now)
	return out.Differences, nil
}

// drifted says that another split is in force than the one that is to be, and what
// the policy makes of that.
func (in RemoveInput) drifted(split rollout.Split) RemoveOutput {
	out := RemoveOutput{Drift: split, Reason: fmt.Sprintf("%s is not removed: the router has %s instead of %s", in.Version, split, in.Split)}
	if in.Policy != nil {
		d := in.Policy.Decide(rollout.Moment{Absolute: true, Drifted: split.String(), PutBacks: in.PutBacks})
		out.Decision = &d
	}
	return out
}

// drift is the split in force, after one was read that is not the one that is to be:
// a difference is believed when it is read twice. A router that names no version
// serves nobody, least of all the given one.
func (a *Activities) drift(ctx context.Context, traffic Traffic, want rollout.Split, version string) (rollout.Split, error) {
	if err := sleep(ctx, 200*time.Millisecond); err != nil {
		return nil, err
	}
	again, err := traffic.Split(ctx)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read weights: %w", err)
	case again.Split.Equal(want):
		return nil, nil
	case len(again.Split) == 0:
		return rollout.Split{version: 0}, nil
	}
	return again.Split, nil
}

// drain waits for the drain time at an observed weight of zero, and then for
// the requests still in flight where the platform counts them. It ends at once
// with a split that drifted.
func (a *Activities) drain(ctx context.Context, in RemoveInput, deployer Deployer) (rollout.Split, error) {
	traffic, err := a.Drivers.traffic(in.Drivers.Traffic)
	if err != nil {
		return nil, err
	}
	var since time.Time
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &since) // unreadable: the drain starts anew
	}
	for {
		observed, err := traffic.Split(ctx)
		if err != nil {
			return nil, fmt.Errorf("read weights: %w", err)
		}
		if in.TellDrift && !observed.Split.Equal(in.Split) {
			if drift, err := a.drift(ctx, traffic, in.Split, in.Version); drift != nil || err != nil {
				return drift, err
			}
		}
		if len(observed.Split) == 0 && in.Baseline != "" {
			drainAnew(ctx)
			return nil, errors.New("the router names no weights at all, which does not prove 0%")
		}
		if w := observed.Split[in.Version]; w > 0 {
			drainAnew(ctx)
			return nil, fmt.Errorf("%s still has %s of the traffic: it is not removed before that is 0%%", in.Version, w)
		}
		if since.IsZero() {
			since = a.now()
		}
		if a.now().Sub(since) >= in.Drain.Std() && !a.isBusy(ctx, deployer, in, since) {
			return nil, nil
		}
		activity.RecordHeartbeat(ctx, since)
		if err := sleep(ctx, min(pollEvery, max(in.Drain.Std(), time.Millisecond))); err != nil {
			return nil, err
		}
	}
}

// drainAnew forgets since when the weight was zero: the next attempt begins anew.
func drainAnew(ctx context.Context) { activity.RecordHeartbeat(ctx, time.Time{}) }

// InflightLimit is how long requests in flight may hold up a removal: ten drain
// times, at least a minute. A connection that hangs must not hold it forever.
func InflightLimit(drain rollout.Duration) rollout.Duration {
	return max(10*drain, rollout.Duration(time.Minute))
}

// isBusy reports whether a version still answers requests.
func (a *Activities) isBusy(ctx context.Context, p Platform, in RemoveInput, since time.Time) bool {
	state, err := p.Version(ctx, in.Version)
	if err != nil || state.Inflight == nil || *state.Inflight == 0 {
		return false
	}
	return a.now().Sub(since) < InflightLimit(in.Drain).Std()
}
