package sim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/conform"
	"bakeoff/testsuite/sim"
)

const deadline = 500 * time.Millisecond

func deployer(w *sim.World, serving string) conform.DeployerFixture {
	return conform.DeployerFixture{
		Server: conform.World(w, deadline), Driver: w, Serving: serving,
		Next: activities.Deployment{Service: "checkout", Release: rollout.Release{Version: "2.5.0"}, Replicas: 2},
	}
}

func TestDeployer(t *testing.T) {
	conform.Deployer(t, func(*testing.T) conform.DeployerFixture {
		w := sim.New("2.4.1")
		w.OnDeploy("2.5.0", sim.Script{After: 30 * time.Millisecond})
		return deployer(w, "2.4.1")
	})
	conform.FirstRelease(t, func(*testing.T) conform.DeployerFixture { return deployer(sim.New(""), "") })
}

func traffic(w *sim.World) conform.TrafficFixture {
	return conform.TrafficFixture{
		Server: conform.World(w, deadline), Driver: w, Baseline: "2.4.1", Candidate: "2.5.0",
		Foreign:   func(_ *testing.T, s rollout.Split) { w.SetWeights(s) },
		Revisions: true,
	}
}

func TestTraffic(t *testing.T) {
	t.Run("at once", func(t *testing.T) {
		conform.Traffic(t, func(*testing.T) conform.TrafficFixture { return traffic(sim.New("2.4.1")) })
	})
	t.Run("lagging", func(t *testing.T) {
		conform.Traffic(t, func(*testing.T) conform.TrafficFixture {
			w := sim.New("2.4.1")
			w.LagWeights(30 * time.Millisecond)
			return traffic(w)
		})
	})
	t.Run("with fences", func(t *testing.T) {
		conform.Traffic(t, func(*testing.T) conform.TrafficFixture {
			w := sim.New("2.4.1")
			w.RefuseStale(true)
			f := traffic(w)
			f.Fences = true
			return f
		})
	})
	conform.FirstTraffic(t, func(*testing.T) conform.TrafficFixture {
		f := traffic(sim.New(""))
		f.NothingServes = true
		return f
	})
}

func TestFlags(t *testing.T) {
	conform.Flags(t, func(*testing.T) conform.FlagsFixture {
		w := sim.New("2.4.1")
		return conform.FlagsFixture{
			Server: conform.World(w, deadline), Driver: w,
			Foreign: func(_ *testing.T, flags map[string]any) { w.ForeignFlags(flags) },
		}
	})
}

func TestCohorts(t *testing.T) {
	for _, fences := range []bool{false, true} {
		conform.Cohorts(t, func(t *testing.T) conform.CohortsFixture {
			w := sim.New("2.4.1")
			w.RefuseStale(fences)
			w.AddCohort("internal", 500)
			w.AddCohort("beta", 1000)
			require.NoError(t, w.Deploy(t.Context(), activities.Write{}, activities.Deployment{Release: rollout.Release{Version: "2.5.0"}}))
			return conform.CohortsFixture{
				Server: conform.World(w, deadline), Driver: w, Cohort: "internal", Other: "beta", Baseline: "2.4.1", Candidate: "2.5.0",
				Foreign: func(_ *testing.T, cohort, version string) { w.ForeignCohort(cohort, version) }, Fences: fences,
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	conform.Metrics(t, func(t *testing.T) conform.MetricsFixture { return metrics(t) })
}

// metrics is a world whose clock moves only for the requests that the suite
// wants answered.
func metrics(t *testing.T) conform.MetricsFixture {
	clock := sim.NewClock(time.Unix(1_700_000_000, 0))
	w := sim.New("2.4.1")
	w.SetNow(clock.Now)
	if err := w.Deploy(t.Context(), activities.Write{}, activities.Deployment{Release: rollout.Release{Version: "2.5.0"}}); err != nil {
		t.Fatal(err)
	}
	values := map[activities.Side]float64{activities.Baseline: 0.41, activities.Candidate: 0.47}
	names := map[activities.Side]string{activities.Baseline: "2.4.1", activities.Candidate: "2.5.0"}
	answer := func(_ *testing.T, side activities.Side, requests, failures int) {
		for s, name := range names {
			b := sim.Behaviour{Rate: -1, Values: map[string]float64{"cpu": values[s]}}
			if s == side {
				b.Rate, b.Failures = float64(2*requests), float64(failures)/float64(requests)
			}
			w.Behave(name, b)
		}
		clock.Advance(time.Second)
	}
	w.SetWeights(rollout.Split{"2.4.1": 5000, "2.5.0": 5000})
	answer(t, activities.Baseline, 100, 1)
	answer(t, activities.Candidate, 100, 1)
	w.BreakCheck("bad", "parse error")
	w.SetPast("2.4.1", time.Minute, map[string][]sim.Behaviour{"a": make([]sim.Behaviour, 30), "b": make([]sim.Behaviour, 10)})
	return conform.MetricsFixture{
		Server: conform.World(w, deadline), Driver: w, Now: clock.Now, Answer: answer, Values: values,
		Sides:  map[activities.Side]activities.Version{activities.Baseline: {Version: "2.4.1"}, activities.Candidate: {Version: "2.5.0"}},
		Nobody: activities.Version{Version: "9.9.9"},
		Rate:   &rollout.Check{Name: "errors", Failures: "f", Requests: "r"},
		Tail:   &rollout.Check{Name: "latency", Histogram: "h"},
		Query:  &rollout.Check{Name: "cpu", Query: "q"},
		Bad:    &rollout.Check{Name: "bad", Query: "q"},
	}
}
