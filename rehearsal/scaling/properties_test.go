package scaling_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/scaling"
)

// tapes draws runs of any kind, with holes.
func tapes() *rapid.Generator[tape] {
	return rapid.Custom(func(t *rapid.T) tape {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		track := func(name, of string) string {
			return rapid.StringOfN(rapid.SampledFrom([]rune(of)), n, n, -1).Draw(t, name)
		}
		return tape{rate: track("rate", "111666666."), wanted: track("wanted", "1122333345."), ready: track("ready", "1122333345."), queue: track("queue", "0012345.")}
	})
}

func TestOrderAndClockChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, samples := expected(nil), tapes().Draw(t, "tape").samples()
		want := judge(e, samples)
		by := time.Duration(rapid.Int64Range(-1e15, 1e15).Draw(t, "by"))
		moved := make([]scaling.Sample, len(samples))
		for i, s := range samples {
			s.At = s.At.Add(by)
			moved[i] = s
		}
		rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "order"))).Shuffle(len(moved), func(i, j int) { moved[i], moved[j] = moved[j], moved[i] })
		require.Equal(t, want, judge(e, moved))
	})
}

// TestWithoutReplicasNeverPasses: whatever else was read.
func TestWithoutReplicasNeverPasses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := tapes().Draw(t, "tape").samples()
		for i := range samples {
			samples[i].Ready = nil
		}
		require.NotEqual(t, evidence.Passed, judge(expected(nil), samples).Outcome)
	})
}

// TestHolesNeverPass: a good run with a hole of four seconds or more, wherever
// it lies, is not known to be good.
func TestHolesNeverPass(t *testing.T) {
	whole := good.samples()
	require.Equal(t, evidence.Passed, judge(expected(nil), whole).Outcome)
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.IntRange(0, len(whole)-5).Draw(t, "from")
		to := rapid.IntRange(from+4, len(whole)-1).Draw(t, "to")
		samples := append([]scaling.Sample{}, whole...)
		for i := from; i < to; i++ {
			samples[i] = scaling.Sample{At: samples[i].At}
		}
		require.NotEqual(t, evidence.Passed, judge(expected(nil), samples).Outcome, "nothing from %d to %d", from, to)
	})
}

// TestWiderNeverFails: allowing more never makes a run worse.
func TestWiderNeverFails(t *testing.T) {
	rank := map[evidence.Outcome]int{evidence.Passed: 0, evidence.Unmeasured: 1, evidence.Failed: 2}
	rapid.Check(t, func(t *rapid.T) {
		samples := tapes().Draw(t, "tape").samples()
		narrow := criteria(expected(nil), samples)
		wide := criteria(expected(func(e *scaling.Expect) {
			e.Overshoot = rapid.IntRange(0, 5).Draw(t, "overshoot")
			e.Oscillations = rapid.IntRange(0, 9).Draw(t, "oscillations")
		}), samples)
		require.Len(t, wide, len(narrow))
		for i := range wide {
			require.LessOrEqual(t, rank[wide[i].Outcome], rank[narrow[i].Outcome], wide[i].Reason)
		}
	})
}

// TestFigureBounds: figures stay within what was seen, and durations never are
// negative.
func TestFigureBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := tapes().Draw(t, "tape").samples()
		s := judge(expected(nil), samples)
		longest := samples[len(samples)-1].At.Sub(samples[0].At)
		for _, d := range []*time.Duration{(*time.Duration)(s.Up), (*time.Duration)(s.Down), (*time.Duration)(s.Asked)} {
			require.True(t, d == nil || *d >= 0 && *d <= longest)
		}
		require.LessOrEqual(t, s.Floor, s.Ceiling)
		require.LessOrEqual(t, s.Overshoot, s.Ceiling)
		require.GreaterOrEqual(t, s.Overshoot, 0)
		require.LessOrEqual(t, s.Oscillations, len(samples))
		require.NotEmpty(t, s.Reason)
	})
}
