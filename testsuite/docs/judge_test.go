package docs_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/testsuite/procs"
)

// TestJudgeExamples runs what the guides say of bakeoff judge: each block of
// windows (or points) by the checks (or canary config) last before it on the
// page, and holds the block of output after it to have come out of that.
func TestJudgeExamples(t *testing.T) {
	var page string
	var by call
	var said []string
	seen := map[string]int{}
	for _, b := range blocks(t) {
		if b.page != page {
			page, by, said = b.page, call{}, nil
		}
		switch b.kind {
		case "yaml judge":
			by = reading(t, b, "judge", "checks.yaml")
			by.run(t, b, "")
		case "json canary":
			by = reading(t, b, "judge", "--kayenta", "canary.json")
		case "json windows", "json points":
			require.NotEmpty(t, by.args, "%s: no checks before it", b.where())
			said = by.run(t, b, b.text)
		case "json output":
			compareOutput(t, b, said)
		default:
			continue
		}
		seen[b.kind]++
	}
	require.GreaterOrEqual(t, seen["json windows"], 4)
	require.NotZero(t, seen["json points"])
	require.GreaterOrEqual(t, seen["json output"], 3)
}

// call is one way to run the command, beside the file that it is to read.
type call struct {
	args   []string
	folder string
}

// reading writes a block to the file that the last argument names.
func reading(t *testing.T, b block, args ...string) call {
	t.Helper()
	c := call{args, t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(c.folder, args[len(args)-1]), []byte(b.text), 0o600))
	return c
}

// run returns the lines that the command prints; nothing may go to standard
// error.
func (c call) run(t *testing.T, b block, input string) []string {
	t.Helper()
	cmd := exec.Command(procs.Program(t, "bakeoff"), c.args...)
	cmd.Dir, cmd.Stdin = c.folder, strings.NewReader(input)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	require.NoError(t, cmd.Run(), "%s: %s", b.where(), &problems)
	require.Empty(t, problems.String(), b.where())
	return strings.Split(strings.TrimSpace(out.String()), "\n")
}

// compareOutput holds each field of each line of the block to be what was
// printed; fields may be left out.
func compareOutput(t *testing.T, b block, said []string) {
	t.Helper()
	want := strings.Split(strings.TrimSpace(b.text), "\n")
	require.Len(t, said, len(want), b.where())
	for i, line := range want {
		var given, printed map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &given), b.where())
		require.NoError(t, json.Unmarshal([]byte(said[i]), &printed), b.where())
		for field, value := range given {
			require.Equal(t, value, printed[field], "%s: %s of %s", b.where(), field, said[i])
		}
	}
}
