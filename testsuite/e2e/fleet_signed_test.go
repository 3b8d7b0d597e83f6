package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
)

// Where starts have to be signed, one signature of the fleet's stands for all of
// its units, and no order passes for a unit's by saying so.
func TestSignedFleet(t *testing.T) {
	k := newKeys(t, "ana@example.com")
	k.allow("ana@example.com ana@example.com")
	c := found(t)
	c.worker = procs.StartWorker(t, c.server, "signing: {allowedSigners: "+k.file("allowed")+", require: {staging: [start]}}\n")
	f := c.convoy(t, "a", "b")
	file := f.fleet("waves: [[a, b]]")

	unsigned := f.result("run", file, "--actor", "ana@example.com", "--reason", "a test")
	require.Equal(t, 15, unsigned.code)
	require.Contains(t, unsigned.Reason, "start in staging must be signed")
	for _, unit := range f.units {
		require.Empty(t, unit.world.Log())
	}

	forged := c.scene(t).submits(rollout.Order{ID: "forged", Actor: "ana@example.com", Reason: "a test", Fleet: "target/staging/testsignedfleet"})
	require.Contains(t, forged.Reason, "start in staging must be signed")

	signed := f.result("run", file, "--actor", "ana@example.com", "--reason", "a test", "--sign", k.file("ana@example.com"))
	require.Equal(t, 0, signed.code, signed.Reason)
	for _, unit := range f.units {
		require.Equal(t, candidate, unit.world.State().Primary)
	}
}
