package activities_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/prometheus"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
	"bakeoff/testsuite/ports"
	"bakeoff/testsuite/procs"
)

// ofScaled is what is expected of bakeoff-scaled: it has replicas of 20/s, and
// gets 54/s for five seconds, for which three are needed.
func ofScaled(url string) scaling.Expect {
	ms := func(n int) rollout.Duration { return rollout.Duration(n) * rollout.Duration(time.Millisecond) }
	return scaling.Expect{
		Replicas: scaling.Range{Min: 1, Max: 6}, UpWithin: ms(4000), DownWithin: ms(4000), Overshoot: 2, Capacity: 20, Poll: ms(100),
		Waiting:   &scaling.Waiting{Queue: 80, Latency: ms(3000)},
		Trigger:   &scaling.Trigger{Signal: scaling.Utilisation, Above: 0.8},
		Policy:    scaling.Policy{CooldownUp: ms(1000), CooldownDown: ms(500), Stabilisation: ms(2000), Target: &scaling.Target{Utilisation: 8000}},
		Metrics:   &rollout.Driver{Driver: "scrape"},
		Endpoints: []string{url},
		Signals: scaling.Signals{
			Ready: scaling.Signal{Gauge: "replicas_ready"}, Wanted: scaling.Signal{Gauge: "replicas_wanted"},
			Queue: scaling.Signal{Gauge: "queue_length"}, Latency: scaling.Signal{Histogram: "http_request_duration_seconds"},
			Rate: scaling.Signal{Counter: "arrivals_total"}, Utilisation: scaling.Signal{Gauge: "replicas_utilisation"}},
	}
}

// TestScaledService tries SampleScaling and scaling.Judge on a real service: a
// good policy passes, and each bad one is found out for what is bad about it.
func TestScaledService(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP: real processes under load for half a minute")
	}
	program := procs.DevProgram(t, "bakeoff-scaled")
	t.Run("policies", func(t *testing.T) {
		for name, c := range map[string]struct {
			flags  []string
			is     evidence.Outcome
			broken string // criterion
			why    string
			advice string
		}{
			"good":        {is: evidence.Passed, advice: "one replica serves about 20/s: at the peak of "},
			"no cooldown": {flags: []string{"--no-cooldown"}, is: evidence.Failed, broken: "scaling cooldown", why: "cooldownUp"},
			"stuck": {flags: []string{"--stuck-at", "2"}, is: evidence.Failed, broken: "scaling up",
				why: "only 2 of the 3 replicas needed were ready after ", advice: " and got 2: look for a quota"},
			"slow start": {flags: []string{"--slow-start", "4500ms"}, is: evidence.Failed, broken: "scaling up",
				why: " of the 3 replicas needed were ready after ", advice: "a replica took 4."},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				e, samples := rehearse(t, program, c.flags...)
				s := scaling.Judge(e, scaling.Seen{Samples: samples})
				require.Equal(t, c.is, s.Outcome, "%s\n%s", s.Reason, drawn(samples))
				require.Contains(t, strings.Join(s.Advice, "\n"), c.advice)
				for _, criterion := range scaling.Criteria(e, scaling.Seen{Samples: samples}) {
					if criterion.Name == c.broken {
						require.Equal(t, evidence.Failed, criterion.Outcome, "%s\n%s", criterion.Reason, drawn(samples))
						require.Contains(t, criterion.Reason, c.why)
					}
				}
			})
		}
	})
}

// rehearse puts a service under load and returns what was seen of it.
func rehearse(t *testing.T, program string, flags ...string) (scaling.Expect, []scaling.Sample) {
	t.Helper()
	address := ports.Free(t)
	service := procs.Start(t, "bakeoff-scaled", program, nil, append(flags, "--stabilisation", "2s", "--port", address[strings.LastIndex(address, ":")+1:])...)
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + address + "/healthz")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	}, procs.Patience, 20*time.Millisecond)
	e := ofScaled("http://" + address)
	require.Empty(t, e.Problems("scaling"))
	env, a := samplingOf()
	env.SetTestTimeout(time.Minute)
	in := activities.SampleScalingInput{Expect: e, Until: time.Now().Add(11500 * time.Millisecond)}
	var users sync.WaitGroup
	users.Go(func() {
		for _, part := range []struct{ rate, seconds int }{{5, 1}, {54, 5}, {5, 5}} {
			send(t.Context(), "http://"+address+"/", part.rate, time.Duration(part.seconds)*time.Second)
		}
	})
	done, err := env.ExecuteActivity(a.SampleScaling, in)
	require.NoError(t, err)
	var out activities.SampleScalingOutput
	require.NoError(t, done.Get(&out))
	require.Empty(t, out.Unread)
	users.Wait()
	require.Zero(t, service.Stop(t))
	return e, out.Samples
}

// send asks at a rate, whether or not there are answers.
func send(ctx context.Context, url string, rate int, length time.Duration) {
	var all sync.WaitGroup
	defer all.Wait()
	began, each := time.Now(), time.Second/time.Duration(rate)
	for n := range int(length / each) {
		time.Sleep(time.Until(began.Add(time.Duration(n) * each)))
		all.Go(func() {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			if err != nil {
				return
			}
			if resp, err := http.DefaultClient.Do(r); err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
}

// drawn is what was ready and wanted, sample by sample, for people.
func drawn(samples []scaling.Sample) string {
	var ready, wanted strings.Builder
	digit := func(v *float64) byte {
		if v == nil {
			return '.'
		}
		return byte('0' + int(*v)%10)
	}
	for _, s := range samples {
		ready.WriteByte(digit(s.Ready))
		wanted.WriteByte(digit(s.Wanted))
	}
	return "wanted " + wanted.String() + "\nready  " + ready.String()
}

// TestSampleScalingFromPrometheus reads the same signals from a real server,
// and those that only a query gives.
func TestSampleScalingFromPrometheus(t *testing.T) {
	p := newPool(t)
	server := procs.StartPrometheus(t, t.TempDir(), fmt.Sprintf("scrape_configs:\n- job_name: pool\n  scrape_interval: 200ms\n"+
		"  scrape_timeout: 200ms\n  static_configs:\n  - targets: [%q]\n", strings.TrimPrefix(p.URL, "http://")))
	require.Eventually(t, func() bool { return p.reads.Load() > 2 }, procs.Patience, 20*time.Millisecond)
	e := p.expects()
	e.Poll, e.Endpoints = rollout.Duration(500*time.Millisecond), nil
	e.Signals.Ready = scaling.Signal{Query: "sum(replicas_ready)"}
	env, a := samplingOf()
	a.Drivers.Metrics["prometheus"] = func(w activities.With) (activities.Metrics, error) { return prometheus.New(w, prometheus.Bearer{}) }
	in := askFor(e, 2*time.Second)
	in.Drivers.Metrics = &rollout.Driver{Driver: "prometheus", With: map[string]any{"url": server, "delay": "500ms"}}
	done, err := env.ExecuteActivity(a.SampleScaling, in)
	require.NoError(t, err)
	var out activities.SampleScalingOutput
	require.NoError(t, done.Get(&out))
	last := out.Samples[len(out.Samples)-1]
	require.InDelta(t, 3, *last.Ready, 0)
	require.InDelta(t, 4, *last.Wanted, 0)
	require.Greater(t, *last.Queue, 2.0)
	require.WithinDuration(t, in.Until, last.At, 200*time.Millisecond, "metrics that are late are waited for")
	require.InDelta(t, 50, *last.Rate, 21, "ten more at every scrape, two or three scrapes between two polls")
	require.InDelta(t, 0.19, *last.Latency, 1e-9)
}
