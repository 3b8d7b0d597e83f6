package web_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/web"
	"bakeoff/rollout"
	"bakeoff/testsuite/conform"
	"bakeoff/testsuite/sim"
	"bakeoff/testsuite/sim/httpworld"
)

const deadline = 500 * time.Millisecond

// serve serves the world and says where.
func serve(t *testing.T, w *sim.World) web.Config {
	s := httptest.NewServer(httpworld.New(w))
	t.Cleanup(s.Close)
	return web.Config{URL: s.URL, Deadline: rollout.Duration(deadline)}
}

// server lets the world hang for longer than the driver waits.
func server(w *sim.World) conform.Server {
	s := conform.World(w, deadline)
	w.SetDeadline(time.Minute)
	return s
}

func deployer(t *testing.T, w *sim.World, serving string) conform.DeployerFixture {
	driver, err := web.NewDeployer(serve(t, w))
	require.NoError(t, err)
	return conform.DeployerFixture{
		Server: server(w), Driver: driver, Serving: serving,
		Next: activities.Deployment{Service: "checkout", Release: rollout.Release{Version: "2.5.0"}, Replicas: 2},
	}
}

func TestDeployer(t *testing.T) {
	conform.Deployer(t, func(t *testing.T) conform.DeployerFixture {
		w := sim.New("2.4.1")
		w.OnDeploy("2.5.0", sim.Script{After: 30 * time.Millisecond})
		return deployer(t, w, "2.4.1")
	})
	conform.FirstRelease(t, func(t *testing.T) conform.DeployerFixture { return deployer(t, sim.New(""), "") })
}

func traffic(t *testing.T, w *sim.World) conform.TrafficFixture {
	driver, err := web.NewTraffic(serve(t, w))
	require.NoError(t, err)
	return conform.TrafficFixture{
		Server: server(w), Driver: driver, Baseline: "2.4.1", Candidate: "2.5.0",
		Foreign:   func(_ *testing.T, s rollout.Split) { w.SetWeights(s) },
		Revisions: true,
	}
}

func TestTraffic(t *testing.T) {
	t.Run("without fences", func(t *testing.T) {
		conform.Traffic(t, func(t *testing.T) conform.TrafficFixture { return traffic(t, sim.New("2.4.1")) })
	})
	t.Run("with fences", func(t *testing.T) {
		conform.Traffic(t, func(t *testing.T) conform.TrafficFixture {
			w := sim.New("2.4.1")
			w.RefuseStale(true)
			f := traffic(t, w)
			f.Fences = true
			return f
		})
	})
	conform.FirstTraffic(t, func(t *testing.T) conform.TrafficFixture {
		f := traffic(t, sim.New(""))
		f.NothingServes = true
		return f
	})
}

func TestFlags(t *testing.T) {
	conform.Flags(t, func(t *testing.T) conform.FlagsFixture {
		w := sim.New("2.4.1")
		driver, err := web.NewFlags(serve(t, w))
		require.NoError(t, err)
		return conform.FlagsFixture{
			Server: server(w), Driver: driver,
			Foreign: func(_ *testing.T, flags map[string]any) { w.ForeignFlags(flags) },
		}
	})
}

func TestCohorts(t *testing.T) {
	for _, fences := range []bool{false, true} {
		conform.Cohorts(t, func(t *testing.T) conform.CohortsFixture {
			w := sim.New("2.4.1")
			w.RefuseStale(fences)
			require.NoError(t, w.Deploy(t.Context(), activities.Write{}, activities.Deployment{Release: rollout.Release{Version: "2.5.0"}}))
			config := serve(t, w)
			config.Cohorts = activities.Headers{"internal": {Header: "X-Cohort", Value: "internal"}, "beta": {Header: "X-Cohort", Value: "beta"}}
			driver, err := web.NewTraffic(config)
			require.NoError(t, err)
			return conform.CohortsFixture{
				Server: server(w), Driver: driver, Cohort: "internal", Other: "beta", Baseline: "2.4.1", Candidate: "2.5.0",
				Foreign: func(_ *testing.T, cohort, version string) { w.ForeignCohort(cohort, version) }, Fences: fences,
			}
		})
	}
}
