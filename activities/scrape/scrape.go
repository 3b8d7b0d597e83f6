// Package scrape reads what versions did straight from their own metrics
// pages, in Prometheus' text format, without a server in between. Read
// Endpoints.Read first.
//
// Every endpoint of a version is read, since half of them would look like a
// reset of the other half. An endpoint behind a load balancer is no endpoint
// of a version: each read would meet another process.
package scrape

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"bakeoff/activities"
	"bakeoff/activities/selector"
	"bakeoff/rollout"
)

// Endpoints reads the metrics pages of versions. It is safe for concurrent use.
type Endpoints struct {
	path     string
	deadline time.Duration
}

var _ activities.Metrics = (*Endpoints)(nil)

// params are what specs and the worker's configuration may set.
type params struct {
	Path     string           `json:"path"`     // of the metrics page below each endpoint; default /metrics
	Deadline rollout.Duration `json:"deadline"` // of each request; default 3s
}

// New returns the driver for the parameters path and deadline.
func New(with activities.With) (*Endpoints, error) {
	p := params{Path: "/metrics", Deadline: rollout.Duration(3 * time.Second)}
	if err := with.Decode(&p); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(p.Path, "/") || strings.ContainsAny(p.Path, "?#") {
		return nil, fmt.Errorf("path: %q must begin with / and hold neither ? nor #", p.Path)
	}
	if p.Deadline <= 0 {
		return nil, errors.New("deadline: must be positive")
	}
	return &Endpoints{path: p.Path, deadline: p.Deadline.Std()}, nil
}

// Delay is 0: a page shows the present.
func (e *Endpoints) Delay() time.Duration { return 0 }

// Supports says why a check could not be read, before anything runs: queries
// never can, selectors must parse. It asks no endpoint.
func (e *Endpoints) Supports(check rollout.Check) error {
	if check.Query != "" {
		return errors.New("scrape cannot evaluate queries: use prometheus")
	}
	_, err := selector.ForCheck(check)
	return err
}
