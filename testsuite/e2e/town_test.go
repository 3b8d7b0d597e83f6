package e2e_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim"
	"bakeoff/testsuite/sim/httpworld"
)

// The two versions of every scene.
const (
	baseline  = "2.4.1"
	candidate = "2.5.0"
)

// pending never gets ready, unless the test says so.
var pending = sim.Script{State: activities.StatePending}

// patience bounds every wait for something that must happen.
const patience = 2 * time.Minute

// licences is how many towns may be open at once: time has to hold on a
// machine with two cores.
var licences = make(chan struct{}, 4)

// TestMain lets tests that mostly wait run side by side, whatever the number
// of cores: the licences bound the load. There must be more places than tests:
// those that wait for a licence would keep the parts of those that have one.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "1000"); err != nil {
		panic(err)
	}
	code := m.Run()
	procs.Clean()
	os.Exit(code)
}

// town is a Temporal server and the worker that serves it.
type town struct {
	server *procs.Server
	worker *procs.Worker
}

// open founds a town, with a worker that serves every queue.
func open(t *testing.T) *town {
	t.Helper()
	c := found(t)
	c.worker = procs.StartWorker(t, c.server, "")
	return c
}

// found founds a town that has no worker yet.
func found(t *testing.T) *town {
	t.Helper()
	t.Parallel()
	license(t)
	return &town{server: procs.StartServer(t)}
}

// license waits for a licence. The longest test takes one before it calls
// Parallel, and so is the first that begins.
func license(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIP: -short")
	}
	licences <- struct{}{}
	t.Cleanup(func() { <-licences })
}

// scene is one service in a world of its own: deployer, router and metrics
// behind one URL.
type scene struct {
	t     *testing.T
	town  *town
	name  string
	world *sim.World
	http  *httpworld.Handler
	url   string
}

// scene begins with the baseline serving everything. Both versions are busy
// and fail one request in a hundred. What must never happen is asked at the
// end.
func (c *town) scene(t *testing.T) *scene {
	t.Helper()
	w := sim.New(baseline)
	for _, v := range []string{baseline, candidate} {
		w.Behave(v, sim.Behaviour{Rate: 400, Failures: 0.01})
	}
	h := httpworld.New(w)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	t.Cleanup(func() { require.Empty(t, w.Violations()) })
	last := t.Name()[strings.LastIndex(t.Name(), "/")+1:]
	return &scene{t: t, town: c, name: strings.ToLower(last), world: w, http: h, url: server.URL}
}

// target is how commands name the scene's service.
func (s *scene) target() string { return "staging/" + s.name }

// breaks lets the candidate fail so many of its requests that nobody can miss
// it.
func (s *scene) breaks() {
	s.world.Behave(candidate, sim.Behaviour{Rate: 400, Failures: 0.5})
}

// twoSteps and oneStep are strategies of short bakes.
const (
	window   = "window: {first: 2s, poll: 400ms}"
	bake     = 5 * time.Second
	keep     = 2 * time.Second
	drain    = time.Second
	twoSteps = "strategy: {" + window + ", canary: [{weight: 10%, bake: 5s}, {weight: 50%, bake: 5s}], keepBaseline: 2s}"
	oneStep  = "strategy: {" + window + ", canary: [{weight: 10%, bake: 5s}], keepBaseline: 2s}"
	oneLong  = "strategy: {" + window + ", canary: [{weight: 10%, bake: 1m}], keepBaseline: 2s}"
)

// file writes the scene's spec and returns its path. Each line given replaces
// the spec's line of that key, or is added.
func (s *scene) file(lines ...string) string {
	s.t.Helper()
	spec := []string{
		"kind: Rollout", "service: " + s.name, "environment: staging",
		"release: {version: " + candidate + `, artifact: "registry.example/checkout@sha256:9f86d081884c7d659a2feaa0c55ad015"}`,
		fmt.Sprintf("target: {deploy: {driver: http, with: {url: %q}}, traffic: {driver: http, with: {url: %[1]q}}, metrics: {driver: scrape}}", s.url),
		twoSteps, "drain: 1s",
		`checks: [{name: errors, failures: 'http_requests_total{code=~"5.."}', requests: http_requests_total, by: version}]`,
	}
	for _, line := range lines {
		spec = replaced(spec, line)
	}
	f, err := os.CreateTemp(s.t.TempDir(), "spec-*.yaml")
	require.NoError(s.t, err)
	_, err = f.WriteString(strings.Join(spec, "\n") + "\n")
	require.NoError(s.t, err)
	require.NoError(s.t, f.Close())
	return f.Name()
}

func replaced(spec []string, line string) []string {
	key, _, _ := strings.Cut(line, ":")
	for i, old := range spec {
		if strings.HasPrefix(old, key+":") {
			spec[i] = line
			return spec
		}
	}
	return append(spec, line)
}

// until returns when something is so.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	within(t, patience, what, is)
}

// within returns when something is so, which may take longer than most things.
func within(t testing.TB, limit time.Duration, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !is(); time.Sleep(20 * time.Millisecond) {
		require.True(t, time.Now().Before(end), "not within %s: %s", limit, what)
	}
}

// decode reads one line of JSON that a command printed.
func decode[T any](t testing.TB, line string) T {
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal([]byte(line), &v), line)
	return v
}
