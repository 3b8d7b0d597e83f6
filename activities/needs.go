package activities

import (
	"context"
	"fmt"
	"time"

	"bakeoff/rollout"
)

// Targets knows what was promoted elsewhere, and what was refused.
type Targets interface {
	// Good lists the releases that served a target, the one that serves first;
	// none where nothing was ever promoted there.
	Good(ctx context.Context, t rollout.Target) ([]rollout.Known, error)
	// Quarantined returns the quarantine that a release is in at a target, also where
	// the rollout that brought it there has ended just now; nil: it is in none.
	Quarantined(ctx context.Context, t rollout.Target, r rollout.Release) (*rollout.Quarantined, error)
}

// missing lists what is not yet so on other targets.
func (a *Activities) missing(ctx context.Context, needs []rollout.Need) ([]rollout.Closure, error) {
	var all []rollout.Closure
	for _, need := range needs {
		t, err := rollout.ParseTarget(need.Target)
		if err != nil || a.Gates.Targets == nil {
			return nil, fmt.Errorf("ask for %s: this worker knows no such target: %w", need.Target, ErrFinal)
		}
		good, err := a.Gates.Targets.Good(ctx, t)
		if err != nil {
			return nil, fmt.Errorf("ask what serves %s: %w", need.Target, err)
		}
		c := rollout.Closure{Gate: rollout.GatePrerequisite, Name: need.Target, Exposure: rollout.ExposureHold,
			Keys: []string{fmt.Sprintf("prerequisite/%s@%s", need.Target, need.Version)}}
		switch {
		case len(good) == 0:
			c.Reason = "nothing was promoted on " + need.Target
		case good[0].Release.Version != need.Version:
			c.Reason = fmt.Sprintf("%s serves %s, not %s", need.Target, good[0].Release.Version, need.Version)
		case a.now().Before(good[0].At.Add(need.Soaked.Std())):
			until := good[0].At.Add(need.Soaked.Std())
			c.Until, c.Reason = &until, fmt.Sprintf("%s is to serve %s for %s, until %s", need.Target, need.Version, need.Soaked, until.UTC().Format(time.RFC3339))
		default:
			continue
		}
		all = append(all, c)
	}
	return all, nil
}
