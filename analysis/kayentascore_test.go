package analysis_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

const canaryConfig = `{
  "name": "checkout", "applications": ["checkout"], "judge": {"name": "NetflixACAJudge-v1.0"},
  "metrics": [
    {"name": "errors", "groups": ["quality"], "query": {"type": "prometheus"}, "analysisConfigurations": {"canary":
      {"direction": "increase", "nanStrategy": "replace", "critical": true, "effectSize": {"allowedIncrease": 1.1}}}},
    {"name": "cpu", "groups": ["system", "quality"], "analysisConfigurations": {"canary": {"direction": "either", "outliers": {"strategy": "remove", "outlierFactor": 4}}}},
    {"name": "heap", "groups": ["system"], "analysisConfigurations": {"canary": {"mustHaveData": true}}},
    {"name": "gc", "groups": ["system"]}
  ],
  "classifier": {"groupWeights": {"quality": 60, "system": 40}, "scoreThresholds": {"pass": 90, "marginal": 50}}
}`

func canary(t *testing.T, text string) analysis.KayentaCanary {
	t.Helper()
	c, err := analysis.ParseKayenta([]byte(text))
	require.NoError(t, err)
	return c
}

func TestParseKayenta(t *testing.T) {
	c := canary(t, canaryConfig)
	require.Len(t, c.Metrics, 4)
	require.Equal(t, "increase", c.Metrics[0].Judge.Direction)
	require.True(t, c.Metrics[0].Judge.Critical)
	require.InDelta(t, 1.1, *c.Metrics[0].Judge.EffectSize.AllowedIncrease, 0)
	require.InDelta(t, 4, c.Metrics[1].Judge.Outliers.Factor, 0)
	require.Equal(t, []string{"system", "quality"}, c.Metrics[1].Groups)
	require.True(t, c.Metrics[2].Judge.MustHaveData)
	require.InDelta(t, 90, c.Pass, 0)
	require.Empty(t, c.Warnings)

	bare := canary(t, `{"metrics": [{"name": "a", "groups": ["g"]}], "classifier": {"groupWeights": {"g": 100}}}`)
	require.Equal(t, [2]float64{95, 75}, [2]float64{bare.Pass, bare.Marginal})
	half := canary(t, `{"metrics": [{"name": "a", "groups": ["g"]}], "scoreThresholds": {"pass": 80}}`)
	require.Equal(t, [2]float64{80, 75}, [2]float64{half.Pass, half.Marginal})
}

func TestParseKayentaRefuses(t *testing.T) {
	for why, text := range map[string]string{
		"line 2, column 16: invalid character": "{\"metrics\":\n  [{\"name\": \"a}\n]}",
		"line 3, column 23: metrics.analysisConfigurations.canary.critical: expected bool, found string": "{\"metrics\": [{\"name\": \"a\",\n  \"analysisConfigurations\": {\"canary\":\n    {\"critical\": \"very\"}}}]}",
		"line 1, column 1: unexpected end":               "",
		"no metrics":                                     `{}`,
		"metrics[1] has no name":                         `{"metrics": [{"name": "a"}, {}]}`,
		`metric "a" stands twice`:                        `{"metrics": [{"name": "a"}, {"name": "a"}]}`,
		`check "a": outliers.outlierFactor is -1`:        `{"metrics": [{"name": "a", "analysisConfigurations": {"canary": {"outliers": {"outlierFactor": -1}}}}]}`,
		"scoreThresholds: pass 50 and marginal 60":       `{"metrics": [{"name": "a"}], "classifier": {"scoreThresholds": {"pass": 50, "marginal": 60}}}`,
		`classifier.groupWeights: "g" has the weight -1`: `{"metrics": [{"name": "a"}], "classifier": {"groupWeights": {"g": -1}}}`,
	} {
		_, err := analysis.ParseKayenta([]byte(text))
		require.ErrorContains(t, err, why, text)
	}
}

func TestKayentaConfigWarnings(t *testing.T) {
	for warning, text := range map[string]string{
		"unknownWord: metric \"a\": direction \"up\"": `{"metrics": [{"name": "a", "groups": ["g"], "analysisConfigurations": {"canary": {"direction": "up"}}}]}`,
		"noGroup: metric \"a\"":                       `{"metrics": [{"name": "a"}]}`,
		"weights: they sum to 90":                     `{"metrics": [{"name": "a", "groups": ["g"]}], "classifier": {"groupWeights": {"g": 90}}}`,
		"groups without a weight count negative":      `{"metrics": [{"name": "a", "groups": ["g", "h"]}], "classifier": {"groupWeights": {"g": 110}}}`,
		"emptyGroup: the weight of \"h\"":             `{"metrics": [{"name": "a", "groups": ["g"]}], "classifier": {"groupWeights": {"g": 50, "h": 50}}}`,
	} {
		require.Contains(t, strings.Join(canary(t, text).Warnings, "\n"), warning)
	}
}

// classes of the four metrics: errors (critical), cpu, heap, gc.
func TestKayentaScore(t *testing.T) {
	const pass, high, low, nodata, missing, fault = analysis.ClassPass, analysis.ClassHigh, analysis.ClassLow,
		analysis.ClassNodata, analysis.ClassNodataFail, analysis.ClassError
	tests := []struct {
		name            string
		classes         [4]analysis.Class
		critical        bool // of errors
		quality, system float64
		score           float64
		classification  string
	}{
		{"all pass", [4]analysis.Class{pass, pass, pass, pass}, false, 100, 100, 100, "Pass"},
		{"in two groups", [4]analysis.Class{pass, high, pass, pass}, false, 50, 66.67, 56.67, "Marginal"},
		{"low counts like high", [4]analysis.Class{pass, low, pass, pass}, false, 50, 66.67, 56.67, "Marginal"},
		{"below marginal", [4]analysis.Class{high, high, pass, pass}, false, 0, 66.67, 26.67, "Fail"},
		{"critical", [4]analysis.Class{high, pass, pass, pass}, true, 50, 100, 0, "Fail"},
		{"critical without data", [4]analysis.Class{nodata, pass, pass, pass}, true, 100, 100, 0, "Fail"},
		{"no data does not count", [4]analysis.Class{pass, pass, pass, nodata}, false, 100, 100, 100, "Pass"},
		{"required data does", [4]analysis.Class{pass, pass, missing, pass}, false, 100, 66.67, 86.67, "Marginal"},
		{"half without data", [4]analysis.Class{pass, pass, nodata, nodata}, false, 100, 100, 0, "Fail"},
		{"an error is ignored", [4]analysis.Class{pass, pass, fault, pass}, false, 100, 100, 100, "Pass"},
		{"errors only", [4]analysis.Class{fault, fault, fault, fault}, false, 0, 0, 100, "Pass"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := canary(t, canaryConfig)
			var classes []analysis.Classification
			for i, class := range tt.classes {
				classes = append(classes, analysis.Classification{Class: class, Critical: i == 0 && tt.critical})
			}
			got := c.Score(classes)
			require.Equal(t, []string{"quality", "system"}, []string{got.Groups[0].Name, got.Groups[1].Name})
			require.InDelta(t, tt.quality, got.Groups[0].Score, 0.005)
			require.InDelta(t, tt.system, got.Groups[1].Score, 0.005)
			require.InDelta(t, tt.score, got.Score, 1e-9, got.Reason)
			require.Equal(t, tt.classification, got.Classification)
			if tt.classes[0] == fault {
				require.Len(t, got.Warnings, 4, "a metric that throws cannot lower the score")
			}
		})
	}
}

func TestKayentaScoreWithoutWeights(t *testing.T) {
	c := canary(t, `{"metrics": [{"name": "a", "groups": ["g"]}, {"name": "b", "groups": ["h"]}, {"name": "c", "groups": ["i"]}],
		"classifier": {"groupWeights": {"g": 50}, "scoreThresholds": {"pass": 90, "marginal": 75}}}`)
	got := c.Score([]analysis.Classification{{Class: "Pass"}, {Class: "High"}, {Class: "Pass"}})
	require.InDelta(t, 75, got.Score, 1e-9)
	require.Equal(t, "Marginal", got.Classification)
	require.Contains(t, strings.Join(got.Warnings, "\n"), "onMarginal:")
	require.InDelta(t, 25, got.Groups[2].Weight, 1e-9)

	muted := canary(t, `{"metrics": [{"name": "a", "groups": ["g"]}, {"name": "b", "groups": ["g"], "analysisConfigurations": {"canary": {"muted": true, "critical": true}}}]}`)
	got = muted.Score([]analysis.Classification{{Class: "Pass"}, {Class: "High", Critical: true}})
	require.InDelta(t, 100, got.Score, 1e-9)
}
