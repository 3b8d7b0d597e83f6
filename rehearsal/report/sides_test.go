package report_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report"
)

// Between two drills the candidate answers nobody: no line is drawn there.
func TestSidesHaveGaps(t *testing.T) {
	run := rich("a", 1)
	run.Series = []evidence.Series{
		{Name: "errors", Of: "pay", Unit: "ratio", Seconds: []float64{0, 9}, Values: []float64{0, 0}}, // a load, so that no other picture is of the sides
		{Name: "errors", Of: "baseline", Unit: "ratio", Seconds: []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, Values: []float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
		{Name: "errors", Of: "candidate", Unit: "ratio", Seconds: []float64{0, 1, 2, 7, 8, 9}, Values: []float64{0.1, 0.2, 0.1, 0.1, 0.2, 0.1}},
	}
	page := written(t, report.HTML, run)
	for side, drawn := range map[string]int{"baseline": 1, "candidate": 2} {
		require.Equal(t, drawn, strokes(t, page, "errors, "+side), side)
	}
}

// strokes is of how many pieces the first line of a name is.
func strokes(t *testing.T, page, name string) int {
	t.Helper()
	path := regexp.MustCompile(`<path[^>]* d="([^"]*)"[^>]*><title>` + name + `</title>`).FindStringSubmatch(page)
	require.NotEmpty(t, path, name)
	return strings.Count(path[1], "M")
}

// Where nothing was sent there are no errors, not 0 %, and where a signal was not read
// it is not what it was before and after.
func TestNoLineWhereNothingWasMeasured(t *testing.T) {
	run := rich("a", 1)
	run.EndedAt = after(30)
	until, from := []float64{0, 1, 2, 3, 4, 5}, []float64{12, 13, 14, 15, 16, 17}
	away := append(slices.Clone(until), from...)
	short := []float64{0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12} // no second 6
	series := func(name, of, unit string, seconds []float64) evidence.Series {
		return evidence.Series{Name: name, Of: of, Unit: unit, Seconds: seconds, Values: slices.Repeat([]float64{.5}, len(seconds))}
	}
	run.Series = []evidence.Series{
		series("errors", "pay", "ratio", away), series("latency-p50", "pay", "s", away), series("latency-p99", "pay", "s", away), series("errors", "browse", "ratio", short),
		series("connections", "", "", away), series("memory", "", "", short), series("rare", "", "", []float64{0, 10, 20, 30}),
		series("replicas", "", "replicas", away), series("weight", "users", "ratio", away), series("weight", "", "ratio", []float64{0, 17}),
	}
	page := written(t, report.HTML, run)
	for name, drawn := range map[string]int{
		"errors, pay": 2, "latency p50, pay": 2, "latency p99, pay": 2, "errors, browse": 2, "connections": 2, "replicas": 2, "candidate&#39;s share, as users met it": 2,
		"memory": 1, "rare": 1, // read late, or seldom
	} {
		require.Equal(t, drawn, strokes(t, page, name), name)
	}
	require.Regexp(t, `share, as users met it +█+ {6,}█+ {10,}50 %`, written(t, report.Markdown, run))
}
