package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// An id is of one spec, and who gives an order again is told what became of it since.
func TestAnOrderIsGivenAgain(t *testing.T) {
	s := open(t).scene(t)
	const queues = "policy: {onNewRelease: queue}"
	first := s.file(oneLong, queues)
	require.Zero(t, s.cli("start", first, "--id", "first").Code)
	s.bakes(1000)
	second := s.file(newer("2.6.0"), oneStep)
	for range 2 {
		again := s.cli("start", second, "--id", "second")
		require.Zero(t, again.Code, again.Stderr)
		require.Contains(t, again.Stdout, "in the queue: ")
	}
	for id, spec := range map[string]string{"first": s.file(oneStep, queues), "second": s.file(newer("2.6.0"), oneLong)} {
		for _, verb := range []string{"start", "run"} {
			other := s.cli(verb, spec, "--id", id)
			require.Equal(t, 15, other.Code, other.Stderr)
			require.Contains(t, other.Stderr, "with another spec, by tester@example.com: give this one an id of its own, with --id")
		}
	}
	require.Contains(t, s.cli("history", s.target(), "--orders").Stdout, "asked for 2.5.0: refused, the id first was that of an order of 2.5.0 with another spec")

	require.Zero(t, s.cli("abort", s.target(), "--queued", "second", "--reason", "a test").Code)
	for _, verb := range []string{"start", "run"} {
		dropped := s.cli(verb, second, "--id", "second")
		require.Equal(t, 11, dropped.Code, dropped.Stderr)
		require.NotContains(t, dropped.Stdout+dropped.Stderr, "in the queue: ")
	}
	s.order(0, "abort")
	s.ends(11, rollout.Aborted, "")
	over := s.result("start", first, "--id", "first")
	over.requires(s, 11, rollout.Aborted, "")
	s.asBefore()
}
