package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"bakeoff/activities"
)

// Flags is a flag system behind the protocol.
type Flags struct {
	*client
	cohorts map[string]activities.FlagRule
}

var (
	_ activities.Flags       = (*Flags)(nil)
	_ activities.FlagCohorts = (*Flags)(nil)
)

// NewFlags makes the flags driver. An error names the parameter that is wrong.
func NewFlags(c Config) (*Flags, error) {
	client, err := newClient(c)
	if err != nil {
		return nil, err
	}
	if err := c.Cohorts.Validate(); err != nil {
		return nil, err
	}
	return &Flags{client, c.Cohorts.ByFlag()}, nil
}

// CohortFlags implements [activities.FlagCohorts].
func (f *Flags) CohortFlags() map[string]activities.FlagRule { return f.cohorts }

type flagsBody struct {
	Flags map[string]any `json:"flags"`
}

// Flags implements [activities.Flags]. A server that answers 404 has none.
func (f *Flags) Flags(ctx context.Context) (map[string]any, error) {
	var a flagsBody
	_, err := f.do(ctx, request{method: http.MethodGet, path: "/flags", into: &a})
	switch {
	case errors.Is(err, activities.ErrNotFound):
		return map[string]any{}, nil
	case err != nil:
		return nil, err
	case a.Flags == nil:
		return nil, fmt.Errorf("GET %s/flags: no flags in the answer", f.base)
	}
	return a.Flags, nil
}

// SetFlags implements [activities.Flags]. Changing none is no request.
func (f *Flags) SetFlags(ctx context.Context, w activities.Write, flags map[string]any) error {
	if len(flags) == 0 {
		return nil
	}
	_, err := f.do(ctx, request{method: http.MethodPatch, path: "/flags", write: &w, body: flagsBody{flags}})
	return final(err)
}
