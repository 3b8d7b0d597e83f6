package e2e_test

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim"
)

// What an abort may take beside workers that stop in the same moment: two tasks of
// the workflow are given to them, and are lost for two seconds each, before the server
// cuts them off. After that the bound of every abort holds.
const (
	frozenIssued   = 6 * time.Second
	frozenVerified = 10 * time.Second
	// takenOver is for an act that is already with such a worker: it may be silent
	// for four seconds, and would else be waited for for ten.
	takenOver = 8 * time.Second
)

// Two workers of three hang when rollouts are aborted. It is the worst case: they were
// there before the third, one of them has the rollout in its cache, and all that they
// have polled for is matched first. The first abort comes as they stop, the second
// later. What they wake up to is over.
func TestAbortBesideFrozenWorkers(t *testing.T) {
	c := open(t)
	hung := []*procs.Worker{c.worker, procs.StartWorker(t, c.server, "")}
	first, second := c.scene(t), c.scene(t)
	first.name, second.name = "first", "second"
	for _, s := range []*scene{first, second} {
		s.start(oneLong)
	}
	for _, s := range []*scene{first, second} {
		s.bakes(1000)
	}
	c.worker = procs.StartWorker(t, c.server, "")
	for _, w := range hung {
		w.Signal(syscall.SIGSTOP)
	}
	first.abortsWithin(frozenIssued, frozenVerified)
	second.abortsWithin(abortWithin, frozenVerified)
	for _, w := range hung {
		w.Signal(syscall.SIGCONT)
	}
	for _, s := range []*scene{first, second} {
		s.ends(11, rollout.Aborted, "")
		s.asBefore()
		require.Equal(t, undone, s.world.Log())
	}
}

// abortsWithin aborts, and requires when the router is written, and when the answer
// comes: the baseline is verified.
func (s *scene) abortsWithin(issued, verified time.Duration) {
	s.t.Helper()
	s.world.Forbid(candidate, "the abort")
	ordered := time.Now()
	e := s.order(0, "abort")
	s.t.Logf("%s: answered after %s; time to restore %+v", s.name, e.at.Sub(ordered), *e.TimeToRestore)
	s.wroteBackWithin(issued, ordered)
	require.Less(s.t, e.at.Sub(ordered), verified, "the answer")
}

// The only worker hangs while it puts traffic back, and another one comes. It writes
// the weights once the first has been silent for some seconds.
func TestFrozenWhilePuttingBack(t *testing.T) {
	s := open(t).scene(t)
	s.start(oneLong)
	s.bakes(1000)
	s.world.Fail(sim.OpShift, sim.Fault{Hang: true, Times: 1})
	s.world.Forbid(candidate, "the abort")
	ordered := time.Now()
	require.Equal(t, "stored", s.order(0, "abort", "--no-wait").Answer)
	temporal := s.town.client(t)
	until(t, "traffic is being put back", func() bool {
		d, err := temporal.DescribeWorkflowExecution(t.Context(), "rollout/"+s.target(), "")
		require.NoError(t, err)
		return slices.ContainsFunc(d.PendingActivities, func(a *workflowpb.PendingActivityInfo) bool {
			return a.ActivityId == "restore.traffic" && a.State == enumspb.PENDING_ACTIVITY_STATE_STARTED
		})
	})
	hung := s.town.worker
	hung.Signal(syscall.SIGSTOP)
	s.town.worker = procs.StartWorker(t, s.town.server, "")
	until(t, "the weights are written", func() bool { return s.weight() == 0 })
	s.wroteBackWithin(takenOver, ordered)
	hung.Signal(syscall.SIGCONT)
	s.ends(11, rollout.Aborted, "")
	s.asBefore()
	require.Equal(t, undone, s.world.Log())
}
