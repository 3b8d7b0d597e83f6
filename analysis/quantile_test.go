package analysis

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQuantile(t *testing.T) {
	got, err := Quantile(map[string]float64{"0.1": 90, "0.2": 100, "+Inf": 100}, 0.95)
	require.NoError(t, err)
	require.InDelta(t, 0.15, got, 1e-12)
	got, err = Quantile(map[string]float64{"0.1": 10, "+Inf": 100}, 0.99)
	require.NoError(t, err)
	require.InDelta(t, 0.1, got, 1e-12, "beyond the last finite bound it is that bound")
	for why, buckets := range map[string]map[string]float64{
		"nothing was counted": {"1": 0, "+Inf": 0},
		"finite bound":        {"1": 3},
		"not an upper bound":  {"x": 3},
	} {
		_, err = Quantile(buckets, 0.5)
		require.ErrorContains(t, err, why)
	}
}
