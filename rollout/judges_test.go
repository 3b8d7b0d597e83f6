package rollout

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What depends on how long the bakes are is filled in, and nothing that a spec
// gives is changed.
func TestJudgesFitTheBakes(t *testing.T) {
	bakes := func(ds ...time.Duration) Strategy {
		var s Strategy
		for _, d := range ds {
			s.Canary = append(s.Canary, Step{Bake: Duration(d)})
		}
		return s
	}
	points, mean, burn := &Judge{Points: &Points{}}, &Judge{MeanCS: &MeanCS{}}, &Judge{BurnRate: &BurnRate{}}
	for _, tt := range []struct {
		bakes   Strategy
		step    time.Duration
		tOpt    float64
		longest time.Duration
	}{
		{bakes(20 * time.Second), time.Second, 10, 30 * time.Minute},
		{bakes(10*time.Minute, 30*time.Minute), 15 * time.Second, 80, 30 * time.Minute},
		{bakes(time.Minute, time.Hour), 3 * time.Second, 610, 6 * time.Hour},
		{Strategy{Linear: &Linear{Step: 2500, Bake: Duration(time.Hour)}}, 15 * time.Second, 360, 6 * time.Hour},
	} {
		require.Equal(t, Duration(tt.step), points.within(tt.bakes).Points.Step)
		require.Equal(t, Duration(tt.step), mean.within(tt.bakes).MeanCS.Step)
		require.InDelta(t, tt.tOpt, mean.within(tt.bakes).MeanCS.TOpt, 1e-9)
		windows := burn.within(tt.bakes).BurnRate.Windows
		require.Equal(t, Duration(tt.longest), windows[1].Long)
	}
	require.Equal(t, Points{}, *points.Points, "the spec itself is left alone")
	require.Equal(t, BurnRate{}, *burn.BurnRate)
	given := &Judge{Points: &Points{Step: Duration(time.Minute)}}
	require.Equal(t, given, given.within(bakes(time.Hour)))
	require.Nil(t, (*Judge)(nil).within(bakes(time.Hour)))
	require.Equal(t, burn, burn.within(Strategy{}), "without bakes nothing is known")
}

func TestMeanCSNeverGates(t *testing.T) {
	yes := true
	require.False(t, Check{Judge: &Judge{MeanCS: &MeanCS{}}}.IsGating())
	require.False(t, Check{Gates: &yes, Judge: &Judge{MeanCS: &MeanCS{}}}.IsGating())
	require.True(t, Check{Judge: &Judge{Points: &Points{}}}.IsGating())
	require.True(t, Check{Judge: &Judge{BurnRate: &BurnRate{}}}.IsAbsolute())
	require.False(t, Check{Judge: &Judge{Points: &Points{}}}.IsAbsolute())
	require.Equal(t, Duration(0), Check{Judge: &Judge{BurnRate: &BurnRate{}}}.Step())
	require.Equal(t, Duration(0), Check{}.Step())
}
