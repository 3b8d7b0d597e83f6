package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/fault"
	"bakeoff/rollout/specfile"
)

// Every example is sound, of whatever kind.
func TestExamplesAreSound(t *testing.T) {
	files, err := filepath.Glob("examples/*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 10)
	got := bakeoff(t.Context(), &fake{}, append([]string{"lint"}, files...)...)
	require.Equal(t, 0, got.code, got.err)
}

// The faults of the example come over each other, as it says, and its limits allow
// just that.
func TestCascadeNeedsTwoAtOnce(t *testing.T) {
	text, err := os.ReadFile("examples/cascade.yaml")
	require.NoError(t, err)
	var m rehearsal.Manifest
	require.Empty(t, specfile.Decode("cascade.yaml", text, &m))
	limits := fault.Limits{AtOnce: 2, Kinds: []string{"toxiproxy", "errors"}, Proxies: []string{"db", "pay"}}
	require.Empty(t, limits.Problems("faults", m.Faults))
	limits.AtOnce = 1
	require.NotEmpty(t, limits.Problems("faults", m.Faults))
}
