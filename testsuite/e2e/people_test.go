package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim"
)

const people = `
roles: {managers: [ana@example.com, bo@example.com, di@example.com], on-call: [cy@example.com], pipelines: [ci@example.com]}
permissions:
  staging: {start: [pipelines, managers], abort: [on-call], pause: [anyone], resume: [managers], approve: [managers], promote: [on-call]}
`

// Only two votes of the six count: not that of who asked for the release, of who
// may not, of one person twice, or for something else. Each has its answer.
func TestFourEyes(t *testing.T) {
	c := found(t)
	c.worker = procs.StartWorker(t, c.server, people)
	s := c.scene(t)
	s.starts("di@example.com", asks("from: [managers], quorum: 2, within: 1h"))
	s.waitsFor(rollout.WaitingForApproval)
	denied := s.order(15, "approve", "--actor", "di@example.com")
	require.Contains(t, denied.Why, "started this rollout")
	denied = s.order(15, "approve", "--actor", "cy@example.com")
	require.Contains(t, denied.Why, "none of the roles that are asked: managers")
	s.order(15, "approve", "--actor", "ana@example.com", "--digest", "sha256:another")
	s.order(0, "approve", "--actor", "ana@example.com")
	require.Equal(t, rollout.Noop, s.order(0, "approve", "--actor", "Ana@Example.com").Answer)
	s.watched(2)
	require.Equal(t, rollout.Weight(1000), s.weight())
	require.Contains(t, s.cli("status", s.target()).Stdout, "vote             ana@example.com: the test says so")
	s.order(0, "approve", "--actor", "bo@example.com")
	s.ends(0, rollout.Promoted, "")
	require.Equal(t, []string{"denied", "denied", "denied", "accepted", "noop", "accepted"}, s.answersTold())
	for _, e := range s.told(rollout.EventCommand) {
		require.NotEmpty(t, e.Actor)
	}
}

// Who may not is answered so, and changes nothing; an abort by somebody who may
// is obeyed.
func TestPermissions(t *testing.T) {
	c := found(t)
	c.worker = procs.StartWorker(t, c.server, people)
	s := c.scene(t)
	out := s.cli("run", s.file(), "--actor", "cy@example.com", "--reason", "a test", "-o", "json")
	require.Equal(t, 15, out.Code, out.Stderr)
	refused := s.read(out)
	require.Equal(t, rollout.Refused, refused.Outcome)
	require.Equal(t, rollout.CausePolicy, refused.Cause)
	require.Contains(t, refused.Reason, "cy@example.com may not start in staging: that is for pipelines, managers")
	require.Empty(t, s.world.Log())

	s.starts("ci@example.com", oneLong)
	s.bakes(1000)
	s.order(15, "promote", "--actor", "ana@example.com")
	s.order(0, "pause", "--actor", "whoever@example.com")
	s.order(15, "resume", "--actor", "whoever@example.com")
	s.order(15, "abort", "--actor", "ana@example.com")
	instead := s.result("run", s.file(newer("2.6.0"), oneStep), "--supersede", "--actor", "ana@example.com", "--reason", "a test")
	instead.requires(s, 15, rollout.Refused, rollout.CausePolicy)
	require.Contains(t, instead.Reason, "nothing was superseded: --supersede sends a running rollout back, and so needs the permission to abort, too: ana@example.com may not abort in staging")
	s.watched(2)
	require.Equal(t, rollout.Weight(1000), s.weight())
	s.order(0, "abort", "--actor", "cy@example.com")
	e := s.ends(11, rollout.Aborted, "")
	require.Equal(t, "cy@example.com", e.Actor)
	s.asBefore()
}

// An environment that asks for an approval asks somebody else than who started it,
// also where nobody has a role.
func TestNobodyApprovesTheirOwn(t *testing.T) {
	c := found(t)
	c.worker = procs.StartWorker(t, c.server, "members: {ana@example.com: {aliases: [ana@laptop]}}\napprovals: {staging: {quorum: 1, within: 1m}}\n")
	s := c.scene(t)
	s.starts("ana@example.com", oneStep)
	s.waitsFor(rollout.WaitingForApproval)
	for _, name := range []string{"ana@example.com", "Ana@Laptop"} {
		require.Contains(t, s.order(15, "approve", "--actor", name).Why, name+" started this rollout, and may not approve it")
	}
	require.Zero(t, s.weight())
	s.order(0, "approve", "--actor", "bo@example.com")
	s.ends(0, rollout.Promoted, "")
}

// A pipeline gives a reason with each start: it does not bring back what was
// refused. A person does, with one. Where permissions do not say who, it is who may
// override.
func TestARefusedReleaseIsForPeople(t *testing.T) {
	c := found(t)
	c.worker = procs.StartWorker(t, c.server, `
roles: {engineering: [ana@example.com], on-call: [di@example.com], pipelines: [ci@example.com]}
permissions:
  staging: {start: [pipelines, engineering, on-call], retryRefused: [on-call], override: [engineering]}
  default: {start: [pipelines, engineering, on-call], override: [engineering]}
`)
	for _, tt := range []struct{ environment, may, mayNot, forWhom string }{
		{"staging", "di@example.com", "ana@example.com", "on-call"},
		{"lab", "ana@example.com", "di@example.com", "engineering"},
	} {
		s := c.scene(t)
		s.breaks()
		run := func(actor string, more ...string) ended {
			return s.result(append([]string{"run", s.file(oneStep, "environment: "+tt.environment), "--actor", actor}, more...)...)
		}
		run("ci@example.com", "--reason", "merge #12").requires(s, 10, rollout.RolledBack, rollout.CauseVerdict)
		for _, actor := range []string{"ci@example.com", tt.mayNot} {
			out := run(actor, "--reason", "merge #12")
			require.Equal(t, 15, out.code)
			require.Equal(t, rollout.CauseQuarantine, out.Cause)
			require.Contains(t, out.Reason, actor+" may not retryRefused in "+tt.environment+": that is for "+tt.forWhom)
		}
		s.world.Behave(candidate, sim.Behaviour{Rate: 400, Failures: 0.01})
		require.Contains(t, run(tt.may).Reason, "say why with --reason")
		run(tt.may, "--reason", "the metrics were wrong").requires(s, 0, rollout.Promoted, "")
	}
}

// starts starts a rollout for somebody.
func (s *scene) starts(actor string, lines ...string) {
	s.t.Helper()
	out := s.cli("start", s.file(lines...), "--actor", actor, "--reason", "a test")
	require.Zero(s.t, out.Code, out.Stderr)
}

// A spec cannot ask for less than its environment does: what it asks comes after
// that, and gives nobody a vote who may not approve.
func TestEnvironmentAsksWhateverTheSpec(t *testing.T) {
	c := found(t)
	c.worker = procs.StartWorker(t, c.server, people+"approvals: {staging: {from: [managers], quorum: 2}}\n")
	s := c.scene(t)
	s.starts("ci@example.com", "strategy: {"+window+", canary: [{weight: 10%, bake: 5s, approve: {from: [on-call, managers]}}],"+
		" promote: {approve: {within: 1s, otherwise: promote}}, keepBaseline: 0s}")
	s.waitsFor(rollout.WaitingForApproval)
	require.Contains(t, s.status().Reason, "the raise to 10%, as the environment wants")
	s.order(0, "approve", "--actor", "ana@example.com")
	s.order(0, "approve", "--actor", "bo@example.com")
	until(t, "the spec's own", func() bool { return s.status().Reason == "waiting for an approval of the raise to 10%" })
	require.Zero(t, s.weight())
	require.Contains(t, s.order(15, "approve", "--actor", "cy@example.com").Why, "cy@example.com may not approve in staging: that is for managers")
	require.Contains(t, s.order(15, "approve", "--actor", "bo@example.com", "--step", "1", "--asked-by", "environment").Why, "what the spec asks before step 1 is waited for")
	require.Contains(t, s.order(15, "approve", "--actor", "bo@example.com", "--step", "1").Why, "vote with --asked-by spec")
	s.order(0, "approve", "--actor", "bo@example.com")
	s.ends(0, rollout.Promoted, "")
	require.Equal(t, "environment", s.told(rollout.EventGatePassed)[0].Data["askedBy"])
	require.Equal(t, "spec", s.told(rollout.EventGatePassed)[1].Data["askedBy"])
	require.Len(t, s.told(rollout.EventGateWaiting), 3)
	require.Len(t, s.told(rollout.EventGatePassed), 3)
}
