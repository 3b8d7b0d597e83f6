package signature_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"bakeoff/rollout/signature"
)

const statement = "{\n \"command\": \"approve\"\n}\n"

var now = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// key is an SSH key: its private file, and the line of its public half.
type key struct {
	private     crypto.Signer
	file        string
	public      string
	fingerprint string
}

func newKey(t *testing.T) key {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return keep(t, private)
}

func keep(t *testing.T, private crypto.Signer) key {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(private, "a test")
	require.NoError(t, err)
	public, err := ssh.NewPublicKey(private.Public())
	require.NoError(t, err)
	k := key{private, filepath.Join(t.TempDir(), "id"), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))), ssh.FingerprintSHA256(public)}
	require.NoError(t, os.WriteFile(k.file, pem.EncodeToMemory(block), 0o600))
	return k
}

func (k key) sign(t *testing.T) string {
	t.Helper()
	armor, err := signature.Sign(statement, k.file, "")
	require.NoError(t, err)
	return armor
}

func allow(t *testing.T, lines ...string) signature.Allowed {
	t.Helper()
	a, err := signature.Parse(strings.Join(lines, "\n"))
	require.NoError(t, err)
	return a
}

// Whatever the kind of key: what was signed is verified, and names who signed.
func TestEveryKind(t *testing.T) {
	onCurve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ofPrimes, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for name, k := range map[string]key{"ed25519": newKey(t), "ecdsa": keep(t, onCurve), "rsa": keep(t, ofPrimes)} {
		signer, err := allow(t, "ana@example.com "+k.public).Verify(statement, k.sign(t), []string{"ana@laptop", "ana@example.com"}, now)
		require.NoError(t, err, name)
		require.Equal(t, "ana@example.com", signer.Name)
		require.Equal(t, k.fingerprint, signer.Key)
	}
}

// Each signature that does not hold is refused, with the reason.
func TestRefused(t *testing.T) {
	ana, bo := newKey(t), newKey(t)
	elsewhere, err := ssh.NewSignerFromSigner(ana.private)
	require.NoError(t, err)
	forGit, err := sshsig.Sign(strings.NewReader(statement), elsewhere, sshsig.HashSHA256, "git")
	require.NoError(t, err)
	good := ana.sign(t)
	for why, tt := range map[string]struct{ allowed, statement, armor string }{
		"is not among the allowed signers":                             {"bo@example.com " + bo.public, statement, good},
		"is of bo@example.com, not of ana@example.com":                 {"bo@example.com " + ana.public, statement, good},
		"is of *@example.com,!ana@*, not":                              {"*@example.com,!ana@* " + ana.public, statement, good},
		"expired at 2026-12-01T11:59:59Z":                              {`ana@example.com valid-before="20261201115959Z" ` + ana.public, statement, good},
		"is not valid before 2026-12-02T00:00:00Z":                     {`ana@example.com valid-after="20261202Z" ` + ana.public, statement, good},
		"may not sign for bakeoff: its namespaces are git,file":        {`ana@example.com namespaces="git,file" ` + ana.public, statement, good},
		"of this statement: ssh: signature did not verify":             {"ana@example.com " + ana.public, statement + " ", good},
		`it is for the namespace "git", not "bakeoff"`:                 {"ana@example.com " + ana.public, statement, string(sshsig.Armor(forGit))},
		"it is no SSH signature: invalid PEM block":                    {"ana@example.com " + ana.public, statement, "yes"},
		"it is no SSH signature: invalid PEM type \"CERTIFICATE\": ex": {"ana@example.com " + ana.public, statement, strings.ReplaceAll(good, "SSH SIGNATURE", "CERTIFICATE")},
	} {
		_, err := allow(t, tt.allowed).Verify(tt.statement, tt.armor, []string{"ana@example.com"}, now)
		require.ErrorContains(t, err, why)
	}
}

// What restricts a key lets it pass where it fits, as ssh-keygen has it.
func TestAllowed(t *testing.T) {
	ana, bo := newKey(t), newKey(t)
	for _, line := range []string{
		"ana@example.com " + ana.public,
		"bo@example.com,ana@example.com " + ana.public + " the laptop",
		"*@example.com " + ana.public,
		"an?@*.com " + ana.public,
		`"ana@example.com, somebody" ` + ana.public,
		`ana@example.com namespaces="git,bake*" ` + ana.public,
		`ana@example.com NAMESPACES="bakeoff",valid-after="20261201",valid-before="202612011300Z" ` + ana.public,
		"\tana@example.com\t" + ana.public + "\r",
		"bo@example.com " + ana.public + "\nana@example.com " + ana.public,
		"ana@example.com valid-before=\"20200101Z\" " + ana.public + "\nana@example.com " + ana.public,
	} {
		_, err := allow(t, "# the team", "", "bo@example.com "+bo.public, line).Verify(statement, ana.sign(t), []string{"ana@example.com"}, now)
		require.NoError(t, err, line)
	}
}

// A file that says something unknown says nothing: it could be a restriction.
func TestParseRefuses(t *testing.T) {
	k := newKey(t)
	for why, text := range map[string]string{
		"no key stands in it":                            "# nobody\n\n",
		"line 2: expected principals, options and a key": "ana@example.com " + k.public + "\nana@example.com",
		"line 1: no public key stands after":             "ana@example.com ssh-ed25519 AAAA",
		"line 1: expected principals":                    `"ana@example.com ` + k.public,
		"cert-authority: certificates are not served":    "*@example.com cert-authority " + k.public,
		`unknown option "no-touch-required"`:             "ana@example.com no-touch-required " + k.public,
		"valid-before is not later than valid-after":     `ana@example.com valid-after="20270101Z",valid-before="20260101Z" ` + k.public,
		"the key is never valid":                         `ana@example.com valid-before="20260101Z",valid-after="20260101Z" ` + k.public,
		`"2026" is not a time: write YYYYMMDD`:           `ana@example.com valid-before="2026" ` + k.public,
	} {
		_, err := signature.Parse(text)
		require.ErrorContains(t, err, why)
	}
	_, err := signature.Read(filepath.Join(t.TempDir(), "none"))
	require.ErrorContains(t, err, "read the allowed signers")
}

// A key that is taken out of the file is refused from then on.
func TestFileIsReadAnew(t *testing.T) {
	ana, bo := newKey(t), newKey(t)
	file := filepath.Join(t.TempDir(), "allowed_signers")
	require.NoError(t, os.WriteFile(file, []byte("ana@example.com "+ana.public), 0o600))
	verify := func() error {
		_, err := signature.File(file).Verify(statement, ana.sign(t), []string{"ana@example.com"}, now)
		return err
	}
	require.NoError(t, verify())
	require.NoError(t, os.WriteFile(file, []byte("bo@example.com "+bo.public), 0o600))
	require.ErrorContains(t, verify(), "not among the allowed signers")
	require.NoError(t, os.Remove(file))
	require.ErrorContains(t, verify(), "read the allowed signers")
}

// An agent signs with its first key, or with the one that is named.
func TestAgent(t *testing.T) {
	ana, bo := newKey(t), newKey(t)
	socket := serveAgent(t, agent.AddedKey{PrivateKey: ana.private, Comment: "ana's"}, agent.AddedKey{PrivateKey: bo.private, Comment: "bo's"})
	for asked, want := range map[string]key{"agent": ana, "agent:bo's": bo, "agent:" + bo.fingerprint: bo} {
		armor, err := signature.Sign(statement, asked, socket)
		require.NoError(t, err)
		signer, err := allow(t, "* "+ana.public, "* "+bo.public).Verify(statement, armor, []string{"x"}, now)
		require.NoError(t, err)
		require.Equal(t, want.fingerprint, signer.Key, asked)
	}
	for asked, why := range map[string]string{"agent:nobody's": `has no key "nobody's"`, "agent:": `has no key ""`} {
		_, err := signature.Sign(statement, asked, socket)
		require.ErrorContains(t, err, why)
	}
	_, err := signature.Sign(statement, "agent", serveAgent(t))
	require.ErrorContains(t, err, "ssh-agent has no keys")
	_, err = signature.Sign(statement, "agent", "")
	require.ErrorContains(t, err, "SSH_AUTH_SOCK is not set")
	_, err = signature.Sign(statement, "agent", filepath.Join(t.TempDir(), "none"))
	require.ErrorContains(t, err, "reach ssh-agent")
}

func serveAgent(t *testing.T, keys ...agent.AddedKey) (socket string) {
	t.Helper()
	ring := agent.NewKeyring()
	for _, k := range keys {
		require.NoError(t, ring.Add(k))
	}
	folder, err := os.MkdirTemp("", "agent") // the path of a socket must be short
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	listener, err := net.Listen("unix", filepath.Join(folder, "socket"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(ring, connection) }()
		}
	}()
	return listener.Addr().String()
}

// A key that cannot sign says why.
func TestKeyFiles(t *testing.T) {
	k := newKey(t)
	locked := filepath.Join(t.TempDir(), "locked")
	block, err := ssh.MarshalPrivateKeyWithPassphrase(k.private, "", []byte("s3cret"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(locked, pem.EncodeToMemory(block), 0o600))
	public := filepath.Join(t.TempDir(), "id.pub")
	require.NoError(t, os.WriteFile(public, []byte(k.public), 0o600))
	for file, why := range map[string]string{
		locked: "has a passphrase: give the key to ssh-agent (ssh-add " + locked + ")",
		public: "is not a private SSH key",
		"none": "read the key",
	} {
		_, err := signature.Sign(statement, file, "")
		require.ErrorContains(t, err, why)
	}
}

// ssh-keygen and this package take each other's signatures, and restrict the
// same ones.
func TestAsSSHKeygen(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("ssh-keygen is missing: install openssh-client")
		}
		t.Skip("SKIP: no ssh-keygen: apt-get install openssh-client")
	}
	k, stranger := newKey(t), newKey(t)
	ours := k.sign(t)
	sign := exec.Command("ssh-keygen", "-Y", "sign", "-q", "-n", "bakeoff", "-f", k.file)
	sign.Stdin = strings.NewReader(statement)
	theirs, err := sign.Output()
	require.NoError(t, err)
	for line, holds := range map[string]bool{
		"ana@example.com " + k.public:                                true,
		"*@example.com,!ana@* " + k.public:                           false,
		"bo@*,an?@example.??? " + k.public:                           true,
		"Ana@example.com " + k.public:                                false,
		"ana@example.com " + stranger.public:                         false,
		`ana@example.com namespaces="git" ` + k.public:               false,
		`ana@example.com namespaces="git,b*" ` + k.public:            true,
		`ana@example.com valid-before="20200101" ` + k.public:        false,
		`ana@example.com valid-after="20200101000000" ` + k.public:   true,
		`ana@example.com valid-after="209901010000" ` + k.public:     false,
		`ana@example.com cert-authority ` + k.public:                 false,
		`"ana@example.com" valid-before="20990101" ` + k.public:      true,
		`ana@example.com valid-before="20200101" ` + stranger.public: false,
	} {
		folder := t.TempDir()
		allowed, armor := filepath.Join(folder, "allowed"), filepath.Join(folder, "sig")
		require.NoError(t, os.WriteFile(allowed, []byte(line+"\n"), 0o600))
		require.NoError(t, os.WriteFile(armor, []byte(ours), 0o600))
		verify := exec.Command("ssh-keygen", "-Y", "verify", "-f", allowed, "-I", "ana@example.com", "-n", "bakeoff", "-s", armor)
		verify.Stdin = strings.NewReader(statement)
		said, err := verify.CombinedOutput()
		require.Equal(t, holds, err == nil, "ssh-keygen: %s: %s", line, said)
		_, err = signature.File(allowed).Verify(statement, string(theirs), []string{"ana@example.com"}, time.Now())
		require.Equal(t, holds, err == nil, "ours: %s: %v", line, err)
	}
}
