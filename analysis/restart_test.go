package analysis

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// The weights are positive, and with what is to come they are 1 at any time.
func TestRestartWeights(t *testing.T) {
	require.Equal(t, 1.0, toCome(0))
	sum := 0.0
	for i := range 100_000 {
		weight := toCome(i) - toCome(i+1)
		require.Positive(t, weight)
		sum += weight
		require.InDelta(t, 1, sum+toCome(i+1), 1e-9)
	}
	require.Positive(t, toCome(1e12)-toCome(1e12+1), "after more windows than there can be")
}

// Over all outcomes of twelve windows whose step has the mean 1 the mean of R is
// 1 after each of them.
func TestRestartIsExact(t *testing.T) {
	var mean func(r restart, window int, chance float64) float64
	mean = func(r restart, window int, chance float64) float64 {
		if window == 12 {
			return chance * r.value()
		}
		sum := 0.0
		for _, step := range []float64{1.5, 0.5} {
			next, steps := r, [alternatives]float64{}
			for j := range steps {
				steps[j] = math.Log(step)
			}
			next.fold(&steps, window, 0, 0)
			sum += mean(next, window+1, chance/2)
		}
		return sum
	}
	require.InDelta(t, 1, mean(restart{}, 0, 1), 1e-12)
}
