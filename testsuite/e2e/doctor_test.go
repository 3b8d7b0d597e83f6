package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
)

// Where no worker is left the doctor says so, soon: right after they died, when
// Temporal still takes them for pollers, by their silence.
func TestDoctorWithoutWorkers(t *testing.T) {
	s := open(t).scene(t)
	s.start(oneLong)
	s.bakes(1000)
	s.town.worker.Kill()
	began := time.Now()
	out := s.cli("doctor")
	require.Equal(t, 14, out.Code, out.Stderr)
	require.Contains(t, out.Stdout, "unserved: no worker answers for "+s.target())
	require.Less(t, time.Since(began), 15*time.Second)
	require.Equal(t, 0, s.cli("doctor", "--env", "nosuchenv").Code)
}

// Who waits in the queue of a Target that is terminated is told that the order is
// lost; so are the doctor's callers, and who reads what the Target was asked for.
func TestTheQueueIsLost(t *testing.T) {
	s := open(t).scene(t)
	s.start(oneLong, "policy: {onNewRelease: queue}")
	s.bakes(1000)
	waiting := s.inBackground("run", s.file(newer("2.6.0"), oneStep), "--reason", "a test")
	until(t, "2.6.0 is queued", func() bool { return len(s.above().Queue) == 1 })
	require.NoError(t, s.town.client(t).TerminateWorkflow(t.Context(), "target/"+s.target(), "", "by mistake"))
	out := <-waiting
	require.Equal(t, 1, out.Code, out.Stderr)
	require.Contains(t, out.Stderr, "the order of 2.6.0 is lost: the workflow that held it, target/"+s.target()+", was ended from outside")
	until(t, "the doctor finds it", func() bool {
		return strings.Contains(s.cli("doctor").Stdout, "lost: the Target was ended from outside")
	})
	require.Equal(t, 15, s.run(newer("2.7.0"), oneStep).code)
	told := s.cli("history", s.target(), "--orders").Stdout
	require.Contains(t, told, "asked for 2.6.0: queued, "+s.target()+" is held by the rollout of 2.5.0")
	require.Contains(t, told, "; lost when the Target was ended\n")
	require.Contains(t, told, "the Target was terminated from outside by ")
	require.Regexp(t, "asked for 2.7.0: refused, .* is held by a rollout that was not started here(, run [0-9a-f-]{36})?\n", told)
	s.order(0, "abort")
}

// A Target that waits for a rollout which is over is found, as one is whose look after
// it no worker takes; with workers for that it goes on by itself.
func TestTheTargetIsOrphaned(t *testing.T) {
	c := found(t)
	s := c.scene(t)
	s.start(oneLong)
	c.worker = procs.StartWorker(t, c.server, "")
	s.bakes(1000)
	until(t, "the rollout is known", func() bool { r := s.above().Running; return r != nil && r.RunID != "" })
	require.NotContains(t, s.cli("doctor").Stdout, "orphaned")
	c.worker.Kill()
	c.worker = procs.StartWorker(t, c.server, "", "--queues", "control")
	s.terminate()
	var out procs.Run
	until(t, "the doctor finds it", func() bool { out = s.cli("doctor"); return strings.Contains(out.Stdout, "orphaned") })
	require.Equal(t, 14, out.Code, out.Stdout)
	require.Regexp(t, "orphaned: it waits for run [0-9a-f-]{36}, which is over\n.*cancel the workflow target/"+s.target(), out.Stdout)
	c.worker.Kill()
	c.worker = procs.StartWorker(t, c.server, "")
	until(t, "the baseline has all of the traffic", func() bool { return s.weight() == 0 })
	s.ends(11, rollout.Aborted, "")
	s.asBefore()
	require.NotContains(t, s.cli("doctor").Stdout, "orphaned")
}
