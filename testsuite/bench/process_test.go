package bench

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim/httpworld"
)

// BenchmarkWorkers runs real workers over simulated services. The rollout of
// its history takes three minutes of real windows, on a server of its own;
// the others are measured meanwhile.
func BenchmarkWorkers(b *testing.B) {
	c := beginCourse(b)
	b.Run("dead", benchmarkDead)
	b.Run("idle", benchmarkIdle)
	b.Run("history", c.end)
}

// deadTrials is how often a worker is killed.
const deadTrials = 10

// benchmarkDead measures the time from an abort to the router being asked for
// the baseline's weights, where the worker that has the rollout in its cache
// was killed a moment ago and another one is alive. The clock starts before
// the abort is sent.
func benchmarkDead(b *testing.B) {
	server := procs.StartServer(b)
	c := dial(b, server)
	procs.StartWorker(b, server, "", "--queues", "analysis,infra")
	victim := launchControl(b, server)
	var took []time.Duration
	var why string // of the longest
	for i := range deadTrials {
		town := newTown(b)
		id := startRollout(b, c, orderFor(fmt.Sprintf("service-%d", i), town.drivers(), 10*time.Minute)).GetID()
		awaitWatching(b, c, id)
		other := launchControl(b, server)
		victim.Kill()
		victim = other
		sent := time.Now()
		require.NoError(b, c.SignalWorkflow(context.Background(), id, "", rollout.CommandAbort, abortCommand(id)))
		took = append(took, town.restored(b).Sub(sent))
		if took[i] == slices.Max(took) {
			why = lostTasks(history(b, c, id))
		}
	}
	b.ReportMetric(0, "ns/op")
	report(b, "ms-max", Row{Name: "abort with a dead sticky worker → restoring, longest", Bound: 1000, Value: milliseconds(Quantile(took, 1)), Unit: "ms",
		Note: fmt.Sprintf("%d trials, median %.0f ms; until the router is asked for the baseline's weights; the longest: %s",
			deadTrials, milliseconds(Median(took)), why)})
}

// launchControl starts a control worker and gives it the time to poll. It does
// not wait for "ready": after kills the server may see the polls only a minute
// later, although they are served.
func launchControl(b *testing.B, s *procs.Server) *procs.Worker {
	b.Helper()
	w := procs.LaunchWorker(b, s, "", "--queues", rollout.QueueControl)
	w.AwaitLine(b, "queues")
	time.Sleep(500 * time.Millisecond)
	return w
}

// lostTasks says which workflow tasks a dead worker cost: ScheduleToStart, the
// sticky timeout, ended one that nobody took; StartToClose, ten seconds, one
// that the server had still handed to the dead worker.
func lostTasks(h *historypb.History) string {
	var lost []string
	for i, e := range h.Events {
		if t := e.GetWorkflowTaskTimedOutEventAttributes(); t != nil {
			after := e.EventTime.AsTime().Sub(h.Events[i-1].EventTime.AsTime())
			lost = append(lost, fmt.Sprintf("%s after %.0f ms", t.TimeoutType, milliseconds(after)))
		}
	}
	if len(lost) == 0 {
		return "no task was lost"
	}
	return strings.Join(lost, ", ")
}

// awaitWatching returns when the first window of a rollout is open and its
// workflow waits.
func awaitWatching(b *testing.B, c client.Client, id string) {
	b.Helper()
	eventually(b, "an open window of "+id, func() bool {
		d, err := c.DescribeWorkflowExecution(context.Background(), id, "")
		if err != nil || d.GetPendingWorkflowTask() != nil {
			return false
		}
		for _, a := range d.GetPendingActivities() {
			if strings.HasSuffix(a.GetActivityId(), ".observe") {
				return a.GetLastStartedTime() != nil
			}
		}
		return false
	})
}

// town is a simulated service over HTTP.
type town struct {
	world *httpworld.Handler
	url   string
}

func newTown(b *testing.B) *town {
	world := httpworld.New(newWorld())
	s := httptest.NewServer(world)
	b.Cleanup(s.Close)
	return &town{world, s.URL}
}

// drivers of the service for real workers.
func (t *town) drivers() rollout.Drivers {
	d := rollout.Driver{Driver: "http", With: map[string]any{"url": t.url}}
	return rollout.Drivers{Deploy: d, Traffic: d, Metrics: &rollout.Driver{Driver: "scrape"}}
}

// restored waits for the second write of weights, the one of the way back, and
// returns when it came in.
func (t *town) restored(b *testing.B) (at time.Time) {
	b.Helper()
	eventually(b, "the restoring write", func() bool {
		writes := 0
		for _, r := range t.world.Requests() {
			if r.Method == http.MethodPut && r.Path == "/weights" {
				if writes++; writes == 2 {
					at = r.At
					return true
				}
			}
		}
		return false
	})
	return at
}

// idleRollouts is how many rollouts bake at once in benchmarkIdle.
const idleRollouts = 50

// benchmarkIdle counts goroutines of a control worker before and after it got
// rollouts that bake. Those of cached workflows are the sticky cache; no other
// may come with a rollout.
func benchmarkIdle(b *testing.B) {
	s := newStage(b, rollout.QueueControl)
	procs.StartWorker(b, s.server, "", "--queues", "analysis,infra")
	_, before := goroutines()
	heap := liveHeap()
	var ids []string
	for i := range idleRollouts {
		ids = append(ids, startRollout(b, s.client, orderFor(fmt.Sprintf("idle-%d", i), newTown(b).drivers(), 10*time.Minute)).GetID())
	}
	for _, id := range ids {
		awaitWatching(b, s.client, id)
	}
	cached, after := goroutines()
	b.ReportMetric(0, "ns/op")
	report(b, "goroutines", Row{Name: fmt.Sprintf("goroutines of %d idle rollouts, beyond the sticky cache", idleRollouts), Bound: slack,
		Value: float64(after - before), Unit: "goroutines", Note: fmt.Sprintf("and %d of cached workflows, %.0f kB each rollout", cached, (liveHeap()-heap)/idleRollouts/1024)})
}

// slack is how many goroutines may be busy with something at the moment of a
// count.
const slack = 5

// goroutines counts those of cached workflows and all others, but for HTTP's:
// the simulated services are in this process. It takes the least of several
// counts, because some come and go.
func goroutines() (cached, others int) {
	others = math.MaxInt
	buffer := make([]byte, 16<<20)
	for range 20 {
		time.Sleep(50 * time.Millisecond)
		inCache, rest := 0, 0
		for stack := range strings.SplitSeq(string(buffer[:runtime.Stack(buffer, true)]), "\n\n") {
			switch {
			case strings.Contains(stack, "internal.(*coroutineState).run"):
				inCache++
			case !strings.Contains(stack, "net/http"):
				rest++
			}
		}
		if rest < others {
			cached, others = inCache, rest
		}
	}
	return cached, others
}

// liveHeap is the bytes in use.
func liveHeap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
