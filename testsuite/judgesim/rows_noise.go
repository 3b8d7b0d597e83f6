package judgesim

import (
	"fmt"
	"math/rand/v2"

	"bakeoff/analysis"
)

// placebo is the baseline's history: its requests alone, split in two halves
// that are noisy as the sides are.
func (t traffic) placebo(r *rand.Rand, minutes float64) []analysis.Window {
	t.perMinute, t.share, t.ratio = t.perMinute*(1-t.share), 0.5, 1
	stream := t.stream(r)
	var out []analysis.Window
	for stream.at < minutes-1e-9 {
		w := (&ours{}).window(stream.next())
		w.Start -= 60 * minutes
		w.End -= 60 * minutes
		out = append(out, w)
	}
	return out
}

// taught is a configuration with what the placebo history teaches.
func taught(c analysis.Config, placebo []analysis.Window) analysis.Config {
	learned, err := analysis.Learn(c, placebo)
	if err == nil {
		c.Learned = learned
	}
	return c
}

// margined is rateRatio with a fixed margin; 0: the default, which the placebo
// history sets.
func margined(margin float64) analysis.Config {
	c := rateRatio(0.05)
	c.Judge.RateRatio.HarmMargin = margin
	return c
}

// noisy is one run of noisy traffic.
type noisy struct {
	at     []float64 // of the judges, each taught by the same placebo, of a group sequential test and a peeking z
	margin float64   // that was learned
}

func (t traffic) noisy(r *rand.Rand, windows int, minutes float64, judges ...analysis.Config) noisy {
	placebo, out := t.placebo(r, minutes), noisy{}
	var policies []policy
	for _, c := range judges {
		c = taught(c, placebo)
		if c.Learned != nil && len(c.Learned.Tests) > 0 {
			out.margin = c.Learned.Tests[0].Margin
		}
		policies = append(policies, judged(c))
	}
	policies = append(policies, newGroupSequential(float64(windows)*t.window), &peekingZ{})
	out.at = watch(t.stream(r), windows, policies...)
	return out
}

// rates are the shares of runs rolled back, policy by policy.
func rates(runs []noisy) []float64 {
	out := make([]float64, len(runs[0].at))
	for _, run := range runs {
		for i, at := range run.at {
			out[i] += found([]float64{at}) / float64(len(runs))
		}
	}
	return out
}

// raise makes worst the larger of both, number by number.
func raise(worst, by []float64) []float64 {
	for len(worst) < len(by) {
		worst = append(worst, 0)
	}
	for i, x := range by {
		worst[i] = max(worst[i], x)
	}
	return worst
}

// noise is row 4: the failure rate of each side varies by up to 50 % from
// window to window (of ten seconds), or its latencies by 10 %, and the judge
// has seen 30 minutes of placebo. Three hours.
func noise(s simulation) []Figure {
	runs, worst := s.runs(200), []float64(nil)
	for _, t := range regressions([]float64{600, 6000, 60000}, []float64{0.02, 0.1, 0.5}, []float64{0.01}, []float64{1}) {
		for _, t.noise = range []float64{0.1, 0.2, 0.5} {
			worst = raise(worst, rates(each(s, "4", t.String(), runs, func(r *rand.Rand) noisy {
				return t.noisy(r, 6*threeHours, 30, margined(1), margined(0))
			})))
		}
	}
	peers := beside([]string{"group sequential", "peeking z"}, worst[2], worst[3])
	slowRuns := s.runs(100)
	phi, both := noisyLatency(s, slowRuns, 1), noisyLatency(s, slowRuns, 0)
	return []Figure{
		{Name: "noise of the sides ≤ 50 %, 30 min placebo, φ alone: alarms at α .05, worst of 27", Value: worst[0], Limit: 0.08, Chance: true, Runs: runs, Peers: peers},
		{Name: "the same, φ and margin ≥ 1.1", Value: worst[1], Limit: 0.04, Chance: true, Runs: runs, Peers: peers},
		{Name: "noise of latencies 10 %, 30 min placebo, φ alone: alarms at α .05", Value: found(phi[0]), Limit: 0.08, Chance: true, Runs: slowRuns, Peers: beside([]string{"Howard-Ramdas"}, found(phi[1]))},
		{Name: "the same, φ and margin ≥ 1.1", Value: found(both[0]), Limit: 0.04, Chance: true, Runs: slowRuns, Peers: beside([]string{"Howard-Ramdas"}, found(both[1]))},
	}
}

// noisyLatency is when tailLadder and the band roll back under 10 % noise.
func noisyLatency(s simulation, runs int, margin float64) (at [2][]float64) {
	t := slow{perSecond: 100, share: 0.1, window: 10, whole: 1, tail: 1, noise: 0.1}
	for _, one := range each(s, "4 latency", fmt.Sprint(t), runs, func(r *rand.Rand) [3]float64 {
		c := t.ladder(r, 0.05)
		c.Judge.TailLadder.HarmMargin = margin
		var placebo []analysis.Window
		for i := range 6 * 30 {
			half := (1 - t.share) / 2
			placebo = append(placebo, t.judged(i-6*30, t.buckets(r, half, 1, 1), t.buckets(r, half, 1, 1)))
		}
		return t.times(r, taught(c, placebo), 6*threeHours)
	}) {
		at[0], at[1] = append(at[0], one[0]), append(at[1], one[1])
	}
	return at
}

// slowNoise is row 5: noise that lasts (AR(1) with coefficient .9 from minute
// to minute), and 24 hours of placebo, which set the margin. Six hours.
func slowNoise(s simulation) []Figure {
	runs, worst, note := s.runs(200), []float64(nil), "median margin"
	for _, deviation := range []float64{0.1, 0.2, 0.3} {
		t := traffic{perMinute: 6000, share: 0.1, rate: 0.01, ratio: 1, noise: deviation, memory: 0.9, window: 1}
		results := each(s, "5", t.String(), runs, func(r *rand.Rand) noisy { return t.noisy(r, sixHours, 24*60, margined(0)) })
		worst = raise(worst, rates(results))
		var margins []float64
		for _, one := range results {
			margins = append(margins, one.margin)
		}
		note += fmt.Sprintf(" ×%s at %g %%", digits(median(margins)), 100*deviation)
	}
	return []Figure{{Name: "lasting noise (AR(1) .9) of 10 to 30 %, 24 h placebo: alarms at α .05, worst of 3", Value: worst[0], Limit: 0.05, Chance: true, Runs: runs, Note: note,
		Peers: beside([]string{"group sequential", "peeking z"}, worst[1], worst[2])}}
}
