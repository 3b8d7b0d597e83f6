package sim_test

import (
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

var start = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)

// world is one that serves 2.4.1, with a clock that the test moves.
func world() (*sim.World, *sim.Clock) {
	clock := sim.NewClock(start)
	w := sim.New("2.4.1")
	w.SetNow(clock.Now)
	return w, clock
}

func by(generation int) activities.Write {
	return activities.Write{Intent: "test", Fence: activities.Fence{Epoch: 1, Generation: generation}}
}

func deploy(t *testing.T, w *sim.World, version string) {
	t.Helper()
	require.NoError(t, w.Deploy(t.Context(), by(1), activities.Deployment{Release: rollout.Release{Version: version}}))
}

func shift(t *testing.T, w *sim.World, generation int, candidate rollout.Weight) {
	t.Helper()
	require.NoError(t, w.Shift(t.Context(), activities.Shift{Write: by(generation), Split: split(candidate)}))
}

func split(candidate rollout.Weight) rollout.Split {
	return rollout.Split{"2.4.1": rollout.All - candidate, "2.5.0": candidate}
}

func TestARolloutLeavesItsLog(t *testing.T) {
	w, _ := world()
	deploy(t, w, "2.5.0")
	shift(t, w, 2, 500)
	shift(t, w, 2, 500)
	require.NoError(t, w.SetFlags(t.Context(), by(3), map[string]any{"new-cart": map[string]any{"enabled": true}}))
	shift(t, w, 4, rollout.All)
	require.NoError(t, w.SetPrimary(t.Context(), by(5), "2.5.0"))
	require.NoError(t, w.Remove(t.Context(), by(6), "2.4.1"))
	require.Equal(t, []string{
		"deploy 2.5.0", "weights 2.4.1 95%, 2.5.0 5%", `flags new-cart={"enabled":true}`,
		"weights 2.4.1 0%, 2.5.0 100%", "primary 2.5.0", "remove 2.4.1",
	}, w.Log())
	require.Empty(t, w.Violations())
	require.Len(t, w.Writes(), 7, "the repeated write is there, without effect")
	require.False(t, w.Writes()[2].Effective)
	require.Equal(t, 5, w.Writes()[5].Fence.Generation)
	require.Equal(t, sim.State{
		Weights: split(rollout.All), Primary: "2.5.0", Versions: []string{"2.5.0"},
		Cohorts: map[string]string{}, Flags: map[string]any{"new-cart": map[string]any{"enabled": true}},
	}, w.State())
}

func TestViolations(t *testing.T) {
	tests := map[string]struct {
		do   func(t *testing.T, w *sim.World)
		want string
	}{
		"removed with traffic": {func(t *testing.T, w *sim.World) {
			shift(t, w, 1, 500)
			require.NoError(t, w.Remove(t.Context(), by(2), "2.5.0"))
		}, "2.5.0 removed while it had 5%"},
		"removed as primary": {func(t *testing.T, w *sim.World) {
			shift(t, w, 1, rollout.All)
			require.NoError(t, w.Remove(t.Context(), by(2), "2.4.1"))
		}, "2.4.1 removed while it was the primary"},
		"raised while pending": {func(t *testing.T, w *sim.World) {
			w.SetState("2.5.0", activities.StatePending, "")
			shift(t, w, 1, 500)
		}, "2.5.0 raised to 5% while it was pending"},
		"raised when gone": {func(t *testing.T, w *sim.World) {
			w.Vanish("2.5.0")
			shift(t, w, 1, 500)
		}, "2.5.0 raised to 5% while it was not there"},
		"raised after the abort": {func(t *testing.T, w *sim.World) {
			w.Forbid("2.5.0", "the abort")
			shift(t, w, 1, 500)
		}, "2.5.0 raised to 5% after the abort"},
		"late write wins": {func(t *testing.T, w *sim.World) {
			shift(t, w, 3, 0)
			shift(t, w, 2, 500)
		}, "weights 2.4.1 95%, 2.5.0 5% took effect with fence 1.2 after 1.3"},
		"metrics read too early": {func(t *testing.T, w *sim.World) {
			w.SetDelay(30 * time.Second)
			_, err := w.Read(t.Context(), activities.MetricsQuery{At: start.Add(-20 * time.Second)})
			require.NoError(t, err)
		}, "metrics read 10s before their delay was over"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w, _ := world()
			deploy(t, w, "2.5.0")
			require.Empty(t, w.Violations())
			tt.do(t, w)
			require.Equal(t, []string{tt.want}, w.Violations())
		})
	}
}

func TestOutsidersAndFaultsAreNoViolations(t *testing.T) {
	w, _ := world()
	deploy(t, w, "2.5.0")
	w.SetWeights(split(6000))
	w.Vanish("2.4.1")
	w.Revert("2.5.0", "2.4.1")
	w.RefuseStale(true)
	shift(t, w, 3, 0)
	err := w.Shift(t.Context(), activities.Shift{Write: by(2), Split: split(500)})
	require.ErrorIs(t, err, activities.ErrConflict)
	require.Equal(t, []string{"2.4.1 raised to 100% while it was not there"}, w.Violations(), "but writes to what an outsider removed are")
	require.Contains(t, w.Log(), "outsider: weights 2.4.1 40%, 2.5.0 60%")
}

func TestRouterThatIgnoresOrLags(t *testing.T) {
	w, clock := world()
	deploy(t, w, "2.5.0")
	w.IgnoreWeights(true)
	shift(t, w, 1, 500)
	require.True(t, w.State().Weights.Equal(split(0)))
	w.IgnoreWeights(false)
	w.LagWeights(time.Minute)
	shift(t, w, 2, 500)
	clock.Advance(59 * time.Second)
	shift(t, w, 3, 500)
	require.True(t, w.State().Weights.Equal(split(0)))
	require.Equal(t, []string{"deploy 2.5.0"}, w.Log())
	clock.Advance(time.Hour)
	require.True(t, w.State().Weights.Equal(split(500)))
	require.Equal(t, []string{"deploy 2.5.0", "weights 2.4.1 95%, 2.5.0 5%"}, w.Log())
	c, ok := w.Counters("2.5.0")
	require.True(t, ok)
	require.InDelta(t, 100*.05*(time.Hour-time.Second).Seconds(), c.Requests, 1e-6, "counted from when it came into force")
	shift(t, w, 4, 1000)
	w.Settle()
	require.True(t, w.State().Weights.Equal(split(1000)))
}

func TestDeployerScripts(t *testing.T) {
	state := func(w *sim.World, version string) string {
		s, err := w.Version(t.Context(), version)
		require.NoError(t, err)
		return s.Version + " " + s.State + " " + s.Message
	}
	w, clock := world()
	w.OnDeploy("slow", sim.Script{After: time.Minute})
	w.OnDeploy("never", sim.Script{State: activities.StatePending, Message: "no room"})
	w.OnDeploy("broken", sim.Script{State: activities.StateFailed, Message: "crash loop", After: 10 * time.Second})
	for _, version := range []string{"slow", "never", "broken", "2.5.0"} {
		deploy(t, w, version)
	}
	require.Equal(t, "slow pending ", state(w, "slow"))
	require.Equal(t, "broken pending ", state(w, "broken"))
	clock.Advance(time.Minute)
	require.Equal(t, "slow ready ", state(w, "slow"))
	require.Equal(t, "never pending no room", state(w, "never"))
	require.Equal(t, "broken failed crash loop", state(w, "broken"))

	require.NoError(t, w.SetPrimary(t.Context(), by(1), "2.5.0"))
	w.Revert("2.5.0", "2.4.1")
	require.Equal(t, "2.4.1 ready ", state(w, "2.5.0"))
	require.Equal(t, "2.4.1", w.State().Primary)
	w.Vanish("slow")
	_, err := w.Version(t.Context(), "slow")
	require.ErrorIs(t, err, activities.ErrNotFound)

	w.StallRemoval("never", true)
	require.NoError(t, w.Remove(t.Context(), by(2), "never"))
	require.Equal(t, "never pending no room", state(w, "never"))
	w.StallRemoval("never", false)
	require.NoError(t, w.Remove(t.Context(), by(2), "never"))
	_, err = w.Version(t.Context(), "never")
	require.ErrorIs(t, err, activities.ErrNotFound)
}

func TestFaultsEnd(t *testing.T) {
	w, clock := world()
	primary := func() error { _, err := w.Primary(t.Context()); return err }
	w.Fail(sim.OpPrimary, sim.Fault{Times: 1, Err: activities.ErrConflict})
	w.Fail(sim.OpPrimary, sim.Fault{For: 5 * time.Minute})
	require.ErrorIs(t, primary(), activities.ErrConflict)
	require.ErrorIs(t, primary(), sim.ErrBroken)
	clock.Advance(5*time.Minute - 1)
	require.ErrorIs(t, primary(), sim.ErrBroken)
	clock.Advance(1)
	require.NoError(t, primary())
	w.Fail(sim.OpPrimary, sim.Fault{})
	require.Error(t, primary())
	w.Heal(sim.OpPrimary)
	require.NoError(t, primary())
}

func TestVault(t *testing.T) {
	w, _ := world()
	at, err := w.Put(t.Context(), "s01.w01", []byte("rows"))
	require.NoError(t, err)
	again, err := w.Put(t.Context(), "s01.w01", []byte("rows"))
	require.NoError(t, err)
	require.Equal(t, at, again)
	_, err = w.Put(t.Context(), "s01.w01", []byte("others"))
	require.ErrorIs(t, err, activities.ErrFinal)
	require.Equal(t, map[string][]byte{"s01.w01": []byte("rows")}, w.Vault())
}

func TestRegistryIsTheWorld(t *testing.T) {
	w, _ := world()
	r := w.Registry()
	d, err := r.Deploy["sim"](activities.With{"ignored": true})
	require.NoError(t, err)
	require.Same(t, w, d)
	for _, n := range []int{len(r.Deploy), len(r.Traffic), len(r.Flags), len(r.Metrics)} {
		require.Equal(t, 1, n)
	}
}

func TestSeveralAtOnce(t *testing.T) {
	w := sim.New("2.4.1")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			_ = w.Deploy(t.Context(), by(i), activities.Deployment{Release: rollout.Release{Version: "2.5.0"}})
			_ = w.Shift(t.Context(), activities.Shift{Write: by(i), Split: split(rollout.Weight(i))})
			_, _ = w.Read(t.Context(), activities.MetricsQuery{At: time.Now()})
			w.Behave("2.5.0", sim.Behaviour{Failures: .1})
			w.Log()
		})
	}
	all.Wait()
	require.Equal(t, "deploy 2.5.0", w.Log()[0])
}

var checks = []rollout.Check{
	{Name: "errors", Failures: "f", Requests: "r"},
	{Name: "latency", Histogram: "h"},
	{Name: "cpu", Query: "q"},
}

func read(t *testing.T, w *sim.World, at time.Time) map[string]activities.CheckReading {
	t.Helper()
	r, err := w.Read(t.Context(), activities.MetricsQuery{
		Checks: checks, At: at,
		Sides: map[activities.Side]activities.Version{activities.Baseline: {Version: "2.4.1"}, activities.Candidate: {Version: "2.5.0"}},
	})
	require.NoError(t, err)
	return r.Checks
}

func TestMetricsGrowWithTimeAndWeight(t *testing.T) {
	w, clock := world()
	deploy(t, w, "2.5.0")
	w.Behave("2.5.0", sim.Behaviour{Rate: 200, Failures: .1, Values: map[string]float64{"cpu": .5}})
	shift(t, w, 1, 1000)
	clock.Advance(10 * time.Second)
	shift(t, w, 2, 5000)
	clock.Advance(10 * time.Second)

	now := read(t, w, clock.Now())["errors"].Sides
	require.InDelta(t, 10*90+10*50, now[activities.Baseline].Requests["2.4.1"], 1e-9)
	require.InDelta(t, 10*20+10*100, now[activities.Candidate].Requests["2.5.0"], 1e-9)
	require.InDelta(t, 120, now[activities.Candidate].Failures["2.5.0"], 1e-9)

	past := read(t, w, start.Add(5*time.Second))
	require.InDelta(t, 100, past["errors"].Sides[activities.Candidate].Requests["2.5.0"], 1e-9, "it knows the past")
	ahead := read(t, w, clock.Now().Add(10*time.Second))
	require.InDelta(t, 2200, ahead["errors"].Sides[activities.Candidate].Requests["2.5.0"], 1e-9, "and what comes if nothing changes")

	buckets := ahead["latency"].Sides[activities.Candidate].Buckets["2.5.0"]
	require.InDelta(t, 1980, buckets["0.1"], 1e-9)
	require.InDelta(t, 2200, buckets["+Inf"], 1e-9)
	require.InDelta(t, .5, *ahead["cpu"].Sides[activities.Candidate].Value, 1e-9)
	require.NotContains(t, ahead["cpu"].Sides, activities.Baseline, "without a value there is none")
}

func TestMetricsGoWrong(t *testing.T) {
	w, clock := world()
	deploy(t, w, "2.5.0")
	shift(t, w, 1, 5000)
	clock.Advance(10 * time.Second)

	w.BreakCheck("errors", "parse error")
	w.Behave("2.5.0", sim.Behaviour{Values: map[string]float64{"cpu": math.NaN()}})
	got := read(t, w, clock.Now())
	require.Equal(t, "parse error", got["errors"].Error)
	require.Contains(t, got["cpu"].Error, "NaN")
	require.Empty(t, got["latency"].Error)

	w.BreakCheck("errors", "")
	w.SetSilent("2.5.0", true)
	require.NotContains(t, read(t, w, clock.Now())["errors"].Sides, activities.Candidate)
	w.SetSilent("2.5.0", false)

	w.ResetCounters("2.5.0")
	clock.Advance(time.Second)
	require.InDelta(t, 50, read(t, w, clock.Now())["errors"].Sides[activities.Candidate].Requests["2.5.0"], 1e-9)

	shift(t, w, 2, 0)
	require.NoError(t, w.Remove(t.Context(), by(3), "2.5.0"))
	require.NotContains(t, read(t, w, clock.Now())["errors"].Sides, activities.Candidate)
}

func TestAnotherClockKeepsWhatHappened(t *testing.T) {
	w, clock := world()
	clock.Advance(10 * time.Second)
	other := sim.NewClock(start.Add(1000 * time.Hour))
	w.SetNow(other.Now)
	other.Advance(5 * time.Second)
	c, _ := w.Counters("2.4.1")
	require.InDelta(t, 1500, c.Requests, 1e-9)
	require.InDelta(t, 1500*(.9*.1+.09*.3+.01), c.Sum(), 1e-9)
}
