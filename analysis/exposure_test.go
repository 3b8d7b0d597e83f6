package analysis_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/analysis"
)

func exposure() analysis.Exposure {
	return analysis.Exposure{From: 0.01, To: 0.5, Budget: 200, Bake: 120, Growth: 4}
}

// exposed is a candidate with a share of a hundred requests a second, for a
// while, whose failure rate and that of the baseline are given.
func exposed(share, seconds, baselineRate, candidateRate float64) analysis.Exposed {
	n := 100 * share * seconds
	c := analysis.Exposed{Check: "errors", Pace: 100 * share,
		Candidate: analysis.Counts{Requests: n, Failures: n * candidateRate},
		Baseline:  analysis.Counts{Requests: 100 * seconds, Failures: 100 * seconds * baselineRate}}
	if baselineRate > 0 {
		c.Ratio = candidateRate / baselineRate
	}
	return c
}

func TestExposure(t *testing.T) {
	certain := 30.0
	burnt := exposed(0.1, 600, 0.01, 0.4)
	burnt.Low = &certain
	for name, c := range map[string]struct {
		now    float64
		checks []analysis.Exposed
		want   float64
	}{
		"grows while nothing goes wrong":             {0.01, []analysis.Exposed{exposed(0.01, 120, 0.01, 0.01)}, 0.04},
		"never more than fourfold":                   {0.1, []analysis.Exposed{exposed(0.1, 6000, 0.01, 0.01)}, 0.4},
		"never above to":                             {0.2, []analysis.Exposed{exposed(0.2, 6000, 0.01, 0.01)}, 0.5},
		"shrinks as failures come":                   {0.4, []analysis.Exposed{exposed(0.4, 120, 0.01, 0.03)}, 0.14},
		"never below from":                           {0.02, []analysis.Exposed{exposed(0.02, 6000, 0.01, 0.9)}, 0.01},
		"stays without requests":                     {0.05, []analysis.Exposed{{Check: "errors"}}, 0.05},
		"stays without a check":                      {0.05, nil, 0.05},
		"the worst check decides":                    {0.1, []analysis.Exposed{exposed(0.1, 6000, 0.01, 0.01), exposed(0.1, 6000, 0.01, 0.05)}, 0.01},
		"a baseline without failures is no obstacle": {0.01, []analysis.Exposed{exposed(0.01, 600, 0, 0)}, 0.04},
		"a spent budget leaves the least":            {0.1, []analysis.Exposed{burnt}, 0.01},
	} {
		t.Run(name, func(t *testing.T) {
			next := exposure().Next(c.now, c.checks)
			require.InDelta(t, c.want, next.Share, 1e-9, next.Reason)
			require.NotEmpty(t, next.Reason)
		})
	}
	both := exposure().Next(0.1, []analysis.Exposed{{Check: "payments"}, burnt})
	require.InDelta(t, 0.01, both.Share, 1e-9, "a check without requests keeps no other from having its say")
	require.Positive(t, both.Proved)
	require.InDelta(t, 2400*(1-1/certain), exposure().Next(0.1, []analysis.Exposed{burnt}).Proved, 1e-6)
}

// The share stays within its bounds, whatever comes.
func TestExposureIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := analysis.Exposure{From: 0.01, To: rapid.Float64Range(0.02, 1).Draw(t, "to"),
			Budget: rapid.Float64Range(1, 1e5).Draw(t, "budget"), Bake: rapid.Float64Range(5, 1e5).Draw(t, "bake"), Growth: 4}
		now := rapid.Float64Range(x.From, x.To).Draw(t, "now")
		c := exposed(now, rapid.Float64Range(1, 1e5).Draw(t, "seconds"),
			rapid.Float64Range(0, 1).Draw(t, "baseline"), rapid.Float64Range(0, 1).Draw(t, "candidate"))
		next := x.Next(now, []analysis.Exposed{c})
		require.GreaterOrEqual(t, next.Share, min(x.From, now))
		require.LessOrEqual(t, next.Share, max(x.To, now))
		require.LessOrEqual(t, next.Share, 4*now+1e-9)
		require.LessOrEqual(t, next.Proved, c.Candidate.Failures)
	})
}

// With more of the same evidence the share never shrinks.
func TestExposureGrowsWithConfidence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(0, 0.2).Draw(t, "rate")
		seconds := rapid.Float64Range(60, 1e5).Draw(t, "seconds")
		less := exposure().Next(0.05, []analysis.Exposed{exposed(0.05, seconds, rate, rate)})
		more := exposure().Next(0.05, []analysis.Exposed{exposed(0.05, 2*seconds, rate, rate)})
		require.GreaterOrEqual(t, more.Share, less.Share, "%s, then %s", less.Reason, more.Reason)
	})
}

// A whole way up, over many seeds: an equal candidate gets all of its way. One
// that fails five times as often, which its judge is told to bear, is kept down
// and stopped, at about its budget; without a budget worth the name it costs far more.
func TestExposureKeepsItsBudget(t *testing.T) {
	for seed := range uint64(50) {
		steps, share, _ := climb(t, seed, exposure(), 0.01)
		require.Less(t, steps, 12)
		require.InDelta(t, 0.5, share, 1e-9)
		_, _, cost := climb(t, seed, exposure(), 0.05)
		require.Less(t, cost, 1.8*exposure().Budget)
		endless := exposure()
		endless.Budget = 1e9
		_, _, cost = climb(t, seed, endless, 0.05)
		require.Greater(t, cost, 4*exposure().Budget)
	}
}

// climb follows an exposure for thirty bakes at most, at a hundred requests a
// second of which the baseline fails one in a hundred, and returns how many it
// took, where it ended and what it cost. Only an equal candidate is done at To.
func climb(t *testing.T, seed uint64, x analysis.Exposure, candidateRate float64) (steps int, share, cost float64) {
	r := rand.New(rand.NewPCG(seed, 4))
	share = x.From
	config := rates(0.01)
	config.Judge.RateRatio.HarmMargin, config.Judge.RateRatio.SafeMargin = 8, 10
	j := judge(t, config)
	for steps = 1; steps <= 30; steps++ {
		j.BeginStep()
		n := 1000 * share
		for _, w := range stream(r, 12, 1000-n, 0.01, n, candidateRate) {
			at := 10 * float64(j.Verdict().Windows)
			w.Start, w.End = at, at+10
			require.NoError(t, j.Fold(w))
			cost += w.Candidate.Failures - n*0.01
		}
		e := j.Verdict()
		next := x.Next(share, []analysis.Exposed{{Check: "errors", Baseline: e.Baseline, Candidate: e.Candidate,
			Ratio: e.Ratio, Low: e.Interval[0], Pace: j.Pace()}})
		if next.Proved >= x.Budget || share == x.To && candidateRate == 0.01 {
			return steps, share, cost
		}
		share = next.Share
	}
	return steps, share, cost
}
