package demo

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestJudgeAgain(t *testing.T) {
	d := fakeTown(t, `[ "$1 $2" = "judge releases/1.2.0.yaml" ] && [ "$(cat)" = "one
two" ] || exit 3
echo '{"check":"errors","verdict":"Fail","e":1e300,"ratio":46.6,"windows":9,"reason":"errors ×46.6 (e=∞)"}'
echo '{"check":"*","verdict":"Fail"}'`)
	folder := filepath.Join(d.town.Dir, windowFolder, shopTarget, "1000")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "s01.w02.1003.jsonl"), []byte("two\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "s01.w01.1001.jsonl"), []byte("one\n"), 0o644))

	back := chapter{release: releases[1], result: result{Cause: "verdict", StartedAt: time.UnixMilli(1000), Checks: []check{
		{Name: "errors", Judge: "rateRatio", Verdict: "Fail", E: 1e300, Ratio: 46.6},
		{Name: "objective", Judge: "sloRate", Verdict: "Continue"},
	}}}
	chapters := []chapter{{release: releases[0]}, back}
	require.NoError(t, d.judgeAgain(t.Context(), chapters))
	require.Empty(t, chapters[0].judgedAgain()+chapters[0].judgeAgain(), "nothing was put back")
	require.Equal(t, "re-derived from 9 windows: errors ×46.6 (e=∞): the same", chapters[1].judgedAgain())
	require.Equal(t, "cat evidence/demo/shop/1000/*.jsonl | bakeoff judge releases/1.2.0.yaml", chapters[1].judgeAgain())
	require.NoError(t, chapters[1].verifyDerived())

	chapters[1].result.Checks[1].Verdict = "Fail" // the windows say nothing of it
	require.NoError(t, d.judgeAgain(t.Context(), chapters))
	require.ErrorContains(t, chapters[1].verifyDerived(), "1.2.0: its raw windows lead to another verdict")
	require.Contains(t, chapters[1].judgedAgain(), "not what was recorded")

	chapters[1].result.StartedAt = time.UnixMilli(2000)
	require.ErrorContains(t, d.judgeAgain(t.Context(), chapters), "judge 1.2.0 again: exit 3", "no windows")
}
