package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

func TestBrief(t *testing.T) {
	tests := map[string]time.Duration{
		"0s": 0, "0.3s": 300 * time.Millisecond, "3.5s": 3500 * time.Millisecond, "12s": 12400 * time.Millisecond,
		"1m": 59900 * time.Millisecond, "4m05s": 4*time.Minute + 5*time.Second, "1h": 59*time.Minute + 59600*time.Millisecond,
		"3h20m": 3*time.Hour + 20*time.Minute, "1d": 24*time.Hour - 10*time.Second, "2d4h": 52 * time.Hour, "7d": 7 * 24 * time.Hour, "-5s": -5 * time.Second,
	}
	for want, d := range tests {
		require.Equal(t, want, brief(d), d.String())
	}
}

func TestBar(t *testing.T) {
	for share, want := range map[float64]string{0: "░░░░", 0.5: "██░░", 1: "████", 7: "████", -1: "░░░░"} {
		require.Equal(t, want, bar(share, 4))
	}
	require.Equal(t, "░░░░", bar(math.NaN(), 4))
}

func TestShortCutsBetweenRunes(t *testing.T) {
	require.Equal(t, "grö…", short("größer", 7))
	require.Equal(t, "größer", short("größer", 8))
	require.Equal(t, "…", short("größer", 1))
}

func TestOneLineIsSafeForATerminal(t *testing.T) {
	require.Equal(t, "a b [31mc", oneLine("a\nb \x1b[31mc\a"))
}

func TestIntervalsAndNumbers(t *testing.T) {
	low := 1.159
	require.Equal(t, "[1.16, ∞]", interval([]*float64{&low, nil}))
	require.Equal(t, "", interval([]*float64{nil, nil}))
	require.Equal(t, "∞", number(1e300))
	require.Equal(t, "411", number(411.2))
}

func TestResultText(t *testing.T) {
	s := result(rollout.RolledBack, rollout.CauseVerdict)
	s.Reason, s.UIURL = "errors ×3.1 at 5%", "http://ui/x"
	s.Checks[0].Verdict, s.Checks[0].Reason = rollout.Fail, "errors ×1.02 [0.8, 1.3] (e=411)"
	s.TimeToRestore = &rollout.TimeToRestore{Decide: 1200e6, Traffic: 300e6, Health: 2e9, Total: 3500e6}
	require.Equal(t, `production/checkout: RolledBack (verdict)
  reason           errors ×3.1 at 5%
  releases         2.4.1 → 2.5.0
  time to restore  3.5s (decided 1.2s, traffic 0.3s, health 2s)
  started          2026-11-21T12:00:00Z by ana
  took             20m
  history          http://ui/x
  errors  Fail  ×1.02 [0.8, 1.3]  errors ×1.02 [0.8, 1.3] (e=411)
`, resultText(s, style{}))
	require.Contains(t, resultText(s, style{true}), "\x1b[31mRolledBack\x1b[0m (verdict)")
	require.Contains(t, resultText(s, style{true}), "errors  \x1b[31mFail\x1b[0m  ×1.02")
}

func TestBlock(t *testing.T) {
	s := baking()
	require.Equal(t, []string{
		"production/checkout  2.4.1 → 2.5.0  Running",
		"  █░░░░░░░░░░░░░░░░░░░  step 1/2 at 5%",
		"  bake ██████░░░░░░░░░░░░░░  7m of 10m left, window 2",
		"  errors  Continue      fail ██░░░░░░░░ pass █████░░░░░  ×1.02 [0.8, 1.3]",
	}, block(s, noon.Add(2*time.Minute), style{}))

	until := noon.Add(time.Hour)
	s.Phase, s.WaitingFor, s.WaitingUntil, s.Paused, s.Window.Counts, s.Stale = rollout.PhaseWaiting, "approval", &until, true, false, true
	lines := block(s, noon, style{})
	require.Equal(t, "production/checkout  2.4.1 → 2.5.0  Waiting, paused  no worker answers", lines[0])
	require.Equal(t, "  bake ██░░░░░░░░░░░░░░░░░░  9m of 10m stands still, window 2", lines[2])
	require.Equal(t, "  waiting for approval until 2026-11-21 13:00:00Z (1h left)", lines[3])
}

func TestPlainViewWritesALineForEachChange(t *testing.T) {
	var out bytes.Buffer
	v := &plainView{w: &out, now: func() time.Time { return noon }}
	s := baking()
	v.show(s)
	s.Reason, s.Checks[0].Ratio, s.Window.Number = "errors ×1.03", 1.03, 3 // no change that people care about
	v.show(s)
	s.Checks[0].Verdict = rollout.NoData
	v.show(s)
	s.Paused, s.Phase, s.WaitingFor = true, rollout.PhaseWaiting, "pause"
	v.show(s)
	require.Equal(t, []string{
		"2026-11-21T12:00:00Z Running, step 1/2 at 5%, errors Continue",
		"2026-11-21T12:00:00Z Running, step 1/2 at 5%, errors NoData",
		"2026-11-21T12:00:00Z Waiting, paused, waiting for pause, step 1/2 at 5%, errors NoData",
	}, strings.Split(strings.TrimSpace(out.String()), "\n"))
}

func TestLiveViewDrawsOverItself(t *testing.T) {
	var out bytes.Buffer
	v := &liveView{w: &out, now: func() time.Time { return noon }}
	v.show(baking())
	out.Reset()
	v.show(baking())
	require.True(t, strings.HasPrefix(out.String(), wrapOff+"\x1b[4A\r\x1b[J"), "%q", out.String())
	out.Reset()
	v.close()
	require.Equal(t, "\x1b[4A\r\x1b[J", out.String())
	v.close()
	require.Equal(t, "\x1b[4A\r\x1b[J", out.String(), "once")
}

func TestWhere(t *testing.T) {
	s := rollout.Status{Steps: 2}
	require.Equal(t, "before step 1, at 0%", where(s))
	s.Step, s.Weight = 3, rollout.All
	require.Equal(t, "promotion, at 100%", where(s))
}

func TestLinks(t *testing.T) {
	tests := []struct{ ui, address, want string }{
		{"", "127.0.0.1:7233", "http://127.0.0.1:8233/namespaces/n%2Fs/workflows/rollout%2Fa%2Fb/r/history"},
		{"", "localhost:7233", "http://127.0.0.1:8233/namespaces/n%2Fs/workflows/rollout%2Fa%2Fb/r/history"},
		{"", "temporal.example:7233", ""},
		{"https://ui/", "temporal.example:7233", "https://ui/namespaces/n%2Fs/workflows/rollout%2Fa%2Fb/r/history"},
	}
	for _, tt := range tests {
		c := &cli{process: &process{getenv: func(string) string { return "" }}, ui: tt.ui, connection: connection{Address: tt.address, Namespace: "n/s"}}
		require.Equal(t, tt.want, c.link(run{"rollout/a/b", "r"}))
	}
}

func TestWindowsAreListedShort(t *testing.T) {
	w := []rollout.Duration{60e9, 120e9, 3600e9, 3600e9, 3600e9}
	require.Equal(t, "1m, 2m, 3 × 1h", windows(w))
	require.Equal(t, "1m, 1m", windows([]rollout.Duration{60e9, 60e9}))
}
