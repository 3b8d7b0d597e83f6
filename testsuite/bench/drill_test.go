package bench

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim"
	"bakeoff/testsuite/sim/httpworld"
)

// drills is how often the way back is practised, and drillPoll how often a window
// is looked at.
const (
	drills    = 20
	drillPoll = 400 * time.Millisecond
)

// BenchmarkDrill practises the way back, and shows how long it took from the
// injected verdict until the baseline had all traffic: at the 90th percentile
// below two polls and 300 ms. All verdicts have to be the same, and controls whose
// router takes longer than the drill allows have to be red.
func BenchmarkDrill(b *testing.B) {
	server := procs.StartServer(b)
	folder := b.TempDir()
	procs.StartWorker(b, server, fmt.Sprintf("evidence: {directory: %q}\n", folder))
	run := practise(b, server, "drilled", drills, nil)
	var took []float64
	for _, r := range run.Drills[0].Repeats {
		require.Equal(b, evidence.Passed, r.Outcome, r.Reason)
		took = append(took, r.RestoredAt.Sub(*r.BreachAt).Seconds())
	}
	slices.Sort(took)
	p90 := took[(len(took)*9+9)/10-1]
	bound := (2*drillPoll + 300*time.Millisecond).Seconds()
	d := run.Drills[0].Restore
	report(b, "ratio", Row{Name: "drill: breach to baseline traffic, p90 (2 polls + 300 ms)", Bound: 1, Value: p90 / bound, Unit: "ratio",
		Note: fmt.Sprintf("p90 %.0f ms of %.0f ms, median %.0f ms, %d of %d verdicts the same; well after at most %.2f s, coverage %.2f", 1e3*p90, 1e3*bound, 1e3*took[len(took)/2], len(took), drills, d.Max, d.Coverage)})
	for _, lag := range []time.Duration{4 * time.Second, 8 * time.Second} {
		red := practise(b, server, "slow"+lag.String(), 1, func(w *sim.World) { w.LagWeights(lag) })
		require.Equal(b, evidence.Failed, red.Outcome, "a router that takes %s to go back passed", lag)
	}
}

// practise rehearses a service of a town of its own.
func practise(b *testing.B, server *procs.Server, name string, repeat int, prepare func(*sim.World)) evidence.Run {
	b.Helper()
	world := newWorld()
	if prepare != nil {
		prepare(world)
	}
	service := httptest.NewServer(httpworld.New(world))
	defer service.Close()
	return rehearse(b, server, manifest(b, name, service.URL, repeat, ""))
}

// manifest writes drills of a service whose drivers are all at one URL, and what
// else is practised.
func manifest(b *testing.B, name, url string, repeat int, more string) (file string) {
	b.Helper()
	drivers, err := json.Marshal((&town{url: url}).drivers())
	require.NoError(b, err)
	file = filepath.Join(b.TempDir(), name+".yaml")
	require.NoError(b, os.WriteFile(file, fmt.Appendf(nil, `{kind: Rehearsal, name: %[1]s, environment: staging, seed: 1, drills: [{from: step 1, after: 1s, repeat: %[2]d, restoreWithin: 3s}], %[6]s
  rollout: {kind: Rollout, service: %[1]s, environment: staging, release: {version: %[3]q}, target: %[4]s, drain: 1s, readyWithin: 5s,
    strategy: {window: {first: 2s, poll: %[5]s}, canary: [{weight: 10%%, bake: 10s}]}}}`, name, repeat, candidate, drivers, drillPoll, more), 0o600))
	return file
}

// rehearse runs a manifest to its end.
func rehearse(b *testing.B, server *procs.Server, file string) evidence.Run {
	b.Helper()
	out := procs.CLI(b.Context(), b, server, "rehearse", file, "-o", "json")
	var status struct{ Place string }
	require.NoError(b, json.Unmarshal([]byte(out.Stdout), &status), "%s%s", out.Stdout, out.Stderr)
	body, err := os.ReadFile(filepath.Join(status.Place, "evidence.json"))
	require.NoError(b, err)
	var run evidence.Run
	require.NoError(b, json.Unmarshal(body, &run))
	return run
}
