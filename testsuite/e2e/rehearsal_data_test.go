package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
)

// shelf is a hall whose worker has files for rehearsals, and a key that masks.
type shelf struct {
	*hall
	library string
}

func (c *town) shelf(t *testing.T) *shelf {
	t.Helper()
	library := t.TempDir()
	s := &shelf{library: library}
	s.hall = c.hall(t, "rehearsals:", fmt.Sprintf("  directory: %q", library), "  parts: {flags: flags.json}",
		fmt.Sprintf("  masking: {file: %q}", write(t, t.TempDir(), "key", "a key of more than sixteen bytes")))
	return s
}

// put writes a file of the library, and returns its digest.
func (s *shelf) put(name string, lines ...string) string {
	s.t.Helper()
	write(s.t, s.library, name, lines...)
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(strings.Join(lines, "\n")+"\n")))
}

// inputs is the lineage of a run, by name.
func (s *shelf) inputs(of rehearsal.Status) map[string]evidence.Input {
	s.t.Helper()
	out := map[string]evidence.Input{}
	for _, in := range s.evidence(of).Inputs {
		out[in.Name] = in
	}
	return out
}

// refused is the command whose manifest is refused for a reason.
func (s *shelf) refused(manifest, want string) {
	s.t.Helper()
	out := s.cli("rehearse", manifest, "--reason", "a test")
	require.Equal(s.t, 3, out.Code, "%s\n%s", out.Stdout, out.Stderr)
	require.Contains(s.t, out.Stdout+out.Stderr, want)
}

// mentions lists the files below a folder that hold a text.
func mentions(t *testing.T, folder, text string) (files []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(folder, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := os.ReadFile(file)
		if bytes.Contains(body, []byte(text)) {
			files = append(files, filepath.Base(file))
		}
		return err
	}))
	return files
}

// recorded is a recording of so many requests, five a second.
func recorded(requests int) (lines []string) {
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for i := range requests {
		lines = append(lines, fmt.Sprintf(`{"time":%q,"method":"GET","url":"/%d"}`, at.Add(time.Duration(i)*200*time.Millisecond).Format(time.RFC3339Nano), i))
	}
	return lines
}

var cartsTemplate = []string{"kind: DataTemplate", "name: carts", "version: 3", "rows: 20", "columns:",
	"  - {name: id, sequence: {from: 1}}", "  - {name: mail, reference: {set: people, column: mail}}"}

// ofFiles is a rehearsal of masked and made data, of recorded requests and of locked
// flags.
func (s *shelf) ofFiles() []string {
	s.t.Helper()
	people := s.put("people.csv", "id,mail", "1,ana.mendes@example.com", "2,bo.larsen@example.com")
	notes := s.put("notes.csv", "id,note", "1,call ana.mendes@example.com")
	s.put("carts.yaml", cartsTemplate...)
	s.put("friday.json", recorded(60)...)
	s.world.ForeignFlags(map[string]any{"old": "kept"})
	return []string{
		"rollout: " + s.file(oneStep, fmt.Sprintf("target: {deploy: {driver: http, with: {url: %q}}, traffic: {driver: http, with: {url: %[1]q}}, flags: {driver: http, with: {url: %[1]q}}, metrics: {driver: scrape}}", s.url)),
		"baseline: {flags: " + s.put("flags.json", `{"old": "kept", "new-cart": null}`) + "}",
		"data: [{name: people, snapshot: people.csv, digest: " + people + ", mask: [{field: mail, as: email}]}, " +
			"{name: notes, snapshot: notes.csv, digest: " + notes + ", mask: [{field: note, as: blank}]}, {name: carts, template: carts.yaml}]",
		fmt.Sprintf("variables: {users: %q}", s.users), `load: [{name: again, url: "{{var.users}}", replay: {file: friday.json, format: json, sample: 50%}}]`,
		"drills: [{from: step 1, after: 1s, restoreWithin: 10s}]",
	}
}

// The evidence has the lineage of everything that a run was made of, and no
// original; it can be repeated from that, and is refused where what it starts from
// is no longer so.
func TestRehearsalOfFiles(t *testing.T) {
	s := found(t).shelf(t)
	lines := s.ofFiles()
	first, out := s.rehearse(lines...)
	require.Equal(t, evidence.Passed, first.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	inputs := s.inputs(first)
	require.Equal(t, []string{"mask mail as email"}, inputs["people"].Steps)
	require.NotEqual(t, inputs["people"].SourceSum, inputs["people"].Digest)
	require.Equal(t, []string{"template carts v3, seed 42"}, inputs["carts"].Steps)
	require.Equal(t, []string{"recorded as json", "sample 50%, seed 42", "speed 1"}, inputs["recording of again"].Steps)
	require.Equal(t, []string{"verified: its 2 flags have these values"}, inputs["baseline flags"].Steps)
	require.Empty(t, mentions(t, first.Place, "ana.mendes@example.com"), "no original leaves")
	for _, file := range []string{"data/people.csv", "data/notes.csv", "data/carts.csv", "inputs/carts.yaml", "inputs/friday.json", "inputs/flags.json"} {
		require.FileExists(t, filepath.Join(first.Place, file))
	}

	s.put("carts.yaml", append(cartsTemplate, "  - {name: more, uuid: true}")...)
	require.NoError(t, os.Remove(filepath.Join(s.library, "friday.json")))
	manifest := filepath.Join(first.Place, "manifest.json")
	out = s.cli("rehearse", manifest, "--reason", "from the evidence alone", "-o", "json")
	require.Zero(t, out.Code, "%s\n%s", out.Stdout, out.Stderr)
	repeated := decode[rehearsal.Status](t, out.Stdout)
	require.Equal(t, first.Fingerprint, repeated.Fingerprint)
	for _, name := range []string{"carts", "recording of again"} {
		require.Contains(t, s.inputs(repeated)[name].Steps, "taken from the evidence of "+s.evidence(first).ID+": the library has another one, or none")
	}

	s.world.ForeignFlags(map[string]any{"old": "changed"})
	s.refused(manifest, "what serves is not what is locked: old: want kept, found changed")
	s.world.ForeignFlags(map[string]any{"old": "kept"})
	alone, err := os.ReadFile(manifest)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Dir(first.Place)))
	s.refused(write(t, s.folder, "alone.json", string(alone)), "no run of staging/testrehearsaloffiles has kept it")
	s.refused(s.manifest(replaced(lines, strings.Replace(lines[2], ", mask: [{field: note, as: blank}]", "", 1))...), "unmasked values would leave: notes.csv")
}
