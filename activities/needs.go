package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
		c, err := a.lacks(ctx, need)
		if err != nil {
			return nil, err
		}
		if c != nil {
			all = append(all, *c)
		}
	}
	return all, nil
}

// lacks is what a need waits for; nil where one of its alternatives is so, whatever
// is known of the others. Of several the nearest is told.
func (a *Activities) lacks(ctx context.Context, need rollout.Need) (*rollout.Closure, error) {
	var waiting []lack
	var names, keys []string
	var unknown error
	for _, one := range need.OneOf() {
		l, err := a.lack(ctx, one)
		if err == nil && l == nil {
			return nil, nil
		}
		if err == nil {
			waiting = append(waiting, *l)
		}
		unknown = errors.Join(unknown, err)
		names, keys = append(names, one.Target), append(keys, fmt.Sprintf("%s@%s", one.Target, one.Version))
	}
	if unknown != nil {
		return nil, unknown
	}
	nearest := slices.MinFunc(waiting, lack.compare)
	c := rollout.Closure{Gate: rollout.GatePrerequisite, Name: strings.Join(names, " or "), Kind: nearest.kind, Reason: nearest.reason, Until: nearest.until,
		Exposure: rollout.ExposureHold, Keys: []string{"prerequisite/" + strings.Join(keys, " or ")}}
	if need.Any != nil {
		c.Kind = nearest.kind + " " + nearest.target
		c.Reason = fmt.Sprintf("one of %s is needed, and none is as it must be; the nearest: %s", strings.Join(names, ", "), nearest.reason)
	}
	return &c, nil
}

// lack is what one target lacks.
type lack struct {
	target, kind, reason string
	until                *time.Time // of soaking: its end
}

// The kinds of lack: who waits is told anew when it becomes another.
const (
	lackSoaking = "soaking"
	lackVersion = "version" // another one serves
	lackRelease = "release" // nothing was ever promoted
)

// compare orders the nearest first: what only has to go on, what has served
// anything, then the rest.
func (l lack) compare(m lack) int {
	kinds := []string{lackSoaking, lackVersion, lackRelease}
	if by := cmp.Compare(slices.Index(kinds, l.kind), slices.Index(kinds, m.kind)); by != 0 || l.until == nil {
		return by
	}
	return l.until.Compare(*m.until)
}

// lack is what a target lacks now; nil: nothing.
func (a *Activities) lack(ctx context.Context, one rollout.Alternative) (*lack, error) {
	t, err := rollout.ParseTarget(one.Target)
	if err != nil || a.Gates.Targets == nil {
		return nil, fmt.Errorf("ask for %s: this worker knows no such target: %w", one.Target, ErrFinal)
	}
	good, err := a.Gates.Targets.Good(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("ask what serves %s: %w", one.Target, err)
	}
	switch {
	case len(good) == 0:
		return &lack{target: one.Target, kind: lackRelease, reason: "nothing was promoted on " + one.Target}, nil
	case good[0].Release.Version != one.Version:
		return &lack{target: one.Target, kind: lackVersion, reason: fmt.Sprintf("%s serves %s, not %s", one.Target, good[0].Release.Version, one.Version)}, nil
	}
	until := good[0].At.Add(one.Soaked.Std())
	if !a.now().Before(until) {
		return nil, nil
	}
	return &lack{target: one.Target, kind: lackSoaking, until: &until,
		reason: fmt.Sprintf("%s is to serve %s for %s, until %s", one.Target, one.Version, one.Soaked, until.UTC().Format(time.RFC3339))}, nil
}
