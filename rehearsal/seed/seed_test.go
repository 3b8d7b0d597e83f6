package seed_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/seed"
)

// The first numbers are permanent: recorded runs are repeated with them.
func TestNumbersAreThoseOfTheSeedAndTheNames(t *testing.T) {
	require.Equal(t, uint64(0x5eb992847a9384d4), seed.For(42, "load", "browse").Uint64())
	require.Equal(t, seed.For(42, "load").Uint64(), seed.For(42, "load").Uint64())
	require.NotEqual(t, seed.For(42, "load").Uint64(), seed.For(43, "load").Uint64())
	require.NotEqual(t, seed.For(42, "ab", "c").Uint64(), seed.For(42, "a", "bc").Uint64())
}
