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

// astray is what is not as it is to be until a version is gone.
type astray struct {
	split   rollout.Split // in force instead; nil: the right one is
	primary string        // the primary version instead; "": the right one is
}

// drifted says what is in force instead of what is to be, and what the policy makes of
// that. Once the version has been ordered to go, nobody can want users on it: what is
// lost is put back, as often as that may be.
func (in RemoveInput) drifted(lost astray) RemoveOutput {
	out := RemoveOutput{Drift: lost.split, Primary: lost.primary, Ordered: in.Ordered}
	moment := rollout.Moment{Absolute: true, Primary: lost.primary}
	var instead []string
	if lost.split != nil {
		instead = append(instead, fmt.Sprintf("the router has %s instead of %s", lost.split, in.Split))
		moment.Drifted, moment.PutBacks = lost.split.String(), in.PutBacks
	}
	if lost.primary != "" {
		instead = append(instead, fmt.Sprintf("the primary version is %s instead of %s", lost.primary, in.Primary))
		moment.PutBacks = max(moment.PutBacks, in.PrimaryAgain)
	}
	out.Reason = in.fate() + ": " + strings.Join(instead, "; ")
	if in.Policy != nil {
		policy := *in.Policy
		if in.Ordered {
			policy.Drift = rollout.RulePutBack
		}
		d := policy.Decide(moment)
		out.Decision = &d
	}
	return out
}

// differs says that something else that was put back is lost.
func (in RemoveInput) differs(differences []string) RemoveOutput {
	return RemoveOutput{Differences: differences, Ordered: in.Ordered, Reason: in.fate() + ": " + strings.Join(differences, "; ")}
}

// fate is what becomes of the version while something is lost.
func (in RemoveInput) fate() string {
	if in.Ordered {
		return in.Version + " is going, or gone"
	}
	return in.Version + " is not removed"
}

// lost reads once what is in force; nil when that is what is to be.
func (a *Activities) lost(ctx context.Context, in RemoveInput, pointers Pointers, traffic Traffic) (*astray, error) {
	return a.strays(ctx, in, pointers, func() (rollout.Split, error) {
		observed, err := traffic.Split(ctx)
		switch {
		case err != nil:
			return nil, fmt.Errorf("read weights: %w", err)
		case observed.Split.Equal(in.Split):
			return nil, nil
		}
		return a.drift(ctx, traffic, in.Split, in.Version)
	})
}

// strays reads the primary version, where that is asked, and then the weights, which
// are last because users follow them.
func (a *Activities) strays(ctx context.Context, in RemoveInput, pointers Pointers, drift func() (rollout.Split, error)) (*astray, error) {
	primary, err := a.otherPrimary(ctx, in.Primary, pointers)
	if err != nil {
		return nil, err
	}
	split, err := drift()
	if err != nil || split == nil && primary == "" {
		return nil, err
	}
	return &astray{split: split, primary: primary}, nil
}

// otherPrimary is the primary version where it is not the wanted one; "" where it is, or
// nobody asks. A difference is believed when it is read twice.
func (a *Activities) otherPrimary(ctx context.Context, want string, pointers Pointers) (string, error) {
	if want == "" {
		return "", nil
	}
	for again := false; ; again = true {
		primary, err := pointers.Primary(ctx)
		switch {
		case err != nil:
			return "", fmt.Errorf("read the primary version: %w", err)
		case primary == want:
			return "", nil
		case again:
			return named(primary), nil
		}
		if err := sleep(ctx, believedAfter); err != nil {
			return "", err
		}
	}
}

// believedAfter is how long after it was seen first a difference is read again.
const believedAfter = 200 * time.Millisecond

// drift is the split in force, after one was read that is not the one that is to be:
// a difference is believed when it is read twice. A router that names no version
// serves nobody, least of all the given one.
func (a *Activities) drift(ctx context.Context, traffic Traffic, want rollout.Split, version string) (rollout.Split, error) {
	if err := sleep(ctx, believedAfter); err != nil {
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
