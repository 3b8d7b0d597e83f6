package bench

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/testsuite/procs"
)

// TestOptionsAreTheWorkers: the stage serves the queues as worker/queues.go
// says, which no other package can import.
func TestOptionsAreTheWorkers(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(procs.Root(), "worker", "queues.go"))
	require.NoError(t, err)
	for _, setting := range []string{
		"stickyTimeout = 700 * time.Millisecond", "openWindows = 2000", "heartbeatAtMost = 2 * time.Second",
		"MaxConcurrentActivityTaskPollers: 5", "workflowPollers = 20",
	} {
		require.Contains(t, string(source), setting, "change optionsFor, too")
	}
}

func TestWhatMissesItsBoundIsNamed(t *testing.T) {
	var table Table
	table.Add(Row{Name: "informs", Value: 9})
	table.Add(Row{Name: "holds", Bound: 2, Value: 2})
	require.Empty(t, table.Missed())
	table.Add(Row{Name: "misses", Bound: 2, Value: 2.1})
	table.Add(Row{Name: "is not a number", Bound: 2, Value: math.NaN()})
	require.Equal(t, []string{"misses", "is not a number"}, table.Missed())
}

func TestQuantileIsTheNearestRank(t *testing.T) {
	values := make([]int, 200)
	for i := range values {
		values[i] = 200 - i // 1 to 200, unsorted
	}
	require.Equal(t, 1, Quantile(values, 0))
	require.Equal(t, 100, Median(values))
	require.Equal(t, 198, Quantile(values, 0.99))
	require.Equal(t, 200, Quantile(values, 1))
	require.Equal(t, 200, values[0], "the argument is not sorted")
	require.Zero(t, Median[float64](nil))
	require.InDelta(t, 2.0, Median([]float64{9, 1, 2}), 0)
}

func TestTable(t *testing.T) {
	var table Table
	var out strings.Builder
	require.NoError(t, table.Print(&out))
	require.Empty(t, out.String())
	table.Add(Row{Name: "p50", Bound: 1.5, Value: 9, Unit: "×"})
	table.Add(Row{Name: "events", Bound: 320, Value: 321, Unit: "events"})
	table.Add(Row{Name: "by hand", Value: 0.254, Unit: "ms", Note: "informs"})
	table.Add(Row{Name: "p50", Bound: 1.5, Value: 1.5, Unit: "×"})
	require.NoError(t, table.Print(&out))
	require.Equal(t, `
figure   bound         value       met?  note
p50      ≤ 1.50 ×      1.50 ×      yes   
events   ≤ 320 events  321 events  NO    
by hand                0.25 ms           informs
`, out.String())
	require.False(t, Row{Bound: 1, Value: math.NaN()}.Met())
}
