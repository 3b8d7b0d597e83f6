package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
)

// users are all who use a service, whatever version answers them: what an error
// budget counts. Each scrape finds a hundred requests more.
type users struct {
	mu                 sync.Mutex
	requests, failures int
	failing            int // of each hundred
	scrapes            int
}

func (u *users) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.requests, u.failures, u.scrapes = u.requests+100, u.failures+u.failing, u.scrapes+1
	_, _ = fmt.Fprintf(w, "slo_requests_total %d\nslo_failures_total %d\n", u.requests, u.failures)
}

// were counts users of the time before; they are seen as soon as the page was
// scraped before them and after.
func (u *users) were(t *testing.T, requests, failures int) {
	scraped := func() func() bool {
		u.mu.Lock()
		defer u.mu.Unlock()
		seen := u.scrapes
		return func() bool {
			u.mu.Lock()
			defer u.mu.Unlock()
			return u.scrapes > seen+1
		}
	}
	until(t, "scraped", scraped())
	u.mu.Lock()
	u.requests, u.failures = u.requests+requests, u.failures+failures
	u.mu.Unlock()
	until(t, "scraped", scraped())
}

func (u *users) fail(ofHundred int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.failing = ofHundred
}

// budgeted is a scene whose numbers are read from a real Prometheus, and whose
// service has an error budget of 1% an hour.
func budgeted(t *testing.T, windows string) (s *scene, u *users, metrics string) {
	t.Helper()
	c := found(t)
	s, u = c.scene(t), &users{}
	server := httptest.NewServer(u)
	t.Cleanup(server.Close)
	host := func(url string) string { return strings.TrimPrefix(url, "http://") }
	prometheus := procs.StartPrometheus(t, t.TempDir(), fmt.Sprintf(`global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs: [{job_name: all, static_configs: [{targets: [%q, %q]}]}]
`, host(s.url), host(server.URL)))
	c.worker = procs.StartWorker(t, c.server, fmt.Sprintf("errorBudgets: {%s: {objective: 99%%, over: 1h, "+
		"failures: slo_failures_total, requests: slo_requests_total, windows: [%s]}}\n", s.target(), windows))
	metrics = fmt.Sprintf("target: {deploy: {driver: http, with: {url: %q}}, traffic: {driver: http, with: {url: %[1]q}}, "+
		"metrics: {driver: prometheus, with: {url: %q, delay: 1s}}}", s.url, prometheus)
	return s, u, metrics
}

// A service whose budget is spent starts nothing; who waits starts when enough
// is left again.
func TestBudgetSpent(t *testing.T) {
	s, u, metrics := budgeted(t, "{long: 1m, short: 5s, factor: 90}")
	u.were(t, 100_000, 2_000)
	e := s.run(metrics, oneStep)
	e.requires(s, 15, rollout.Refused, rollout.Cause(rollout.GateErrorBudget))
	require.Contains(t, e.Reason, "the error budget of staging/testbudgetspent is spent: 0% of it is left for 1h")
	require.Empty(t, s.world.Log())
	waits := s.cli("start", s.file(metrics, oneStep), "--wait", "--reason", "as soon as may be")
	require.Zero(t, waits.Code, waits.Stderr)
	s.waitsFor(rollout.GateErrorBudget)
	require.Empty(t, s.world.Log())
	u.were(t, 1_000_000, 0)
	s.ends(0, rollout.Promoted, "")
}

// One that burns holds what bakes, until it burns no more.
func TestBudgetBurns(t *testing.T) {
	s, u, metrics := budgeted(t, "{long: 6s, short: 3s, factor: 2}")
	u.were(t, 1_000_000, 0)
	s.start(metrics, "strategy: {"+window+", canary: [{weight: 10%, bake: 10s}], keepBaseline: 0s}")
	until(t, "10% in force", func() bool { return s.weight() == 1000 })
	u.fail(50)
	s.waitsFor(rollout.GateErrorBudget)
	require.Regexp(t, `the error budget of staging/testbudgetburns burns ×\d+\.\d over 6s and ×\d+\.\d over 3s; 9\d% of it is left for 1h`, s.status().Reason)
	require.Empty(t, s.told(rollout.EventStepPassed), "it bakes")
	require.Equal(t, rollout.Weight(1000), s.weight())
	require.Contains(t, s.order(15, "promote").Why, "--override")
	u.fail(0)
	s.ends(0, rollout.Promoted, "")
	require.Equal(t, promotedOne, s.world.Log())
	require.Len(t, s.told(rollout.EventGateWaiting), 1)
	require.Len(t, s.told(rollout.EventGatePassed), 1)
}
