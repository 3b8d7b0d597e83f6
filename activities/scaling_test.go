package activities_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"bakeoff/activities"
	"bakeoff/activities/scrape"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

// pool is a page of an autoscaled service: each time it is read, ten requests
// more have arrived, nine of which took less than 100 ms.
type pool struct {
	*httptest.Server
	reads  atomic.Int64
	broken atomic.Bool
}

func newPool(t *testing.T) *pool {
	p := &pool{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := p.reads.Add(1)
		if p.broken.Load() {
			http.Error(w, "out of order", http.StatusInternalServerError)
			return
		}
		_, _ = fmt.Fprintf(w, "replicas_ready{zone=\"a\"} 2\nreplicas_ready{zone=\"b\"} 1\nreplicas_wanted 4\nqueue_length{version=\"2\"} %d\narrivals_total %d\n", n, 10*n)
		_, _ = fmt.Fprintf(w, "# TYPE p histogram\np_bucket{le=\"0.1\"} %d\np_bucket{le=\"0.2\"} %d\np_bucket{le=\"+Inf\"} %d\n", 9*n, 10*n, 10*n)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *pool) expects() scaling.Expect {
	return scaling.Expect{Poll: rollout.Duration(50 * time.Millisecond), Endpoints: []string{p.URL}, Signals: scaling.Signals{
		Ready: scaling.Signal{Gauge: "replicas_ready"}, Wanted: scaling.Signal{Gauge: "replicas_wanted"},
		Queue: scaling.Signal{Gauge: "queue_length"}, Rate: scaling.Signal{Counter: "arrivals_total"}, Latency: scaling.Signal{Histogram: "p"}}}
}

// samplingOf is an environment in which SampleScaling runs over real pages.
func samplingOf() (*testsuite.TestActivityEnvironment, *activities.Activities) {
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	a := &activities.Activities{Drivers: activities.Registry{Metrics: map[string]func(activities.With) (activities.Metrics, error){
		"scrape": func(w activities.With) (activities.Metrics, error) { return scrape.New(w) },
	}}}
	env.RegisterActivity(a.SampleScaling)
	return env, a
}

func askFor(e scaling.Expect, length time.Duration) activities.SampleScalingInput {
	return activities.SampleScalingInput{Expect: e, Drivers: rollout.Drivers{Metrics: &rollout.Driver{Driver: "scrape"}}, Until: time.Now().Add(length)}
}

func TestSampleScaling(t *testing.T) {
	p := newPool(t)
	env, a := samplingOf()
	done, err := env.ExecuteActivity(a.SampleScaling, askFor(p.expects(), 300*time.Millisecond))
	require.NoError(t, err)
	var out activities.SampleScalingOutput
	require.NoError(t, done.Get(&out))
	require.GreaterOrEqual(t, len(out.Samples), 3)
	require.LessOrEqual(t, len(out.Samples), 7)
	require.Empty(t, out.Unread)
	first, last := out.Samples[0], out.Samples[len(out.Samples)-1]
	require.Nil(t, first.Rate, "one reading of a counter says nothing")
	require.Nil(t, first.Latency)
	require.InDelta(t, 3, *first.Ready, 0, "both zones")
	require.InDelta(t, 4, *first.Wanted, 0)
	require.InDelta(t, 1, *first.Queue, 0, "whatever its version")
	require.InDelta(t, 10/last.At.Sub(out.Samples[len(out.Samples)-2].At).Seconds(), *last.Rate, 1)
	require.InDelta(t, 0.19, *last.Latency, 1e-9, "the 99th of 100 lies at nine tenths of the second bucket")
}

func TestSampleScalingSaysWhatItCannotRead(t *testing.T) {
	p := newPool(t)
	e := p.expects()
	e.Signals.Queue = scaling.Signal{Gauge: "queue"}
	env, a := samplingOf()
	done, err := env.ExecuteActivity(a.SampleScaling, askFor(e, 50*time.Millisecond))
	require.NoError(t, err)
	var out activities.SampleScalingOutput
	require.NoError(t, done.Get(&out))
	require.Nil(t, out.Samples[0].Queue)
	require.NotNil(t, out.Samples[0].Ready)
	require.Equal(t, map[string]string{"queue": "no series is selected"}, out.Unread)

	p.broken.Store(true)
	done, err = env.ExecuteActivity(a.SampleScaling, askFor(p.expects(), 50*time.Millisecond))
	require.NoError(t, err, "a page that does not come is no reason to end")
	out = activities.SampleScalingOutput{}
	require.NoError(t, done.Get(&out))
	require.Nil(t, out.Samples[0].Ready)
	require.Contains(t, out.Unread["ready"], "500 Internal Server Error out of order")
}

func TestSampleScalingRefusesWhatCannotBeRead(t *testing.T) {
	p := newPool(t)
	for why, change := range map[string]func(*scaling.Expect){
		"scaling.signals.queue: scrape cannot evaluate queries":   func(e *scaling.Expect) { e.Signals.Queue = scaling.Signal{Query: "sum(x)"} },
		"scaling.signals.ready: \"sum(x)\" is not a plain select": func(e *scaling.Expect) { e.Signals.Ready = scaling.Signal{Gauge: "sum(x)"} },
		"unknown metrics driver \"cloudwatch\"":                   func(e *scaling.Expect) { e.Metrics = &rollout.Driver{Driver: "cloudwatch"} },
	} {
		e := p.expects()
		change(&e)
		env, a := samplingOf()
		_, err := env.ExecuteActivity(a.SampleScaling, askFor(e, time.Minute))
		require.ErrorContains(t, err, why)
		var final *temporal.ApplicationError
		require.ErrorAs(t, err, &final)
		require.True(t, final.NonRetryable())
	}
}

// TestSampleScalingGoesOn: a new worker has the samples of the one that died,
// and no more polls than a thousand.
func TestSampleScalingGoesOn(t *testing.T) {
	p := newPool(t)
	env, a := samplingOf()
	ready := 7.0
	before := scaling.Sample{At: time.Now().Add(-time.Minute).UTC().Truncate(time.Millisecond), Ready: &ready}
	env.SetHeartbeatDetails(activities.SampleScalingOutput{Samples: []scaling.Sample{before}, Every: rollout.Duration(70 * time.Millisecond)})
	done, err := env.ExecuteActivity(a.SampleScaling, askFor(p.expects(), 150*time.Millisecond))
	require.NoError(t, err)
	var out activities.SampleScalingOutput
	require.NoError(t, done.Get(&out))
	require.Equal(t, before, out.Samples[0])
	require.GreaterOrEqual(t, len(out.Samples), 3)
	require.Equal(t, rollout.Duration(70*time.Millisecond), out.Every)
	for _, s := range out.Samples[1:] {
		require.Less(t, time.Since(s.At), 10*time.Second, "nothing is made up for the minute without a worker")
	}
}

// TestSampleScalingIsCancelled: what was read until then is kept.
func TestSampleScalingIsCancelled(t *testing.T) {
	p := newPool(t)
	env, a := samplingOf()
	ctx, cancel := context.WithCancel(t.Context())
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	env.SetOnActivityHeartbeatListener(func(*activity.Info, converter.EncodedValues) { cancel() })
	_, err := env.ExecuteActivity(a.SampleScaling, askFor(p.expects(), time.Hour))
	var canceled *temporal.CanceledError
	require.ErrorAs(t, err, &canceled)
	var out activities.SampleScalingOutput
	require.NoError(t, canceled.Details(&out))
	require.Len(t, out.Samples, 1)
	require.InDelta(t, 3.6, out.Every.Std().Seconds(), 0.01, "a thousand polls in an hour")
}

// TestSampleScalingIsHandedOver: a worker that stops leaves what it has to the
// next one.
func TestSampleScalingIsHandedOver(t *testing.T) {
	p := newPool(t)
	env, a := samplingOf()
	stop := make(chan struct{})
	env.SetWorkerStopChannel(stop)
	var stopped sync.Once
	var beat activities.SampleScalingOutput
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		if details.Get(&beat) == nil {
			stopped.Do(func() { close(stop) })
		}
	})
	_, err := env.ExecuteActivity(a.SampleScaling, askFor(p.expects(), time.Hour))
	require.ErrorContains(t, err, "this worker stops: another one goes on sampling")
	require.NotEmpty(t, beat.Samples)
}
