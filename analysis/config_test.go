package analysis_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

func TestParseConfig(t *testing.T) {
	c, err := analysis.ParseConfig([]byte(`{"name":"errors","failures":"f","requests":"r","by":"version","judge":{"rateRatio":{"safeMargin":2}},"slo":"300ms","minRequests":50,"gates":false,"weight":2}`))
	require.NoError(t, err)
	require.Equal(t, 2.0, c.Judge.RateRatio.SafeMargin)
	require.Equal(t, 0.3, c.SLO)
	require.Equal(t, 50.0, c.MinRequests)
	require.Equal(t, 2.0, c.Weight)
	require.False(t, c.Gating())

	again, err := json.Marshal(c)
	require.NoError(t, err)
	same, err := analysis.ParseConfig(again)
	require.NoError(t, err)
	require.Equal(t, c, same, "a Config survives JSON")

	for text, judge := range map[string]string{
		`{"name":"a","failures":"f","requests":"r","by":{"baseline":"x"}}`:                                                            "rateRatio",
		`{"name":"a","histogram":"h","slo":0.3}`:                                                                                      "tailLadder",
		`{"name":"a","histogram":"h","judge":{"tailLadder":{}}}`:                                                                      "tailLadder",
		`{"name":"a","query":"q","judge":{"threshold":{"success":"true"}}}`:                                                           "threshold",
		`{"name":"a","failures":"f","judge":{"sloRate":{"objective":"99%"}}}`:                                                         "sloRate",
		`{"name":"a","query":"q"}`:                                                                                                    "points",
		`{"name":"a","query":"q","judge":{"points":{"transform":"log","step":"15s"}}}`:                                                "points",
		`{"name":"a","query":"q","judge":{"meanCs":{"tOpt":60}}}`:                                                                     "meanCs",
		`{"name":"a","failures":"f","judge":{"burnRate":{"objective":"99.9%","windows":[{"long":"1h","short":"5m","factor":14.4}]}}}`: "burnRate",
		`{"name":"a"}`: "",
	} {
		c, err := analysis.ParseConfig([]byte(text))
		require.NoError(t, err, text)
		require.Equal(t, judge, c.Judge.Name(), text)
	}
}

func TestParseConfigRefuses(t *testing.T) {
	for text, why := range map[string]string{
		`{`:                                 "unexpected end",
		`{"name":"a","judge":{"vibes":{}}}`: "rateRatio, tailLadder, points, threshold, sloRate",
		`{"name":"a","judge":{"rateRatio":{},"threshold":{}}}`:      "exactly one",
		`{"name":"a","judge":{}}`:                                   "exactly one",
		`{"name":"a","judge":{"rateRatio":{"savemargin2":1}}}`:      "savemargin2",
		`{"name":"a","judge":{"points":{"direction":"up"}}}`:        "direction",
		`{"name":"a","judge":{"burnRate":{"objective":1}}}`:         "objective",
		`{"name":"a","judge":{"meanCs":{"level":95}}}`:              "level",
		`{"name":"a","judge":{"rateRatio":{"safeMargin":0.5}}}`:     "safeMargin",
		`{"name":"a","judge":{"rateRatio":{"harmMargin":0.5}}}`:     "harmMargin",
		`{"name":"a","judge":{"rateRatio":{"direction":"up"}}}`:     "direction",
		`{"name":"a","judge":{"sloRate":{}}}`:                       "objective",
		`{"name":"a","judge":{"sloRate":{"objective":"much"}}}`:     "much",
		`{"name":"a","judge":{"tailLadder":{"quantiles":[0.5,1]}}}`: "quantiles",
		`{"name":"a","failures":"f","minRequests":-1}`:              "minRequests",
		`{"name":"a","failures":"f","slo":"soon"}`:                  "soon",
		`{"name":"a","failures":"f","alpha":0.9}`:                   "alpha",
		`{"name":"a","weight":-1}`:                                  "weight",
		`{"name":"a","judge":{"threshold":{"success":"result <"}}}`: "condition success",
	} {
		_, err := analysis.ParseConfig([]byte(text))
		require.ErrorContains(t, err, why, text)
	}
}

func TestShareAlpha(t *testing.T) {
	no := false
	configs := []analysis.Config{{Name: "a"}, {Name: "b", Weight: 3}, {Name: "c", Gates: &no}}
	analysis.ShareAlpha(configs, 0.01)
	require.InDelta(t, 0.0025, configs[0].Alpha, 1e-15)
	require.InDelta(t, 0.0075, configs[1].Alpha, 1e-15)
	require.InDelta(t, 0.01, configs[2].Alpha, 1e-15)
}

func TestDefaultJudge(t *testing.T) {
	for want, side := range map[string]*analysis.Counts{
		"rateRatio":  counts(10, 0),
		"points":     value(1),
		"tailLadder": {Buckets: map[string]float64{"+Inf": 1}},
	} {
		p, err := analysis.DefaultJudge(window(0, nil, side))
		require.NoError(t, err)
		require.Equal(t, want, p.Name())
	}
	_, err := analysis.DefaultJudge(window(0, nil, nil))
	require.Error(t, err)
}
