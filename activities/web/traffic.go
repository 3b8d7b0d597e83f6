package web

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// Traffic is a router behind the protocol.
type Traffic struct {
	*client
	headers activities.Headers
}

var _ activities.Traffic = (*Traffic)(nil)

// NewTraffic makes the traffic driver. An error names the parameter that is
// wrong.
func NewTraffic(c Config) (*Traffic, error) {
	client, err := newClient(c)
	if err != nil {
		return nil, err
	}
	if err := c.Cohorts.Validate(); err != nil {
		return nil, err
	}
	return &Traffic{client, c.Cohorts.ByHeader()}, nil
}

// weights is the protocol's shape of a split: version → basis points.
type weights struct {
	Weights map[string]int `json:"weights"`
}

// Approximate implements [activities.Traffic]: basis points are exact. What
// does not add up is refused for good.
func (t *Traffic) Approximate(want rollout.Split) (rollout.Split, error) {
	if err := checkSplit(want); err != nil {
		return nil, fmt.Errorf("%w: %w", err, activities.ErrFinal)
	}
	return maps.Clone(want), nil
}

// Split implements [activities.Traffic]. The revision is the answer's ETag as
// it stands. A server that answers 404, or with no weights or only 0, serves
// nothing; any other sum than 10,000 is an error.
func (t *Traffic) Split(ctx context.Context) (activities.Observation, error) {
	var a weights
	etag, err := t.do(ctx, request{method: http.MethodGet, path: "/weights", into: &a})
	switch {
	case errors.Is(err, activities.ErrNotFound):
		return activities.Observation{Split: rollout.Split{}}, nil
	case err != nil:
		return activities.Observation{}, err
	case a.Weights == nil:
		return activities.Observation{}, fmt.Errorf("GET %s/weights: no weights in the answer", t.base)
	}
	split := rollout.Split{}
	for version, points := range a.Weights {
		split[version] = rollout.Weight(points)
	}
	if err := checkSplit(split); err != nil {
		return activities.Observation{}, fmt.Errorf("GET %s/weights: the answer is not a split: %w", t.base, err)
	}
	return activities.Observation{Split: split, Revision: etag}, nil
}

// Shift implements [activities.Traffic]. Endpoints are not sent: the server
// knows its versions by name.
func (t *Traffic) Shift(ctx context.Context, s activities.Shift) error {
	if err := checkSplit(s.Split); err != nil {
		return fmt.Errorf("PUT %s/weights: %w: %w", t.base, err, activities.ErrFinal)
	}
	body := weights{Weights: map[string]int{}}
	for version, weight := range s.Split {
		body.Weights[version] = int(weight)
	}
	_, err := t.do(ctx, request{method: http.MethodPut, path: "/weights", write: &s.Write, ifMatch: s.Revision, body: body})
	return final(err)
}

// checkSplit holds that weights are shares of the whole, or that all of them
// are 0 and nothing serves.
func checkSplit(s rollout.Split) error {
	var sum rollout.Weight
	for version, weight := range s {
		if version == "" || weight < 0 || weight > rollout.All {
			return fmt.Errorf("version %q has %d of 10000", excerpt([]byte(version)), weight)
		}
		sum += weight
	}
	if sum != 0 && sum != rollout.All {
		return fmt.Errorf("weights add up to %d, not 10000", sum)
	}
	return nil
}
