package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
)

// waiting runs wait beside the test; its result comes through the channel.
func (s *scene) waiting() <-chan procs.Run {
	out := make(chan procs.Run, 1)
	go func() { out <- s.cli("wait", s.target(), "-o", "json") }()
	return out
}

// comes returns what a wait beside the test came to.
func (s *scene) comes(from <-chan procs.Run) ended {
	s.t.Helper()
	select {
	case out := <-from:
		return s.read(out)
	case <-time.After(patience):
		s.t.Fatal("wait does not return")
		return ended{}
	}
}

// The server dies in mid-bake and comes back over the same database. Whoever
// waits notices nothing but the time it took.
func TestServerCrash(t *testing.T) {
	c := open(t)
	good, bad := c.scene(t), c.scene(t)
	good.name, bad.name = "good", "bad"
	good.start()
	bad.start(oneLong)
	goodEnds, badEnds := good.waiting(), bad.waiting()
	good.bakes(1000)
	bad.bakes(1000)
	c.server.Kill()
	bad.breaks()
	time.Sleep(2 * time.Second)
	require.Equal(t, rollout.Weight(1000), bad.weight(), "nobody decides without a server")
	c.server.Restart(t)

	good.comes(goodEnds).requires(good, 0, rollout.Promoted, "")
	require.Equal(t, promotedTwo, good.world.Log())
	good.deployedOnce()
	good.stayed(bake, 1000, 5000, rollout.All)
	bad.comes(badEnds).requires(bad, 10, rollout.RolledBack, rollout.CauseVerdict)
	require.Equal(t, undone, bad.world.Log())
	bad.asBefore()
}

// An abort, and a wait, that are begun while the server is away are carried out when it
// is back; who only looks is told at once.
func TestCommandsBeforeTheServer(t *testing.T) {
	c := open(t)
	s := c.scene(t)
	s.start(oneLong)
	s.bakes(1000)
	c.server.Kill()
	begin := func(args ...string) <-chan procs.Run {
		out := make(chan procs.Run, 1)
		go func() { out <- s.cli(append(args, "-o", "json")...) }()
		return out
	}
	aborts := begin("abort", s.target(), "--reason", "the test says so")
	waits := begin("wait", s.target())
	require.Equal(t, 1, s.cli("status", s.target()).Code)
	c.server.Restart(t)
	for _, command := range []struct {
		came <-chan procs.Run
		code int
	}{{aborts, 0}, {waits, 11}} {
		out := <-command.came
		require.Equal(t, command.code, out.Code, out.Stderr)
		require.Equal(t, 1, strings.Count(out.Stderr, "trying on"), out.Stderr)
	}
	s.asBefore()
}

// Abort is stored while no worker runs, and obeyed by the first that comes.
func TestAbortWithoutWorker(t *testing.T) {
	s := open(t).scene(t)
	s.start(oneLong)
	s.bakes(1000)
	s.town.worker.Kill()
	require.Equal(t, "stored", s.order(0, "abort", "--no-wait").Answer)
	require.True(t, s.status().Stale, "told from history: no worker answers")
	require.Equal(t, rollout.Weight(1000), s.weight())
	s.world.Forbid(candidate, "the abort")
	s.town.worker = procs.StartWorker(t, s.town.server, "")
	came := time.Now()
	s.ends(11, rollout.Aborted, "")
	s.wroteBackWithin(abortWithin, came)
	s.asBefore()
}
