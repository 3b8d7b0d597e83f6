package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

// of says which candidate recorded windows belong to.
func of(arm string, windows []string) []string {
	var out []string
	for _, w := range windows {
		out = append(out, strings.Replace(w, `"check"`, fmt.Sprintf(`"arm":%q,"check"`, arm), 1))
	}
	return out
}

func TestJudgeOfSeveralCandidates(t *testing.T) {
	const checks = "arms: [b, c, d]\nchecks: [{name: errors}, {name: other, gates: false, failures: f, requests: r}]\npolicy: {alpha: 0.03}\n"
	lines, got := judged(t, checks, append(of("b", some(100, 0)), of("c", some(100, 30))...))
	require.Equal(t, 0, got.code, got.err)
	require.Len(t, lines, 9, "two checks and the whole of each arm")
	require.Equal(t, "c", lines[0].Arm, "a Fail is told when it is reached")
	verdicts := map[string]analysis.Verdict{}
	for _, l := range lines {
		verdicts[l.Arm+" "+l.Check] = l.Verdict
		require.InDelta(t, 0.01, l.Alpha, 1e-12, "α is shared by the arms, whatever they show")
	}
	require.Equal(t, map[string]analysis.Verdict{
		"b errors": analysis.Pass, "b other": analysis.NoData, "b *": analysis.Pass,
		"c errors": analysis.Fail, "c other": analysis.NoData, "c *": analysis.Fail,
		"d errors": analysis.NoData, "d other": analysis.NoData, "d *": analysis.NoData,
	}, verdicts)

	alone, _ := judged(t, "checks: [{name: errors}]\npolicy: {alpha: 0.01}\n", some(100, 30))
	require.Equal(t, alone[0].Evidence, lines[0].Evidence, "as if it were alone with its part of α")
}

// What a placebo teaches of the baseline serves every candidate.
func TestJudgeTeachesEveryCandidate(t *testing.T) {
	lines, _ := placebo(t, "arms: [b, c]\n"+oneCheck, halves("", 60, 3), append(of("b", some(100, 2)), of("c", some(100, 2))...))
	require.Equal(t, []analysis.Cause{analysis.CauseMetric, analysis.CauseMetric}, []analysis.Cause{lines[0].Cause, lines[1].Cause})
}

func TestJudgeRefusesACandidateThatIsNotNamed(t *testing.T) {
	for name, tt := range map[string]struct{ checks, want string }{
		"another": {"arms: [b]\n" + oneCheck, `line 2: arm "c" is not named in CHECKS (arms: [b])`},
		"none":    {oneCheck, `line 1: arm "b" is not named in CHECKS (arms: [])`},
		"all are": {"arms: [b, c]\n" + oneCheck, `line 3: arm "" is not named`},
		"empty":   {"arms: [b, '']\n" + oneCheck, `:1:11: arms[1]: an arm needs a name`},
		"twice":   {"arms: [b, c, b]\n" + oneCheck, `:1:14: arms[2]: "b" stands twice`},
	} {
		_, got := judged(t, tt.checks, []string{of("b", some(1, 0))[0], of("c", some(1, 0))[0], rate("a", 1, 1)})
		require.Equal(t, 3, got.code, name)
		require.Contains(t, got.err, tt.want, name)
		require.Empty(t, got.out, name)
	}
}

// Five candidates that are as bad as is still harmless (×1.1), against one
// baseline: that any of them fails has a chance of α at most, and a lower one
// than if each had the whole of α.
func TestSeveralCandidatesHoldTheErrorTogether(t *testing.T) {
	const alpha, runs, windows, arms = 0.1, 400, 240, 5
	random := rand.New(rand.NewPCG(11, 5))
	shared, whole := 0, 0
	for range runs {
		baseline, candidates := failures(random, windows, 0.2), [arms][]float64{}
		for i := range candidates {
			candidates[i] = failures(random, windows, 0.22)
		}
		shared += failing(t, alpha/arms, baseline, candidates[:])
		whole += failing(t, alpha, baseline, candidates[:])
	}
	slack := 3 * math.Sqrt(alpha*(1-alpha)/runs)
	t.Logf("any of %d fails: %.3f with shared α, %.3f without", arms, float64(shared)/runs, float64(whole)/runs)
	require.LessOrEqual(t, float64(shared)/runs, alpha+slack)
	require.Greater(t, whole, shared)
}

// failures are those of each window with a thousand requests.
func failures(r *rand.Rand, windows int, p float64) []float64 {
	out := make([]float64, windows)
	for i := range out {
		out[i] = math.Round(1000*p + math.Sqrt(1000*p*(1-p))*r.NormFloat64())
	}
	return out
}

// failing is 1 when any candidate fails at its part of α.
func failing(t *testing.T, alpha float64, baseline []float64, candidates [][]float64) int {
	config := analysis.Config{Name: "errors", Alpha: alpha, Judge: analysis.Params{RateRatio: &analysis.RateRatio{}}}
	court := newCourt(rules{configs: []analysis.Config{config}, arms: strings.Split("abcde", ""), require: analysis.RequireNoHarm}, io.Discard, false)
	for i := range baseline {
		for k, candidate := range candidates {
			require.NoError(t, court.hear(analysis.Window{Check: "errors", Arm: string(rune('a' + k)), Start: float64(i), End: float64(i + 1),
				Baseline: &analysis.Counts{Requests: 1000, Failures: baseline[i]}, Candidate: &analysis.Counts{Requests: 1000, Failures: candidate[i]}}))
		}
	}
	require.NoError(t, court.close())
	for _, trial := range court.trials {
		if trial.failed {
			return 1
		}
	}
	return 0
}
