package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

// halves are n windows of a minute of both halves of a baseline, the second
// one worse by ratio and noisier than chance.
func halves(series string, n int, ratio float64) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `{"series":%q,"check":"errors","start":%d,"end":%d,"baseline":{"requests":3000,"failures":%d},"candidate":{"requests":3000,"failures":%g}}`+"\n",
			series, 60*i, 60*i+60, 30+i%3*6, ratio*float64(30+(i+1)%3*6))
	}
	return text.String()
}

// placebo writes what the rules name, and judges by it.
func placebo(t *testing.T, checks, history string, windows []string) ([]verdictLine, ran) {
	t.Helper()
	rules := file(t, checks+"placebo: placebo.jsonl\n")
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(rules), "placebo.jsonl"), []byte(history), 0o600))
	got := typed(t.Context(), &fake{}, process{in: strings.NewReader(strings.Join(windows, "\n") + "\n")}, "judge", rules)
	var lines []verdictLine
	for text := range strings.Lines(got.out) {
		var line verdictLine
		require.NoError(t, json.Unmarshal([]byte(text), &line))
		lines = append(lines, line)
	}
	return lines, got
}

func TestJudgeLearnsFromAPlacebo(t *testing.T) {
	plain, _ := judged(t, oneCheck, some(100, 0))
	require.InDelta(t, 1, plain[0].Dispersion, 0.3)

	lines, got := placebo(t, oneCheck, halves("", 60, 1), some(100, 0))
	require.Equal(t, 0, got.code, got.err)
	require.Empty(t, got.err)
	require.InDelta(t, 1.1, lines[0].Margin, 1e-9)
	require.NotEqual(t, plain[0].Dispersion, lines[0].Dispersion)
	require.NotEqual(t, plain[0].State, lines[0].State)

	alike, got := placebo(t, oneCheck, halves("", 60, 3), some(100, 2))
	require.Equal(t, 0, got.code, got.err)
	require.Contains(t, got.err, "placebo: errors: two halves of the baseline can be told apart")
	require.Equal(t, analysis.Inconclusive, alike[0].Verdict, alike[0].Reason)
	require.Equal(t, analysis.CauseMetric, alike[0].Cause)
	require.Contains(t, got.out, `"cause":"metric"`)
	worse, _ := placebo(t, oneCheck, halves("", 60, 3), some(100, 50))
	require.Equal(t, analysis.Fail, worse[0].Verdict)
}

// A placebo belongs to its series; one without a series serves all others.
func TestJudgeMatchesThePlaceboBySeries(t *testing.T) {
	windows := append(some(100, 2), rate("b", 0, 3), rate("b", 1, 2))
	lines, got := placebo(t, oneCheck, halves("a", 60, 3), windows)
	require.Contains(t, got.err, "errors of series a")
	require.Equal(t, analysis.Inconclusive, lines[0].Verdict)
	b, _ := judged(t, oneCheck, windows[100:])
	require.Equal(t, b[0], lines[1], "b learned nothing")

	both, _ := placebo(t, oneCheck, halves("a", 60, 1)+halves("", 60, 3), windows)
	require.Equal(t, analysis.Fail, both[0].Verdict, "its own comes first")
	require.NotEqual(t, b[0].State, both[1].State, "the common one serves b")
}

func TestJudgeTellsWhatAPlaceboLacks(t *testing.T) {
	plain, _ := judged(t, oneCheck, some(100, 0))
	short, got := placebo(t, oneCheck, halves("", 12, 1), some(100, 0))
	require.Equal(t, 0, got.code)
	require.Contains(t, got.err, "placebo: errors: 12 windows with requests on both halves, need 30")
	require.Equal(t, plain[0].Evidence, short[0].Evidence)

	_, got = placebo(t, oneCheck, "", some(1, 0))
	require.Contains(t, got.err, "placebo: no window of errors")
	require.Equal(t, 0, got.code)

	_, got = judged(t, oneCheck+"placebo: nowhere.jsonl\n", some(1, 0))
	require.Equal(t, 3, got.code)
	require.Contains(t, got.err, "read windows: open ")
	require.Contains(t, got.err, "nowhere.jsonl: no such file")
	_, got = placebo(t, oneCheck, "{}\n", some(1, 0))
	require.Equal(t, 3, got.code)
	require.Contains(t, got.err, "placebo.jsonl:1: decode window")
}
