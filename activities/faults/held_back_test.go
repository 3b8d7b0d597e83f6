//go:build linux

package faults

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
)

// Who removes all faults of a machine has none begin again, whichever process asks,
// until the time is over or somebody allows them.
func TestHeldBack(t *testing.T) {
	w := newWorld(t)
	o, upstream := slow(t, w)
	d, other := w.driver(t), w.driver(t)
	require.NoError(t, other.Allow(), "they may already")
	require.NoError(t, other.HoldBack(time.Now().Add(time.Hour)))
	err := d.Inject(t.Context(), o)
	require.ErrorIs(t, err, activities.ErrFinal)
	require.ErrorContains(t, err, "all faults of this machine were removed at ")
	require.ErrorContains(t, err, "bakeoff-worker allow-faults lets them")
	require.True(t, w.untouched(t, "db", upstream))
	active, err := d.Active(t.Context())
	require.NoError(t, err)
	require.Empty(t, active)

	require.NoError(t, other.Allow())
	inject(t, d, o)
	require.NoError(t, d.Remove(t.Context(), o))
	require.NoError(t, other.HoldBack(time.Now().Add(-time.Second)))
	why, err := d.HeldBack()
	require.NoError(t, err)
	require.Empty(t, why, "the time is over")
}

// One that was registered in the same moment does not begin, and leaves nothing
// registered.
func TestHeldBackWhileItIsRegistered(t *testing.T) {
	w := newWorld(t)
	o, upstream := slow(t, w)
	d := w.driver(t)
	inForce, err := d.register(t.Context(), o)
	require.NoError(t, err)
	require.False(t, inForce)
	require.NoError(t, d.HoldBack(time.Now().Add(time.Hour)))
	require.ErrorIs(t, d.startRegistered(t.Context(), o), activities.ErrFinal)
	require.True(t, w.untouched(t, "db", upstream))
	endedBy(t, d, o, "stop")
}

// What cannot be read is not taken for leave.
func TestHeldBackUnreadable(t *testing.T) {
	d := newWorld(t).driver(t)
	require.NoError(t, os.WriteFile(d.registry.holdFile(), []byte("{"), 0o600))
	_, err := d.HeldBack()
	require.ErrorContains(t, err, "read whether faults are held back")
}
