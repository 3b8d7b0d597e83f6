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

const canaryConfig = `{
  "name": "checkout",
  "metrics": [
    {"name": "errors", "groups": ["quality"], "analysisConfigurations": {"canary": {"direction": "increase", "critical": true}}},
    {"name": "cpu", "groups": ["system"], "analysisConfigurations": {"canary": {"direction": "increase"}}},
    {"name": "heap", "groups": ["system"], "analysisConfigurations": {"canary": {"nanStrategy": "remove"}}}
  ],
  "classifier": {"groupWeights": {"quality": 50, "system": 50}, "scoreThresholds": {"pass": 90, "marginal": 60}}
}`

// series is n values around a mean.
func series(n int, mean float64) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("%.4f", mean*(1+0.01*float64(i%7-3))))
	}
	return "[" + strings.Join(out, ",") + "]"
}

func points(metric, experiment, control string) string {
	return fmt.Sprintf(`{"metric":%q,"experiment":%s,"control":%s}`, metric, experiment, control)
}

// asKayenta runs judge --kayenta and returns its lines by what they are about.
func asKayenta(t *testing.T, config string, data ...string) (map[string]map[string]any, ran) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "canary.json")
	require.NoError(t, os.WriteFile(path, []byte(config), 0o600))
	got := typed(t.Context(), &fake{}, process{in: strings.NewReader(strings.Join(data, "\n"))}, "judge", "--kayenta", path)
	lines := map[string]map[string]any{}
	for text := range strings.Lines(got.out) {
		var line map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &line))
		for _, kind := range []string{"metric", "group", "summary"} {
			if name, ok := line[kind]; ok && kind == "summary" {
				lines[kind] = line
			} else if ok {
				lines[kind+" "+name.(string)] = line
			}
		}
	}
	return lines, got
}

func TestJudgeAsKayenta(t *testing.T) {
	lines, got := asKayenta(t, canaryConfig,
		points("cpu", series(60, 1.5), series(60, 1)),
		points("errors", series(60, 1), series(61, 1)), "",
		points("heap", `[null, "NaN"]`, series(60, 1)))
	require.Equal(t, 0, got.code, got.err)
	require.Len(t, lines, 6)
	require.True(t, strings.HasPrefix(got.out, `{"metric":"errors"`), "in the order of the config")
	require.Equal(t, "Pass", lines["metric errors"]["classification"])
	require.Equal(t, "High", lines["metric cpu"]["classification"])
	require.InDelta(t, 1.5, lines["metric cpu"]["effect"], 0.01)
	require.Equal(t, "Nodata", lines["metric heap"]["classification"])
	require.InDelta(t, 0, lines["metric heap"]["experiment"], 0)
	require.InDelta(t, 60, lines["metric heap"]["control"], 0)
	require.InDelta(t, 100, lines["group quality"]["score"], 0)
	require.InDelta(t, 0, lines["group system"]["score"], 0)
	require.InDelta(t, 50, lines["summary"]["score"], 0)
	require.Equal(t, "Fail", lines["summary"]["classification"])

	lines, _ = asKayenta(t, canaryConfig, points("errors", series(60, 2), series(60, 1)), points("cpu", series(60, 1), series(60, 1)))
	require.InDelta(t, 0, lines["summary"]["score"], 0)
	require.Contains(t, lines["summary"]["reason"], "critical metric \"errors\"")
	lines, got = asKayenta(t, canaryConfig, points("errors", "[1]", "[1.5]"), points("cpu", series(60, 1), series(60, 1)), points("heap", series(60, 1), series(60, 1)))
	require.Equal(t, 0, got.code)
	require.Equal(t, "Error", lines["metric errors"]["classification"])
	require.Equal(t, "Pass", lines["summary"]["classification"], "an error is ignored")
	require.Contains(t, fmt.Sprint(lines["summary"]["warnings"]), "ignoredError: metric \"errors\"")
}

func TestJudgeAsKayentaRefuses(t *testing.T) {
	for why, tt := range map[string][2]string{
		"canary.json: line 2, column 1: invalid character": {"{\n]", ""},
		"no metrics": {`{"metrics": []}`, ""},
		"line 2: the config has no metric \"disk\"":        {canaryConfig, points("cpu", "[1]", "[1]") + "\n" + points("disk", "[1]", "[1]")},
		"line 2: metric \"cpu\" stands twice":              {canaryConfig, points("cpu", "[1]", "[1]") + "\n" + points("cpu", "[1]", "[1]")},
		"line 1: metric, experiment and control are":       {canaryConfig, `{"metric":"cpu","experiment":[1]}`},
		"line 1: column 16: invalid character":             {canaryConfig, `{"metric":"cpu"]`},
		"line 1: \"much\" is neither a number nor null":    {canaryConfig, points("cpu", `["much"]`, "[1]")},
		"line 1: metric \"cpu\": 10081 values on one side": {canaryConfig, points("cpu", "[1"+strings.Repeat(",1", 10080)+"]", "[1]")},
		"line 1: bufio.Scanner: token too long":            {canaryConfig, strings.Repeat(" ", 1<<20+1)},
	} {
		_, got := asKayenta(t, tt[0], tt[1])
		require.Equal(t, 3, got.code, got.err)
		require.Contains(t, got.err, why)
		require.Empty(t, got.out)
	}
	got := typed(t.Context(), &fake{}, process{}, "judge", "--kayenta", "a.json", "b", "c")
	require.Equal(t, 2, got.code)
	got = typed(t.Context(), &fake{}, process{}, "judge")
	require.Equal(t, 2, got.code)
}

// valued is one window of values.
func valued(n int, baseline, candidate float64) string {
	return fmt.Sprintf(`{"check":"cpu","pair":"p%d","start":%d,"end":%d,"baseline":{"value":%g},"candidate":{"value":%g}}`, n, n, n+1, baseline, candidate)
}

func TestJudgeOfflineOnly(t *testing.T) {
	windows := []string{}
	for i := range 20 {
		windows = append(windows, valued(i, 1+float64(i%5)/10, 2+float64(i%5)/10))
	}
	for _, name := range []string{"mannWhitney", "runCompare", "kayentaV1"} {
		lines, got := judged(t, "checks: [{name: cpu, judge: {"+name+": {}}}]\n", windows, "--all")
		require.Equal(t, 0, got.code, got.err)
		require.Len(t, lines, 1, "one look, at the end")
		require.Equal(t, name, lines[0].Judge)
		require.Equal(t, analysis.Fail, lines[0].Verdict, lines[0].Reason)
	}
	var failing []string
	for i := range 5 {
		failing = append(failing, rate("a", i, 30))
	}
	lines, got := judged(t, "checks: [{name: errors, judge: {groupSequential: {looks: 5}}}]\n", failing)
	require.Equal(t, 0, got.code, got.err)
	require.Equal(t, analysis.Fail, lines[0].Verdict, lines[0].Reason)
	require.InDelta(t, 10, lines[0].At, 0)

	for checks, why := range map[string]string{
		"checks: [{name: cpu, judge: {mannWhitney: {effects: 1}}}]\n":               "unknown field; did you mean effect?",
		"checks: [{name: cpu, judge: {mannWhitney: {effect: 2}}}]\n":                "effect is 2",
		"checks: [{name: cpu, judge: {groupSequential: {looks: 2.5}}}]\n":           "a whole number",
		"checks: [{name: cpu, judge: {mannWhitney: {}, kayentaV1: {}}}]\n":          "exactly one",
		"checks: [{name: cpu, judge: {kayentaV1: {effectSize: {measure: dev}}}}]\n": "effectSize.measure is \"dev\"",
	} {
		_, got := judged(t, checks, windows)
		require.Equal(t, 3, got.code)
		require.Contains(t, got.err, why)
	}
}

func TestLintRefusesOfflineJudges(t *testing.T) {
	for name, why := range map[string]string{
		"mannWhitney": "it looks once", "runCompare": "whole runs of a rehearsal", "kayentaV1": "Kayenta's faults", "groupSequential": "planned in advance",
	} {
		text := smallest + "  - {name: cpu, query: q, judge: {" + name + ": {}}}\n"
		got := typed(t.Context(), &fake{}, process{}, "lint", file(t, text))
		require.Equal(t, 3, got.code)
		require.Contains(t, got.err, "only for bakeoff judge: ")
		require.Contains(t, got.err, why)
		require.NotContains(t, got.err, "exactly one judge")
		require.Regexp(t, `:\d+:\d+:`, got.err)
	}
}
