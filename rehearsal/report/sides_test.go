package report_test

import (
	"regexp"
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
	for side, strokes := range map[string]int{"baseline": 1, "candidate": 2} {
		path := regexp.MustCompile(`<path[^>]* d="([^"]*)"[^>]*><title>errors, ` + side + `</title>`).FindStringSubmatch(page)
		require.NotEmpty(t, path, side)
		require.Equal(t, strokes, strings.Count(path[1], "M"), side)
	}
}
