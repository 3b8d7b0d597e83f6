package rollout

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseWeight(t *testing.T) {
	good := map[string]Weight{"5%": 500, "0.1%": 10, "0.01%": 1, "100%": All, "0%": 0, "12.34%": 1234, " 50 % ": 5000, "99.99%": 9999, "0.29%": 29}
	for text, want := range good {
		have, err := ParseWeight(text)
		require.NoError(t, err, text)
		require.Equal(t, want, have, text)
	}
	for _, text := range []string{"", "%", "5", "0.05", "-1%", "101%", "100.01%", "0.001%", "x%", "nan%", "inf%", "5%%", "5 %x"} {
		_, err := ParseWeight(text)
		require.ErrorContains(t, err, "%", text)
	}
	_, err := ParseWeight("200%") // of a load's sample, too
	require.EqualError(t, err, `"200%" is no share: it must lie between 0% and 100%`)
}

func TestWeightIsReadBack(t *testing.T) {
	for w := Weight(0); w <= All; w++ {
		have, err := ParseWeight(w.String())
		require.NoError(t, err)
		require.Equal(t, w, have)
	}
}

func TestParseDuration(t *testing.T) {
	good := map[string]time.Duration{
		"30s": 30 * time.Second, "10m": 10 * time.Minute, "7d": 7 * day, "1d12h": 36 * time.Hour, "0.5d": 12 * time.Hour, "0": 0, "0s": 0,
		"0d": 0, "300ms": 300 * time.Millisecond, "1h30m": 90 * time.Minute, " 5s ": 5 * time.Second, "36500d": longest,
	}
	for text, want := range good {
		have, err := ParseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, have.Std(), text)
	}
	for _, text := range []string{"", "d", "5", "-5s", "1d-1h", "-1d", "nand", "infd", "1w", "36501d", "36500d1ns", "36500d2562047h", "xd", "1d2d", "-1d36h", "1000000000d"} {
		_, err := ParseDuration(text)
		require.ErrorContains(t, err, "is not a duration", text)
	}
}

func TestDurationIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]int64{1, int64(time.Millisecond), int64(time.Second), int64(time.Minute), int64(time.Hour), int64(day)}).Draw(t, "unit")
		d := Duration(rapid.Int64Range(0, int64(longest)/unit).Draw(t, "n") * unit)
		have, err := ParseDuration(d.String())
		require.NoError(t, err)
		require.Equal(t, d, have)
		body, err := json.Marshal(map[string]Duration{"d": d})
		require.NoError(t, err)
		var back map[string]Duration
		require.NoError(t, json.Unmarshal(body, &back))
		require.Equal(t, d, back["d"])
	})
}

// What was stored is read, also where nobody may write it: a bake that was made
// too long must not hide the rest of a status or of a history.
func TestStoredDurationIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Duration(rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{math.MaxInt64, math.MinInt64, -int64(day), int64(longest) + 12e9, 106751 * int64(day)})).Draw(t, "d"))
		body, err := json.Marshal(d)
		require.NoError(t, err)
		var back Duration
		require.NoError(t, json.Unmarshal(body, &back))
		require.Equal(t, d, back)
	})
}

func TestDurationIsWrittenShortly(t *testing.T) {
	tests := map[time.Duration]string{0: "0s", 10 * time.Minute: "10m", time.Hour: "1h", 90 * time.Minute: "1h30m", day: "1d", 36 * time.Hour: "36h",
		7 * day: "7d", 90 * time.Second: "1m30s", time.Hour + time.Second: "1h0m1s", 1500 * time.Millisecond: "1.5s", 10 * time.Hour: "10h"}
	for d, want := range tests {
		require.Equal(t, want, Duration(d).String())
	}
}

func TestTargets(t *testing.T) {
	good := map[string]Target{
		"production/checkout":           {Environment: "production", Service: "checkout"},
		"production/checkout/eu-west-1": {Environment: "production", Service: "checkout", Unit: "eu-west-1"},
		"a.b/c_d/...":                   {Environment: "a.b", Service: "c_d", Unit: "..."},
	}
	for text, want := range good {
		have, err := ParseTarget(text)
		require.NoError(t, err, text)
		require.Equal(t, want, have)
		require.Equal(t, text, have.String())
		require.Equal(t, "rollout/"+text, WorkflowID(have))
		for _, id := range []string{WorkflowID(have), TargetID(have), FleetID(have)} {
			require.Equal(t, strings.TrimSuffix(text, "/"+have.Unit), strings.TrimSuffix(TargetOf(id), "/"+have.Unit), id)
		}
	}
	for _, text := range []string{"", "checkout", "/", "a/", "/b", "a/b/", "a/b/c/d", "a/..", "./b", "a b/c", "a/ä", "a/b+c", "a/b%2F"} {
		_, err := ParseTarget(text)
		require.ErrorContains(t, err, "is not a target", text)
	}
}

func splits() *rapid.Generator[Split] {
	return rapid.Custom(func(t *rapid.T) Split {
		return Split(rapid.MapOf(rapid.SampledFrom([]string{"a", "b", "c"}), rapid.SampledFrom([]Weight{0, 500, 9500, All})).Draw(t, "split"))
	})
}

func TestSplitEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := splits().Draw(t, "a"), splits().Draw(t, "b")
		require.True(t, a.Equal(a))
		require.Equal(t, a.Equal(b), b.Equal(a))
		same := true
		for _, v := range []string{"a", "b", "c"} {
			same = same && a[v] == b[v]
		}
		require.Equal(t, same, a.Equal(b), "a version at 0%% and one not named are the same")
	})
	require.True(t, Split(nil).Equal(Split{"a": 0}))
}

func TestSplitSole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := splits().Draw(t, "split")
		sole, err := s.Sole()
		serving := 0
		for _, w := range s {
			if w > 0 {
				serving++
			}
		}
		switch {
		case err != nil:
			require.NotZero(t, serving)
			require.Empty(t, sole)
		case sole == "":
			require.Zero(t, serving)
		default:
			require.Equal(t, 1, serving)
			require.Equal(t, All, s[sole])
		}
	})
	_, err := Split{"a": 500, "b": 9500}.Sole()
	require.EqualError(t, err, "several versions have traffic: a 5%, b 95%")
	_, err = Split{"a": 500}.Sole()
	require.Error(t, err)
}

func TestSplitString(t *testing.T) {
	require.Equal(t, "2.4.1 95%, 2.5.0 5%", Split{"2.5.0": 500, "2.4.1": 9500}.String())
	require.Equal(t, "nothing", Split(nil).String())
}

func TestByIsALabelOrAPair(t *testing.T) {
	for text, want := range map[string]By{`"version"`: {Label: "version"}, `{"baseline":"a","candidate":"b"}`: {Baseline: "a", Candidate: "b"}} {
		var have By
		require.NoError(t, json.Unmarshal([]byte(text), &have))
		require.Equal(t, want, have)
		body, err := json.Marshal(have)
		require.NoError(t, err)
		require.JSONEq(t, text, string(body))
	}
	require.ErrorContains(t, json.Unmarshal([]byte("5"), new(By)), "expected a label name")
}
