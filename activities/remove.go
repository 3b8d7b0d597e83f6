package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"bakeoff/rollout"
)

// Remove drains a version and removes it. It refuses to touch one that has traffic:
// the observed weight is read first, again after the drain, and last of all before
// the platform is told. With TellDrift another split than the one that is to be in
// force is a result, until the version has been gone for a look; so is another primary
// version, where that is asked.
func (a *Activities) Remove(ctx context.Context, in RemoveInput) (RemoveOutput, error) {
	doing := "remove " + in.Version
	deployer, err := a.Drivers.deployer(in.Drivers.Deploy)
	if err != nil {
		return RemoveOutput{}, insistently(doing, err)
	}
	traffic, err := a.Drivers.traffic(in.Drivers.Traffic)
	if err != nil {
		return RemoveOutput{}, insistently(doing, err)
	}
	if _, err := deployer.Version(ctx, in.Version); errors.Is(err, ErrNotFound) {
		return a.untilGone(ctx, in, deployer, traffic, in.Version+" was gone already")
	}
	lost, err := a.drain(ctx, in, deployer, traffic)
	if errors.Is(err, errBusy) {
		return RemoveOutput{Busy: true, Reason: in.Version + " still answers requests"}, nil
	}
	if err != nil {
		return RemoveOutput{}, insistently("drain "+in.Version, err)
	}
	if lost != nil {
		return in.drifted(*lost), nil
	}
	differences, err := a.differences(ctx, in)
	if err != nil {
		return RemoveOutput{}, insistently("compare with the snapshot before removing "+in.Version, err)
	}
	if len(differences) > 0 {
		return in.differs(differences), nil
	}
	if lost, err = a.unserved(ctx, in, deployer, traffic); err != nil {
		return RemoveOutput{}, insistently(doing, err)
	}
	if lost != nil {
		return in.drifted(*lost), nil
	}
	if err := deployer.Remove(ctx, in.write(), in.Version); err != nil {
		return RemoveOutput{}, insistently(doing, err)
	}
	return a.untilGone(ctx, in, deployer, traffic, in.Version+" is gone")
}

// untilGone waits until a version that was ordered to go is gone. With TellDrift the
// weights are read meanwhile, and once more a look later: a router may lose them because
// the version goes, and so may a platform its primary version. What else is to be as in the
// snapshot is compared at the end.
func (a *Activities) untilGone(ctx context.Context, in RemoveInput, deployer Deployer, traffic Traffic, reason string) (RemoveOutput, error) {
	in.Ordered = true
	var lost *astray
	gone := false
	err := a.waitFor(ctx, func() (bool, error) {
		wasGone := gone
		_, err := deployer.Version(ctx, in.Version)
		if gone = errors.Is(err, ErrNotFound); err != nil && !gone {
			return false, err
		}
		if !in.TellDrift {
			return gone, nil
		}
		lost, err = a.lost(ctx, in, deployer, traffic)
		return lost != nil || gone && wasGone, err
	})
	if err != nil {
		return RemoveOutput{}, insistently("remove "+in.Version, err)
	}
	if lost != nil {
		return in.drifted(*lost), nil
	}
	differences, err := a.differences(ctx, in)
	if err != nil {
		return RemoveOutput{}, insistently("compare with the snapshot after removing "+in.Version, err)
	}
	if len(differences) > 0 {
		return in.differs(differences), nil
	}
	return RemoveOutput{Reason: reason}, nil
}

// errBusy says that a drained version still answers requests, where that is told.
var errBusy = errors.New("requests are in flight")

// drain waits for the drain time at an observed weight of zero, and then for
// the requests still in flight where the platform counts them. It ends at once
// with what was lost.
func (a *Activities) drain(ctx context.Context, in RemoveInput, deployer Deployer, traffic Traffic) (*astray, error) {
	var since time.Time
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &since) // unreadable: the drain starts anew
	} else if in.Drained {
		since = a.now().Add(-in.Drain.Std())
	}
	for {
		if lost, err := a.unserved(ctx, in, deployer, traffic); lost != nil || err != nil {
			return lost, err
		}
		if since.IsZero() {
			since = a.now()
		}
		if a.now().Sub(since) >= in.Drain.Std() {
			switch {
			case !a.isBusy(ctx, deployer, in, since):
				return nil, nil
			case in.TellBusy:
				return nil, errBusy
			}
		}
		activity.RecordHeartbeat(ctx, since)
		if err := sleep(ctx, min(pollEvery, max(in.Drain.Std(), time.Millisecond))); err != nil {
			return nil, err
		}
	}
}

// unserved reads once that the version serves nobody: an error says that it has traffic,
// or that nobody knows. What was lost is a result where that is told.
func (a *Activities) unserved(ctx context.Context, in RemoveInput, pointers Pointers, traffic Traffic) (*astray, error) {
	return a.strays(ctx, in, pointers, func() (rollout.Split, error) { return a.weightless(ctx, in, traffic) })
}

// weightless reads once that the version has no traffic.
func (a *Activities) weightless(ctx context.Context, in RemoveInput, traffic Traffic) (rollout.Split, error) {
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
	return nil, nil
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
