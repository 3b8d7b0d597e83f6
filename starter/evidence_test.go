package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
)

// Evidence that was changed is shown, and never in silence.
func TestChangedEvidence(t *testing.T) {
	for name, c := range map[string]struct {
		change func(place string, run *evidence.Run)
		code   int
		want   string
	}{
		"nothing": {func(string, *evidence.Run) {}, 0, ""},
		"a load": {func(place string, _ *evidence.Run) {
			require.NoError(t, os.WriteFile(filepath.Join(place, "load.csv.gz"), []byte("b"), 0o600))
		}, 1, "load.csv.gz is not what was kept"},
		"a lost load": {func(place string, _ *evidence.Run) {
			require.NoError(t, os.Remove(filepath.Join(place, "load.csv.gz")))
		}, 1, "load.csv.gz is gone"},
		"a way out":     {func(_ string, r *evidence.Run) { r.Files[0].Name = "../../etc/passwd" }, 1, "cannot be read"},
		"a halted pass": {func(_ string, r *evidence.Run) { r.Halt = &evidence.Halt{Probe: "alive"} }, 1, "the outcome is Passed, and a probe halted it"},
		"a red pass":    {func(_ string, r *evidence.Run) { r.Criteria[0].Outcome = evidence.Failed }, 1, "the outcome is Passed, and not all of its criteria are"},
		"a green fail":  {func(_ string, r *evidence.Run) { r.Outcome, r.Reason = evidence.Failed, "all 1 criteria hold" }, 1, "the outcome is Failed, and all of its criteria hold"},
		"a quiet one":   {func(_ string, r *evidence.Run) { r.Outcome = evidence.Unmeasured }, 1, "the outcome is Unmeasured"},
		"a control that practised nothing": {func(_ string, r *evidence.Run) {
			r.Negative, r.Outcome = true, evidence.Unmeasured
		}, 0, ""},
		"a green control": {func(_ string, r *evidence.Run) { r.Negative = true }, 1, "none of its criteria failed"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			place := kept(t, folder, "checkout", day)
			run, err := readEvidence(place)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(place, "load.csv.gz"), []byte("a"), 0o600))
			run.Files = []evidence.File{{Name: "load.csv.gz", Digest: fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("a"))), Bytes: 1}}
			run.Fingerprint = evidence.Fingerprint{Digest: "sha256:1", Parts: []evidence.Part{{Name: "load", Digest: "sha256:2"}}}
			run.Criteria = []evidence.Criterion{{Name: "errors", Outcome: evidence.Passed}}
			before := filepath.Join(t.TempDir(), "evidence.json")
			earlier := run
			earlier.ID, earlier.Files = "staging/checkout/before", nil
			body, err := json.Marshal(earlier)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(before, body, 0o600))
			c.change(place, &run)
			body, err = json.Marshal(run)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(place, "evidence.json"), body, 0o600))
			for _, args := range [][]string{{"report", place}, {"report", folder}, {"compare", before, place}} {
				got := bakeoff(t.Context(), nil, args...)
				require.Equal(t, c.code, got.code, "%v: %s", args, got.err)
				require.Contains(t, got.err, c.want)
				require.NotEmpty(t, got.out)
			}
		})
	}
}

// The evidence alone, away from its folder, says what was not looked at.
func TestEvidenceWithoutItsFolder(t *testing.T) {
	place := kept(t, t.TempDir(), "checkout", day)
	run, err := readEvidence(place)
	require.NoError(t, err)
	run.Files = []evidence.File{{Name: "load.csv.gz"}}
	body, err := json.Marshal(run)
	require.NoError(t, err)
	alone := filepath.Join(t.TempDir(), "kept.json")
	require.NoError(t, os.WriteFile(alone, body, 0o600))
	got := bakeoff(t.Context(), nil, "report", alone)
	require.Zero(t, got.code)
	require.Contains(t, got.err, "kept.json is without its folder")
}
