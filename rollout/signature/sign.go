package signature

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// agentKey is how one asks for a key of ssh-agent: "agent" for its first,
// "agent:SHA256:…" or "agent:COMMENT" for a certain one.
const agentKey = "agent"

// Sign signs a statement with a private key file, or by ssh-agent, which listens
// on the socket. The signature is armored, as ssh-keygen writes it.
func Sign(statement, key, socket string) (string, error) {
	name, asked := strings.CutPrefix(key, agentKey+":")
	if asked || key == agentKey {
		return signByAgent(statement, name, asked, socket)
	}
	text, err := os.ReadFile(key)
	if err != nil {
		return "", fmt.Errorf("read the key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return "", fmt.Errorf("%s has a passphrase: give the key to ssh-agent (ssh-add %[1]s), and sign with agent", key)
	case err != nil:
		return "", fmt.Errorf("%s is not a private SSH key: %w", key, err)
	}
	return armored(statement, signer)
}

func signByAgent(statement, name string, asked bool, socket string) (string, error) {
	if socket == "" {
		return "", errors.New("no ssh-agent: SSH_AUTH_SOCK is not set")
	}
	connection, err := net.Dial("unix", socket)
	if err != nil {
		return "", fmt.Errorf("reach ssh-agent: %w", err)
	}
	defer func() { _ = connection.Close() }() // nothing is written that could be lost
	keys := agent.NewClient(connection)
	listed, err := keys.List()
	if err != nil {
		return "", fmt.Errorf("ask ssh-agent for its keys: %w", err)
	}
	signers, err := keys.Signers()
	if err != nil {
		return "", fmt.Errorf("ask ssh-agent for its keys: %w", err)
	}
	for _, signer := range signers {
		key := signer.PublicKey()
		if _, certificate := key.(*ssh.Certificate); certificate {
			continue
		}
		if !asked || name == ssh.FingerprintSHA256(key) || name != "" && name == commentOf(key, listed) {
			return armored(statement, signer)
		}
	}
	if asked {
		return "", fmt.Errorf("ssh-agent has no key %q: ssh-add -l lists those that it has", name)
	}
	return "", errors.New("ssh-agent has no keys: add one with ssh-add")
}

func commentOf(key ssh.PublicKey, listed []*agent.Key) string {
	for _, k := range listed {
		if bytes.Equal(k.Blob, key.Marshal()) {
			return k.Comment
		}
	}
	return ""
}

func armored(statement string, signer ssh.Signer) (string, error) {
	s, err := sshsig.Sign(strings.NewReader(statement), signer, sshsig.HashSHA512, Namespace)
	if err != nil {
		return "", fmt.Errorf("sign with %s: %w", ssh.FingerprintSHA256(signer.PublicKey()), err)
	}
	return string(sshsig.Armor(s)), nil
}
