package analysis_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

// What is impossible costs the time that it should have covered: up to a tenth
// of it may be missing, wherever that is.
func TestImpossibleWindowsMayCostATenth(t *testing.T) {
	bad := counts(100, 101)
	for _, tt := range []struct {
		name string
		bad  []int
		want analysis.Verdict
	}{
		{"the first", []int{0}, analysis.Pass},
		{"one in the middle", []int{4}, analysis.Pass},
		{"the last", []int{9}, analysis.Pass},
		{"two of ten", []int{3, 9}, analysis.Error},
		{"all", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, analysis.Error},
	} {
		ws := repeat(10, counts(900, 9), counts(100, 1))
		for _, i := range tt.bad {
			ws[i].Candidate = bad
		}
		j := fold(judge(t, rates(0.01)), ws...)
		got := j.Final("noHarm")
		require.Equal(t, tt.want, got.Verdict, "%s: %s", tt.name, got.Reason)
		require.Equal(t, len(tt.bad), got.Refused, tt.name)
	}
	j := fold(judge(t, rates(0.01)), append(repeat(10, counts(900, 9), counts(100, 1)), window(10, counts(900, 9), bad))...)
	require.Equal(t, analysis.Error, j.Verdict().Verdict, "what came last cannot be used, now")
}
