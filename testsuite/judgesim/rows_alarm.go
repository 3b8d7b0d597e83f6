package judgesim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"bakeoff/analysis"
)

const (
	sixHours   = 360 // windows of a minute
	threeHours = 180
	week       = 10080
)

// healthy are the 48 configurations of row 1: from 0.6 requests of the
// candidate a minute to 30,000.
func healthy(ratio float64) []traffic {
	var out []traffic
	for _, perMinute := range []float64{60, 600, 6000, 60000} {
		for _, share := range []float64{0.01, 0.1, 0.5} {
			for _, rate := range []float64{0.001, 0.01, 0.05, 0.2} {
				out = append(out, traffic{perMinute: perMinute, share: share, rate: rate, ratio: ratio})
			}
		}
	}
	return out
}

// levels are the shares of runs failed at α .05 and .01, configuration by
// configuration. Only what failed at .05 is folded at .01: nothing fails there
// earlier.
func levels(s simulation, row string, configs []traffic, runs, windows int) (five, one []float64) {
	type alarm struct{ five, one float64 }
	for _, t := range configs {
		alarms := each(s, row, t.String(), runs, func(r *rand.Rand) alarm {
			a, b := r.Uint64(), r.Uint64()
			at := func(alpha float64) float64 {
				return watch(t.stream(rand.New(rand.NewPCG(a, b))), windows, judged(rateRatio(alpha)))[0]
			}
			five := at(0.05)
			if five == never {
				return alarm{}
			}
			return alarm{five: 1, one: found([]float64{at(0.01)})}
		})
		sum := alarm{}
		for _, a := range alarms {
			sum.five, sum.one = sum.five+a.five, sum.one+a.one
		}
		five, one = append(five, sum.five/float64(runs)), append(one, sum.one/float64(runs))
	}
	return five, one
}

// alarms is row 1: a healthy candidate for six hours, a look each minute. The
// peers' limits are as their documentation has them: Argo ≤ 2 × the true rate
// each minute with failureLimit 0.
func alarms(s simulation) []Figure {
	runs := s.runs(2000)
	five, one := levels(s, "1", healthy(1), runs, sixHours)
	var peers [4][]float64
	names := []string{"peeking z", "PipeCD", "Kayenta", "Argo"}
	for _, t := range healthy(1) {
		t.beside = true
		limit := 2 * t.rate
		at := times(s, "1 peers", t, s.runs(40), sixHours, func() []policy {
			return []policy{&peekingZ{}, newPipeCD(10), newKayenta(), newArgoRate(limit, 1, 0)}
		})
		for i := range peers {
			peers[i] = append(peers[i], found(at[i]))
		}
	}
	others := fmt.Sprintf("%s (mean of the configurations)", beside(names, mean(peers[0]), mean(peers[1]), mean(peers[2]), mean(peers[3])))
	return []Figure{
		{Name: "healthy: alarms at α .05, worst of 48 configurations", Value: slices.Max(five), Limit: 0.065, Chance: true, Runs: runs, Note: "360 looks, 0.6 to 30,000 requests a minute"},
		{Name: "healthy: alarms at α .01, worst of 48", Value: slices.Max(one), Limit: 0.017, Chance: true, Runs: runs},
		{Name: "healthy: alarms at α .05, mean of 48", Value: mean(five), Limit: 0.03, Chance: true, Runs: runs, Peers: others},
	}
}

// alarmsAtMargin is no row of judges.md: a candidate exactly at the margin of
// ×1.1, where the level α is promised and can be reached.
func alarmsAtMargin(s simulation) []Figure {
	runs := s.runs(400)
	five, one := levels(s, "1b", healthy(1.1), runs, sixHours)
	return []Figure{
		{Name: "candidate exactly at the margin ×1.1: alarms at α .05, worst of 48", Value: slices.Max(five), Limit: 0.065, Chance: true, Runs: runs, Note: fmt.Sprintf("at α .01 %s; means %s and %s", digits(slices.Max(one)), digits(mean(five)), digits(mean(one)))},
	}
}

// longWatch is row 2: a week of minutes.
func longWatch(s simulation) []Figure {
	runs := s.runs(500)
	worst, z := 0.0, 0.0
	for _, t := range []traffic{
		{perMinute: 6000, share: 0.1, rate: 0.01, ratio: 1},
		{perMinute: 600, share: 0.5, rate: 0.01, ratio: 1},
	} {
		at := times(s, "2", t, runs, week, func() []policy { return []policy{judged(rateRatio(0.05)), &peekingZ{}} })
		worst, z = max(worst, found(at[0])), max(z, found(at[1]))
	}
	return []Figure{{Name: "healthy for 10,080 looks: alarms at α .05, worse of 2", Value: worst, Limit: 0.05, Chance: true, Runs: runs, Peers: beside([]string{"peeking z"}, z)}}
}

// ramps is row 3: five steps from 1 % to 50 %, 36 minutes each, while the
// failure rate of both sides changes from step to step (Simpson's paradox for
// whoever pools the steps).
func ramps(s simulation) []Figure {
	const step = threeHours / 5
	shares := []float64{0.01, 0.05, 0.1, 0.25, 0.5}
	runs, worst := s.runs(1000), [3]float64{}
	for _, levels := range [][]float64{{0.001, 0.002, 0.005, 0.01, 0.02}, {0.02, 0.02, 0.02, 0.02, 0.05}, {0.002, 0.002, 0.02, 0.02, 0.02}} {
		t := traffic{perMinute: 6000, share: 0.01, rate: levels[0], ratio: 1, bend: func(i int, t *traffic) {
			t.share, t.rate = shares[min(i/step, 4)], levels[min(i/step, 4)]
		}}
		at := times(s, fmt.Sprint("3 ", levels), t, runs, threeHours, func() []policy {
			return []policy{judged(rateRatio(0.05)), newGroupSequential(threeHours), &peekingZ{}}
		})
		for i := range worst {
			worst[i] = max(worst[i], found(at[i]))
		}
	}
	return []Figure{{Name: "ramp 1 → 50 % while the level changes: alarms at α .05, worst of 3", Value: worst[0], Limit: 0.05, Chance: true, Runs: runs, Peers: beside([]string{"group sequential", "peeking z"}, worst[1], worst[2])}}
}

// tenMetrics is row 14: ten independent gating metrics that share α equally,
// and how much later than alone one of them finds a ×2.
func tenMetrics(s simulation) []Figure {
	const metrics = 10
	t := traffic{perMinute: 6000, share: 0.1, rate: 0.01, ratio: 1}
	configs := make([]analysis.Config, metrics)
	for i := range configs {
		configs[i] = rateRatio(0)
	}
	runs := s.runs(1000)
	analysis.ShareAlpha(configs, 0.05)
	both := each(s, "14", t.String(), runs, func(r *rand.Rand) [2]float64 {
		first := [2]float64{never, never}
		for _, c := range configs {
			at := watch(t.stream(rand.New(rand.NewPCG(r.Uint64(), r.Uint64()))), sixHours, judged(c), &peekingZ{})
			first = [2]float64{min(first[0], at[0]), min(first[1], at[1])}
		}
		return first
	})
	var mine, z []float64
	for _, at := range both {
		mine, z = append(mine, at[0]), append(z, at[1])
	}
	analysis.ShareAlpha(configs, 0.01)
	t.ratio = 2
	at := times(s, "14 delay", t, s.runs(1000), sixHours, func() []policy {
		return []policy{judged(configs[0]), judged(rateRatio(0.01))}
	})
	return []Figure{
		{Name: "ten metrics that share α .05: alarms of any", Value: found(mine), Limit: 0.05, Chance: true, Runs: runs, Peers: beside([]string{"ten peeking z"}, found(z))},
		{Name: "×2 in one of ten: later than alone, minutes", Value: median(at[0]) - median(at[1]), Limit: 2, Runs: s.runs(1000), Note: fmt.Sprintf("median %s against %s windows of a minute, α .01", digits(median(at[0])), digits(median(at[1])))},
	}
}

// coverage is no row of judges.md: how often the interval that the evidence
// shows misses the true ratio at any of 360 looks, with its ends at 2/α, as
// package analysis has them, and at 1/α, as judges.md §1.1 says.
func coverage(s simulation) []Figure {
	const alpha = 0.05
	var out []Figure
	for _, at := range []struct {
		ends  string
		alpha float64
	}{{"2/α", alpha}, {"1/α", 2 * alpha}} {
		runs, worst, low, high := s.runs(300), 0.0, 0.0, 0.0
		for _, t := range []traffic{
			{perMinute: 6000, share: 0.1, rate: 0.01, ratio: 1}, {perMinute: 600, share: 0.5, rate: 0.05, ratio: 1}, {perMinute: 6000, share: 0.5, rate: 0.001, ratio: 1},
		} {
			missed := each(s, "interval", t.String(), runs, func(r *rand.Rand) [2]float64 { return misses(t, r, at.alpha) })
			both, below, above := 0.0, 0.0, 0.0
			for _, m := range missed {
				both, below, above = both+math.Max(m[0], m[1]), below+m[0], above+m[1]
			}
			worst, low, high = max(worst, both/float64(runs)), max(low, below/float64(runs)), max(high, above/float64(runs))
		}
		out = append(out, Figure{State: Informs, Name: "interval at level .95, ends at " + at.ends + ": ever misses the true ratio, worst of 3", Value: worst, Runs: runs, Chance: true,
			Note: fmt.Sprintf("lower end %s, upper end %s; promised .05", digits(low), digits(high))})
	}
	return out
}

// misses says whether the interval's lower and upper end ever pass the true ratio.
func misses(t traffic, r *rand.Rand, alpha float64) (ever [2]float64) {
	o, stream := judged(rateRatio(alpha)), t.stream(r)
	for range sixHours {
		o.see(stream.next())
		ends := o.judge.Verdict().Interval
		if ends[0] != nil && *ends[0] > t.ratio {
			ever[0] = 1
		}
		if ends[1] != nil && *ends[1] < t.ratio {
			ever[1] = 1
		}
	}
	return ever
}
