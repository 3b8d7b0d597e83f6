package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/activities"
	"bakeoff/analysis"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

var (
	errorsCheck  = rollout.Check{Name: "errors", Failures: "f", Requests: "r", Weight: 1}
	latencyCheck = rollout.Check{Name: "latency", Histogram: "h", Weight: 1, SLO: rollout.Duration(300 * time.Millisecond)}
)

// preflight runs the activity over a world whose metrics may be another
// driver's.
func preflight(t *testing.T, w *sim.World, metrics activities.Metrics, checks ...rollout.Check) activities.PreflightOutput {
	t.Helper()
	drivers := w.Registry()
	if metrics != nil {
		drivers.Metrics["sim"] = func(activities.With) (activities.Metrics, error) { return metrics, nil }
	}
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	a := &activities.Activities{Drivers: drivers, Look: time.Millisecond}
	env.RegisterActivity(a)
	driver := rollout.Driver{Driver: "sim"}
	done, err := env.ExecuteActivity(a.Preflight, activities.PreflightInput{
		Job:    activities.Job{Drivers: rollout.Drivers{Deploy: driver, Traffic: driver, Metrics: &driver}, Baseline: "2.4.1", Candidate: "2.5.0"},
		Checks: checks, Alpha: 0.01,
	})
	require.NoError(t, err)
	var out activities.PreflightOutput
	require.NoError(t, done.Get(&out))
	require.Empty(t, out.Problems)
	return out
}

// noise is the failures of one side's requests, minute by minute: a rate of 1 %
// that moves slowly (AR(1) .9) by a fifth, and chance.
func noise(r *rand.Rand, minutes int, requests float64) []float64 {
	failures := make([]float64, minutes)
	z := r.NormFloat64()
	for i := range failures {
		z = 0.9*z + math.Sqrt(1-0.81)*r.NormFloat64()
		mean := requests * 0.01 * math.Exp(0.2*z)
		failures[i] = max(math.Round(mean+math.Sqrt(mean)*r.NormFloat64()), 0)
	}
	return failures
}

// aDay is a noisy day of an instance with 10,000 requests a second.
func aDay(seed uint64) []sim.Behaviour {
	var day []sim.Behaviour
	for _, failures := range noise(rand.New(rand.NewPCG(seed, 1)), 1440, 600_000) {
		day = append(day, sim.Behaviour{Rate: 10_000, Failures: failures / 600_000})
	}
	return day
}

// Two instances that differ by a fifth for minutes at a time teach a margin,
// which keeps the same noise from failing a rollout. Without it most fail.
func TestPreflightLearnsTheNoiseOfTheBaseline(t *testing.T) {
	w := sim.New("2.4.1")
	w.SetPast("2.4.1", time.Minute, map[string][]sim.Behaviour{"a": aDay(1), "b": aDay(2)})
	out := preflight(t, w, nil, errorsCheck)
	require.Contains(t, out.Learned, "errors")
	learned := out.Learned["errors"].Tests[0]
	require.Greater(t, learned.Margin, 1.3)
	require.Less(t, learned.Margin, 2.5)
	require.Greater(t, learned.Windows, 2800)
	require.Contains(t, out.Warnings, fmt.Sprintf("errors: cannot be judged finer than ×%.2f: two halves of 2.4.1 differ by as much", learned.Margin))

	alarms := func(learned *analysis.Learned) (n int) {
		for seed := range uint64(40) {
			r := rand.New(rand.NewPCG(seed, 2))
			j, err := analysis.New(analysis.Config{Name: "errors", Alpha: 0.01, Judge: analysis.Params{RateRatio: &analysis.RateRatio{}}, Learned: learned})
			require.NoError(t, err)
			candidate, baseline := noise(r, 180, 60_000), noise(r, 180, 540_000)
			for i := range candidate {
				require.NoError(t, j.Fold(analysis.Window{Check: "errors", Start: 60 * float64(i), End: 60 * float64(i+1),
					Baseline: &analysis.Counts{Requests: 540_000, Failures: baseline[i]}, Candidate: &analysis.Counts{Requests: 60_000, Failures: candidate[i]}}))
			}
			if j.Verdict().Verdict == analysis.Fail {
				n++
			}
		}
		return n
	}
	require.LessOrEqual(t, alarms(out.Learned["errors"]), 1)
	require.Greater(t, alarms(nil), 20)
}

// What was learned travels with every window, so it is small, and what is read
// back from history is what was written.
func TestLearnedIsSmall(t *testing.T) {
	past := func(slow float64) (all []sim.Behaviour) { // too short for a margin
		for i := range 95 {
			x := slow * (1 + 0.1*math.Sin(float64(i)))
			all = append(all, sim.Behaviour{Rate: 1234, Latency: map[string]float64{"0.025": 1 - 0.5*x, "0.05": 1 - 0.25*x, "0.1": 1 - 0.1*x,
				"0.25": 1 - 0.05*x, "0.3": 1 - 0.02*x, "0.5": 1 - 0.01*x, "1": 1 - 0.001*x, "+Inf": 1}})
		}
		return all
	}
	w := sim.New("2.4.1")
	w.Behave("2.4.1", past(1)[0])
	w.SetPast("2.4.1", time.Minute, map[string][]sim.Behaviour{"a": past(0.5), "b": past(1.5)})
	out := preflight(t, w, nil, latencyCheck)
	l := out.Learned["latency"]
	require.NotNil(t, l)
	require.Len(t, l.Tests, 7)
	require.True(t, l.NotExchangeable)
	body, err := json.Marshal(l)
	require.NoError(t, err)
	require.LessOrEqual(t, len(body), 1024, "%s", body)
	require.Contains(t, out.Warnings, "latency: not exchangeable: two halves of 2.4.1 can be told apart; a Fail within their difference becomes Inconclusive")
}

// historian is a driver whose past is what the test says.
type historian struct {
	*sim.World
	moments []activities.Moment
	err     error
}

func (h historian) History(context.Context, activities.HistoryQuery) ([]activities.Moment, error) {
	return h.moments, h.err
}

// forgetful is a driver without a past.
type forgetful struct{ activities.Metrics }

// Where there is nothing to learn from, nothing is learned: quietly, unless
// the author of the check can change that.
func TestPreflightWithoutAPast(t *testing.T) {
	begin := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	past := func(n int, reading func(i int, instance float64) activities.SideReading) (moments []activities.Moment) {
		for i := range n {
			moments = append(moments, activities.Moment{At: begin.Add(time.Duration(i) * 30 * time.Second),
				Instances: map[string]activities.SideReading{"a": reading(i, 1), "b": reading(i, 2)}})
		}
		return moments
	}
	counting := func(i int, instance float64) activities.SideReading {
		n := float64(i) * instance
		return activities.SideReading{Requests: map[string]float64{"r": 1000 * n}, Failures: map[string]float64{"f": 10 * n}}
	}
	require.NotNil(t, preflight(t, sim.New("2.4.1"), historian{sim.New("2.4.1"), past(31, counting), nil}, errorsCheck).Learned, "30 windows are enough")
	seldom := past(2880, func(i int, instance float64) activities.SideReading {
		n := float64(i / 8)
		return activities.SideReading{Requests: map[string]float64{"r": 1000 * n}, Failures: map[string]float64{"f": 10 * n * instance}}
	})
	out := preflight(t, sim.New("2.4.1"), historian{sim.New("2.4.1"), seldom, nil}, errorsCheck)
	require.Greater(t, out.Learned["errors"].Tests[0].Margin, 2.0, "time without requests was seen, too")
	for name, tt := range map[string]struct {
		driver func(w *sim.World) activities.Metrics
		warns  string
	}{
		"no history":   {driver: func(w *sim.World) activities.Metrics { return forgetful{w} }},
		"an empty one": {},
		"too short":    {driver: func(w *sim.World) activities.Metrics { return historian{w, past(30, counting), nil} }},
		"an error":     {driver: func(w *sim.World) activities.Metrics { return historian{w, nil, errors.New("404 page not found")} }},
		"the author's error": {driver: func(w *sim.World) activities.Metrics {
			return historian{w, nil, fmt.Errorf("x: %w", activities.ErrPast)}
		}, warns: "errors: x: nothing can be learned from the past"},
		"no answer": {driver: func(w *sim.World) activities.Metrics {
			w.SetDeadline(20 * time.Millisecond)
			w.Fail(sim.OpHistory, sim.Fault{Hang: true})
			return w
		}},
		"one instance": {driver: func(w *sim.World) activities.Metrics {
			w.SetPast("2.4.1", time.Minute, map[string][]sim.Behaviour{"a": aDay(1)})
			return w
		}},
		"the same at all times": {driver: func(w *sim.World) activities.Metrics {
			return historian{w, past(100, func(_ int, x float64) activities.SideReading { return counting(7, x) }), nil}
		}},
		"the same for all instances": {driver: func(w *sim.World) activities.Metrics {
			return historian{w, past(100, func(i int, _ float64) activities.SideReading { return counting(i*i, 1) }), nil}
		}},
		"impossible counters": {driver: func(w *sim.World) activities.Metrics {
			return historian{w, past(100, func(i int, x float64) activities.SideReading { return counting(i, -x) }), nil}
		}},
		"counters that shrink": {driver: func(w *sim.World) activities.Metrics {
			return historian{w, past(100, func(i int, x float64) activities.SideReading { return counting(100-i, x) }), nil}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := sim.New("2.4.1")
			var driver activities.Metrics
			if tt.driver != nil {
				driver = tt.driver(w)
			}
			out := preflight(t, w, driver, errorsCheck)
			require.Empty(t, out.Learned)
			if tt.warns == "" {
				require.Empty(t, out.Warnings)
				return
			}
			require.Equal(t, []string{tt.warns}, out.Warnings)
		})
	}
}
