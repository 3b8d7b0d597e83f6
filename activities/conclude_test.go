package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/scaling"
)

// TestSampledOf: where arrivals are not read, they are those that were sent; where
// they should have been read, nothing is made up.
func TestSampledOf(t *testing.T) {
	in := ConcludeRehearsalInput{}
	in.Order.Manifest.Scaling = &scaling.Expect{}
	in.Facts.Zero = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	in.Facts.ScalingError = "stopped"
	in.Facts.Scaling = SampleScalingOutput{Unread: map[string]string{"queue": "gone"}, Samples: []scaling.Sample{
		{At: in.Facts.Zero}, {At: in.Facts.Zero.Add(2 * time.Second)}}}
	seen := users{requests: []rehearsal.Request{{At: 0}, {At: time.Second}, {At: 1500 * time.Millisecond}, {At: 1800 * time.Millisecond}, {At: 3 * time.Second}}}

	out := sampledOf(in, seen)
	require.Nil(t, out.Samples[0].Rate)
	require.InDelta(t, 2, *out.Samples[1].Rate, 1e-9)
	require.Equal(t, "stopped", out.Error)
	require.Equal(t, "gone", out.Unread["queue"])

	in.Order.Manifest.Scaling.Signals.Rate.Counter = "arrivals_total"
	require.Nil(t, sampledOf(in, seen).Samples[1].Rate)
}
