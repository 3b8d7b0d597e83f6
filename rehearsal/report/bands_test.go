package report_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report"
)

// TestBandsAreDrawnAsTheyAreJudged: straight from point to point, an end that is
// open at one point open between both, and of one load only where they say so.
func TestBandsAreDrawnAsTheyAreJudged(t *testing.T) {
	series := func(of string, values ...float64) evidence.Series {
		return evidence.Series{Name: evidence.SeriesErrors, Of: of, Unit: "ratio", Seconds: []float64{0, 10, 20, 30, 40}, Values: values}
	}
	rising := []evidence.BandPoint{{Second: 0, High: to(0.1)}, {Second: 20, High: to(0.3)}, {Second: 30, Low: to(0.0)}}
	tests := []struct {
		name   string
		of     string
		series []evidence.Series
		want   string
	}{
		{"below the slope", "", []evidence.Series{series("", 0.1, 0.19, 0.3, 0, 0)}, "every signal within its expected band"},
		{"above the slope", "", []evidence.Series{series("", 0.1, 0.21, 0.3, 0, 0)}, "1 stretch outside"},
		{"open and after the end", "", []evidence.Series{series("", 0.1, 0.2, 0.3, 0.9, 0.9)}, "every signal within its expected band"},
		{"two stretches", "", []evidence.Series{series("", 0.2, 0.2, 0.4, 0, 0)}, "2 stretches outside"},
		{"of another load", "pay", []evidence.Series{series("browse", 0.9, 0.9, 0.9, 0, 0), series("pay", 0, 0, 0, 0, 0)}, "every signal within its expected band"},
		{"of all", "", []evidence.Series{series("", 0, 0, 0, 0, 0), series("pay", 0.9, 0.9, 0.9, 0, 0)}, "every signal within its expected band"},
		{"of each, without all", "", []evidence.Series{series("browse", 0, 0, 0, 0, 0), series("pay", 0.9, 0.9, 0.9, 0, 0)}, "1 stretch outside"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run := evidence.Run{StartedAt: began, EndedAt: after(40), Series: tt.series,
				Criteria: []evidence.Criterion{{Name: "errors", Outcome: evidence.Passed, Signal: evidence.SeriesErrors, Of: tt.of, Band: rising}}}
			require.Contains(t, written(t, report.Text, run), tt.want)
		})
	}
}

func TestTheMarkIsAtTheWorstOfAStretch(t *testing.T) {
	run := evidence.Run{StartedAt: began, EndedAt: after(40),
		Series:   []evidence.Series{{Name: evidence.SeriesErrors, Unit: "ratio", Seconds: []float64{0, 10, 20}, Values: []float64{0.2, 0.5, 0.3}}},
		Criteria: []evidence.Criterion{{Name: "errors", Signal: evidence.SeriesErrors, Band: []evidence.BandPoint{{Second: 0, High: to(0.1)}, {Second: 40, High: to(0.1)}}}}}
	page := written(t, report.HTML, run)
	require.Contains(t, page, "errors: 50 % at 0:10, expected 10 %")
	require.NotContains(t, page, "errors: 20 % at 0:00")
}
