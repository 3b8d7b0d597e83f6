package scaling_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// written is an expectation as people write it.
const written = `replicas: {min: 1, max: 6}
capacity: 20/s
upWithin: 10s
downWithin: 30s
overshoot: 1
waiting: {queue: 80, latency: 3s}
trigger: {signal: utilisation, above: 0.8}
policy: {target: {utilisation: 80%}, cooldownUp: 1s, cooldownDown: 500ms, stabilisation: 3s}
metrics: {driver: scrape}
endpoints: ["http://127.0.0.1:8080"]
poll: 500ms
signals:
  ready:       {gauge: replicas_ready}
  wanted:      {gauge: replicas_wanted}
  queue:       {gauge: queue_length}
  utilisation: {gauge: replicas_utilisation}
  latency:     {histogram: http_request_duration_seconds}
  rate:        {counter: arrivals_total}
`

func TestReadsWhatPeopleWrite(t *testing.T) {
	var e scaling.Expect
	require.Empty(t, specfile.Decode("rehearsal.yaml", []byte(written), &e))
	require.Empty(t, e.Problems("scaling"))
	require.InDelta(t, 20, float64(e.Capacity), 1e-9)
	require.Equal(t, rollout.Duration(3*time.Second), e.Waiting.Latency)
	require.Equal(t, rollout.Weight(8000), e.Policy.Target.Utilisation)
	require.Equal(t, "arrivals_total", e.Signals.Rate.Counter)
}

func TestRefusesWhatNobodyMeans(t *testing.T) {
	for wrong, want := range map[string][2]string{
		"rehearsal.yaml:2:11: capacity":     {"capacity: 20/s", "capacity: fast"},
		"rehearsal.yaml:8:":                 {"cooldownUp: 1s", "coolDownUp: 1s"},
		"rehearsal.yaml:1:25: replicas.max": {"max: 6", "max: six"},
	} {
		var e scaling.Expect
		found := specfile.Decode("rehearsal.yaml", []byte(strings.Replace(written, want[0], want[1], 1)), &e)
		require.Len(t, found, 1, wrong)
		require.Contains(t, found[0].String(), wrong)
	}
}

// promised is the contract's own example.
const promised = "replicas: {min: 2, max: 6}\nupWithin: 60s\ndownWithin: 5m\novershoot: 1\noscillations: 0\n"

func TestAcceptsWhatIsPromised(t *testing.T) {
	var e scaling.Expect
	require.Empty(t, specfile.Decode("rehearsal.yaml", []byte(promised), &e))
	require.Empty(t, e.Problems("scaling"))
	signals := e.WithDefaults().Signals
	require.Equal(t, scaling.Signals{Ready: scaling.Signal{Gauge: "replicas_ready"}, Wanted: scaling.Signal{Gauge: "replicas_wanted"},
		Queue: scaling.Signal{Gauge: "queue_length"}}, signals)

	e.Signals.Ready.Gauge = "pods"
	require.True(t, e.WithDefaults().Signals.Wanted.IsZero(), "who names one names all")
}
