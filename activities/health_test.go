package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// Health that nobody could judge is said, and does not hold the way back up.
func TestHealthWithoutData(t *testing.T) {
	absolute := rollout.Check{Name: "errors", Failures: `http_requests_total{code=~"5.."}`, Requests: "http_requests_total",
		Judge: &rollout.Judge{SLORate: &rollout.SLORate{Objective: "90%"}}}
	for name, c := range map[string]struct {
		checks   []rollout.Check
		silent   bool
		unjudged string
	}{
		"no data":            {[]rollout.Check{absolute}, true, "errors: no data"},
		"data":               {[]rollout.Check{absolute}, false, ""},
		"no absolute checks": {nil, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := sim.New("1.0.0")
			w.Behave("1.0.0", sim.Behaviour{Rate: 400})
			w.SetSilent("1.0.0", c.silent)
			a := activities.Activities{Drivers: w.Registry()}
			driver := rollout.Driver{Driver: "sim"}
			out, err := did(t, a.VerifyHealth, activities.VerifyHealthInput{
				Job:    activities.Job{Baseline: "1.0.0", Drivers: rollout.Drivers{Deploy: driver, Traffic: driver, Metrics: &driver}},
				Checks: c.checks, Poll: rollout.Duration(100 * time.Millisecond), Within: rollout.Duration(time.Second)})
			require.NoError(t, err)
			require.Equal(t, c.unjudged, out.Unjudged)
			require.Contains(t, out.Reason, c.unjudged)
		})
	}
}

// Counters that a server scrapes move less often than they are read: what they said
// last holds until they move again.
func TestHealthBetweenScrapes(t *testing.T) {
	w := sim.New("1.0.0")
	w.Behave("1.0.0", sim.Behaviour{Rate: 400, Failures: 1})
	a := activities.Activities{Drivers: w.Registry()}
	driver := rollout.Driver{Driver: "sim"}
	const scraped, better = 700 * time.Millisecond, 3 * time.Second
	go func() {
		time.Sleep(scraped)
		w.SetSilent("1.0.0", true) // nothing new comes in
		time.Sleep(better - scraped)
		w.Behave("1.0.0", sim.Behaviour{Rate: 400})
		w.SetSilent("1.0.0", false)
	}()
	began := time.Now()
	out, err := did(t, a.VerifyHealth, activities.VerifyHealthInput{
		Job: activities.Job{Baseline: "1.0.0", Drivers: rollout.Drivers{Deploy: driver, Traffic: driver, Metrics: &driver}},
		Checks: []rollout.Check{{Name: "errors", Failures: `http_requests_total{code=~"5.."}`, Requests: "http_requests_total",
			Judge: &rollout.Judge{SLORate: &rollout.SLORate{Objective: "90%"}}}},
		Poll: rollout.Duration(100 * time.Millisecond), Within: rollout.Duration(time.Second)})
	require.NoError(t, err)
	require.Empty(t, out.Unjudged)
	require.Greater(t, time.Since(began), better, "it failed when it was measured last")
}

// A rehearsal ends its load: a check that failed when it was measured last is not
// measured any more, and then nobody can judge it.
func TestHealthAfterTheLoadHasEnded(t *testing.T) {
	w := sim.New("1.0.0")
	w.Behave("1.0.0", sim.Behaviour{Rate: 40_000, Failures: 1})
	a := activities.Activities{Drivers: w.Registry()}
	driver := rollout.Driver{Driver: "sim"}
	const bad, within = 1500 * time.Millisecond, time.Second
	time.AfterFunc(bad, func() { w.Behave("1.0.0", sim.Behaviour{Rate: -1}) })
	began := time.Now()
	out, err := did(t, a.VerifyHealth, activities.VerifyHealthInput{
		Job: activities.Job{Baseline: "1.0.0", Drivers: rollout.Drivers{Deploy: driver, Traffic: driver, Metrics: &driver}},
		Checks: []rollout.Check{{Name: "errors", Failures: `http_requests_total{code=~"5.."}`, Requests: "http_requests_total",
			Judge: &rollout.Judge{SLORate: &rollout.SLORate{Objective: "90%"}}}},
		Poll: rollout.Duration(100 * time.Millisecond), Within: rollout.Duration(within), Rehearsed: true})
	require.NoError(t, err)
	require.Contains(t, out.Unjudged, "errors: no new data after it failed: ")
	require.Greater(t, time.Since(began), bad+within-100*time.Millisecond, "so long there may be something newer")
	require.Less(t, time.Since(began), bad+3*within)
}
