package analysis_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

func judge(t testing.TB, c analysis.Config) *analysis.Judge {
	t.Helper()
	j, err := analysis.New(c)
	require.NoError(t, err)
	return j
}

func rates(alpha float64) analysis.Config {
	return analysis.Config{Name: "errors", Alpha: alpha, Judge: analysis.Params{RateRatio: &analysis.RateRatio{}}}
}

// window is the i-th of ten seconds.
func window(i int, baseline, candidate *analysis.Counts) analysis.Window {
	return analysis.Window{Check: "errors", Start: float64(10 * i), End: float64(10*i + 10), Baseline: baseline, Candidate: candidate}
}

func counts(requests, failures float64) *analysis.Counts {
	return &analysis.Counts{Requests: requests, Failures: failures}
}

func value(x float64) *analysis.Counts { return &analysis.Counts{Value: &x} }

// repeat is n windows of the same counts.
func repeat(n int, baseline, candidate *analysis.Counts) []analysis.Window {
	var ws []analysis.Window
	for i := range n {
		ws = append(ws, window(i, baseline, candidate))
	}
	return ws
}

// fold folds all windows; refused ones are what some tests are about.
func fold(j *analysis.Judge, ws ...analysis.Window) *analysis.Judge {
	for _, w := range ws {
		_ = j.Fold(w)
	}
	return j
}

// binomial draws from Bin(n, p) by the gaps between hits.
func binomial(r *rand.Rand, n, p float64) float64 {
	hits, at := 0.0, 0.0
	for {
		at += math.Floor(math.Log(1-r.Float64())/math.Log1p(-p)) + 1
		if at > n {
			return hits
		}
		hits++
	}
}

// stream is n windows of traffic whose failure rates are pb and pc.
func stream(r *rand.Rand, n int, nb, pb, nc, pc float64) []analysis.Window {
	var ws []analysis.Window
	for i := range n {
		ws = append(ws, window(i, counts(nb, binomial(r, nb, pb)), counts(nc, binomial(r, nc, pc))))
	}
	return ws
}
