package rollout

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func parsed(t *testing.T, texts ...string) []Duration {
	t.Helper()
	var out []Duration
	for _, s := range texts {
		d, err := ParseDuration(s)
		require.NoError(t, err)
		out = append(out, d)
	}
	return out
}

func TestWindows(t *testing.T) {
	tests := []struct {
		bake string
		spec WindowSpec
		want []string
	}{
		{"20s", WindowSpec{}, []string{"5s", "10s", "5s"}},
		{"10m", WindowSpec{}, []string{"1m", "2m", "4m", "3m"}},
		{"1h", WindowSpec{}, []string{"1m", "2m", "4m", "8m", "16m", "29m"}},
		{"1m", WindowSpec{}, []string{"15s", "30s", "15s"}},
		{"3s", WindowSpec{}, []string{"3s"}},
		{"5s", WindowSpec{}, []string{"5s"}},
		{"9s", WindowSpec{}, []string{"9s"}},
		{"10s", WindowSpec{}, []string{"5s", "5s"}},
		{"4m", WindowSpec{}, []string{"1m", "2m", "1m"}},
		{"210s", WindowSpec{First: minutes(1)}, []string{"1m", "150s"}},
		{"10s", WindowSpec{First: minutes(1)}, []string{"10s"}},
		{"10m", WindowSpec{First: minutes(2), Cap: minutes(2)}, []string{"2m", "2m", "2m", "2m", "2m"}},
		{"11m", WindowSpec{First: minutes(2), Cap: minutes(4)}, []string{"2m", "4m", "5m"}},
		{"10m", WindowSpec{First: minutes(3), Cap: minutes(1)}, []string{"3m", "3m", "4m"}},
	}
	for _, tt := range tests {
		bake := parsed(t, tt.bake)[0]
		require.Equal(t, parsed(t, tt.want...), tt.spec.Windows(bake), tt.bake)
	}
	require.Empty(t, WindowSpec{}.Windows(0))
	require.Len(t, WindowSpec{}.Windows(Duration(7*day)), 23)
}

func TestWindowsCutTheBake(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := WindowSpec{}
		if rapid.Bool().Draw(t, "first?") {
			w.First = Duration(rapid.Int64Range(int64(time.Second), int64(time.Hour)).Draw(t, "first"))
		}
		if rapid.Bool().Draw(t, "cap?") {
			w.Cap = max(w.First, Duration(rapid.Int64Range(int64(time.Minute), int64(day)).Draw(t, "cap")))
		}
		most := min(5*day, maxWindows*orElse(w.Cap, Duration(day)).Std()) // what Validate accepts
		bake := Duration(rapid.Int64Range(1, int64(most)).Draw(t, "bake"))
		windows, first, sum := w.Windows(bake), w.FirstFor(bake), Duration(0)
		limit := max(orElse(w.Cap, Duration(12*time.Hour)), first)
		for i, length := range windows {
			sum += length
			last := i == len(windows)-1
			require.Positive(t, length)
			require.True(t, length >= first || len(windows) == 1, "%s is shorter than the first", length)
			require.Less(t, length, limit+first, "a window is at most the cap and a joined remainder")
			if i > 0 && !last {
				require.Equal(t, min(2*windows[i-1], limit), length, "each next one is twice the last, up to the cap")
			}
		}
		require.Equal(t, bake, sum)
	})
}

func TestWindowsAreNeverTooMany(t *testing.T) {
	century := Duration(longest)
	windows := WindowSpec{First: 1, Cap: 1}.Windows(century) // Validate refuses it, Admit may still ask
	require.Len(t, windows, 2*maxWindows+1)
	sum := Duration(0)
	for _, w := range windows {
		sum += w
	}
	require.Equal(t, century, sum)
}

func TestPollAndWarmUp(t *testing.T) {
	tests := []struct {
		bake, first, poll string
		wantFirst, want   string
		warmUp            string
	}{
		{"10m", "0s", "0s", "1m", "5s", "1m"},
		{"20s", "0s", "0s", "5s", "1s", "2s"},
		{"2m", "0s", "0s", "30s", "5s", "12s"},
		{"7d", "0s", "0s", "1m", "5s", "1m"},
		{"10m", "10s", "0s", "10s", "2s", "1m"},
		{"10m", "1m", "10s", "1m", "10s", "1m"},
		{"20s", "0s", "10s", "5s", "1s", "2s"},
		{"1s", "1s", "0s", "1s", "200ms", "100ms"},
		{"100ms", "1s", "0s", "100ms", "100ms", "10ms"},
	}
	for _, tt := range tests {
		d := parsed(t, tt.bake, tt.first, tt.poll, tt.wantFirst, tt.want, tt.warmUp)
		w := WindowSpec{First: d[1], Poll: d[2]}
		require.Equal(t, d[3], w.FirstFor(d[0]), tt)
		require.Equal(t, d[4], w.PollFor(d[0]), tt)
		require.Equal(t, d[5], Strategy{}.WarmUpFor(d[0]), tt)
	}
	none := Duration(0)
	require.Zero(t, Strategy{WarmUp: &none}.WarmUpFor(minutes(10)))
}

func TestGraceIsAtMostHalfOfTheBake(t *testing.T) {
	p := Policy{}.withDefaults()
	require.Equal(t, minutes(3), p.GraceFor(minutes(10)))
	require.Equal(t, minutes(3), p.GraceFor(minutes(6)))
	require.Equal(t, minutes(1), p.GraceFor(minutes(2)))
}
