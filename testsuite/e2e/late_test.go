package e2e_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim"
)

// What a server still delivers when a worker comes is not carried out: an order that
// was refused stays refused, and one that was aborted is not started again.
func TestOrdersThatAreDeliveredLate(t *testing.T) {
	c := open(t)
	s := c.scene(t)
	s.world.Behave("2.7.0", sim.Behaviour{Rate: 400, Failures: 0.01})
	c.worker.Kill() // a moment ago: the server sends to it what is asked
	first := s.file(oneLong)
	for range 2 { // the same id is the same order
		e := s.result("start", first, "--reason", "a test", "--id", "first")
		require.Zero(t, e.code, e.Reason)
	}
	e := s.result("start", s.file(newer("2.6.0"), oneStep), "--reason", "a test", "--id", "second")
	require.Equal(t, 15, e.code, e.Reason)
	s.order(0, "abort", "--no-wait")

	c.worker = procs.StartWorker(t, c.server, "")
	s.ends(11, rollout.Aborted, "")
	fate := func(id string) rollout.Fate {
		known := s.above().Fates
		i := slices.IndexFunc(known, func(f rollout.Submission) bool { return f.ID == id })
		if i < 0 {
			return ""
		}
		return known[i].Fate
	}
	until(t, "both orders are known", func() bool { return fate("first") == rollout.FateStarted && fate("second") == rollout.FateRefused })
	s.start(newer("2.7.0"), oneStep)
	s.ends(0, rollout.Promoted, "")
	log := strings.Join(s.world.Log(), "\n")
	require.NotContains(t, log, "2.6.0")
	require.Equal(t, 1, strings.Count(log, "deploy 2.7.0"))
	require.LessOrEqual(t, strings.Count(log, "deploy "+candidate), 1)
}
