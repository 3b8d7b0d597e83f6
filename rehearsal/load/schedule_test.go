package load_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

const second = rollout.Duration(time.Second)

func browse() load.Load {
	return load.Load{Name: "browse", URL: "http://127.0.0.1:8080/", Rate: 200, For: 5 * second}
}

// shop is a load of two journeys that write and read back.
func shop() load.Load {
	three := 3.0
	return load.Load{Name: "shop", URL: "http://127.0.0.1:8080", Rate: 50, Arrivals: load.Poisson, For: 10 * second, Journeys: []load.Journey{
		{Name: "look", Weight: &three, Steps: []load.Step{{Path: "/"}}},
		{Name: "order", Steps: []load.Step{
			{Method: "POST", Path: "/orders", Body: `{"id":"{{id}}","payload":"{{payload}}"}`, Expect: load.Expect{Status: 201}, Ledger: load.LedgerWrite},
			{Path: "/orders/{{id}}", Ledger: load.LedgerRead},
		}},
	}}
}

func schedule(t require.TestingT, l load.Load) *load.Schedule {
	s, err := load.New(42, l, nil)
	require.NoError(t, err)
	return s
}

// anyLoad is an open load of any shape.
var anyLoad = rapid.Custom(func(t *rapid.T) load.Load {
	l := browse()
	rate := func(name string) load.Rate { return load.Rate(rapid.Float64Range(1, 300).Draw(t, name)) }
	moment := func(name string) rollout.Duration {
		return rollout.Duration(rapid.IntRange(1, 2400).Draw(t, name)) * rollout.Duration(time.Millisecond)
	}
	l.Arrivals = rapid.SampledFrom([]string{load.Even, load.Poisson}).Draw(t, "arrivals")
	switch rapid.IntRange(0, 4).Draw(t, "shape") {
	case 1:
		l.Rate, l.Shape = 0, &load.Shape{Ramp: &load.Ramp{From: rate("from"), To: rate("to")}}
	case 2:
		l.Shape = &load.Shape{Step: []load.Level{{At: moment("one"), Rate: rate("rate one")}, {At: 2500 * rollout.Duration(time.Millisecond), Rate: 0}}}
	case 3:
		l.Shape = &load.Shape{Surge: &load.Surge{At: moment("at"), For: moment("for"), Rate: rate("surge")}}
	case 4:
		low := rate("low")
		l.Rate, l.Shape = 0, &load.Shape{Sine: &load.Sine{Period: 2 * second, Low: low, High: low + rate("more")}}
	}
	return l
})

func TestShardsTogetherAreTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := schedule(t, anyLoad.Draw(t, "load"))
		whole := slices.Collect(s.Arrivals(0, 1))
		if len(whole) == 0 { // chance alone may let nobody come of a few
			return
		}
		require.True(t, slices.IsSortedFunc(whole, func(a, b load.Arrival) int { return int(a.Offset - b.Offset) }))
		require.Less(t, whole[len(whole)-1].Offset, s.Length()+1)
		shards := rapid.IntRange(1, 7).Draw(t, "shards")
		var union []load.Arrival
		for shard := range shards {
			union = slices.AppendSeq(union, s.Arrivals(shard, shards))
		}
		slices.SortFunc(union, func(a, b load.Arrival) int { return a.Index - b.Index })
		require.Equal(t, whole, union)
	})
}

func TestSameSeedSameBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, seed := shop(), rapid.Int64().Draw(t, "seed")
		one, err := load.New(seed, l, nil)
		require.NoError(t, err)
		again, err := load.New(seed, l, nil)
		require.NoError(t, err)
		require.Equal(t, one.Digest(), again.Digest())
		other, err := load.New(seed+1, l, nil)
		require.NoError(t, err)
		require.NotEqual(t, one.Digest(), other.Digest())
	})
}

// The digest is permanent: recorded runs are repeated with it.
func TestDigest(t *testing.T) {
	want := schedule(t, shop()).Digest()
	for name, change := range map[string]func(*load.Load){
		"rate":   func(l *load.Load) { l.Rate = 51 },
		"even":   func(l *load.Load) { l.Arrivals = load.Even },
		"body":   func(l *load.Load) { l.Journeys[1].Steps[0].Body += " " },
		"path":   func(l *load.Load) { l.Journeys[0].Steps[0].Path = "/a" },
		"header": func(l *load.Load) { l.Headers = map[string]string{"A": "b"} },
		"weight": func(l *load.Load) { l.Journeys[0].Weight = nil },
		"url":    func(l *load.Load) { l.URL += "/a" },
	} {
		l := shop()
		change(&l)
		require.NotEqual(t, want, schedule(t, l).Digest(), name)
	}
	l := shop()
	l.Shards = 4
	require.Equal(t, want, schedule(t, l).Digest(), "the number of generators changes nothing")
	require.Equal(t, "sha256:18ecff8fe5d282f9593565e1514242a115a981f8094f76836bafec5ae85be27f", want)
}

// TestRunsHaveTheirIds: what one run writes is not what another one wrote, and
// their loads are the same all the same.
func TestRunsHaveTheirIds(t *testing.T) {
	plain := schedule(t, shop())
	one, other := plain.Of("staging/a/1"), plain.Of("staging/a/2")
	require.Equal(t, plain.Digest(), one.Digest())
	require.Equal(t, plain.Digest(), plain.Of("").Digest())
	require.Equal(t, plain.ID(3), plain.Of("").ID(3))
	ids := map[string]bool{plain.ID(3): true, one.ID(3): true, other.ID(3): true}
	require.Len(t, ids, 3)
	require.Equal(t, one.ID(3), plain.Of("staging/a/1").ID(3))
	for a := range one.Arrivals(0, 1) {
		if len(one.Journey(a)) < 2 {
			continue
		}
		write, read := one.Journey(a)[0], one.ReadBack([]int{a.Index}, 1).Journey(a)[0]
		require.NotEqual(t, write.Payload, other.Journey(a)[0].Payload)
		require.Equal(t, write.Payload, read.Payload, "it reads back what it wrote")
		require.Contains(t, read.URL, one.ID(a.Index))
		return
	}
}

// TestRatesFromNothing: a rate that begins with 0 has its first arrival at the start.
func TestRatesFromNothing(t *testing.T) {
	for _, shape := range []load.Shape{{Ramp: &load.Ramp{To: 40}}, {Sine: &load.Sine{Period: second, High: 40}}} {
		l := browse()
		l.Rate, l.Shape = 0, &shape
		before := time.Duration(-1)
		for a := range schedule(t, l).Arrivals(0, 1) {
			if a.Index == 0 && shape.Ramp != nil {
				require.Zero(t, a.Offset)
			}
			require.Greater(t, a.Offset, before)
			require.Less(t, a.Offset, l.For.Std())
			before = a.Offset
		}
	}
}

func TestEvenArrivals(t *testing.T) {
	got := slices.Collect(schedule(t, browse()).Arrivals(0, 1))
	require.Len(t, got, 1000)
	for i, a := range got {
		require.Equal(t, time.Duration(i)*5*time.Millisecond, a.Offset)
	}
}

// Each shape has, in each part of its time, the arrivals that its rate says:
// even ones exactly, Poisson ones within five standard deviations.
func TestShapesKeepTheirRates(t *testing.T) {
	ms := rollout.Duration(time.Millisecond)
	tests := []struct {
		name  string
		rate  load.Rate
		shape *load.Shape
		want  []float64 // in each of the seconds
	}{
		{"constant", 100, nil, []float64{100, 100, 100, 100}},
		{"ramp up", 0, &load.Shape{Ramp: &load.Ramp{From: 0, To: 400}}, []float64{50, 150, 250, 350}},
		{"ramp down", 0, &load.Shape{Ramp: &load.Ramp{From: 400, To: 0}}, []float64{350, 250, 150, 50}},
		{"steps", 100, &load.Shape{Step: []load.Level{{At: second, Rate: 300}, {At: 2500 * ms, Rate: 0}, {At: 3 * second, Rate: 50}}}, []float64{100, 300, 150, 50}},
		{"step from the start", 0, &load.Shape{Step: []load.Level{{Rate: 10}, {At: 3 * second, Rate: 50}}}, []float64{10, 10, 10, 50}},
		{"surge", 100, &load.Shape{Surge: &load.Surge{At: 1500 * ms, For: second, Rate: 1000}}, []float64{100, 550, 550, 100}},
		{"a day in four seconds", 0, &load.Shape{Sine: &load.Sine{Period: 4 * second, Low: 0, High: 200}}, []float64{36.34, 163.66, 163.66, 36.34}},
		{"half of a third day", 0, &load.Shape{Sine: &load.Sine{Period: 1600 * ms, Low: 50, High: 50}}, []float64{50, 50, 50, 50}},
	}
	for _, tt := range tests {
		for _, arrivals := range []string{load.Even, load.Poisson} {
			t.Run(tt.name+"/"+arrivals, func(t *testing.T) {
				l := browse()
				l.For, l.Rate, l.Shape, l.Arrivals = 4*second, tt.rate, tt.shape, arrivals
				got := make([]float64, len(tt.want))
				for a := range schedule(t, l).Arrivals(0, 1) {
					got[int(a.Offset/time.Second)]++
				}
				for i, want := range tt.want {
					tolerance := 1.0
					if arrivals == load.Poisson {
						tolerance = 5 * math.Sqrt(want)
					}
					require.InDelta(t, want, got[i], tolerance, "second %d", i)
				}
			})
		}
	}
}

// Gaps of a Poisson process with a constant rate are exponential: their mean
// and their standard deviation are the same, and none depends on the one before.
func TestPoissonGaps(t *testing.T) {
	l := browse()
	l.Arrivals, l.Rate, l.For = load.Poisson, 1000, 60*second
	var gaps []float64
	last := 0.0
	for a := range schedule(t, l).Arrivals(0, 1) {
		gaps, last = append(gaps, a.Offset.Seconds()-last), a.Offset.Seconds()
	}
	mean, variance, product := 0.0, 0.0, 0.0
	for _, gap := range gaps {
		mean += gap / float64(len(gaps))
	}
	for i, gap := range gaps {
		variance += (gap - mean) * (gap - mean) / float64(len(gaps))
		if i > 0 {
			product += (gap - mean) * (gaps[i-1] - mean) / float64(len(gaps))
		}
	}
	require.InDelta(t, 0.001, mean, 0.00003)
	require.InDelta(t, 0.001, math.Sqrt(variance), 0.00003)
	require.InDelta(t, 0, product/variance, 0.03)
}

func TestJourneysAreMixedByWeight(t *testing.T) {
	l := shop()
	l.Rate = 2000
	s := schedule(t, l)
	count := map[int]int{}
	ids := map[string]bool{}
	for a := range s.Arrivals(0, 1) {
		count[a.Script]++
		if requests := s.Journey(a); a.Script == 1 {
			require.Equal(t, "POST", requests[0].Method)
			require.Equal(t, fmt.Sprintf(`{"id":"%s","payload":"%s"}`, s.ID(a.Index), requests[0].Payload), requests[0].Body)
			require.Equal(t, "http://127.0.0.1:8080/orders/"+s.ID(a.Index), requests[1].URL)
			require.False(t, ids[s.ID(a.Index)], "ids are unique")
			ids[s.ID(a.Index)] = true
		}
	}
	require.InDelta(t, 0.75, float64(count[0])/float64(count[0]+count[1]), 0.02)
}

func TestFill(t *testing.T) {
	l := load.Load{Name: "session", URL: "http://h", Rate: 1, For: second, Journeys: []load.Journey{{Name: "a", Steps: []load.Step{
		{Path: "/login", Capture: map[string]string{"token": "session.token"}},
		{Path: "/me?t={{token}}", Headers: map[string]string{"Authorization": "Bearer {{ token }}"}, Expect: load.Expect{Body: "{{id}}"}},
	}}}}
	s := schedule(t, l)
	requests := s.Journey(load.Arrival{Index: 3})
	got := requests[1].Fill(map[string]string{"token": "abc"})
	require.Equal(t, "http://h/me?t=abc", got.URL)
	require.Equal(t, []load.Header{{Name: "Authorization", Value: "Bearer abc"}}, got.Headers)
	require.Equal(t, s.ID(3), got.Expect.Body)
	require.Equal(t, "Bearer {{token}}", requests[1].Headers[0].Value, "the schedule does not change")
}

func TestPeak(t *testing.T) {
	closed := load.Load{Name: "c", URL: "http://h", For: second, Closed: &load.Closed{Users: 10, Think: second / 2}}
	ramp := browse()
	ramp.Rate, ramp.Shape = 0, &load.Shape{Ramp: &load.Ramp{From: 10, To: 300}}
	require.InDelta(t, 200, browse().Peak(), 0)
	require.InDelta(t, 100, shop().Peak(), 0, "the longest journey sends two")
	require.InDelta(t, 300, ramp.Peak(), 0)
	require.InDelta(t, 20, closed.Peak(), 0)
	closed.Closed.Think = 0
	require.True(t, math.IsInf(closed.Peak(), 1))
}

func TestClosedNeverEnds(t *testing.T) {
	s := schedule(t, load.Load{Name: "c", URL: "http://h/{{id}}", For: second, Closed: &load.Closed{Users: 3}})
	n := 0
	for a := range s.Arrivals(1, 3) {
		require.Equal(t, 1+3*n, a.Index)
		if n++; n == 50_000 {
			break
		}
	}
	require.NotEmpty(t, s.Digest())
}

func TestRate(t *testing.T) {
	for text, want := range map[string]load.Rate{"200/s": 200, "30/m": 0.5, "10/h": 10.0 / 3600, "0.5/s": 0.5, "1000000/s": 1e6, "0/s": 0} {
		got, err := load.ParseRate(text)
		require.NoError(t, err, text)
		require.InDelta(t, float64(want), float64(got), 1e-12, text)
	}
	for _, text := range []string{"", "200", "200/", "/s", "-1/s", "1 /s", "1/ s", "1e3/s", "NaN/s", "Inf/s", "1/d", "1/s/s", "1000001/s", "1.2.3/s", "0x10/s"} {
		_, err := load.ParseRate(text)
		require.ErrorContains(t, err, "is not a rate", text)
	}
	require.Equal(t, "30/m", load.Rate(0.5).String())
	require.Equal(t, "10/h", load.Rate(10.0/3600).String())
	rapid.Check(t, func(t *rapid.T) {
		r := load.Rate(rapid.Float64Range(0, 1e6).Draw(t, "rate"))
		text, err := r.MarshalText()
		require.NoError(t, err)
		var back load.Rate
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, r, back)
	})
}
