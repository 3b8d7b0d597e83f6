package demo

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/deploy/dev/town"
)

// askingShop is a bakeoff that asks for two approvals, and says this to one that
// is not signed.
func askingShop(unsigned string) string {
	return `case "$*" in
status*) echo '{"phase":"Waiting","waitingFor":"approval"}' ;;
*keys/ana*) [ -e ana ] && echo '{"answer":"noop","why":"ana@example.com has approved already"}' && exit
	touch ana; echo '{"answer":"accepted","why":"1 of 2"}' ;;
*keys/bo*) echo '{"answer":"accepted","why":"2 of 2"}' ;;
*) echo '` + unsigned + `'; exit 15 ;;
esac`
}

func TestTwoPeopleSign(t *testing.T) {
	var out bytes.Buffer
	d := fakeTown(t, askingShop(`{"answer":"denied","why":"approve in demo must be signed: use --sign"}`))
	d.story = town.NewStory(&out)
	require.NoError(t, d.sign(t.Context(), &chapter{release: releases[6]}, func(string) {}))
	require.Contains(t, out.String(), `$ bakeoff approve demo/shop --actor ana@example.com --reason "tasted it"`+"\n")
	require.Contains(t, out.String(), "exit 15, denied: approve in demo must be signed")
	require.Contains(t, out.String(), "--sign keys/bo\n")
	require.Contains(t, out.String(), "exit 0, accepted: 2 of 2")
}

func TestAVoteThatIsDeniedForAnotherReasonIsAnError(t *testing.T) {
	d := fakeTown(t, askingShop(`{"answer":"denied","why":"demo started this rollout"}`))
	err := d.sign(t.Context(), &chapter{release: releases[6]}, func(string) {})
	require.ErrorContains(t, err, "the vote of ana@example.com (signed: false): exit 15, denied: demo started this rollout; not exit 15, denied: must be signed")
}

// What the shopkeepers sign with their keys is what OpenSSH verifies.
func TestSignaturesAreProved(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("no ssh-keygen")
	}
	d := fakeTown(t, "")
	for _, folder := range []string{keyFolder, voteFolder} {
		require.NoError(t, os.Mkdir(filepath.Join(d.town.Dir, folder), 0o755))
	}
	require.NoError(t, d.makeKeys())
	c := chapter{release: releases[6], story: []event{{Kind: "Command"}, signedVote(t, d, ana), signedVote(t, d, bo)}}
	chapters := []chapter{c, {release: releases[0]}}
	require.NoError(t, d.prove(t.Context(), chapters))
	require.NoError(t, chapters[0].verifySigned())
	require.Regexp(t, `^Good "bakeoff" signature for ana@example.com .*\nGood "bakeoff" signature for bo@example.com .*$`, chapters[0].signed())
	require.Empty(t, chapters[1].signed()+chapters[1].verifyByHand(), "nobody was asked")

	c.story = c.story[:2]
	chapters = []chapter{c}
	require.NoError(t, d.prove(t.Context(), chapters))
	require.ErrorContains(t, chapters[0].verifySigned(), "1.7.0: it was signed by [ana@example.com], not by [ana@example.com bo@example.com]")

	c.story[1].Data.Statement += " "
	require.ErrorContains(t, d.prove(t.Context(), []chapter{c}), "1.7.0: ssh-keygen finds a signature bad")
}

// signedVote is a line of history, signed by ssh-keygen with the key that was
// made.
func signedVote(t *testing.T, d *demo, name string) event {
	t.Helper()
	file := filepath.Join(t.TempDir(), "statement")
	require.NoError(t, os.WriteFile(file, []byte("approve, says "+name), 0o600))
	out, err := exec.Command("ssh-keygen", "-Y", "sign", "-f", filepath.Join(d.town.Dir, keyFile(name)), "-n", "bakeoff", file).CombinedOutput()
	require.NoError(t, err, "%s", out)
	signature, err := os.ReadFile(file + ".sig")
	require.NoError(t, err)
	e := event{Kind: "Command"}
	e.Data.Answer, e.Data.Verified, e.Data.Signer = "accepted", true, name
	e.Data.Statement, e.Data.Signature = "approve, says "+name, string(signature)
	return e
}
