package histories_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim"
	"bakeoff/testsuite/sim/httpworld"
)

// rehearsalPath is one life of a rehearsal.
type rehearsalPath struct {
	lines string // of the manifest, besides load
	plot  func(s *scene)
	want  evidence.Outcome
	early bool // it is stopped before a worker takes it up: no rollout is started
	apart bool // its rollout has a workflow between the two, which is kept, too, as name-apart
}

// promoted has the rollout itself made, and says what to deploy when it is taken back.
const promoted = "outcome: Promoted\nbaseline: {artifact: \"checkout@sha256:7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730\"}"

// rehearsalPaths are kept as the rehearsal's history, and as name-rollout that of
// the last rollout that it started, where there is one.
var rehearsalPaths = map[string]rehearsalPath{
	"rehearsal-drills":  {lines: "drills: [{from: step 1, after: 1s, repeat: 2, restoreWithin: 20s}]", want: evidence.Passed},
	"rehearsal-outcome": {lines: promoted, want: evidence.Passed, apart: true},
	"rehearsal-stopped": {lines: "drills: [{from: step 1, after: 3s, repeat: 9, restoreWithin: 20s}]", want: evidence.Aborted,
		plot: func(s *scene) {
			require.Eventually(s.t, func() bool { return s.world.State().Weights[candidate] > 0 }, procs.Patience, pollEvery)
			s.stop()
		}},
	"rehearsal-signals":       {lines: "drills: [{from: step 1, after: 1s, restoreWithin: 20s}]\nsignals: [{name: none, gauge: none, metrics: {driver: scrape}}]", want: evidence.Passed},
	"rehearsal-stopped-early": {lines: promoted, want: evidence.Aborted, early: true},
}

// stop stops the rehearsal.
func (s *scene) stop() {
	require.NoError(s.t, s.client.SignalWorkflow(context.Background(), rollout.RehearsalID("staging", "recorded"), "", rehearsal.SignalStop,
		rehearsal.Stop{ID: "1", Actor: "ana@example.com", Reason: "recorded"}))
}

func (p rehearsalPath) live(t *testing.T, server *procs.Server, folder, name string) {
	world := sim.New(baseline)
	town := httptest.NewServer(httpworld.New(world))
	t.Cleanup(town.Close)
	users := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(users.Close)
	manifest := []string{"kind: Rehearsal", "name: recorded", "environment: staging", "seed: 1", p.lines,
		fmt.Sprintf("load: [{name: browse, url: %q, rate: 20/s, for: 6s}]", users.URL), "rollout:"}
	for line := range strings.Lines(path{}.spec(town.URL)) {
		manifest = append(manifest, "  "+strings.TrimRight(line, "\n"))
	}
	file := filepath.Join(t.TempDir(), "rehearsal.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(manifest, "\n")), 0o600))
	s := &scene{t: t, server: server, world: world}
	work := func() {
		s.worker = procs.StartWorker(t, server, fmt.Sprintf("evidence: {directory: %q}\n", t.TempDir()))
	}
	if p.early {
		s.server = procs.StartServer(t) // which no worker has polled yet
		server = s.server
	} else {
		work()
	}
	var err error
	s.client, err = client.Dial(client.Options{HostPort: server.Address})
	require.NoError(t, err)
	t.Cleanup(s.client.Close)
	out := procs.CLI(context.Background(), t, server, "rehearse", file, "--detach", "--reason", "recorded")
	require.Zero(t, out.Code, out.Stderr)
	if p.plot != nil {
		p.plot(s)
	}
	if p.early {
		s.stop()
		work()
	}
	var status rehearsal.Status
	require.NoError(t, s.client.GetWorkflow(context.Background(), rollout.RehearsalID("staging", "recorded"), "").Get(context.Background(), &status))
	require.Equal(t, p.want, status.Outcome, status.Reason)
	s.keep(filepath.Join(folder, name+".json"), s.history(rollout.RehearsalID("staging", "recorded")))
	if !p.early {
		s.keep(filepath.Join(folder, name+"-rollout.json"), s.history("rollout/"+target))
	}
	if p.apart {
		s.keep(filepath.Join(folder, name+"-apart.json"), s.history(rollout.RehearsalID("staging", "recorded")+"/rollout"))
	}
}
