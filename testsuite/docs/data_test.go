package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/fault"
	"bakeoff/rehearsal/load"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
	"bakeoff/testsuite/procs"
)

// inputs is the part of a rehearsal's manifest that stands for itself: data, load,
// faults, probes, scaling.
type inputs struct {
	Baseline data.Baseline     `json:"baseline"`
	Data     []data.Set        `json:"data"`
	Load     []load.Load       `json:"load"`
	Faults   []fault.Fault     `json:"faults"`
	Probes   []rehearsal.Probe `json:"probes"`
	Scaling  *scaling.Expect   `json:"scaling"`
}

// Validate is what the whole manifest says of this part.
func (in inputs) Validate() []rollout.Problem {
	out := in.Baseline.Problems("baseline")
	for i, s := range in.Data {
		out = append(out, s.Problems(fmt.Sprintf("data[%d]", i))...)
	}
	for i, l := range in.Load {
		out = append(out, l.Problems(fmt.Sprintf("load[%d]", i))...)
	}
	whole := rehearsal.Manifest{Load: in.Load, Faults: in.Faults}
	whole.Rollout.Target.Metrics = &rollout.Driver{Driver: "prometheus"}
	for i, p := range in.Probes {
		out = append(out, p.Problems(fmt.Sprintf("probes[%d]", i), whole)...)
	}
	if in.Scaling != nil {
		out = append(out, in.Scaling.Problems("scaling")...)
	}
	return append(out, fault.Problems("faults", in.Faults)...)
}

// TestRecordings reads every recording of the guides, and misses nothing that they say of it.
func TestRecordings(t *testing.T) {
	read := 0
	for _, b := range blocks(t) {
		if b.kind != "json recording" {
			continue
		}
		read++
		got, err := load.ParseRecording(load.FormatJSON, strings.NewReader(b.text))
		require.NoError(t, err, b.where())
		require.Equal(t, []load.Recorded{
			{Method: "GET", Path: "/products?page=2", Headers: map[string]string{}},
			{Offset: 250 * time.Millisecond, Method: "POST", Path: "/orders", Headers: map[string]string{"Content-Type": "application/json"}, Body: `{"sku":"A-17"}`},
		}, got, b.where())
	}
	require.Equal(t, 1, read)
}

func checkTemplate(t *testing.T, b block) {
	t.Helper()
	require.Empty(t, specfile.Decode(b.where(), []byte(b.text), &data.Template{}))
}

// checkWhole has the command line check a whole document, of whatever kind. What
// a rehearsal names stands beside it: the examples, and the minimal spec as
// checkout.yaml, in staging.
func checkWhole(t *testing.T, b block) {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.CopyFS(folder, os.DirFS(filepath.Join(procs.Root(), "starter", "examples"))))
	staging := strings.Replace(minimal, "production", "staging", 1)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "checkout.yaml"), []byte(staging), 0o600))
	c := call{[]string{"lint", "block.yaml"}, folder}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "block.yaml"), []byte(b.text), 0o600))
	c.run(t, b, "")
}

func checkInputs(t *testing.T, b block) {
	t.Helper()
	require.Empty(t, specfile.Decode(b.where(), []byte(b.text), &inputs{}))
}
