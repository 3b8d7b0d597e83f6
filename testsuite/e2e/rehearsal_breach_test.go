package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// A release that is bad is found out by its own checks: its rehearsal says how long
// that took, how long the way back, and which share users met of it meanwhile, and
// so does the drill from its second step before it.
func TestRehearsalOfABadRelease(t *testing.T) {
	c := found(t)
	h := c.hall(t)
	for _, v := range []string{baseline, candidate} {
		h.world.Behave(v, sim.Behaviour{Rate: 400, Failures: 0.2})
	}
	routed := httptest.NewServer(h.counted(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		version, of := baseline, h.world.State().Weights[candidate]
		if rand.Float64()*float64(rollout.All) < float64(of) {
			version = candidate
		}
		w.Header().Set("X-Version", version)
		fmt.Fprintln(w, "ok")
	})))
	t.Cleanup(routed.Close)
	// The drill is over before the candidate gets bad: two raises to the half are.
	raised := 0
	go func() {
		for was := rollout.Weight(0); t.Context().Err() == nil; {
			is := h.world.State().Weights[candidate]
			if is != was && is == rollout.All/2 {
				if raised++; raised == 2 {
					h.world.Behave(candidate, sim.Behaviour{Rate: 400, Failures: 0.9})
					return
				}
			}
			was = is
		}
	}()
	status, out := h.rehearse("rollout: "+h.file(twoSteps), "outcome: RolledBack", "drills: [{from: step 2, after: 1s, restoreWithin: 10s}]",
		fmt.Sprintf("load: [{name: browse, url: %q, rate: 100/s, for: 32s}]", routed.URL))
	require.Equal(t, evidence.Passed, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	run := h.evidence(status)
	r := run.Rollout
	require.Equal(t, rollout.RolledBack, r.Outcome, r.Reason)
	var steps []int
	for _, x := range r.Shares {
		steps = append(steps, x.Step)
	}
	require.Equal(t, []int{1, 2, 0}, steps)
	_, known := r.Detected()
	require.True(t, known)
	took, known := r.Restored()
	require.True(t, known)
	require.Equal(t, r.Restore.Total.Std(), took)
	require.Positive(t, r.Users.Requests)
	require.Equal(t, rollout.Fail, r.Checks[0].Verdict)
	require.Len(t, run.Drills[0].Repeats[0].Shares, 3)
	met := map[string]int{}
	for _, s := range run.Series {
		if s.Name == evidence.SeriesWeight {
			met[s.Of] = len(s.Seconds)
		}
	}
	require.Positive(t, met[""])
	require.Positive(t, met[evidence.SeriesUsers])
	page, err := os.ReadFile(filepath.Join(status.Place, "report.html"))
	require.NoError(t, err)
	require.Contains(t, string(page), "From harm to health")
}
