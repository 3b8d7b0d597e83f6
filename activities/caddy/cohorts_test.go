package caddy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/conform"
)

var headers = map[string]any{
	"internal": map[string]any{"header": "X-Cohort", "value": "internal"},
	"beta":     map[string]any{"header": "X-Cohort", "value": "beta"},
}

// knowing returns a new driver that knows the cohorts.
func (s server) knowing(t *testing.T) *Router {
	t.Helper()
	r, err := New(activities.With{"admin": s.proxy.url, "deadline": "2s", "cohorts": headers})
	require.NoError(t, err)
	return r.(*Router)
}

const routesPath = "/config/apps/http/servers/site/routes"

// call is what a person does past the driver.
func (s server) call(t *testing.T, method, path string, value any) []byte {
	t.Helper()
	body, err := json.Marshal(value)
	require.NoError(t, err)
	req, err := http.NewRequest(method, s.admin+path, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil { // Caddy drops what waits at its old socket when it is configured anew
		resp, err = http.DefaultClient.Do(req)
	}
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	var out bytes.Buffer
	_, err = out.ReadFrom(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, out.String())
	return out.Bytes()
}

func TestCohortConformance(t *testing.T) {
	endpoints := map[string][]string{baseline: {"http://127.0.0.1:18081"}, candidate: {"http://127.0.0.1:18082"}}
	conform.Cohorts(t, func(t *testing.T) conform.CohortsFixture {
		s := startCaddy(t, map[string]any{"upstreams": []any{map[string]any{"@id": "bakeoff/2.4.1/0", "dial": "127.0.0.1:18081"}}})
		return conform.CohortsFixture{
			Server: conform.Server{Faults: s.proxy.faults(), Deadline: 2 * time.Second,
				Effects: func(t *testing.T) []string { return []string{string(s.call(t, http.MethodGet, routesPath, nil))} }},
			Driver: s.knowing(t), Cohort: "internal", Other: "beta", Baseline: baseline, Candidate: candidate, Endpoints: endpoints,
			Foreign: func(t *testing.T, cohort, version string) {
				if version == "" {
					s.call(t, http.MethodDelete, "/id/bakeoff.cohort."+cohort, nil)
					return
				}
				r, err := New(activities.With{"admin": s.admin, "cohorts": headers})
				require.NoError(t, err)
				rule := activities.CohortRule{Cohort: cohort, Version: version, Endpoints: endpoints[version]}
				require.NoError(t, r.(*Router).SetCohort(t.Context(), rule))
			},
		}
	})
}

// TestCohortsMeetTheCandidate sends real requests: those with the header are
// answered by the candidate, all others by the weights, and in the end nothing
// is left of the rule.
func TestCohortsMeetTheCandidate(t *testing.T) {
	for name, wrap := range map[string]func(routes any) any{
		"a plain route": func(routes any) any { return routes },
		"a subroute of a path": func(routes any) any {
			return []any{map[string]any{"match": []any{map[string]any{"path": []string{"/*"}}},
				"handle": []any{map[string]any{"handler": "subroute", "routes": routes}}, "terminal": true}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := startCaddy(t, nil)
			var routes any
			require.NoError(t, json.Unmarshal(s.call(t, http.MethodGet, routesPath, nil), &routes))
			s.call(t, http.MethodPatch, routesPath, wrap(routes))
			b, c := startBackend(t, baseline), startBackend(t, candidate)
			endpoints := map[string][]string{baseline: {b.url}, candidate: {c.url}}
			r := s.knowing(t)
			require.NoError(t, r.Shift(t.Context(), shift(0, 1, endpoints)))
			before := string(s.call(t, http.MethodGet, servers, nil))

			rule := activities.CohortRule{Write: activities.Write{Fence: activities.Fence{Epoch: 1700000000000, Generation: 2}}, Cohort: "internal",
				Version: candidate, Endpoints: endpoints[candidate]}
			require.NoError(t, r.SetCohort(t.Context(), rule))
			require.Equal(t, candidate, s.ask(t, "internal"))
			require.Equal(t, baseline, s.ask(t, "beta"))
			require.Equal(t, baseline, s.ask(t, ""))
			o, err := r.Split(t.Context())
			require.NoError(t, err)
			require.Equal(t, rollout.Split{baseline: rollout.All}, o.Split, "a rule is no weight")

			rule.Version, rule.Fence.Generation = "", 3
			require.NoError(t, r.SetCohort(t.Context(), rule))
			require.Equal(t, baseline, s.ask(t, "internal"))
			require.JSONEq(t, before, string(s.call(t, http.MethodGet, servers, nil)))
		})
	}
}

// ask sends one request of a cohort and returns who answers.
func (s server) ask(t *testing.T, cohort string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.site, nil)
	require.NoError(t, err)
	if cohort != "" {
		req.Header.Set("X-Cohort", cohort)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	var out bytes.Buffer
	_, err = out.ReadFrom(resp.Body)
	require.NoError(t, err)
	return out.String()
}

// A rule that arrives after the weights were put back is from the past; its
// removal is always welcome, but for one of an older rollout.
func TestCohortsAreFencedByWeights(t *testing.T) {
	s := startCaddy(t, nil)
	endpoints := map[string][]string{baseline: {"127.0.0.1:18081"}, candidate: {"127.0.0.1:18082"}}
	r := s.knowing(t)
	rule := func(version string, epoch int64, generation int) error {
		return r.SetCohort(t.Context(), activities.CohortRule{Write: activities.Write{Fence: activities.Fence{Epoch: epoch, Generation: generation}},
			Cohort: "internal", Version: version, Endpoints: endpoints[version]})
	}
	const epoch = 1700000000000
	require.NoError(t, r.Shift(t.Context(), shift(500, 1, endpoints)))
	require.NoError(t, rule(candidate, epoch, 2))
	require.NoError(t, r.Shift(t.Context(), shift(0, 4, endpoints)))
	require.ErrorIs(t, rule(baseline, epoch, 3), activities.ErrConflict)
	require.ErrorIs(t, rule("", epoch-1, 9), activities.ErrConflict)
	require.NoError(t, rule("", epoch, 3))
	require.ErrorIs(t, rule(candidate, epoch, 3), activities.ErrConflict)
}

func TestImpossibleCohorts(t *testing.T) {
	for name, cohorts := range map[string]any{
		"no header":    map[string]any{"a": map[string]any{"value": "x"}},
		"no value":     map[string]any{"a": map[string]any{"header": "X-A"}},
		"wildcard":     map[string]any{"a": map[string]any{"header": "X-A", "value": "in*"}},
		"placeholder":  map[string]any{"a": map[string]any{"header": "X-A", "value": "{http.request.uri}"}},
		"two lines":    map[string]any{"a": map[string]any{"header": "X-A", "value": "a\r\nb"}},
		"unsafe name":  map[string]any{"a/b": map[string]any{"header": "X-A", "value": "x"}},
		"header name":  map[string]any{"a": map[string]any{"header": "X A", "value": "x"}},
		"unknown word": map[string]any{"a": map[string]any{"cookie": "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(activities.With{"cohorts": cohorts})
			require.ErrorContains(t, err, "co")
		})
	}
	r := findIn(t, `{"site":{"routes":[{"match":[{"header":{"x-cohort":["a"]}}],"handle":[{"@id":"bakeoff","handler":"reverse_proxy"}]}]}}`)
	_, err := r.with(activities.CohortRule{Cohort: "internal", Version: "2.5.0", Endpoints: []string{"a:1"}}, activities.HeaderRule{Header: "X-Cohort", Value: "internal"})
	require.ErrorContains(t, err, "matches by x-cohort already")
	_, err = r.with(activities.CohortRule{Cohort: "internal", Version: "2.5.0"}, activities.HeaderRule{Header: "X-A", Value: "x"})
	require.ErrorContains(t, err, "no endpoint of 2.5.0 is known")
	_, err = findRoutes("nobody", []byte(fmt.Sprintf(`{"site":{"routes":%s}}`, encode(r.list))))
	require.ErrorContains(t, err, "no route has the handler nobody")
}

func findIn(t *testing.T, body string) routes {
	t.Helper()
	r, err := findRoutes("bakeoff", []byte(body))
	require.NoError(t, err)
	return r
}
