package signature

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"bakeoff/rollout"
)

// File is the path of an allowed_signers file. It is read at each use, so that a
// key that was taken out of it is refused from then on.
type File string

// Verify is that of the file's present content.
func (f File) Verify(statement, armor string, names []string, now time.Time) (rollout.Signer, error) {
	allowed, err := Read(string(f))
	if err != nil {
		return rollout.Signer{}, err
	}
	return allowed.Verify(statement, armor, names, now)
}

// Verify says whose signature of a statement it is: the key must be allowed now
// for one of the names. The error says what is wrong with it, and by which key
// it is, as far as that can be read.
func (a Allowed) Verify(statement, armor string, names []string, now time.Time) (rollout.Signer, error) {
	s, err := sshsig.Unarmor([]byte(armor))
	if err != nil {
		return rollout.Signer{}, fmt.Errorf("it is no SSH signature: %w", err)
	}
	if s.Namespace != Namespace {
		return rollout.Signer{}, fmt.Errorf("it is for the namespace %q, not %q", s.Namespace, Namespace)
	}
	signer := rollout.Signer{Key: ssh.FingerprintSHA256(s.PublicKey)}
	if err := sshsig.Verify(strings.NewReader(statement), s, s.PublicKey, s.HashAlgorithm, Namespace); err != nil {
		return signer, fmt.Errorf("it is not %s's of this statement: %w", signer.Key, err)
	}
	signer.Name, err = a.owner(s.PublicKey, names, now)
	return signer, err
}

// owner finds the name that a key is allowed for. Of several reasons why it is
// not, that of the last line that has the key is told.
func (a Allowed) owner(key ssh.PublicKey, names []string, now time.Time) (string, error) {
	fingerprint := ssh.FingerprintSHA256(key)
	reason := fmt.Errorf("the key %s is not among the allowed signers", fingerprint)
	for _, e := range a {
		if !bytes.Equal(e.key.Marshal(), key.Marshal()) {
			continue
		}
		name := e.of(names)
		if name == "" {
			reason = fmt.Errorf("the key %s is of %s, not of %s", fingerprint, e.principals, strings.Join(names, ", "))
			continue
		}
		if err := e.allowsAt(now); err != nil {
			reason = fmt.Errorf("the key %s %w", fingerprint, err)
			continue
		}
		return name, nil
	}
	return "", reason
}

// of returns the first of the names that is one of the entry's principals.
func (e entry) of(names []string) string {
	for _, name := range names {
		if matches(e.principals, name) {
			return name
		}
	}
	return ""
}

func (e entry) allowsAt(now time.Time) error {
	switch {
	case e.namespaces != "" && !matches(e.namespaces, Namespace):
		return errors.New("may not sign for bakeoff: its namespaces are " + e.namespaces)
	case !e.after.IsZero() && now.Before(e.after):
		return errors.New("is not valid before " + e.after.UTC().Format(time.RFC3339))
	case !e.before.IsZero() && now.After(e.before):
		return errors.New("expired at " + e.before.UTC().Format(time.RFC3339))
	}
	return nil
}
