package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

// rate is one recorded window of ten seconds.
func rate(series string, n int, failures float64) string {
	return fmt.Sprintf(`{"series":%q,"check":"errors","start":%d,"end":%d,"baseline":{"requests":900,"failures":9},"candidate":{"requests":100,"failures":%g}}`,
		series, n*10, n*10+10, failures)
}

const oneCheck = "checks: [{name: errors}]\n"

// judged runs judge over lines of windows and returns its lines.
func judged(t *testing.T, checks string, windows []string, flags ...string) ([]verdictLine, ran) {
	t.Helper()
	p := process{in: strings.NewReader(strings.Join(windows, "\n") + "\n")}
	got := typed(t.Context(), &fake{}, p, append([]string{"judge", file(t, checks)}, flags...)...)
	var lines []verdictLine
	for text := range strings.Lines(got.out) {
		var line verdictLine
		require.NoError(t, json.Unmarshal([]byte(text), &line))
		lines = append(lines, line)
	}
	return lines, got
}

func some(n int, failures float64) []string {
	var windows []string
	for i := range n {
		// The sides must differ, or they are taken for one series asked twice.
		windows = append(windows, rate("a", i, failures+float64(i%2)))
	}
	return windows
}

func TestJudgeTellsEachSeriesAndCheck(t *testing.T) {
	windows := append(some(100, 0), rate("b", 0, 1))
	lines, got := judged(t, oneCheck, windows)
	require.Equal(t, 0, got.code, got.err)
	require.Len(t, lines, 2)
	require.Equal(t, "a", lines[0].Series)
	require.Equal(t, analysis.Pass, lines[0].Verdict)
	require.Equal(t, 100, lines[0].Windows)
	require.InDelta(t, 1000, lines[0].At, 0)
	require.NotEmpty(t, lines[0].State)
	require.Equal(t, "b", lines[1].Series)
}

// Windows without a request tell no judge: the first that has some does.
func TestJudgeWaitsForAWindowThatTells(t *testing.T) {
	idle := `{"series":"a","check":"errors","start":%d,"end":%d,"baseline":{"requests":0,"failures":0},"candidate":{"requests":0,"failures":0}}`
	quiet := []string{fmt.Sprintf(idle, -20, -10), fmt.Sprintf(idle, -10, 0)}
	lines, got := judged(t, oneCheck, append(quiet, some(100, 0)...))
	require.Equal(t, 0, got.code, got.err)
	require.Equal(t, analysis.Pass, lines[0].Verdict)
	require.Equal(t, 102, lines[0].Windows)
	lines, got = judged(t, oneCheck, quiet)
	require.Equal(t, 0, got.code, got.err)
	require.Equal(t, analysis.NoData, lines[0].Verdict)
}

func TestJudgeTellsAFailWhenItIsReached(t *testing.T) {
	windows := some(100, 30)
	windows = append(windows, rate("b", 0, 1))
	lines, got := judged(t, oneCheck, windows)
	require.Equal(t, 0, got.code, "whatever the verdict")
	require.Equal(t, analysis.Fail, lines[0].Verdict)
	require.Less(t, lines[0].At, 100.0)
	require.Equal(t, "b", lines[1].Series)
}

func TestJudgeFoldsInTimeOrder(t *testing.T) {
	ordered, _ := judged(t, oneCheck, some(200, 0))
	shuffled := some(200, 0)
	random := rand.New(rand.NewPCG(1, 2))
	for from := 0; from < len(shuffled); from += 50 {
		block := shuffled[from : from+50]
		random.Shuffle(len(block), func(i, j int) { block[i], block[j] = block[j], block[i] })
	}
	shuffled = append(shuffled[:150], append([]string{shuffled[149], shuffled[120]}, shuffled[150:]...)...)
	got, _ := judged(t, oneCheck, shuffled)
	require.Equal(t, ordered, got)

	late, _ := judged(t, oneCheck, append(some(200, 0), rate("a", 3, 1)))
	require.Equal(t, 1, late[0].Late)
}

func TestJudgeTellsEveryWindowWhenAsked(t *testing.T) {
	lines, _ := judged(t, oneCheck, some(5, 0), "--all")
	require.Len(t, lines, 6)
	require.Equal(t, 3, lines[2].Windows)
	require.Equal(t, analysis.Continue, lines[2].Verdict)
	require.Equal(t, 5, lines[5].Windows)
}

func TestJudgeRequirements(t *testing.T) {
	strict, _ := judged(t, oneCheck, some(5, 1), "--require", "nonInferior")
	require.Equal(t, analysis.Inconclusive, strict[0].Verdict)
	strict, _ = judged(t, oneCheck+"policy: {require: nonInferior}\n", some(5, 1))
	require.Equal(t, analysis.Inconclusive, strict[0].Verdict)
	_, got := judged(t, oneCheck, nil, "--require", "perfection")
	require.Equal(t, 2, got.code)
}

func TestJudgeTakesAWholeSpec(t *testing.T) {
	lines, got := judged(t, smallest, some(100, 0))
	require.Equal(t, 0, got.code, got.err)
	require.Len(t, lines, 1)
	_, got = judged(t, strings.Replace(smallest, "5%", "500%", 1), some(1, 0))
	require.Equal(t, 3, got.code)
}

func TestJudgeRefusesWhatIsNoWindow(t *testing.T) {
	windows := some(5, 0)
	windows[2] = `{"check":"errors","start":"soon"}`
	_, got := judged(t, oneCheck, windows)
	require.Equal(t, 3, got.code)
	require.Contains(t, got.err, "line 3: decode window")

	windows[3] = rate("a", 3, 1e6) // more failures than requests: a window, but an impossible one
	lines, got := judged(t, oneCheck, windows, "--skip-bad")
	require.Equal(t, 0, got.code)
	require.Contains(t, got.err, "skipped 1 line\n")
	require.Equal(t, 1, lines[0].Refused)
	require.Equal(t, analysis.Error, lines[0].Verdict)
}

func TestJudgeRefusesChecks(t *testing.T) {
	for name, checks := range map[string]string{
		"no check":      "policy: {alpha: 0.1}\n",
		"unknown field": "checks: [{name: errors, jugde: {rateRatio: {}}}]\n",
		"unknown judge": "checks: [{name: errors, judge: {magic: {}}}]\n",
		"no name":       "checks: [{failures: f, requests: r}]\n",
		"same name":     "checks: [{name: errors}, {name: errors}]\n",
		"burn windows":  "checks: [{name: errors, judge: {burnRate: {objective: 99%, windows: [{long: 1h, short: 1s, factor: 2}]}}}]\n",
		"bounds":        "checks: [{name: errors, judge: {rateRatio: {safeMargin: -1}}}]\n",
		"no YAML":       "checks: [\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, got := judged(t, checks, some(1, 0))
			require.Equal(t, 3, got.code, got.err)
			require.Contains(t, got.err, "checks")
			require.Empty(t, got.out)
		})
	}
}

// Values are judged by points, by a check that says so and by one that leaves
// it open: at α 0.01 and with differences all the same at the 11th.
func TestJudgeOfValues(t *testing.T) {
	windows := []string{}
	for i := range 20 {
		windows = append(windows, fmt.Sprintf(`{"series":"a","check":"cpu","start":%d,"end":%d,"baseline":{"value":0.41},"candidate":{"value":0.47}}`, i*10, i*10+10))
	}
	for _, check := range []string{"{name: cpu}", "{name: cpu, query: q}", "{name: cpu, judge: {points: {direction: increase}}}"} {
		lines, got := judged(t, "checks: ["+check+"]\n", windows)
		require.Equal(t, 0, got.code, got.err)
		require.Len(t, lines, 1)
		require.Equal(t, analysis.Fail, lines[0].Verdict)
		require.Equal(t, "points", lines[0].Judge)
		require.InDelta(t, 110, lines[0].At, 0)
		require.InEpsilon(t, 0.47/0.41, lines[0].Ratio, 1e-9)
	}
	lines, _ := judged(t, "checks: [{name: cpu, judge: {points: {direction: decrease}}}]\n", windows)
	require.Equal(t, analysis.Pass, lines[0].Verdict)
	lines, _ = judged(t, "checks: [{name: cpu}]\n", windows[:7])
	require.Equal(t, analysis.NoData, lines[0].Verdict)
	lines, _ = judged(t, "checks: [{name: cpu, judge: {meanCs: {level: 0.99}}}]\n", windows)
	require.Equal(t, analysis.Pass, lines[0].Verdict, "it only reports")
	require.NotNil(t, lines[0].Interval[0])
}

func TestJudgeOfABudget(t *testing.T) {
	lines, got := judged(t, "checks: [{name: errors, judge: {burnRate: {objective: 99%}}}]\n", some(30, 20))
	require.Equal(t, 0, got.code, got.err)
	require.Equal(t, analysis.Fail, lines[0].Verdict)
	require.InDelta(t, 10, lines[0].At, 0, "20 of 100")
	lines, _ = judged(t, "checks: [{name: errors, judge: {burnRate: {objective: 99%}}}]\n", some(30, 1))
	require.Equal(t, analysis.Pass, lines[0].Verdict)
}

func TestJudgeLeavesOutChecksThatAreNotNamed(t *testing.T) {
	windows := append(some(3, 0), `{"series":"a","check":"cpu","start":0,"end":10,"candidate":{"value":1}}`)
	lines, got := judged(t, oneCheck, windows)
	require.Len(t, lines, 1)
	require.Contains(t, got.err, "left out 1 window of checks that CHECKS does not name")
}

func TestJudgeSaysWhyWindowsAreImpossible(t *testing.T) {
	lines, got := judged(t, oneCheck, append(some(3, 0), `{"series":"a","check":"errors","start":30,"end":40,"candidate":{"requests":1,"failures":2}}`))
	require.Len(t, lines, 1)
	require.Contains(t, got.err, `the judge refused 1 window; the first: check "errors": window refused: candidate: 2 failures of 1 requests`)
}

// slow is one window of latencies.
func slow(n int, above float64) string {
	return fmt.Sprintf(`{"check":"latency","start":%d,"end":%d,"baseline":{"buckets":{"0.1":800,"0.3":890,"+Inf":900}},"candidate":{"buckets":{"0.1":%g,"0.3":98,"+Inf":100}}}`,
		n*10, n*10+10, 90-above)
}

func TestJudgeFindsLatencyBounds(t *testing.T) {
	const ladder = "checks: [{name: latency, histogram: h}]\n"
	windows := []string{}
	for i := range 60 {
		windows = append(windows, slow(i, 40))
	}
	for name, more := range map[string]string{"learned": "", "given": "bounds: [0.1, 0.3]\n", "of a placebo": "placebo: placebo.jsonl\n"} {
		t.Run(name, func(t *testing.T) {
			checks := file(t, ladder+more)
			require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(checks), "placebo.jsonl"), []byte(slow(0, 0)+"\n"+slow(1, 0)+"\n"), 0o600))
			got := typed(t.Context(), &fake{}, process{in: strings.NewReader(strings.Join(windows, "\n"))}, "judge", checks)
			require.Equal(t, 0, got.code, got.err)
			require.Contains(t, got.out, `"verdict":"Fail"`)
		})
	}
}

// The share that the candidate was to get may stand in the windows.
func TestJudgeGuardsTheTrafficShare(t *testing.T) {
	var windows []string
	for _, w := range some(100, 0) {
		windows = append(windows, strings.Replace(w, `"check"`, `"share":0.2,"check"`, 1))
	}
	const told = "the candidate got 10% of the requests instead of 20%"
	lines, _ := judged(t, oneCheck, windows)
	require.Equal(t, analysis.Pass, lines[0].Verdict, "by default it is told, as in a rollout")
	require.Contains(t, lines[0].Share, told)
	lines, _ = judged(t, oneCheck+"policy: {share: required}\n", windows)
	require.Equal(t, analysis.Inconclusive, lines[0].Verdict)
	require.Contains(t, lines[0].Reason, told)
}

// BenchmarkJudge is the whole command; the interface asks for 200,000 rate
// lines a second on one core.
func BenchmarkJudge(b *testing.B) {
	var input bytes.Buffer
	for i := range 10000 {
		input.WriteString(rate("a", i, float64(i%3)) + "\n")
	}
	configs := []analysis.Config{{Name: "errors"}}
	c := &cli{process: &process{}}
	for b.Loop() {
		out := bufio.NewWriter(&bytes.Buffer{})
		court := newCourt(rules{configs: configs, require: analysis.RequireNoHarm}, out, false)
		if err := c.fold(context.Background(), court, bytes.NewReader(input.Bytes()), false); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*10000)/b.Elapsed().Seconds(), "lines/s")
}

// Another run takes the baseline's place: its candidate's numbers, window by
// window, whatever the clock said then.
func TestJudgeAgainstAnotherRun(t *testing.T) {
	before := filepath.Join(t.TempDir(), "before.jsonl")
	var lines []string
	for i := range 60 {
		lines = append(lines, rate("a", 1000+i, float64(1+i%2)))
	}
	require.NoError(t, os.WriteFile(before, []byte(strings.Join(lines, "\n")), 0o600))
	same, got := judged(t, oneCheck, some(60, 1), "--baseline", before)
	require.Equal(t, 0, got.code, got.err)
	require.Equal(t, analysis.NoData, same[0].Verdict, "the very same run is one series asked twice")
	worse, _ := judged(t, oneCheck, some(60, 20), "--baseline", before)
	require.Equal(t, analysis.Fail, worse[0].Verdict)
	require.Equal(t, 100.0*float64(worse[0].Windows), worse[0].Baseline.Requests, "the other run's candidate")
	longer, _ := judged(t, oneCheck, some(90, 1), "--baseline", before)
	require.Equal(t, analysis.NoData, longer[0].Verdict, "the other run was shorter")
	_, got = judged(t, oneCheck, some(1, 1), "--baseline", filepath.Join(t.TempDir(), "none"))
	require.Equal(t, exitSpec, got.code)
}
