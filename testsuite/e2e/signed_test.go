package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
	"bakeoff/testsuite/procs"
)

// keys are the SSH keys of people, made and used by OpenSSH's own programs.
type keys struct {
	t      *testing.T
	folder string
}

// newKeys makes a key for each name. Without ssh-keygen the test fails in CI, and
// is skipped elsewhere.
func newKeys(t *testing.T, names ...string) keys {
	t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		require.Empty(t, os.Getenv("CI"), "ssh-keygen is missing: apt-get install openssh-client")
		t.Skip("SKIP: no ssh-keygen: apt-get install openssh-client")
	}
	folder, err := os.MkdirTemp("", "keys") // the path of an agent's socket must be short
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	k := keys{t, folder}
	for _, name := range names {
		k.run("", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", k.file(name))
	}
	return k
}

func (k keys) file(name string) string { return filepath.Join(k.folder, name) }

func (k keys) run(stdin, program string, args ...string) {
	k.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	require.NoError(k.t, err, "%s: %s", program, out)
}

// allow writes the allowed signers: each line is principals, options and, in the
// place of the key, its name.
func (k keys) allow(lines ...string) {
	k.t.Helper()
	var text strings.Builder
	for _, line := range lines {
		cut := strings.LastIndex(line, " ") + 1
		public, err := os.ReadFile(k.file(line[cut:]) + ".pub")
		require.NoError(k.t, err)
		text.WriteString(line[:cut] + string(public))
	}
	require.NoError(k.t, os.WriteFile(k.file("allowed"), []byte(text.String()), 0o600))
}

// agent runs an ssh-agent that has one key, and returns its socket.
func (k keys) agent(name string) string {
	k.t.Helper()
	socket := k.file("socket")
	procs.Start(k.t, "ssh-agent", "ssh-agent", nil, "-D", "-a", socket)
	until(k.t, "ssh-agent", func() bool {
		_, err := os.Stat(socket)
		return err == nil
	})
	add := exec.Command("ssh-add", "-q", k.file(name))
	add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
	out, err := add.CombinedOutput()
	require.NoError(k.t, err, "%s", out)
	return socket
}

// holds reports whether plain ssh-keygen finds a line of history, exported as it
// is, signed by whom it says.
func (k keys) holds(e rollout.Event) bool {
	k.t.Helper()
	text := func(name string) string {
		value, _ := e.Data[name].(string)
		return value
	}
	armor := k.file("sig")
	require.NoError(k.t, os.WriteFile(armor, []byte(text("signature")), 0o600))
	cmd := exec.Command("ssh-keygen", "-Y", "verify", "-f", k.file("allowed"), "-I", text("signer"), "-n", "bakeoff", "-s", armor)
	cmd.Stdin = strings.NewReader(text("statement"))
	return cmd.Run() == nil
}

// signing is a policy of people with keys.
func (k keys) signing() string {
	return `
roles: {managers: [ana@example.com, bo@example.com, di@example.com], on-call: [cy@example.com], pipelines: [di@example.com]}
members: {ana@example.com: {aliases: [ana@laptop]}}
permissions:
  staging: {start: [pipelines], abort: [anyone], approve: [managers], promote: [managers], override: [on-call]}
signing: {allowedSigners: ` + k.file("allowed") + `, require: {staging: [start, approve, override]}}
`
}

// vote is a try to approve, and its answer.
func (s *scene) vote(code int, actor, key string, args ...string) ended {
	s.t.Helper()
	return s.order(code, "approve", append([]string{"--actor", actor, "--sign", key}, args...)...)
}

// Failure 21: votes by the requester, by who may not, unsigned, by foreign and
// expired keys, twice by one person, for another plan, after expiry, and by a key
// that was taken away count for nothing; then two that are right do. All of it is
// on record, and anybody can prove the signatures.
func TestSignedApprovals(t *testing.T) {
	k := newKeys(t, "ana", "laptop", "bo", "cy", "di", "old")
	all := []string{"ana@example.com ana", "ana@laptop laptop", `bo@example.com namespaces="bakeoff" bo`, "cy@example.com cy", "di@example.com di",
		`ana@example.com valid-before="20200101" old`}
	k.allow(all...)
	c := found(t)
	c.worker = procs.StartWorker(t, c.server, k.signing())
	s := c.scene(t)
	out := s.cli("run", s.file(), "--actor", "di@example.com", "--reason", "a test", "-o", "json")
	require.Equal(t, 15, out.Code, out.Stderr)
	require.Contains(t, s.read(out).Reason, "start in staging must be signed")

	const asks = "approve: {from: [managers], quorum: 2, otherwise: promote, within: "
	out = s.cli("start", s.file("strategy: {"+window+", canary: [{weight: 10%, bake: 5s, "+asks+"25s}}, {weight: 50%, bake: 5s, "+asks+"1h}}], keepBaseline: 0s}"),
		"--actor", "di@example.com", "--reason", "a test", "--sign", k.file("di"))
	require.Zero(t, out.Code, out.Stderr)
	s.waitsFor(rollout.WaitingForApproval)
	for _, try := range []struct{ actor, key, digest, why string }{
		{"di@example.com", "di", "", "started this rollout"},
		{"cy@example.com", "cy", "", "none of the roles that are asked: managers"},
		{"ana@example.com", "cy", "", "is of cy@example.com, not of ana@example.com"},
		{"ana@example.com", "old", "", "expired at"},
		{"ana@example.com", "ana", "sha256:another", "the plan is"},
	} {
		require.Contains(t, s.vote(15, try.actor, k.file(try.key), "--digest", try.digest).Why, try.why)
	}
	require.Contains(t, s.order(15, "approve", "--actor", "ana@example.com").Why, "approve in staging must be signed")
	require.Equal(t, "1 of 2", s.vote(0, "ana@example.com", k.file("ana")).Why)
	require.Equal(t, rollout.Noop, s.vote(0, "ana@laptop", k.file("laptop")).Answer)
	s.bakes(1000)
	require.Contains(t, s.vote(15, "bo@example.com", k.file("bo"), "--step", "1").Why, "waits for an approval")

	s.waitsFor(rollout.WaitingForApproval)
	k.allow(all[3:]...)
	require.Contains(t, s.vote(15, "bo@example.com", k.file("bo")).Why, "not among the allowed signers")
	k.allow(all...)
	s.vote(0, "ana@laptop", k.file("laptop"))
	s.votesByAgent("bo@example.com", k.agent("bo"))
	s.ends(0, rollout.Promoted, "")
	require.Equal(t, promotedTwo, s.world.Log())
	require.Equal(t, strings.Fields("denied denied denied denied denied denied accepted noop denied denied accepted accepted"), s.answersTold())
	s.proves(k)
}

// votesByAgent is a vote that ssh-agent signs.
func (s *scene) votesByAgent(actor, socket string) {
	s.t.Helper()
	cmd := exec.Command(procs.Program(s.t, "bakeoff"), "approve", s.target(), "--actor", actor, "--reason", "the test says so")
	cmd.Env = append(append(os.Environ(), s.town.server.Env()...), "SSH_AUTH_SOCK="+socket, "BAKEOFF_SIGN=agent")
	out, err := cmd.CombinedOutput()
	require.NoError(s.t, err, "%s", out)
}

// proves requires that the exported history alone proves who ordered what.
func (s *scene) proves(k keys) {
	s.t.Helper()
	verified := 0
	for _, e := range append(s.told(rollout.EventSubmitted), s.told(rollout.EventCommand)...) {
		if e.Data["verified"] != true {
			continue
		}
		verified++
		require.True(s.t, k.holds(e), "%+v", e)
		require.Contains(s.t, e.Data["key"], "SHA256:")
		require.Contains(s.t, e.Data["statement"], e.Actor)
		e.Data["statement"] = strings.Replace(e.Data["statement"].(string), "approve", "promote", 1) + " "
		require.False(s.t, k.holds(e))
	}
	require.Equal(s.t, 7, verified, "the start, four votes, the one for another plan, and the late one")
}

// A vote that was signed once, taken from history, serves no other rollout, and
// no other command of its own.
func TestReplayedVote(t *testing.T) {
	k := newKeys(t, "ana", "di")
	k.allow("ana@example.com ana", "di@example.com di")
	c := found(t)
	c.worker = procs.StartWorker(t, c.server, k.signing())
	first, second := c.scene(t), c.scene(t)
	first.name, second.name = "first", "second"
	for _, s := range []*scene{first, second} {
		out := s.cli("start", s.file(asks("from: [managers], quorum: 2, within: 1h")), "--actor", "di@example.com", "--reason", "a test", "--sign", k.file("di"))
		require.Zero(t, out.Code, out.Stderr)
	}
	first.waitsFor(rollout.WaitingForApproval)
	second.waitsFor(rollout.WaitingForApproval)
	first.vote(0, "ana@example.com", k.file("ana"))
	data := first.told(rollout.EventCommand)[0].Data
	var stolen rollout.Command
	require.NoError(t, json.Unmarshal([]byte(data["statement"].(string)), &stolen))
	stolen.Statement, stolen.Signature = data["statement"].(string), data["signature"].(string)

	require.Contains(t, second.sends("approve", stolen).Why, "the command is for another run")
	stolen.RunID = second.status().RunID
	require.Contains(t, second.sends("approve", stolen).Why, "the command is for another run", "one command has one answer")
	id := stolen.ID
	stolen.ID = "again"
	require.Contains(t, second.sends("approve", stolen).Why, "they differ in id, runId, target")
	stolen.ID, stolen.RunID = id, first.status().RunID
	require.Equal(t, "1 of 2", first.sends("approve", stolen).Why, "the same command, and no second vote")
	require.Contains(t, first.sends("promote", stolen).Why, "was that of approve")
	stolen.ID = "another"
	require.Contains(t, first.sends("approve", stolen).Why, "they differ in id")
	require.Equal(t, "1 of 2", first.status().Asked.Tally)
	third := c.scene(t)
	third.name = "third"
	require.Contains(t, third.submits(rollout.Order{ID: "forged", Actor: "di@example.com", Reason: "a test", Back: true}).Reason, "start in staging must be signed")
	for _, s := range []*scene{first, second} {
		s.order(0, "abort")
		s.ends(11, rollout.Aborted, "")
		s.asBefore()
	}
}

// submits gives an order past the command line, and returns how its rollout ends.
func (s *scene) submits(o rollout.Order) ended {
	s.t.Helper()
	o.Spec = s.spec()
	temporal, err := client.Dial(client.Options{HostPort: s.town.server.Address})
	require.NoError(s.t, err)
	defer temporal.Close()
	start := temporal.NewWithStartWorkflowOperation(client.StartWorkflowOptions{ID: rollout.TargetID(o.Spec.Key()), TaskQueue: rollout.QueueControl,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING}, rollout.TargetType, rollout.TargetStatus{Target: o.Spec.Key()})
	_, err = temporal.UpdateWithStartWorkflow(s.t.Context(), client.UpdateWithStartWorkflowOptions{StartWorkflowOperation: start,
		UpdateOptions: client.UpdateWorkflowOptions{UpdateName: rollout.CommandSubmit, Args: []any{rollout.Submit{Order: o}}, WaitForStage: client.WorkflowUpdateStageCompleted}})
	require.NoError(s.t, err)
	return s.wait()
}

// spec is what the scene's file says.
func (s *scene) spec() rollout.Spec {
	s.t.Helper()
	text, err := os.ReadFile(s.file())
	require.NoError(s.t, err)
	spec, problems := specfile.Parse("spec.yaml", text)
	require.Empty(s.t, problems)
	return spec
}

// sends gives a command past the command line, as whoever reaches Temporal can.
func (s *scene) sends(name string, c rollout.Command) rollout.Answer {
	s.t.Helper()
	temporal, err := client.Dial(client.Options{HostPort: s.town.server.Address})
	require.NoError(s.t, err)
	defer temporal.Close()
	handle, err := temporal.UpdateWorkflow(s.t.Context(), client.UpdateWorkflowOptions{WorkflowID: "rollout/" + s.target(), UpdateName: name,
		Args: []any{c}, WaitForStage: client.WorkflowUpdateStageCompleted})
	require.NoError(s.t, err)
	var answer rollout.Answer
	require.NoError(s.t, handle.Get(s.t.Context(), &answer))
	return answer
}

// An order to a line is signed where that is asked for; what lets it run again
// serves its own stop and no other.
func TestLineIsSigned(t *testing.T) {
	k := newKeys(t, "ana")
	k.allow("ana@example.com ana")
	c := found(t)
	c.worker = procs.StartWorker(t, c.server, "signing: {allowedSigners: "+k.file("allowed")+", require: {staging: [stopTheLine, startTheLine]}}\n")
	s := c.scene(t)
	line := func(code int, name string, args ...string) {
		t.Helper()
		out := s.cli(append([]string{name, "--actor", "ana@example.com", "--reason", "INC-12"}, args...)...)
		require.Equal(t, code, out.Code, out.Stdout+out.Stderr)
		if code == 15 {
			require.Contains(t, out.Stderr, "must be signed: use --sign")
		}
	}
	here, sign := []string{"--environment", "staging"}, []string{"--sign", k.file("ana")}
	line(15, "stop-the-line", here...)
	line(15, "stop-the-line", "--all")
	line(0, "start-the-line", here...) // it runs
	line(0, "stop-the-line", append(here, sign...)...)
	e := s.run(oneStep)
	e.requires(s, 15, rollout.Refused, rollout.Cause(rollout.GateStop))
	line(15, "start-the-line", here...)
	line(0, "start-the-line", append(here, sign...)...)
	s.result("run", s.file(oneStep), "--wait", "--reason", "a test").requires(s, 0, rollout.Promoted, "") // what was known of the line is used for a second
}
