package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"bakeoff/rollout"
	"bakeoff/rollout/signature"
)

// newKey makes a key file and says whose it is.
func newKey(t *testing.T) (file string, allowed signature.Allowed) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	require.NoError(t, err)
	file = filepath.Join(t.TempDir(), "id_ed25519")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	key, err := ssh.NewPublicKey(public)
	require.NoError(t, err)
	allowed, err = signature.Parse("ana@laptop " + string(ssh.MarshalAuthorizedKey(key)))
	require.NoError(t, err)
	return file, allowed
}

// Every order is signed as it is sent, and bound to its run.
func TestOrdersAreSigned(t *testing.T) {
	key, allowed := newKey(t)
	for _, name := range append(rollout.Commands(), "approve --override", "promote --override --full") {
		t.Run(name, func(t *testing.T) {
			f := running(t)
			f.answer = answers(rollout.Accepted, "", nil)
			words := strings.Fields(name)
			args := append([]string{words[0], "production/checkout", "--reason", "because", "--sign", key}, words[1:]...)
			if name == rollout.CommandExtend {
				args = append(args, "--by", "30m")
			}
			got := bakeoff(t.Context(), f, args...)
			require.Equal(t, 0, got.code, got.err)
			sent := f.updates[0]
			require.Equal(t, "run-1", sent.RunID)
			require.Equal(t, strings.Contains(name, "override"), sent.Override)
			require.Equal(t, rollout.CommandStatement("production/checkout", sent), sent.Statement)
			signer, err := allowed.Verify(sent.Statement, sent.Signature, []string{"ana@laptop"}, noon)
			require.NoError(t, err)
			require.Equal(t, "ana@laptop", signer.Name)
			for _, c := range f.signals {
				require.Equal(t, sent, c)
			}
		})
	}
}

// An order to a line is signed for it; what lets it run again, for its stop.
func TestOrdersToALineAreSigned(t *testing.T) {
	key, allowed := newKey(t)
	for name, run := range map[string]string{"stop-the-line": "", "start-the-line": "run-1"} {
		f := running(t)
		var sent rollout.Command
		f.answer = func(c rollout.Command) (rollout.Answer, error) {
			sent = c
			return rollout.Answer{Answer: rollout.Accepted}, nil
		}
		got := bakeoff(t.Context(), f, name, "--environment", "production", "--reason", "because", "--sign", key)
		require.Equal(t, 0, got.code, got.err)
		require.Equal(t, run, sent.RunID)
		require.Equal(t, rollout.CommandStatement("stop/production", sent), sent.Statement)
		_, err := allowed.Verify(sent.Statement, sent.Signature, []string{"ana@laptop"}, noon)
		require.NoError(t, err)
		got = bakeoff(t.Context(), f, name, "--environment", "production", "--reason", "because", "--sign", "none")
		require.Equal(t, 1, got.code)
		require.Contains(t, got.err, "nothing was sent")
	}
}

// What lets a queue go on is for the target: it names no run.
func TestResumeOfAQueueIsSigned(t *testing.T) {
	key, _ := newKey(t)
	var sent rollout.Command
	f := &fake{above: func(c rollout.Command) rollout.Answer {
		sent = c
		return rollout.Answer{Answer: rollout.Accepted}
	}}
	got := bakeoff(t.Context(), f, "resume", "production/checkout", "--reason", "because", "--sign", key)
	require.Equal(t, 0, got.code, got.err)
	require.Empty(t, sent.RunID)
	require.Equal(t, rollout.CommandStatement("production/checkout", sent), sent.Statement)
	require.NotEmpty(t, sent.Signature)
}

func TestStartsAreSigned(t *testing.T) {
	key, allowed := newKey(t)
	f := running(t)
	got := bakeoff(t.Context(), f, "start", file(t, smallest), "--reason", "because", "--sign", key)
	require.Equal(t, 0, got.code, got.err)
	for _, sent := range f.started { // the one that is only looked at, too
		require.Equal(t, "id-1", sent.ID)
		require.Equal(t, rollout.OrderStatement(sent), sent.Statement)
		_, err := allowed.Verify(sent.Statement, sent.Signature, []string{"ana@laptop"}, noon)
		require.NoError(t, err)
	}
}

// What cannot be signed is not sent.
func TestKeysThatCannotSign(t *testing.T) {
	f := running(t)
	for key, why := range map[string]string{"/not/there": "read the key", "agent": "SSH_AUTH_SOCK is not set"} {
		for _, args := range [][]string{{"pause", "production/checkout"}, {"approve", "production/checkout"}, {"start", file(t, smallest)}} {
			got := bakeoff(t.Context(), f, append(args, "--reason", "x", "--sign", key)...)
			require.Equal(t, 1, got.code)
			require.Regexp(t, "nothing was (sent|started): ", got.err)
			require.Contains(t, got.err, why)
		}
	}
	require.Empty(t, f.updates)
	require.Empty(t, f.started)
}

// Nothing keeps an abort waiting: one that cannot be signed goes without.
func TestAbortsThatCannotBeSigned(t *testing.T) {
	f := running(t)
	f.answer = answers(rollout.Accepted, "", nil)
	got := bakeoff(t.Context(), f, "abort", "production/checkout", "--reason", "x", "--sign", "/not/there")
	require.Equal(t, 0, got.code, got.err)
	require.Contains(t, got.err, "the abort goes unsigned: read the key")
	require.Len(t, f.signals, 1)
	require.Empty(t, f.signals[0].Signature)
	require.Equal(t, f.signals[0], f.updates[0])
}

// The story has what was signed, and whether a worker found it right.
func TestStoryOfSignatures(t *testing.T) {
	p := opening(t)
	waits(p)
	vote := rollout.Command{ID: "c1", Name: rollout.CommandApprove, Actor: "bo", Reason: "ok", Step: 2, Digest: "sha256:d", Statement: "{}", Signature: "armor"}
	tell := func(c rollout.Command, out map[string]any, answer string) {
		accepted := p.accept(c)
		p.act("authorize.approve", "Authorize", map[string]any{"id": c.ID}, out)
		p.answer(accepted, rollout.Answer{Answer: answer})
	}
	tell(vote, map[string]any{"allowed": true, "signer": map[string]any{"name": "bo@example.com", "key": "SHA256:k"}}, rollout.Accepted)
	vote.ID = "c2"
	tell(vote, map[string]any{"why": "expired"}, rollout.Denied)
	override := rollout.Command{ID: "c3", Name: rollout.CommandApprove, Actor: "cy", Reason: "INC-12", Override: true}
	tell(override, map[string]any{"allowed": true, "policy": "sha256:p"}, rollout.Accepted)
	s, err := readStory((&fake{}).Converter(), checkout, p.play())
	require.NoError(t, err)
	var orders []rollout.Event
	for _, e := range s.lines {
		if e.Kind == rollout.EventCommand || e.Kind == rollout.EventGatePassed {
			orders = append(orders, e)
		}
	}
	require.Len(t, orders, 4)
	require.Equal(t, "{}", orders[0].Data["statement"])
	require.Equal(t, "armor", orders[0].Data["signature"])
	require.Equal(t, true, orders[0].Data["verified"])
	require.Equal(t, "bo@example.com", orders[0].Data["signer"])
	require.Equal(t, "SHA256:k", orders[0].Data["key"])
	require.Equal(t, false, orders[1].Data["verified"])
	require.NotContains(t, orders[1].Data, "key")
	require.NotContains(t, orders[2].Data, "verified", "it has no signature")
	require.Equal(t, "sha256:p", orders[2].Data["policy"], "of the rules that let it pass")
	require.NotContains(t, orders[1].Data, "policy", "under older workers, and without any rules")
	require.Equal(t, "cy: approve (break-glass override): INC-12", orders[2].Text)
	require.Equal(t, "passed by override of cy: INC-12", orders[3].Text)
	require.Len(t, s.status.Overrides, 1, "also where no worker answers")
}

// A gate with roles side by side opens when each has its vote.
func TestStoryOfRolesSideBySide(t *testing.T) {
	p := opening(t)
	waits(p)
	s := newStory((&fake{}).Converter(), checkout)
	for _, e := range p.events {
		require.NoError(t, s.tell(e))
	}
	require.NotNil(t, s.gate)
	s.gate.ask = rollout.Approval{Each: map[string]int{"engineering": 1, "security": 1}}.WithDefaults()
	before := len(p.events)
	for id, role := range map[string]string{"c1": "engineering", "c2": "engineering"} {
		c := rollout.Command{ID: id, Name: rollout.CommandApprove, Actor: id, Reason: "ok"}
		accepted := p.accept(c)
		p.act("authorize.approve", "Authorize", map[string]any{"id": id}, map[string]any{"allowed": true, "vote": rollout.Vote{Member: id, Roles: []string{role}}})
		p.answer(accepted, rollout.Answer{Answer: rollout.Accepted})
	}
	for _, e := range p.events[before:] {
		require.NoError(t, s.tell(e))
	}
	require.NotNil(t, s.gate, "security is still wanted")
}
