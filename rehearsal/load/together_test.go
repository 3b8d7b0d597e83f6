package load_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// flat is a load of 20 a second for a second, from some time on.
func flat(at rollout.Duration) load.Load {
	return load.Load{Name: fmt.Sprint("flat-", at), URL: "http://h", Rate: 20, At: at, For: second}
}

func TestTogetherAddsWhatRunsAtTheSameTime(t *testing.T) {
	tenth := second / 10
	short, next := flat(tenth), flat(3*tenth)
	short.For = 2 * tenth
	surge := load.Load{Name: "surge", URL: "http://h", Rate: 5, For: 10 * second, Shape: &load.Shape{Surge: &load.Surge{At: 4 * second, For: second, Rate: 100}}}
	ramp := load.Load{Name: "ramp", URL: "http://h", At: 2 * second, For: 2 * second, Shape: &load.Shape{Ramp: &load.Ramp{From: 0, To: 30}}}
	journeys := shop()
	closed := load.Load{Name: "closed", URL: "http://h", For: second, Closed: &load.Closed{Users: 10, Think: second}}
	endless := load.Load{Name: "endless", URL: "http://h", At: 60 * second, For: second, Closed: &load.Closed{Users: 1}}
	for name, c := range map[string]struct {
		loads []load.Load
		most  float64
	}{
		"none":                              {nil, 0},
		"one":                               {[]load.Load{flat(0)}, 20},
		"far apart":                         {[]load.Load{flat(0), flat(60 * second)}, 20},
		"in the other order":                {[]load.Load{flat(60 * second), flat(0)}, 20},
		"one begins when another ends":      {[]load.Load{flat(0), flat(second)}, 20},
		"the same where seconds are broken": {[]load.Load{short, next}, 20},
		"a moment together":                 {[]load.Load{flat(0), flat(second - 1)}, 40},
		"three, of which two meet":          {[]load.Load{flat(0), flat(second / 2), flat(second)}, 40},
		"beside a surge":                    {[]load.Load{surge, flat(4 * second)}, 120},
		"before and after a surge":          {[]load.Load{surge, flat(3 * second), flat(5 * second)}, 100},
		"a ramp that ends at the surge":     {[]load.Load{surge, ramp}, 100},
		"a ramp beside a load":              {[]load.Load{flat(2 * second), ramp}, 50},
		"journeys and what follows":         {[]load.Load{journeys, flat(10 * second)}, 100},
		"closed while it runs":              {[]load.Load{closed, flat(0), flat(second)}, 30},
		"closed without time to think":      {[]load.Load{flat(0), endless}, math.Inf(1)},
	} {
		require.InDelta(t, c.most, load.Together(c.loads), 0, name)
		var schedules []*load.Schedule
		for _, l := range c.loads {
			schedules = append(schedules, schedule(t, l))
		}
		require.InDelta(t, c.most, load.TogetherOf(schedules), 0, name)
	}
}

// A replay sends what it sends in the time that its speed leaves, and the second
// after its last request still knows of it.
func TestTogetherKnowsReplays(t *testing.T) {
	var recording []load.Recorded
	for i := range 21 { // ten a second, for two seconds
		recording = append(recording, load.Recorded{Offset: time.Duration(i) * 100 * time.Millisecond, Method: "GET", Path: "/"})
	}
	replay := func(at rollout.Duration, speed float64) *load.Schedule {
		l := load.Load{Name: "recorded", URL: "http://h", At: at, Replay: &load.Replay{File: "f", Format: load.FormatJSON, Speed: speed}}
		s, err := load.New(42, l, recording)
		require.NoError(t, err)
		return s
	}
	after := func(at rollout.Duration) *load.Schedule { return schedule(t, flat(at)) }
	require.InDelta(t, 10, load.TogetherOf([]*load.Schedule{replay(0, 1)}), 0)
	require.InDelta(t, 30, load.TogetherOf([]*load.Schedule{replay(0, 1), after(2 * second)}), 0)
	require.InDelta(t, 20, load.TogetherOf([]*load.Schedule{replay(0, 1), after(3 * second)}), 0)
	require.InDelta(t, 20, load.TogetherOf([]*load.Schedule{replay(0, 2), after(2 * second)}), 0, "twice as fast: over a second earlier")
	require.InDelta(t, 40, load.TogetherOf([]*load.Schedule{replay(0, 2), after(second)}), 0)
	require.InDelta(t, 0, load.Together([]load.Load{replay(0, 1).Load()}), 0, "what it sends stands in its recording")
}

// Whatever the loads, at no moment do they send more together, and no more is said
// than what all would send at their highest.
func TestTogetherIsNeverBelowTheSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		loads := rapid.SliceOfN(anyLoad, 1, 5).Draw(t, "loads")
		peaks := 0.0
		for i := range loads {
			loads[i].At = rollout.Duration(rapid.IntRange(0, 12_000).Draw(t, "at")) * second / 1000
			peaks += loads[i].Peak()
		}
		most := load.Together(loads)
		require.LessOrEqual(t, most, peaks+1e-9)
		for at := rollout.Duration(0); at < 18*second; at += second / 20 {
			sum := 0.0
			for _, l := range loads {
				sum += rateAt(l, at)
			}
			require.LessOrEqual(t, sum, most+.01, "at %s", at)
		}
	})
}

// rateAt is the rate of an open load at a moment of the run.
func rateAt(l load.Load, at rollout.Duration) float64 {
	at -= l.At
	if at < 0 || at >= l.For {
		return 0
	}
	part := float64(at) / float64(l.For)
	switch s := l.Shape; {
	case s == nil:
		return float64(l.Rate)
	case s.Ramp != nil:
		return float64(s.Ramp.From) + part*float64(s.Ramp.To-s.Ramp.From)
	case s.Surge != nil:
		if at >= s.Surge.At && at < s.Surge.At+s.Surge.For {
			return float64(s.Surge.Rate)
		}
		return float64(l.Rate)
	case s.Sine != nil:
		return float64(s.Sine.Low) + float64(s.Sine.High-s.Sine.Low)*(1-math.Cos(2*math.Pi*float64(at)/float64(s.Sine.Period)))/2
	}
	rate := l.Rate
	for _, level := range l.Shape.Step {
		if at >= level.At {
			rate = level.Rate
		}
	}
	return float64(rate)
}
