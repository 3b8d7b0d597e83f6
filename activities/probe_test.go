package activities_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"bakeoff/activities"
	"bakeoff/activities/store"
	"bakeoff/activities/web"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// patient is a service that is asked whether it is well.
type patient struct {
	*httptest.Server
	asked atomic.Int64
	well  func(n int64) bool // of the n-th question, from 1
}

func newPatient(t *testing.T, well func(n int64) bool) *patient {
	p := &patient{well: well}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !p.well(p.asked.Add(1)) {
			http.Error(w, "no", http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// asks is a probe of the service that is asked from now on.
func (p *patient) asks(length time.Duration) activities.ProbeInput {
	return activities.ProbeInput{When: "while faults are in force", During: []evidence.Stretch{{From: time.Now(), To: time.Now().Add(length)}},
		Probe: rehearsal.Probe{Name: "alive", URL: p.URL, Every: rollout.Duration(20 * time.Millisecond), Timeout: rollout.Duration(time.Second), Failures: 3}}
}

// asking is an environment in which Probe asks real services.
func asking() *testsuite.TestActivityEnvironment {
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(prober.Probe)
	return env
}

var prober = &activities.Activities{Prober: web.Prober{}}

func answers(t *testing.T, env *testsuite.TestActivityEnvironment, in activities.ProbeInput) activities.ProbeOutput {
	t.Helper()
	value, err := env.ExecuteActivity(prober.Probe, in)
	require.NoError(t, err)
	var out activities.ProbeOutput
	require.NoError(t, value.Get(&out))
	return out
}

func TestProbe(t *testing.T) {
	for name, c := range map[string]struct {
		well      func(n int64) bool
		change    func(*activities.ProbeInput)
		asked     int
		unhealthy bool
		said      string
	}{
		"until it is bad":        {func(n int64) bool { return n != 2 && n < 5 }, func(in *activities.ProbeInput) { in.UntilBad = true }, 7, true, "status 503"},
		"until it is good":       {func(n int64) bool { return n > 4 }, func(in *activities.ProbeInput) { in.UntilGood = true }, 5, false, "status 503"},
		"good at once":           {func(int64) bool { return true }, func(in *activities.ProbeInput) { in.UntilGood, in.UntilBad = true, true }, 1, false, ""},
		"before, and never good": {func(int64) bool { return false }, func(in *activities.ProbeInput) { in.UntilGood, in.UntilBad = true, true }, 3, true, "status 503"},
		"nobody is there":        {func(int64) bool { return true }, func(in *activities.ProbeInput) { in.UntilBad, in.Probe.URL = true, "http://127.0.0.1:1/" }, 3, true, "connection refused"},
		"nobody answers in time": {func(int64) bool { time.Sleep(50 * time.Millisecond); return true }, func(in *activities.ProbeInput) {
			in.UntilBad, in.Probe.Timeout = true, rollout.Duration(10*time.Millisecond)
		}, 3, true, "no answer within 10ms"},
		"it says something else": {func(int64) bool { return true }, func(in *activities.ProbeInput) { in.UntilBad, in.Probe.Expect = true, load.Expect{Body: "ok"} }, 3, true, `the body does not hold "ok"`},
		"not before it is its time": {func(n int64) bool { return n < 1 }, func(in *activities.ProbeInput) {
			in.UntilBad = true
			in.During[0].From = time.Now().Add(100 * time.Millisecond)
		}, 3, true, "status 503"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPatient(t, c.well)
			in := p.asks(time.Minute)
			c.change(&in)
			out := answers(t, asking(), in)
			require.Equal(t, c.asked, out.Answers.Asked)
			require.Equal(t, c.unhealthy, out.Unhealthy)
			require.Contains(t, out.Answers.Said, c.said)
			require.False(t, out.Answers.From.Before(in.During[0].From))
			require.Equal(t, "GET "+in.Probe.URL, out.Answers.What)
		})
	}
}

// One that only records is asked to the end of its times, and not between them.
func TestProbeIsAskedToTheEnd(t *testing.T) {
	p := newPatient(t, func(int64) bool { return false })
	in := p.asks(100 * time.Millisecond)
	in.During = append(in.During, evidence.Stretch{From: in.During[0].To.Add(200 * time.Millisecond), To: in.During[0].To.Add(300 * time.Millisecond)})
	out := answers(t, asking(), in)
	require.False(t, out.Unhealthy)
	require.False(t, time.Now().Before(in.During[1].To.Add(-20*time.Millisecond)))
	require.Len(t, out.Answers.Bad, 2, "the second fault is another one")
	require.LessOrEqual(t, out.Answers.Asked, 12)
	require.Less(t, out.Answers.Blind.Std(), 200*time.Millisecond, "between faults nobody is to ask")
}

// A worker that takes over counts on, and notes how long nobody asked.
func TestProbeGoesOn(t *testing.T) {
	p := newPatient(t, func(int64) bool { return false })
	in := p.asks(time.Minute)
	in.UntilBad = true
	in.During[0].From = time.Now().Add(-20 * time.Second)
	var before rehearsal.Answers
	for _, ago := range []time.Duration{11 * time.Second, 10 * time.Second} {
		at := time.Now().Add(-ago)
		before.Take(in.During[0].From, at, at, "status 500")
	}
	env := asking()
	env.SetHeartbeatDetails(before)
	out := answers(t, env, in)
	require.True(t, out.Unhealthy)
	require.Equal(t, 3, out.Answers.Asked)
	require.EqualValues(t, 1, p.asked.Load())
	require.WithinDuration(t, time.Now().Add(-11*time.Second), out.Answers.RowFrom, 5*time.Second)
	require.Greater(t, out.Answers.Blind.Std(), 9*time.Second)
}

// One that is stopped returns what it was answered; one whose worker stops leaves
// that in its heartbeat to the next.
func TestProbeIsStopped(t *testing.T) {
	t.Run("by the rehearsal", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := newPatient(t, func(n int64) bool {
			if n == 3 {
				cancel()
			}
			return true
		})
		env := asking()
		env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
		out := answers(t, env, p.asks(time.Minute))
		require.GreaterOrEqual(t, out.Answers.Asked, 2)
		require.Zero(t, out.Answers.Failed, "a question that is cut off says nothing")
	})
	t.Run("by its worker", func(t *testing.T) {
		stop := make(chan struct{})
		p := newPatient(t, func(n int64) bool {
			if n == 3 {
				close(stop)
			}
			return true
		})
		env := asking()
		env.SetWorkerStopChannel(stop)
		var told atomic.Int64
		env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
			var so rehearsal.Answers
			if details.Get(&so) == nil {
				told.Store(int64(so.Asked))
			}
		})
		_, err := env.ExecuteActivity(prober.Probe, p.asks(time.Minute))
		require.ErrorContains(t, err, "another one goes on asking")
		require.GreaterOrEqual(t, told.Load(), int64(2))
	})
}

// A probe goes nowhere but where the worker lets load go.
func TestProbeGoesWhereItMay(t *testing.T) {
	p := newPatient(t, func(int64) bool { return true })
	bound := &activities.Activities{Prober: web.Prober{}, Practice: activities.Practice{Reaches: func(url string) bool { return strings.HasPrefix(url, "http://elsewhere/") }}}
	_, err := did(t, bound.Probe, p.asks(time.Second))
	require.ErrorContains(t, err, "is not named by this worker's rehearsals.urls")
	require.Zero(t, p.asked.Load())

	to := httptest.NewServer(http.RedirectHandler(p.URL, http.StatusFound))
	t.Cleanup(to.Close)
	in := p.asks(time.Minute)
	in.Probe.URL, in.UntilGood = to.URL, true
	require.Equal(t, 1, answers(t, asking(), in).Answers.Asked)
	require.Zero(t, p.asked.Load(), "redirects are not followed")
}

// gauge is metrics with one number; negative: they say nothing.
type gauge struct{ value atomic.Int64 }

func (g *gauge) Delay() time.Duration { return 15 * time.Second }

func (g *gauge) Read(_ context.Context, q activities.MetricsQuery) (activities.Reading, error) {
	out := activities.Reading{At: q.At, Checks: map[string]activities.CheckReading{}}
	v := float64(g.value.Load()) / 100
	if v < 0 {
		return out, errors.New("the metrics are away")
	}
	out.Checks[q.Checks[0].Name] = activities.CheckReading{Sides: map[activities.Side]activities.SideReading{activities.Candidate: {Value: &v}}}
	return out, nil
}

// What metrics say is an answer; that they say nothing is none, neither good nor bad.
func TestProbeOfAQuery(t *testing.T) {
	for name, c := range map[string]struct {
		value     int64
		unhealthy bool
		said      string
	}{
		"good": {1, false, ""}, "bad": {7, true, "7%, to be below 5%"}, "nothing": {-1, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := &gauge{}
			g.value.Store(c.value)
			a := &activities.Activities{Drivers: activities.Registry{Metrics: map[string]func(activities.With) (activities.Metrics, error){
				"gauge": func(activities.With) (activities.Metrics, error) { return g, nil },
			}}}
			out, err := did(t, a.Probe, activities.ProbeInput{When: "before", UntilBad: true, Drivers: rollout.Drivers{Metrics: &rollout.Driver{Driver: "gauge"}},
				During: []evidence.Stretch{{From: time.Now(), To: time.Now().Add(300 * time.Millisecond)}},
				Probe: rehearsal.Probe{Name: "errors", Query: "errors", Below: &rehearsal.Amount{Value: 0.05, Unit: rehearsal.UnitRatio},
					Every: rollout.Duration(20 * time.Millisecond), Timeout: rollout.Duration(time.Second), Failures: 3}})
			require.NoError(t, err)
			require.Equal(t, c.unhealthy, out.Unhealthy)
			require.Equal(t, c.said, out.Answers.Said)
			if c.value < 0 {
				require.Zero(t, out.Answers.Asked)
				require.Equal(t, "the metrics are away", out.Answers.Unread)
				require.GreaterOrEqual(t, out.Answers.Blind.Std(), 250*time.Millisecond)
			}
		})
	}
}

func TestProbesThatMayNotBeAskedAreRefused(t *testing.T) {
	a := &activities.Activities{Archive: store.NewArchive(t.TempDir())}
	a.Practice.Reaches = func(url string) bool { return strings.HasPrefix(url, "http://127.0.0.1:") }
	a.Practice.Place = func(run string) string { return run }
	var m rehearsal.Manifest
	require.Empty(t, specfile.Decode("r.yaml", []byte(`kind: Rehearsal
name: shop
environment: staging
rollout: {kind: Rollout, service: shop, environment: staging, release: {version: "2"}, target: {deploy: {driver: http}, traffic: {driver: http}}, strategy: {canary: [{weight: 10%, bake: 1m}]}}
drills: [{from: step 1, restoreWithin: 10s}]
probes:
  - {name: near, url: "http://127.0.0.1:8080/", mode: before}
  - {name: far, url: "http://example.com/", mode: before}
  - {name: rate, query: up, above: 1, mode: before, metrics: {driver: nobody}}
`), &m))
	out, err := did(t, a.AdmitRehearsal, activities.AdmitRehearsalInput{Order: rehearsal.Order{Manifest: m}, RunID: "0123456789", StartedAt: time.Now(), Preview: true})
	require.NoError(t, err)
	require.Equal(t, rollout.CauseSpec, out.Cause)
	said := strings.Join(rollout.Texts(out.Problems), "\n")
	require.Contains(t, said, "probes[1].url: probes may not ask http://example.com/: this worker's rehearsals.urls does not name it")
	require.Contains(t, said, `probes[2].query: unknown metrics driver "nobody"`)
	require.Len(t, out.Problems, 2)
}
