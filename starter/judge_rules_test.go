package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

// Everything that is wrong with a CHECKS file is told at once, and where.
func TestJudgePlacesWhatIsWrongWithChecks(t *testing.T) {
	const checks = `checks:
  - {name: errors, minRequests: -2, judge: {rateRatio: {safeMargin: -1, harmMargin: 99}}}
  - {failures: f, requests: r}
  - {name: errors, histogram: h, judge: {tailLadder: {quantiles: [0.5, 2]}}}
  - {name: limit, query: q, judge: {threshold: {success: "result <"}}}
  - {name: budget, weight: soon}
bounds: [1e10]
policy: {alpha: 0.9, require: perfection}
`
	_, got := judged(t, checks, nil)
	require.Equal(t, 3, got.code)
	require.Empty(t, got.out)
	for _, want := range []string{
		":2:33: checks[0].minRequests: ", ":2:69: checks[0].judge.rateRatio.safeMargin: ", ":2:85: checks[0].judge.rateRatio.harmMargin: ",
		":3:5: checks[1].name: a check needs a name", `:4:12: checks[2].name: "errors" stands twice`,
		":4:55: checks[2].judge.tailLadder.quantiles: ", ":5:29: checks[3].judge: check \"limit\": condition success: ",
		":6:28: checks[4].weight: expected a number, found soon", ":7:1: bounds: check \"errors\": bounds is 1e+10",
		":8:17: policy.alpha: 0.9 is not an error rate: it must be between 0 and 0.5", ":8:31: policy.require: ",
	} {
		require.Contains(t, got.err, want)
	}
	require.Equal(t, 11, strings.Count(got.err, "checkout.yaml:"), got.err)
}

func TestJudgePlacesWhatIsWrongWithTheJudgesOfASpec(t *testing.T) {
	_, got := judged(t, strings.Replace(smallest, "by: version", "by: version, judge: {rateRatio: {minAbsDelta: 7}}", 1), nil)
	require.Equal(t, 3, got.code)
	require.Regexp(t, `:\d+:\d+: checks\[0\]`, got.err)
}

// Bounds stand for any check that turns out to be one of latencies.
func TestJudgeOfAnOpenCheckTakesTheBounds(t *testing.T) {
	windows := []string{}
	for i := range 60 {
		windows = append(windows, slow(i, 40))
	}
	open, _ := judged(t, "checks: [{name: latency}]\nbounds: [0.1]\n", windows)
	require.Equal(t, analysis.Fail, open[0].Verdict)
	named, _ := judged(t, "checks: [{name: latency, histogram: h, bounds: [0.1]}]\n", windows)
	require.Equal(t, named, open)
}

// No window at all is worth a line for each check.
func TestJudgeOfNothing(t *testing.T) {
	const checks = "checks: [{name: errors}, {name: cpu, gates: false, query: q}, {name: latency, histogram: h}]\n"
	for name, input := range map[string][]string{"empty": nil, "other checks": {strings.ReplaceAll(rate("a", 0, 1), "errors", "other")}} {
		lines, got := judged(t, checks, input)
		require.Equal(t, 0, got.code, name)
		require.Len(t, lines, 4, name)
		for i, check := range []string{"errors", "cpu", "latency", "*"} {
			require.Equal(t, check, lines[i].Check)
			require.Equal(t, analysis.NoData, lines[i].Verdict)
			require.Contains(t, lines[i].Reason, ": no window")
			require.NotZero(t, lines[i].RuleVersion)
		}
	}
}
