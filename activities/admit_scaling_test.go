package activities_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/activities"
	"bakeoff/activities/store"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/load"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

// autoscaled is a rehearsal as the contract's example writes it.
func autoscaled() rehearsal.Manifest {
	second := rollout.Duration(time.Second)
	m := rehearsal.Manifest{Kind: rehearsal.Kind, Name: "shop", Environment: "staging", Seed: 1,
		Load:    []load.Load{{Name: "browse", URL: "http://127.0.0.1:8080/", Rate: 200, Arrivals: load.Poisson, For: 300 * second}},
		Scaling: &scaling.Expect{Replicas: scaling.Range{Min: 2, Max: 6}, UpWithin: 60 * second, DownWithin: 300 * second, Overshoot: 1}}
	m.Rollout.Spec = rollout.Spec{Kind: "Rollout", Service: "shop", Environment: "staging", Release: rollout.Release{Version: "2"},
		Target:   rollout.Drivers{Deploy: rollout.Driver{Driver: "process"}, Traffic: rollout.Driver{Driver: "caddy"}, Metrics: &rollout.Driver{Driver: "scrape"}},
		Strategy: rollout.Strategy{Canary: []rollout.Step{{Weight: rollout.All / 10, Bake: rollout.Duration(time.Minute)}}}}
	return m
}

// admits is the plan of a rehearsal, or why it may not begin.
func admits(t *testing.T, m rehearsal.Manifest) activities.AdmitRehearsalOutput {
	t.Helper()
	return admitsUnder(t, m, activities.Rules{})
}

func admitsUnder(t *testing.T, m rehearsal.Manifest, rules activities.Rules) activities.AdmitRehearsalOutput {
	t.Helper()
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	_, a := samplingOf()
	a.Rules = rules
	a.Archive, a.Practice.Place = store.NewArchive(t.TempDir()), func(run string) string { return run }
	a.Practice.Reaches = func(url string) bool { return strings.HasPrefix(url, "http://127.0.0.1:") }
	env.RegisterActivity(a.AdmitRehearsal)
	done, err := env.ExecuteActivity(a.AdmitRehearsal, activities.AdmitRehearsalInput{Order: rehearsal.Order{Actor: "ana", Manifest: m}, RunID: "0123"})
	require.NoError(t, err)
	var out activities.AdmitRehearsalOutput
	require.NoError(t, done.Get(&out))
	return out
}

func TestAdmitsAutoscalingAsPromised(t *testing.T) {
	out := admits(t, autoscaled())
	require.Empty(t, out.Problems)
	p := out.Plan.Sampling
	require.Equal(t, rollout.Duration(605*time.Second), p.For, "the load, the way down, and a moment")
	require.Equal(t, []string{"http://127.0.0.1:8080"}, p.Expect.Endpoints)
	require.Equal(t, "queue_length", p.Expect.Signals.Queue.Gauge)

	m := autoscaled()
	m.Scaling = nil
	require.Nil(t, admits(t, m).Plan.Sampling)
}

func TestAutoscalingIsRefused(t *testing.T) {
	for want, change := range map[string]func(*rehearsal.Manifest){
		"scaling.signals.queue: scrape cannot evaluate queries": func(m *rehearsal.Manifest) {
			m.Scaling.Signals = scaling.Signals{Ready: scaling.Signal{Gauge: "ready"}, Queue: scaling.Signal{Query: "sum(x)"}}
		},
		"scaling.endpoints[1]: http://10.0.0.1:80 is not read: this worker's rehearsals.urls does not name it": func(m *rehearsal.Manifest) {
			m.Scaling.Endpoints = []string{"http://127.0.0.1:80", "http://10.0.0.1:80"}
		},
		`scaling.metrics: unknown metrics driver "cloudwatch": this worker has scrape`: func(m *rehearsal.Manifest) {
			m.Scaling.Metrics = &rollout.Driver{Driver: "cloudwatch"}
		},
		"scaling.metrics: no metrics driver": func(m *rehearsal.Manifest) { m.Rollout.Target.Metrics = nil },
		"scaling.upWithin: 10m is longer than the load (5m)": func(m *rehearsal.Manifest) {
			m.Scaling.UpWithin = rollout.Duration(10 * time.Minute)
		},
		"scaling.downWithin: the load and the way down take 10m5s, and the run may take 8m": func(m *rehearsal.Manifest) {
			m.Quotas.For = rollout.Duration(8 * time.Minute)
		},
		"scaling: nothing would be scaled: give a load": func(m *rehearsal.Manifest) {
			m.Load, m.Outcome = nil, rollout.RolledBack
		},
	} {
		m := autoscaled()
		change(&m)
		out := admits(t, m)
		require.Equal(t, rollout.CauseSpec, out.Cause, want)
		require.Len(t, out.Problems, 1, "%s: %v", want, out.Problems)
		require.Contains(t, out.Problems[0].String(), want)
	}
}

// Who may rehearse is who may start, and a signature cannot be gone around.
func TestWhoMayRehearse(t *testing.T) {
	staging := func(role string) activities.Rules {
		return activities.Rules{Roles: map[string][]string{"pipelines": {"ci"}, "people": {"ana"}}, Permissions: map[string]map[string][]string{"staging": {"start": {role}}}}
	}
	require.Empty(t, admitsUnder(t, autoscaled(), staging("people")).Cause)
	out := admitsUnder(t, autoscaled(), staging("pipelines"))
	require.Equal(t, rollout.CausePolicy, out.Cause)
	require.Contains(t, out.Problems[0].Message, "ana")

	signed := staging("people")
	signed.Signing.Require = map[string][]string{"staging": {"start"}}
	out = admitsUnder(t, autoscaled(), signed)
	require.Equal(t, rollout.CausePolicy, out.Cause)
	require.Contains(t, out.Problems[0].Message, "a start needs a signature in staging")
}
