package demo

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Two people sign for a release with SSH keys of their own, such as everybody
// has in ~/.ssh. What they signed is in history, and OpenSSH alone proves it.

const (
	ana = "ana@example.com"
	bo  = "bo@example.com"
)

// shopkeepers are those who may sign for a release.
var shopkeepers = []string{ana, bo}

// keyFile is somebody's secret key, within the directory.
func keyFile(name string) string { return filepath.Join(keyFolder, shortName(name)) }

// shortName is what comes before the @.
func shortName(name string) string {
	short, _, _ := strings.Cut(name, "@")
	return short
}

// makeKeys makes a key for each of the shopkeepers, and lists them as allowed
// signers.
func (d *demo) makeKeys() error {
	var allowed bytes.Buffer
	for _, name := range shopkeepers {
		public, err := makeKey(filepath.Join(d.town.Dir, keyFile(name)))
		if err != nil {
			return fmt.Errorf("make the key of %s: %w", name, err)
		}
		fmt.Fprintf(&allowed, "%s namespaces=\"bakeoff\" %s", name, public)
	}
	return os.WriteFile(filepath.Join(d.town.Dir, signersFile), allowed.Bytes(), 0o644)
}

// makeKey writes a secret key as ssh-keygen -t ed25519 does, and returns the
// line of the public one.
func makeKey(file string) ([]byte, error) {
	public, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(secret, "")
	if err != nil {
		return nil, err
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, err
	}
	return ssh.MarshalAuthorizedKey(key), os.WriteFile(file, pem.EncodeToMemory(block), 0o600)
}

// vote is one try to approve, and what has to come of it.
type vote struct {
	actor  string
	signed bool
	exit   int
	answer string
	why    string // part of it
}

var votes = []vote{
	{ana, false, exitDenied, "denied", "must be signed"},
	{ana, true, 0, "accepted", "1 of 2"},
	{ana, true, 0, "noop", "has approved already"},
	{bo, true, 0, "accepted", "2 of 2"},
}

// sign is two people who sign for a release once its bake is over. One of them
// forgets to sign at first, and then tries to vote for both.
func (d *demo) sign(ctx context.Context, c *chapter, told func(string)) error {
	if _, err := d.lookUntil(ctx, c.Version, func(s result) bool { return s.WaitingFor == "approval" }); err != nil {
		return err
	}
	for i, v := range votes {
		if i > 0 {
			told = func(string) {} // what is approved was shown to the first
		}
		if err := d.cast(ctx, c.Version, v, told); err != nil {
			return err
		}
	}
	return nil
}

// cast casts a vote and demands the answer that it has to get.
func (d *demo) cast(ctx context.Context, version string, v vote, told func(string)) error {
	const reason = "tasted it"
	args, sign := []string{"approve", shopTarget, "--actor", v.actor, "--reason", reason}, ""
	if v.signed {
		args, sign = append(args, "--sign", keyFile(v.actor)), " --sign "+keyFile(v.actor)
	}
	d.story.Say("%s $ bakeoff approve %s --actor %s --reason %q%s", version, shopTarget, v.actor, reason, sign)
	r, code, err := d.cli.result(ctx, told, args...)
	if err != nil {
		return err
	}
	d.story.Say("%s exit %d, %s: %s", version, code, r.Answer, r.Why)
	return v.verify(code, r)
}

// prove writes down what was signed for each release, and who did, and has
// OpenSSH verify it where it is installed.
func (d *demo) prove(ctx context.Context, chapters []chapter) error {
	for i := range chapters {
		c := &chapters[i]
		for _, e := range c.story {
			if e.Kind != "Command" || e.Data.Answer != "accepted" || !e.Data.Verified {
				continue
			}
			file := filepath.Join(d.town.Dir, voteFolder, shortName(e.Data.Signer))
			if err := errors.Join(os.WriteFile(file, []byte(e.Data.Statement), 0o644), os.WriteFile(file+".sig", []byte(e.Data.Signature), 0o644)); err != nil {
				return fmt.Errorf("write down what %s signed: %w", e.Data.Signer, err)
			}
			c.signers = append(c.signers, e.Data.Signer)
		}
		if len(c.signers) == 0 {
			continue
		}
		if err := d.verifySignatures(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// verifySignatures runs the command that a reader can run; where there is no
// ssh-keygen nothing is proved.
func (d *demo) verifySignatures(ctx context.Context, c *chapter) error {
	if program, _ := exec.LookPath("ssh-keygen"); program == "" {
		return nil
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-ec", c.verifyByHand())
	cmd.Dir = d.town.Dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: ssh-keygen finds a signature bad: %w: %s", c.Version, err, out)
	}
	c.proof = strings.Split(strings.TrimSpace(string(out)), "\n")
	return nil
}

// verifyByHand is the command that verifies what was signed, "" where nothing was.
func (c chapter) verifyByHand() string {
	if len(c.signers) == 0 {
		return ""
	}
	var names []string
	for _, name := range c.signers {
		names = append(names, shortName(name))
	}
	return fmt.Sprintf("for who in %s; do ssh-keygen -Y verify -f %s -I $who@example.com -n bakeoff -s %s/$who.sig < %[3]s/$who; done",
		strings.Join(names, " "), signersFile, voteFolder)
}

// signed says who signed, in the words of OpenSSH where it is installed.
func (c chapter) signed() string {
	switch {
	case len(c.signers) == 0:
		return ""
	case len(c.proof) == 0:
		return strings.Join(c.signers, " and ") + "; there is no ssh-keygen here to verify it"
	}
	return strings.Join(c.proof, "\n")
}
