package load_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// manifest has every kind of load.
const manifest = `
load:
  - {name: browse, url: "http://127.0.0.1:8080/", rate: 200/s, arrivals: poisson, for: 5m, trace: 0.5%}
  - {name: morning, url: "http://h/", for: 10m, shape: {ramp: {from: 0/s, to: 2.5/s}}}
  - {name: steps, url: "http://h/", rate: 30/m, for: 10m, shape: {step: [{at: 1m, rate: 5/s}, {at: 2m, rate: 0/s}]}}
  - {name: sale, url: "http://h/", rate: 20/s, at: 10s, for: 10m, shape: {surge: {at: 1m, for: 10s, rate: 500/s}}, keepAlive: false}
  - {name: day, url: "http://h/", for: 10m, shape: {sine: {period: 5m, low: 1/s, high: 50/s}}, shards: 4, connections: 100}
  - {name: most, url: "http://h/", for: 1m, closed: {users: 50, think: 1s}, timeout: 2s}
  - {name: again, url: "http://h", replay: {file: monday.log, format: combined, speed: 2, sample: 10%}, expect: {status: 200}}
  - name: shop
    url: http://h
    headers: {X-Rehearsal: "{{id}}"}
    rate: 10/s
    for: 1m
    versionHeader: Served-By
    journeys:
      - {name: look, weight: 3, steps: [{path: /}]}
      - name: order
        steps:
          - {method: POST, path: /login, body: "{}", expect: {status: 200}, capture: {token: session.token}}
          - {method: POST, path: /orders, headers: {Authorization: "{{token}}"}, body: '{"id":"{{id}}","payload":"{{payload}}"}', expect: {status: 201}, ledger: write}
          - {path: "/orders/{{id}}", ledger: read}
`

func TestManifest(t *testing.T) {
	var file struct {
		Load []load.Load `json:"load"`
	}
	require.Empty(t, specfile.Decode("checkout.yaml", []byte(manifest), &file))
	require.Len(t, file.Load, 8)
	for _, l := range file.Load {
		require.Empty(t, l.Problems(l.Name))
		text, err := json.Marshal(l.WithDefaults())
		require.NoError(t, err)
		var back load.Load
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, l.WithDefaults(), back)
		require.Equal(t, back, back.WithDefaults(), "the defaults stay")
	}
	problems := specfile.Decode("checkout.yaml", []byte("load: [{name: a, rate: 200, burst: 1}]"), &file)
	require.Len(t, problems, 2)
	require.Contains(t, problems[0].String()+problems[1].String(), "200/s")
}

func TestReadBack(t *testing.T) {
	s := schedule(t, shop())
	var writers []int
	for a := range s.Arrivals(0, 1) {
		if a.Script == 1 {
			writers = append(writers, a.Index)
		}
	}
	require.Greater(t, len(writers), 50)
	back := s.ReadBack(writers, 10)
	n := 0
	for shard := range 3 {
		for a := range back.Arrivals(shard, 3) {
			requests := back.Journey(a)
			require.Len(t, requests, 1, "only what reads")
			require.Equal(t, "http://127.0.0.1:8080/orders/"+s.ID(a.Index), requests[0].URL)
			require.Zero(t, a.Offset.Milliseconds()%100, "ten a second")
			n++
		}
	}
	require.Equal(t, len(writers), n)
	require.InDelta(t, float64(len(writers))/10, back.Length().Seconds(), 0.11)
}

// A closed load has no connections but those of its users, and reading back has
// no users: without connections nothing would ever be sent.
func TestReadingBackAClosedLoadHasConnections(t *testing.T) {
	l := shop()
	l.Rate, l.Arrivals, l.Closed = 0, "", &load.Closed{Users: 2, Think: rollout.Duration(time.Second)}
	back := schedule(t, l).ReadBack([]int{0, 1}, 10)
	require.Nil(t, back.Load().Closed)
	require.Equal(t, load.DefaultConnections, back.Load().Connections)
}
