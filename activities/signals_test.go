package activities_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"bakeoff/activities"
	"bakeoff/activities/store"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

// late is a metrics driver whose numbers can be read a while after their moment.
type late struct{ activities.Metrics }

const lateness = 300 * time.Millisecond

func (late) Delay() time.Duration { return lateness }

// sampledSignal runs SampleSignal over a page, and returns the file that it kept.
func sampledSignal(t *testing.T, how scaling.Signal, page string, until time.Duration, change func(*testsuite.TestActivityEnvironment, *activities.Activities)) (string, error) {
	t.Helper()
	env, a := samplingOf()
	a.Archive = store.NewArchive(t.TempDir())
	env.RegisterActivity(a.SampleSignal)
	if change != nil {
		change(env, a)
	}
	in := activities.SampleSignalInput{Run: "staging/shop/1", Until: time.Now().Add(until), Drivers: rollout.Drivers{Metrics: &rollout.Driver{Driver: "scrape"}},
		Signal: rehearsal.Signal{Name: "used", Signal: how, Endpoints: []string{page}, Poll: rollout.Duration(50 * time.Millisecond)}}
	_, err := env.ExecuteActivity(a.SampleSignal, in)
	if from, missing := a.Archive.Open(t.Context(), in.Run, "signal-used.1.csv"); missing == nil {
		body, unread := io.ReadAll(from)
		require.NoError(t, unread)
		return string(body), err
	}
	return "", err
}

// What is read stands in a file of the run, a line for each time: its value, or why
// there is none.
func TestSampleSignal(t *testing.T) {
	p := newPool(t)
	kept, err := sampledSignal(t, scaling.Signal{Gauge: "replicas_ready"}, p.URL, 300*time.Millisecond, nil)
	require.NoError(t, err)
	require.Regexp(t, `^(20\d\d-\S+Z,3,\n){3,7}$`, kept)

	kept, err = sampledSignal(t, scaling.Signal{Counter: "arrivals_total"}, p.URL, 120*time.Millisecond, nil)
	require.NoError(t, err)
	require.Regexp(t, `^(20\d\d-\S+Z,\d+(\.\d+)?,\n){1,2}$`, kept, "one reading of a counter says nothing")

	kept, err = sampledSignal(t, scaling.Signal{Gauge: "nothing"}, p.URL, 60*time.Millisecond, nil)
	require.NoError(t, err)
	require.Regexp(t, `^(20\d\d-\S+Z,,no series is selected\n)+$`, kept)

	_, err = sampledSignal(t, scaling.Signal{Query: "sum(x)"}, p.URL, time.Minute, nil)
	require.ErrorContains(t, err, "read used: scrape cannot evaluate queries")
}

// A cancel ends it, and what metrics say late of the moments before is read yet.
func TestSampleSignalIsCancelled(t *testing.T) {
	p := newPool(t)
	for _, delayed := range []bool{false, true} {
		var cancelled time.Time
		kept, err := sampledSignal(t, scaling.Signal{Gauge: "replicas_ready"}, p.URL, time.Minute, func(env *testsuite.TestActivityEnvironment, a *activities.Activities) {
			scraped := a.Drivers.Metrics["scrape"]
			a.Drivers.Metrics["scrape"] = func(w activities.With) (activities.Metrics, error) {
				m, err := scraped(w)
				if delayed {
					m = late{m}
				}
				return m, err
			}
			ctx, cancel := context.WithCancel(context.Background())
			t.Cleanup(cancel)
			env.SetTestTimeout(10 * time.Second)
			env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
			time.AfterFunc(150*time.Millisecond, func() { cancelled = time.Now(); cancel() })
		})
		require.NoError(t, err)
		rows := strings.Split(strings.TrimSpace(kept), "\n")
		moment, _, _ := strings.Cut(rows[len(rows)-1], ",")
		last, err := time.Parse(time.RFC3339Nano, moment)
		require.NoError(t, err)
		require.WithinDuration(t, cancelled, last, 120*time.Millisecond, "delayed: %v", delayed)
	}
}

// The files of all tries are read, in their order; one that was cut off ends where it
// ends. What a signal was read as is judged, drawn, and among the files.
func TestSignalsAreConcluded(t *testing.T) {
	r := newRoom(t)
	m := &r.in.Order.Manifest
	m.Signals = []rehearsal.Signal{{Name: "used", Signal: scaling.Signal{Gauge: "g"}, Unit: rehearsal.UnitRatio}, {Name: "gone", Signal: scaling.Signal{Gauge: "g"}}}
	half := &rehearsal.Amount{Value: 0.5, Unit: rehearsal.UnitRatio}
	m.Expect = []rehearsal.Expect{{Signal: "used", Always: true, Below: half}, {Signal: "gone", Always: true, Below: &rehearsal.Amount{Value: 1}}}
	r.began(browse)
	line := func(second int, rest string) string {
		return r.in.Facts.Zero.Add(time.Duration(second)*time.Second).UTC().Format(time.RFC3339Nano) + "," + rest
	}
	r.wrote("signal-used.1.csv", line(0, "0.1,\n")+line(1, ",no series\n")+line(2, "0.2,\n")+line(3, "0.9"))
	r.wrote("signal-used.2.csv", line(2, "0.8,\n")+line(4, "0.3,\n"))
	r.sent("browse", "load-browse.1.1.csv.gz", 10)
	r.in.Facts.End = r.in.Facts.Zero.Add(5 * time.Second)
	r.in.Facts.Signals = []activities.SampleSignalOutput{{Signal: "used"}, {Signal: "gone", Error: "unknown metrics driver"}}
	run := r.conclude()
	said := outcomes(run)
	require.Equal(t, "Passed: 10% to 30%, to be below 50%", said["used"])
	require.Equal(t, "Unmeasured: there was nothing to measure it by in that time: it could not be read: unknown metrics driver", said["gone"])
	require.Contains(t, run.Series, evidence.Series{Name: "used", Unit: "ratio", Seconds: []float64{0, 2, 4}, Values: []float64{0.1, 0.2, 0.3}})
	var files []string
	for _, f := range run.Files {
		files = append(files, f.Name)
	}
	require.Subset(t, files, []string{"signal-used.1.csv", "signal-used.2.csv"})
}

// wrote keeps a file of the run.
func (r *room) wrote(name, body string) {
	r.t.Helper()
	to, err := r.acts.Archive.Create(r.t.Context(), r.in.Plan.Run, name)
	require.NoError(r.t, err)
	_, err = to.Write([]byte(body))
	require.NoError(r.t, errors.Join(err, to.Close()))
}

// sided is a metrics driver that says of which side it could not read a check.
type sided struct{ activities.Metrics }

func (sided) Delay() time.Duration { return 0 }

func (sided) Read(_ context.Context, q activities.MetricsQuery) (activities.Reading, error) {
	return activities.Reading{At: q.At, Checks: map[string]activities.CheckReading{"used": {Error: "candidate: requests: x{} is negative (-4)"}}}, nil
}

// A signal is of no side: none is named.
func TestSignalsHaveNoSide(t *testing.T) {
	kept, err := sampledSignal(t, scaling.Signal{Gauge: "x"}, "", 60*time.Millisecond, func(_ *testsuite.TestActivityEnvironment, a *activities.Activities) {
		a.Drivers.Metrics["scrape"] = func(activities.With) (activities.Metrics, error) { return sided{}, nil }
	})
	require.NoError(t, err)
	require.Regexp(t, `^(20\d\d-\S+Z,,x{} is negative \(-4\)\n)+$`, kept)
}

// A worker that stops keeps what it has read, and another one goes on.
func TestSampleSignalIsHandedOver(t *testing.T) {
	p := newPool(t)
	kept, err := sampledSignal(t, scaling.Signal{Gauge: "replicas_ready"}, p.URL, time.Minute, func(env *testsuite.TestActivityEnvironment, _ *activities.Activities) {
		stop := make(chan struct{})
		env.SetWorkerStopChannel(stop)
		time.AfterFunc(150*time.Millisecond, func() { close(stop) })
	})
	require.ErrorContains(t, err, "this worker stops: another one goes on sampling")
	require.NotEmpty(t, kept)
}

// What can never be read is said before anything starts.
func TestUnreadableSignalsAreNotAdmitted(t *testing.T) {
	m := drilled()
	m.Signals = []rehearsal.Signal{{Name: "a", Signal: scaling.Signal{Query: "sum(x)"}}, {Name: "b", Signal: scaling.Signal{Gauge: "g"}, Metrics: &rollout.Driver{Driver: "cloudwatch"}},
		{Name: "c", Signal: scaling.Signal{Gauge: "g"}, Endpoints: []string{"http://10.0.0.1"}}}
	require.Equal(t, []string{"signals[0]: scrape cannot evaluate queries: use prometheus", "signals[1]: unknown metrics driver \"cloudwatch\": this worker has scrape",
		"signals[2].endpoints[0]: http://10.0.0.1 is not read: this worker's rehearsals.urls does not name it"}, rollout.Texts(admits(t, m).Problems))
	m.Signals = []rehearsal.Signal{{Name: "a", Signal: scaling.Signal{Gauge: "g"}}}
	out := admits(t, m)
	require.Empty(t, out.Problems)
	require.Equal(t, []string{"http://127.0.0.1:8080"}, out.Plan.Signals[0].Endpoints)
}
