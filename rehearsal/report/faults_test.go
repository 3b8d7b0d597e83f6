package report_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report"
)

// A fault that a dead worker interrupted was not in force all the time: each stretch
// is drawn by itself, behind the signals, too.
func TestInterruptedFault(t *testing.T) {
	run := rich("a", 1)
	run.Faults = []evidence.Fault{
		{Name: "slow-db", What: "latency 200ms", StartedAt: after(60), EndedAt: after(94), RemovedBy: "rehearsal", Verified: true,
			Stretches: []evidence.Stretch{{From: after(60), To: after(70)}, {From: after(86), To: after(94)}}},
		{Name: "whole", What: "errors 5%", StartedAt: after(100), EndedAt: after(110), RemovedBy: "rehearsal", Verified: true},
		{Name: "never", What: "nothing", RemovedBy: "failure"},
	}
	page := written(t, report.HTML, run)
	picture := page[strings.Index(page, "<svg"):strings.Index(page, "</svg>")]
	for kind, n := range map[string]int{`class="span k-fault"`: 3, `class="shade`: 3, "<title>slow-db: latency 200ms</title>": 4} {
		require.Equal(t, n, strings.Count(picture, kind), kind)
	}
	for _, text := range []string{page, written(t, report.Markdown, run)} {
		require.Contains(t, text, "18 s of 34 s, interrupted")
		require.Equal(t, 1, strings.Count(text, ", interrupted"))
	}
	require.Regexp(t, `\| whole \| errors 5% \| 1:40 \| 10 s \|`, written(t, report.Markdown, run))
	require.Regexp(t, `\| never \| nothing \| – \| – \|`, written(t, report.Markdown, run))
	require.Regexp(t, `slow-db +█+ █+ *\n`, written(t, report.Markdown, run))
}
