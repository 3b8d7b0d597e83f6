package e2e_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/ports"
	"bakeoff/testsuite/procs"
)

// What cannot be started says why, and touches nothing.
func TestRefused(t *testing.T) {
	c := open(t)
	for name, row := range map[string]struct {
		spec   string
		code   int
		says   string
		begins bool // a worker refuses it, not the command
		before func(*scene)
	}{
		"UnknownField": {spec: "strategie: {}", code: 3, says: `:9:1: .*strategie.*strategy`},
		"Weight":       {spec: "strategy: {canary: [{weight: 120%, bake: 5s}]}", code: 3, says: `:6:30: .*120%`},
		"MutableTag": {spec: "release: {version: 2.5.0, artifact: 'registry.example/checkout:latest'}", code: 3,
			says: "pin it by digest", begins: true},
		"UnknownDriver": {spec: "target: {deploy: {driver: htpp}, traffic: {driver: http, with: {url: 'http://127.0.0.1:1'}}, metrics: {driver: scrape}}",
			code: 3, says: "htpp.*http", begins: true},
		"Serving": {spec: "release: {version: 2.4.1, artifact: 'registry.example/checkout@sha256:9f86d081884c7d65'}", code: 15,
			says: "2.4.1 is serving already", begins: true},
		"Dirty": {spec: oneStep, code: 15, says: "several versions have traffic", begins: true,
			before: func(s *scene) { s.world.SetWeights(rollout.Split{baseline: 9000, "2.3.0": 1000}) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.scene(t)
			if row.before != nil {
				row.before(s)
			}
			out := s.cli("run", s.file(row.spec), "--reason", "a test", "-o", "json")
			require.Equal(t, row.code, out.Code, out.Stderr)
			require.Regexp(t, regexp.MustCompile(row.says), out.Stdout+out.Stderr)
			require.Empty(t, s.asked("PUT"))
			require.Empty(t, s.asked("DELETE"))
			if row.code == 3 {
				require.Empty(t, s.http.Requests())
			}
			if !row.begins {
				require.Equal(t, 1, s.cli("status", s.target()).Code, "nothing was started")
			}
		})
	}
}

// A spec without what its environment wants of each is refused for good, an order
// without a reason until it has one.
func TestWantsPurposeAndReason(t *testing.T) {
	c := found(t)
	c.worker = procs.StartWorker(t, c.server, "limits: {staging: {requirePurpose: true, requireReason: true}}\n")
	s := c.scene(t)
	out := s.run(oneStep)
	out.requires(s, 3, rollout.Refused, rollout.CauseSpec)
	require.Contains(t, out.Reason, "purpose: staging needs a purpose")
	const purpose = "purpose: faster checkout"
	for _, reason := range [][]string{nil, {"--reason", " "}} {
		out = s.result(append([]string{"run", s.file(oneStep, purpose)}, reason...)...)
		out.requires(s, 15, rollout.Refused, rollout.CausePolicy)
		require.Contains(t, out.Reason, "staging wants a reason for each start: give one with --reason")
	}
	require.Zero(t, s.cli("plan", s.file(oneStep, purpose)).Code)
	refusal := s.told(rollout.EventRefused)[0].Data["policy"]
	require.Contains(t, c.worker.Tail(100), refusal, "the worker says which policy it has")
	s.start(oneStep, purpose)
	s.bakes(1000)
	s.order(0, "pause")
	s.order(0, "resume")
	s.ends(0, rollout.Promoted, "")
	for _, e := range append(s.told(rollout.EventAdmitted), s.told(rollout.EventCommand)...) {
		require.Equal(t, refusal, e.Data["policy"], e.Text)
	}
}

// One rollout holds its target. Who waits for it learns what it waits for.
func TestBusyAndTimeout(t *testing.T) {
	s := open(t).scene(t)
	s.start(oneLong, "owner: team-payments")
	s.bakes(1000)
	holder := s.status()
	requests := len(s.asked("PUT"))
	second := s.run("release: {version: 2.6.0, artifact: 'registry.example/checkout@sha256:9f86d081884c7d65'}")
	require.Equal(t, 15, second.code)
	require.Equal(t, rollout.Refused, second.Outcome)
	for _, named := range []string{holder.RunID, candidate, "tester@example.com"} {
		require.Contains(t, second.Reason, named)
	}
	require.Len(t, s.asked("PUT"), requests)

	running := s.wait("--timeout", "1s")
	require.Equal(t, 20, running.code)
	require.Equal(t, rollout.PhaseRunning, running.Phase)
	s.order(0, "pause")
	paused := s.wait("--timeout", "1s")
	require.Equal(t, 21, paused.code)
	require.True(t, paused.Paused)
	require.Empty(t, paused.Outcome)
	s.order(0, "abort")
}

// Mistakes at the command line are told apart from a server that is away.
func TestUsageAndUnreachable(t *testing.T) {
	t.Parallel()
	away := &procs.Server{Address: ports.Free(t)}
	for code, args := range map[int][]string{
		1: {"wait", "staging/checkout"},
		2: {"wait", "staging/checkout", "--unknown"},
	} {
		out := procs.CLI(t.Context(), t, away, args...)
		require.Equal(t, code, out.Code, out.Stderr)
		require.NotEmpty(t, out.Stderr)
	}
	require.Equal(t, 2, procs.CLI(t.Context(), t, away, "abort", "staging/checkout").Code, "without a reason")
	require.Equal(t, 2, procs.CLI(t.Context(), t, away, "status", "checkout").Code, "no target")
}
