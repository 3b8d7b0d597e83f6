package rollout

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestErrorBudget(t *testing.T) {
	b := ErrorBudget{Objective: "99.9%", Failures: "f", Requests: "r"}.WithDefaults()
	require.Equal(t, []Duration{Duration(5 * time.Minute), Duration(30 * time.Minute), Duration(time.Hour), Duration(6 * time.Hour), month}, b.Stretches())
	counted := func(m5, m30, h1, h6, d30 float64) map[Duration]Counts { // failures of 10,000 requests each, a budget of ten
		out := map[Duration]Counts{}
		for i, failures := range []float64{m5, m30, h1, h6, d30} {
			out[b.Stretches()[i]] = Counts{Requests: 10000, Failures: failures}
		}
		return out
	}
	tests := []struct {
		name    string
		counted map[Duration]Counts
		kind    string
		want    string
	}{
		{"nothing failed", counted(0, 0, 0, 0, 0), "", ""},
		{"half of it is left", counted(5, 5, 5, 5, 5), "", ""},
		{"the last of it", counted(0, 0, 0, 0, 10), BudgetSpent, "is spent: 0% of it is left for 30d"},
		{"an hour burns", counted(160, 0, 152, 0, 3), BudgetBurns, "burns ×15.2 over 1h and ×16.0 over 5m; 70% of it is left for 30d"},
		{"an hour burned, and is over", counted(0, 0, 152, 0, 3), "", ""},
		{"six hours burn", counted(0, 61, 0, 60, 3), BudgetBurns, "burns ×6.0 over 6h and ×6.1 over 30m; 70% of it is left for 30d"},
		{"below the factor", counted(143, 59, 143, 59, 9), "", ""},
		{"too few to tell", map[Duration]Counts{b.Stretches()[0]: {Requests: 10, Failures: 1}, b.Stretches()[2]: {Requests: 100, Failures: 9}, month: {Requests: 1e6, Failures: 9}}, "", ""},
		{"no requests", nil, "", ""},
	}
	for _, tt := range tests {
		kind, why := b.Weigh(tt.counted)
		require.Equal(t, tt.want, why, tt.name)
		require.Equal(t, tt.kind, kind, tt.name)
	}
}

// A decision takes less than 1 ms, with the most stretches that a budget has use for.
func TestQuickBudget(t *testing.T) {
	b, counted := busyBudget()
	const n = 1000
	begun := time.Now()
	for range n {
		b.Weigh(counted)
	}
	require.Less(t, time.Since(begun)/n, time.Millisecond)
}

func BenchmarkBudget(b *testing.B) {
	budget, counted := busyBudget()
	for b.Loop() {
		budget.Weigh(counted)
	}
}

// busyBudget looks at fifty pairs of stretches, of which the last burns.
func busyBudget() (ErrorBudget, map[Duration]Counts) {
	b := ErrorBudget{Objective: "99.9%", Failures: "f", Requests: "r"}.WithDefaults()
	b.Windows = nil
	for i := range Duration(50) {
		b.Windows = append(b.Windows, BurnWindows{Long: Duration(time.Hour) + i, Short: Duration(time.Minute) + i, Factor: 20})
	}
	b.Windows[49].Factor = 6
	counted := map[Duration]Counts{}
	for _, stretch := range b.Stretches() {
		counted[stretch] = Counts{Requests: 1e6, Failures: 1e4}
	}
	return b, counted
}
