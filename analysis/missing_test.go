package analysis_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

// A missing observation is never a Pass: no judge takes what was not measured for
// a zero, whatever else a window holds.
func TestMissingIsNeverPass(t *testing.T) {
	sides := map[string]string{
		"buckets":             `{"buckets":{"0.1":70,"0.3":90,"+Inf":100}}`,
		"buckets, other":      `{"buckets":{"0.1":70,"0.5":90,"+Inf":100}}`,
		"requests, buckets":   `{"requests":100,"buckets":{"0.1":70,"0.3":90,"+Inf":100}}`,
		"value":               `{"value":0.4}`,
		"requests, value":     `{"requests":100,"value":0.4}`,
		"requests, failures":  `{"requests":100,"failures":10}`,
		"requests, no values": `{"requests":100,"failures":0}`,
		"nothing":             `{}`,
	}
	// What each judge judges by; with anything else it has nothing to say.
	suits := map[string][]string{
		"rateRatio":       {"requests, failures", "requests, no values"},
		"tailLadder":      {"buckets", "buckets, other", "requests, buckets"},
		"points":          {"value", "requests, value"},
		"threshold":       {"value", "requests, value", "requests, failures", "requests, no values", "buckets"},
		"sloRate":         {"requests, failures", "requests, no values", "buckets"},
		"burnRate":        {"requests, failures", "requests, no values", "buckets"},
		"meanCs":          {"value", "requests, value"},
		"mannWhitney":     {"value", "requests, value"},
		"groupSequential": {"requests, failures", "requests, no values"},
		"runCompare":      {"value", "requests, value"},
		"kayentaV1":       {"value", "requests, value"},
	}
	params := map[string]string{
		"threshold": `{"success":"result < 0.9"}`, "sloRate": `{"objective":"60%"}`, "burnRate": `{"objective":"60%"}`,
		"groupSequential": `{"looks":2}`,
	}
	require.Len(t, suits, len(analysis.Judges()))
	for _, name := range analysis.Judges() {
		passed := 0
		for what, side := range sides {
			check := fmt.Sprintf(`{"name":"c","slo":"300ms","bounds":[0.1],"judge":{%q:%s}}`, name, orObject(params[name]))
			config, err := analysis.ParseConfig([]byte(check))
			require.NoError(t, err, name)
			j := judge(t, config)
			for i := range 40 {
				line := fmt.Sprintf(`{"check":"c","start":%d,"end":%d,"pair":"p%d","baseline":%s,"candidate":%s}`, 10*i, 10*i+10, i/8, side, side)
				w, err := analysis.DecodeWindow([]byte(line))
				require.NoError(t, err)
				vary(w.Candidate, i)
				_ = j.Fold(w)
			}
			e := j.Final(analysis.RequireNoHarm)
			if e.Verdict == analysis.Pass {
				passed++
				require.Contains(t, suits[name], what, "%s: %s", name, e.Reason)
			}
		}
		require.True(t, passed > 0 || name == "runCompare", "%s passes what suits it", name) // that one proves by pairs, and may want more of them
	}
}

// vary makes two series out of what would else be one, and so no data.
func vary(c *analysis.Counts, i int) {
	if c.Value != nil {
		*c.Value += float64(i%2*2-1) * float64(i%7) / 100
	}
	if c.Requests > 0 {
		c.Requests += float64(i % 7)
	}
	if c.Buckets != nil {
		c.Buckets["+Inf"] += float64(i % 7)
	}
}

func orObject(params string) string {
	if params == "" {
		return "{}"
	}
	return params
}

// What a histogram counts as slower than an objective is only known at its bounds.
func TestSlower(t *testing.T) {
	config := func(slo string) analysis.Config {
		c, err := analysis.ParseConfig([]byte(`{"name":"latency","histogram":"h","slo":"` + slo + `","judge":{"sloRate":{"objective":"99%"}}}`))
		require.NoError(t, err)
		return c
	}
	var ws []analysis.Window
	for i := range 30 {
		w, err := analysis.DecodeWindow(fmt.Appendf(nil, `{"check":"latency","start":%d,"end":%d,"candidate":{"buckets":{"0.1":70,"0.3":90,"+Inf":100}}}`, i, i+1))
		require.NoError(t, err)
		ws = append(ws, w)
	}
	for slo, want := range map[string]analysis.Verdict{"300ms": analysis.Fail, "100ms": analysis.Fail, "200ms": analysis.Error, "50ms": analysis.Error, "5s": analysis.Error} {
		e := fold(judge(t, config(slo)), ws...).Final(analysis.RequireNoHarm)
		require.Equal(t, want, e.Verdict, "%s: %s", slo, e.Reason)
		if slo == "300ms" {
			require.Equal(t, 0.1, e.Candidate.Failures/e.Candidate.Requests)
		}
	}
	_, err := analysis.Counts{Buckets: map[string]float64{"0.1": 1, "0.5": 2, "+Inf": 3}}.Slower(0.3)
	require.ErrorContains(t, err, "the slo of 0.3 s is no bound of the histogram (nearest: 0.1 and 0.5)")
	body, err := json.Marshal(ws[0])
	require.NoError(t, err)
	require.NotContains(t, string(body), "failures")
}
