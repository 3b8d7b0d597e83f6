package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"bakeoff/activities"
)

var _ activities.Cohorts = (*Traffic)(nil)

// cohortRule is the protocol's shape of a rule. Header has one entry: who
// sends it with that value is of the cohort.
type cohortRule struct {
	Version string            `json:"version"`
	Header  map[string]string `json:"header,omitempty"`
}

// Knows implements [activities.Cohorts].
func (t *Traffic) Knows(cohort string) error { return t.headers.Knows(cohort) }

// Cohorts implements [activities.Cohorts]. Where no cohort is configured the
// server is not asked.
func (t *Traffic) Cohorts(ctx context.Context) (map[string]string, error) {
	if len(t.headers) == 0 {
		return nil, nil
	}
	var a struct {
		Cohorts map[string]cohortRule `json:"cohorts"`
	}
	_, err := t.do(ctx, request{method: http.MethodGet, path: "/cohorts", into: &a})
	switch {
	case errors.Is(err, activities.ErrNotFound):
		return nil, fmt.Errorf("the server does not serve cohorts: %w", err)
	case err != nil:
		return nil, err
	case a.Cohorts == nil:
		return nil, fmt.Errorf("GET %s/cohorts: no cohorts in the answer", t.base)
	}
	rules := map[string]string{}
	for cohort, rule := range a.Cohorts {
		rules[cohort] = rule.Version
	}
	return rules, nil
}

// SetCohort implements [activities.Cohorts]. Endpoints are not sent: the server
// knows its versions by name. A rule is removed by its name alone.
func (t *Traffic) SetCohort(ctx context.Context, r activities.CohortRule) error {
	path := "/cohorts/" + r.Cohort // names are safe: a plan with another one is refused
	if r.Version == "" {
		_, err := t.do(ctx, request{method: http.MethodDelete, path: path, write: &r.Write})
		if errors.Is(err, activities.ErrNotFound) {
			return nil
		}
		return err
	}
	if err := t.Knows(r.Cohort); err != nil {
		return err
	}
	header := t.headers[r.Cohort]
	_, err := t.do(ctx, request{method: http.MethodPut, path: path, write: &r.Write,
		body: cohortRule{Version: r.Version, Header: map[string]string{header.Header: header.Value}}})
	return final(err)
}
