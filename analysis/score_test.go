package analysis_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/analysis"
)

func TestScore(t *testing.T) {
	of := func(v analysis.Verdict, group string, weight float64) analysis.Scored {
		return analysis.Scored{Verdict: v, Group: group, Weight: weight}
	}
	for name, tt := range map[string]struct {
		checks []analysis.Scored
		want   string
	}{
		"nothing":             {nil, `{}`},
		"nothing decided":     {[]analysis.Scored{of(analysis.NoData, "a", 1), of(analysis.Continue, "", 1), of(analysis.Error, "", 1), of(analysis.Inconclusive, "", 1)}, `{"uncounted":4}`},
		"all pass":            {[]analysis.Scored{of(analysis.Pass, "a", 1), of(analysis.Pass, "", 7)}, `{"score":100,"groups":{"a":100}}`},
		"all fail":            {[]analysis.Scored{of(analysis.Fail, "a", 0)}, `{"score":0,"groups":{"a":0}}`},
		"no group":            {[]analysis.Scored{of(analysis.Fail, "", 0), of(analysis.Pass, "", 0)}, `{"score":50}`},
		"by weight":           {[]analysis.Scored{of(analysis.Fail, "a", 0), of(analysis.Pass, "a", 3), of(analysis.Pass, "b", 4)}, `{"score":87.5,"groups":{"a":75,"b":100}}`},
		"undecided":           {[]analysis.Scored{of(analysis.Pass, "a", 1), of(analysis.NoData, "a", 99), of(analysis.NoData, "b", 1), of(analysis.Fail, "c", 1)}, `{"score":50,"groups":{"a":100,"c":0},"uncounted":2}`},
		"meanCs cannot fail":  {[]analysis.Scored{of(analysis.Fail, "a", 1), {Verdict: analysis.Pass, Judge: "meanCs", Group: "a"}}, `{"score":0,"groups":{"a":0},"uncounted":1}`},
		"an unknown verdict":  {[]analysis.Scored{of("Great", "a", 1)}, `{"uncounted":1}`},
		"advisory and gating": {[]analysis.Scored{of(analysis.Pass, "a", 1), of(analysis.Fail, "a", 1)}, `{"score":50,"groups":{"a":50}}`},
	} {
		got, err := json.Marshal(analysis.Score(tt.checks))
		require.NoError(t, err)
		require.JSONEq(t, tt.want, string(got), name)
	}
}

// The score of all is the mean of the groups by the weight counted in them, and
// a check that turns from Pass to Fail lowers both.
func TestScoreIsTheMeanOfItsGroups(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checks := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) analysis.Scored {
			return analysis.Scored{
				Verdict: rapid.SampledFrom([]analysis.Verdict{analysis.Pass, analysis.Fail, analysis.NoData}).Draw(t, "verdict"),
				Group:   rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "group"),
				Weight:  rapid.Float64Range(0.1, 10).Draw(t, "weight"),
			}
		}), 1, 12).Draw(t, "checks")
		got := analysis.Score(checks)
		if got.Score == nil {
			require.Equal(t, len(checks), got.Uncounted)
			return
		}
		sum, weight := 0.0, 0.0
		for i, c := range checks {
			if c.Verdict == analysis.NoData {
				continue
			}
			sum, weight = sum+c.Weight*got.Groups[c.Group], weight+c.Weight
			if c.Verdict == analysis.Pass {
				checks[i].Verdict = analysis.Fail
				worse := analysis.Score(checks)
				require.Less(t, *worse.Score, *got.Score)
				require.Less(t, worse.Groups[c.Group], got.Groups[c.Group])
				checks[i].Verdict = analysis.Pass
			}
		}
		require.InDelta(t, sum/weight, *got.Score, 1e-9)
	})
}
