package demo

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	vegeta "github.com/tsenart/vegeta/v12/lib"

	"bakeoff/deploy/dev/shop"
)

func story() []chapter {
	promoted := chapter{release: releases[0], code: 0, story: observed("50%", "100%"), seen: map[string]answers{
		"1.0.0": {Requests: 2000, Failed: 4}, "1.1.0": {Requests: 1000, Failed: 2, Slow: 1},
	}, hurt: 9 * time.Second}
	promoted.result = result{Outcome: "Promoted", Reason: "1.1.0 serves everybody", UIURL: "http://ui/1"}
	back := chapter{release: releases[1], code: 10, story: observed("10%"), seen: map[string]answers{
		"1.1.0": {Requests: 900, Failed: 2}, "1.2.0": {Requests: 100, Failed: 8}, nobody: {Requests: 1, Failed: 1},
	}, hurt: 4210 * time.Millisecond}
	back.result = result{Outcome: "RolledBack", Cause: "verdict", Reason: "errors ×40 at 10%", UIURL: "http://ui/2"}
	back.result.TimeToRestore = &struct{ Decide, Traffic, Health, Total string }{"0s", "54ms", "1.849s", "1.903s"}
	back.result.StartedAt = time.UnixMilli(1795285458286)
	errs := check{Name: "errors", Judge: "rateRatio", Verdict: "Fail", Reason: "errors ×40", Ratio: 40, E: 977, Windows: 9}
	back.derived = []derivation{{errs, errs}}
	back.derived[0].again.Check = "errors"
	return []chapter{promoted, back}
}

// observed is the history of a rollout that these weights were observed in.
func observed(weights ...string) []event {
	var story []event
	for i, w := range weights {
		e := event{Kind: "WeightObserved", Step: i + 1}
		e.Data.Weight = w
		story = append(story, e)
	}
	return story
}

func TestRender(t *testing.T) {
	whole := map[string]answers{"1.0.0": {Requests: 2000, Failed: 4}, "1.2.0": {Requests: 100, Failed: 8}, nobody: {Requests: 1, Failed: 1}}
	const want = `                           WEIGHT   TIME TO  REQUESTS   OF THESE                      USERS
RELEASE  OUTCOME     EXIT  REACHED  RESTORE  MEANWHILE  TO IT     FAILED    SLOW      HURT FOR
1.1.0    Promoted    0     100%     –        3000       1000      2 (0.2%)  1 (0.1%)  –
1.2.0    RolledBack  10    10%      1.9s     1001       100       8 (8.0%)  0         4.2s

why       1.1.0  1.1.0 serves everybody
          1.2.0  errors ×40 at 10%

restored  1.2.0  decided in 0s, traffic back 50ms later, health verified after 1.8s more

judged    1.2.0  re-derived from 9 windows: errors ×40: the same

by hand   1.2.0  cat evidence/demo/shop/1795285458286/*.jsonl | bakeoff judge releases/1.2.0.yaml

history   1.1.0  http://ui/1
          1.2.0  http://ui/2

users     sent 2101 requests from beginning to end; 13 failed:
          4 by 1.0.0, 8 by 1.2.0, 1 lost on the way
`
	require.Equal(t, want, render(story(), whole))
}

func TestAStrayFailureHurtsNobody(t *testing.T) {
	c := chapter{release: release{Version: "1.4.0"}, seen: map[string]answers{"1.4.0": {Requests: 30, Failed: 2}}, hurt: time.Second}
	require.Equal(t, "–", hurt(c))
	c.seen["1.4.0"] = answers{Requests: 30, Failed: 2, Slow: 1}
	require.Equal(t, "1s", hurt(c))
	c.seen["1.1.0"] = answers{Requests: 100, Slow: 7}
	require.Equal(t, "–", hurt(c), "the others are slow, too")
}

func TestVerify(t *testing.T) {
	require.NoError(t, verify(story()))
	tests := []struct {
		name  string
		spoil func(*chapter)
		want  string
	}{
		{"exit code", func(c *chapter) { c.code = 0 }, "1.2.0: the exit code is 0, not 10"},
		{"outcome", func(c *chapter) { c.result.Outcome = "Aborted" }, "the outcome is Aborted, not RolledBack"},
		{"cause", func(c *chapter) { c.result.Cause = "deploy" }, "the cause is deploy, not verdict"},
		{"weight", func(c *chapter) { c.story = observed("100%") }, "it reached 100%"},
		{"time to restore", func(c *chapter) { c.result.TimeToRestore = nil }, "time to restore"},
		{"check", func(c *chapter) { c.check = "latency" }, `the reason is "errors ×40 at 10%", not the check latency`},
		{"bakes", func(c *chapter) { c.bake = "1m" }, "1.2.0: no step ended early"},
		{"derived", func(c *chapter) { c.derived[0].again.E = 978 }, "1.2.0: its raw windows lead to another verdict"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			chapters := story()
			tt.spoil(&chapters[1])
			require.ErrorContains(t, verify(chapters), tt.want)
		})
	}
}

func TestLedger(t *testing.T) {
	l, start := newLedger(), time.Unix(1000, 0)
	add := func(after time.Duration, version string, code uint16, latency time.Duration) {
		headers := http.Header{}
		if version != nobody {
			headers.Set(shop.VersionHeader, version)
		}
		l.record(&vegeta.Result{Timestamp: start.Add(after), Code: code, Latency: latency, Headers: headers})
	}
	add(0, "1", 200, time.Millisecond)
	add(time.Second, "2", 500, time.Second) // arrives at 2s
	add(2500*time.Millisecond, "2", 200, 51*time.Millisecond)
	add(3*time.Second, nobody, 502, time.Millisecond)
	add(3*time.Second, "1", 200, slow)
	l.record(&vegeta.Result{Method: "GET", URL: "http://shop/", Timestamp: start.Add(3 * time.Second), Error: "connection refused"})
	add(9*time.Second, "2", 500, time.Millisecond) // after the end

	end := start.Add(5 * time.Second)
	require.Equal(t, map[string]answers{
		"1": {Requests: 2}, "2": {Requests: 2, Failed: 1, Slow: 1}, nobody: {Requests: 2, Failed: 2},
	}, l.total(start, end))
	require.Equal(t, 551*time.Millisecond, l.hurt("2", start, end))
	require.Zero(t, l.hurt("1", start, end))
	require.Contains(t, l.losses(), "lost      1 × GET http://shop/: connection refused\n")
	require.Equal(t, answers{Requests: 6, Failed: 3, Slow: 1}, sum(l.total(start, end)))
}

func TestBrief(t *testing.T) {
	for in, want := range map[string]string{"54ms": "50ms", "1.849s": "1.8s", "0s": "0s", "1m2.34s": "1m2.3s", "soon": "soon"} {
		require.Equal(t, want, round(in))
	}
}
