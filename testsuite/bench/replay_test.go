package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
	"bakeoff/workflows"
)

// replays is how often BenchmarkReplay replays.
const replays = 20

// BenchmarkReplay replays the history of BenchmarkWorkers' course, or, where
// that did not run, the longest golden one.
func BenchmarkReplay(b *testing.B) {
	events := whole
	if events == nil {
		events = longestGolden(b)
	}
	r := worker.NewWorkflowReplayer()
	r.RegisterWorkflowWithOptions(workflows.Rollout, workflow.RegisterOptions{Name: rollout.WorkflowType})
	logger := sdklog.NewStructuredLogger(silent())
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		require.NoError(b, r.ReplayWorkflowHistory(logger, events))
		took = append(took, time.Since(began))
	}
	last := took[max(0, len(took)-replays):]
	found.Add(Row{Name: fmt.Sprintf("replay of a history of %d events", len(events.Events)), Bound: 20, Value: milliseconds(Median(last)), Unit: "ms",
		Note: fmt.Sprintf("median of %d, longest %.1f ms", len(last), milliseconds(Quantile(last, 1)))})
}

// longestGolden finds the golden history with the most events.
func longestGolden(b *testing.B) *historypb.History {
	b.Helper()
	var longest *historypb.History
	files, err := filepath.Glob(filepath.Join(procs.Root(), "testsuite", "histories", "*", "*.json"))
	require.NoError(b, err)
	for _, file := range files {
		f, err := os.Open(file)
		require.NoError(b, err)
		h, err := client.HistoryFromJSON(f, client.HistoryJSONOptions{})
		require.NoError(b, err, file)
		require.NoError(b, f.Close())
		if longest == nil || len(h.Events) > len(longest.Events) {
			longest = h
		}
	}
	require.NotNil(b, longest, "no golden histories")
	return longest
}
