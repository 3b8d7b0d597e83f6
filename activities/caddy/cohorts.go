package caddy

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"bakeoff/activities"
)

var _ activities.Cohorts = (*Router)(nil)

// Knows implements [activities.Cohorts].
func (r *Router) Knows(cohort string) error { return r.headers.Knows(cohort) }

// Cohorts implements [activities.Cohorts]: it reads the routes in force before
// the one of the handler. Where no cohort is configured Caddy is not asked.
func (r *Router) Cohorts(ctx context.Context) (map[string]string, error) {
	if len(r.headers) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.deadline)
	defer cancel()
	routes, _, err := r.readRoutes(ctx)
	if err != nil {
		return nil, err
	}
	return routes.rules(), nil
}

// SetCohort implements [activities.Cohorts] with a route of its own before
// that of the handler: the same matchers and the header, the same handlers, and
// the version's endpoints. Caddy answers when it is in force. A rule with a lower
// fence than that of the weights written last is ErrConflict; a removal is only
// where its epoch is lower, because it is the safe direction.
func (r *Router) SetCohort(ctx context.Context, rule activities.CohortRule) error {
	if rule.Version != "" {
		if err := r.Knows(rule.Cohort); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, r.deadline)
	defer cancel()
	var err error
	for range patience {
		if err = r.setCohortOnce(ctx, rule); !errors.Is(err, errChanged) {
			return err
		}
	}
	return err
}

func (r *Router) setCohortOnce(ctx context.Context, rule activities.CohortRule) error {
	routes, etag, err := r.readRoutes(ctx)
	if err != nil {
		return err
	}
	last := routes.handler.fence()
	if isBefore(rule.Fence, last) && (rule.Version != "" || rule.Fence.Epoch < last.Epoch) {
		return fmt.Errorf("rule %d.%d is older than %d.%d, which was written last: %w",
			rule.Fence.Epoch, rule.Fence.Generation, last.Epoch, last.Generation, activities.ErrConflict)
	}
	next, err := routes.with(rule, r.headers[rule.Cohort])
	if err != nil {
		return fmt.Errorf("send cohort %s to %s: %w: %w", rule.Cohort, rule.Version, err, activities.ErrFinal)
	}
	if next == nil {
		return nil
	}
	if _, _, err = r.call(ctx, http.MethodPatch, routes.path, encode(next), etag); err != nil {
		return fmt.Errorf("write routes of handler %s: %w", r.id, err)
	}
	return nil
}

// servers is where all routes are.
const servers = "/config/apps/http/servers"

// readRoutes returns the routes among which the handler's is, and the ETag of
// exactly what was read.
func (r *Router) readRoutes(ctx context.Context) (routes, string, error) {
	body, etag, err := r.get(ctx, servers)
	if err != nil {
		return routes{}, "", fmt.Errorf("read routes of handler %s: %w", r.id, err)
	}
	found, err := findRoutes(r.id, body)
	if err != nil {
		return routes{}, "", fmt.Errorf("read routes of handler %s: %w", r.id, err)
	}
	return found, etag, nil
}
