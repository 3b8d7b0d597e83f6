package activities

import (
	"context"
	"fmt"
	"strings"
	"time"

	"bakeoff/rollout"
)

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
