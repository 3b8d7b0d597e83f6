package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

func TestJudgeTakesTheWholeToo(t *testing.T) {
	checks := "checks: [{name: errors}, {name: other, gates: false, failures: f, requests: r}]\npolicy: {alpha: 0.02}\n"
	lines, _ := judged(t, checks, some(100, 30))
	require.Len(t, lines, 3)
	require.Equal(t, analysis.Fail, lines[0].Verdict)
	require.InDelta(t, 0.02, lines[0].Alpha, 1e-12)
	require.Equal(t, "other", lines[1].Check)
	require.Equal(t, analysis.NoData, lines[1].Verdict)
	require.Equal(t, "*", lines[2].Check)
	require.Equal(t, analysis.Fail, lines[2].Verdict)
	require.InDelta(t, lines[0].At, lines[2].At, 0)
}

// The score is of all checks, advisory ones too, and never decides.
func TestJudgeReportsAScore(t *testing.T) {
	checks := "checks: [{name: errors, group: quality, weight: 3}, {name: other, group: speed, gates: false}, {name: slow, group: speed}, {name: lost}]\n"
	windows := some(100, 0)
	for i, w := range some(100, 30) {
		windows = append(windows, strings.ReplaceAll(w, "errors", "other"), strings.ReplaceAll(some(100, 0)[i], "errors", "slow"))
	}
	lines, got := judged(t, checks, windows)
	require.Equal(t, 0, got.code, got.err)
	whole := lines[len(lines)-1]
	require.Equal(t, "*", whole.Check)
	require.Equal(t, analysis.NoData, whole.Verdict, "of the check that is lost")
	require.InDelta(t, 80, *whole.Score, 1e-9)
	require.Equal(t, map[string]float64{"quality": 100, "speed": 50}, whole.Groups)
	require.Equal(t, 1, whole.Uncounted)
	require.Equal(t, 1, strings.Count(got.out, `"score"`))
}
