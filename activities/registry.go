package activities

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bakeoff/rollout"
)

// With holds the parameters of a driver: the worker's defaults overlaid by the
// spec's own.
type With map[string]any

// Registry makes drivers by name. The worker fills it; a driver that is not in
// it does not exist for specs.
type Registry struct {
	Deploy  map[string]func(With) (Deployer, error)
	Traffic map[string]func(With) (Traffic, error)
	Flags   map[string]func(With) (Flags, error)
	Metrics map[string]func(With) (Metrics, error)
}

func (r Registry) deployer(d rollout.Driver) (Deployer, error) { return pick("deploy", r.Deploy, d) }
func (r Registry) traffic(d rollout.Driver) (Traffic, error)   { return pick("traffic", r.Traffic, d) }

func (r Registry) flags(d *rollout.Driver) (Flags, error) {
	if d == nil {
		return nil, fmt.Errorf("no flags driver: %w", ErrFinal)
	}
	return pick("flags", r.Flags, *d)
}

func (r Registry) metrics(d *rollout.Driver) (Metrics, error) {
	if d == nil {
		return nil, fmt.Errorf("no metrics driver: %w", ErrFinal)
	}
	return pick("metrics", r.Metrics, *d)
}

// pick makes the named driver. Both of its errors are final: no retry adds a
// driver or corrects a parameter.
func pick[T any](role string, makers map[string]func(With) (T, error), d rollout.Driver) (T, error) {
	make, ok := makers[d.Driver]
	if !ok {
		var none T
		return none, fmt.Errorf("unknown %s driver %q: this worker has %s: %w", role, d.Driver,
			strings.Join(slices.Sorted(maps.Keys(makers)), ", "), ErrFinal)
	}
	driver, err := make(With(d.With))
	if err != nil {
		return driver, fmt.Errorf("%s driver %s: %w: %w", role, d.Driver, err, ErrFinal)
	}
	return driver, nil
}
