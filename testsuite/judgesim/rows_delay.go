package judgesim

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// tenSeconds is the default window, in minutes.
const tenSeconds = 1.0 / 6

// againstOracle is row 6: the default judge (α .01) against the test of the
// same margin and level that knows the regression, three hours of windows of
// ten seconds. Configurations in which either finds less than 90 % are left out.
func againstOracle(s simulation) []Figure {
	const alpha, margin = 0.01, 1.1
	runs := s.runs(400)
	var over, late, group []float64
	for _, t := range regressions([]float64{600, 6000, 60000}, []float64{0.01, 0.1, 0.5}, []float64{0.001, 0.01, 0.05}, []float64{2, 3, 5, 10}) {
		at := times(s, "6", t, runs, 6*threeHours, func() []policy {
			return []policy{judged(rateRatio(alpha)), newOracle(t.ratio, margin, alpha), newGroupSequential(threeHours)}
		})
		if min(found(at[0]), found(at[1])) < 0.9 {
			continue
		}
		mine, best := median(at[0]), median(at[1])
		over = append(over, (mine-tenSeconds)/best)
		late = append(late, mine/best)
		if x := median(at[2]); x < never {
			group = append(group, x/mine)
		}
	}
	return []Figure{{Name: "delay − 1 window over that of the oracle SPRT, worst configuration", Value: slices.Max(over), Limit: 2, Runs: runs,
		Note:  fmt.Sprintf("%d configurations of 108 in which both find ≥ .9; without the − 1 window median %s", len(over), digits(median(late))),
		Peers: fmt.Sprintf("group sequential, five looks in three hours: %s × ours (median)", digits(median(group)))}}
}

// regressions is every combination, in windows of ten seconds.
func regressions(perMinute, shares, rates, ratios []float64) []traffic {
	var out []traffic
	for _, n := range perMinute {
		for _, share := range shares {
			for _, rate := range rates {
				for _, ratio := range ratios {
					out = append(out, traffic{perMinute: n, share: share, rate: rate, ratio: ratio, window: tenSeconds})
				}
			}
		}
	}
	return out
}

// againstKayenta is row 7: both judges see a candidate and a baseline of the
// same size, as Kayenta's documentation asks; ours in windows of ten seconds.
func againstKayenta(s simulation) []Figure {
	runs := s.runs(100)
	var out []Figure
	for _, goal := range []struct{ ratio, limit float64 }{{2, 0.1}, {3, 0.05}} {
		var part, mine []float64
		for _, t := range regressions([]float64{600, 6000}, []float64{0.5}, []float64{0.001, 0.003, 0.01, 0.03, 0.1}, []float64{goal.ratio}) {
			at := times(s, "7", t, runs, 6*threeHours, func() []policy {
				return []policy{judged(rateRatio(0.01)), &equalArms{newKayenta()}}
			})
			if min(found(at[0]), found(at[1])) >= 0.9 {
				part, mine = append(part, median(at[0])/median(at[1])), append(mine, median(at[0]))
			}
		}
		out = append(out, Figure{Name: fmt.Sprintf("delay over Kayenta's at ×%g, median of configurations", goal.ratio), Value: median(part), Limit: goal.limit, Runs: runs,
			Note: fmt.Sprintf("%d configurations of 10 in which both find ≥ .9; ours %s min (median)", len(part), digits(median(mine)))})
	}
	return out
}

// equalArms gives a peer the real baseline as the fresh one, where both sides
// have the same traffic.
type equalArms struct{ policy }

func (e *equalArms) see(w sample) bool {
	w.ne, w.xe = w.nb, w.xb
	return e.policy.see(w)
}

// againstArgo is row 8: Argo with its documentation's interval 5m and
// failureLimit 3, and a limit of twice the baseline's true rate, which nobody
// knows that well.
func againstArgo(s simulation) []Figure {
	runs := s.runs(400)
	policies := func(limit float64) func() []policy {
		return func() []policy { return []policy{judged(rateRatio(0.01)), newArgoRate(limit, 5, 3)} }
	}
	grid := func(ratio float64) []traffic {
		return regressions([]float64{600, 6000}, []float64{0.1, 0.5}, []float64{0.01, 0.05}, []float64{ratio})
	}
	mine, argo := 0.0, 0.0
	for _, t := range grid(1) {
		at := times(s, "8 healthy", t, runs, 6*threeHours, policies(2*t.rate))
		mine, argo = max(mine, found(at[0])), max(argo, found(at[1]))
	}
	var out []Figure
	for _, ratio := range []float64{2, 3, 5} {
		var part, one []float64
		for _, t := range grid(ratio) {
			at := times(s, "8", t, runs, 6*threeHours, policies(2*t.rate))
			part = append(part, median(at[0])/median(at[1]))
			one = append(one, median(at[0]))
		}
		out = append(out, Figure{Name: fmt.Sprintf("delay over that of Argo (≤ 2 × true, 5m, failureLimit 3) at ×%g, worst of 8", ratio), Value: slices.Max(part), Limit: 1, Runs: runs,
			Note:  fmt.Sprintf("median of configurations %s; ours %s min", digits(median(part)), digits(median(one))),
			Peers: fmt.Sprintf("healthy, three hours, worst of 8: ours %s, Argo %s", digits(mine), digits(argo))})
	}
	return out
}

// monotone is row 9: the chance to find a regression within three hours must
// not fall as it grows. Sides are equal and events are few. All ratios see the
// same random numbers.
func monotone(s simulation) []Figure {
	ratios := []float64{1.2, 1.5, 2, 2.5, 3, 4, 6, 10, 16}
	runs := s.runs(200)
	drop, kayentaDrop, note := 0.0, 0.0, ""
	for _, errors := range []float64{0.3, 0.5, 1} {
		var mine, theirs []float64
		for _, ratio := range ratios {
			t := traffic{perMinute: 120, share: 0.5, rate: errors / 60, ratio: ratio}
			byRun := sameRandom(s, t, runs)
			mine, theirs = append(mine, found(byRun[0])), append(theirs, found(byRun[1]))
		}
		if d := largestDrop(theirs); d > kayentaDrop {
			kayentaDrop, note = d, fmt.Sprintf("Kayenta at %g a minute, ×1.2 to ×16: %.2f; ours %.2f", errors, theirs, mine)
		}
		drop = max(drop, largestDrop(mine))
	}
	return []Figure{{Name: "largest fall of P(found in 3 h) as the regression grows, 0.3 to 1 errors a minute", Value: drop, Limit: 0.03, Runs: runs, Chance: true, Note: note, Peers: beside([]string{"Kayenta"}, kayentaDrop)}}
}

func sameRandom(s simulation, t traffic, runs int) [2][]float64 {
	same := t
	same.ratio = 0
	var out [2][]float64
	for _, at := range each(s, "9", same.String(), runs, func(r *rand.Rand) []float64 {
		return watch(t.stream(r), threeHours, judged(rateRatio(0.01)), &equalArms{newKayenta()})
	}) {
		out[0], out[1] = append(out[0], at[0]), append(out[1], at[1])
	}
	return out
}

func largestDrop(xs []float64) float64 {
	drop, top := 0.0, 0.0
	for _, x := range xs {
		top = max(top, x)
		drop = max(drop, top-x)
	}
	return drop
}

// hardFailure is row 10: the candidate fails every request from the first on;
// 100 requests a second, 1 % of them the candidate's, windows of a second. Its
// requests arrive at random (Poisson), or, as a router's round robin gives them
// out, one a second.
//
// judges.md does not say of which runs it bounds the failed requests by 4, and
// so both are held to it: the median one and the p90. Its prototype's 2 can only
// be a median. The p90 of random arrivals just misses it, and
// no judge that asks for 3 failures can do better: by the count of arrivals in
// the second that brings the third, 63.3 % of runs lose 3 requests, 26.4 % lose
// 4, and so 10.3 % more.
func hardFailure(s simulation) []Figure {
	const second, most = 1.0 / 60, 4
	runs := s.runs(1000)
	var at, lost, middle, within [2]float64 // random, regular
	within = [2]float64{1, 1}
	theirs := 0.0
	for _, rate := range []float64{0, 0.001, 0.01} {
		t := traffic{perMinute: 6000, share: 0.01, rate: rate, ratio: 1, window: second}
		for i, regular := range []bool{false, true} {
			var times, requests, flagger []float64
			for _, one := range each(s, "10", t.String(), runs, func(r *rand.Rand) [3]float64 { return dead(t, r, regular) }) {
				times, requests, flagger = append(times, 60*one[0]), append(requests, one[1]), append(flagger, one[2])
			}
			at[i], lost[i] = max(at[i], quantile(times, 0.9)), max(lost[i], quantile(requests, 0.9))
			middle[i], within[i] = max(middle[i], median(requests)), min(within[i], atMostShare(requests, most))
			theirs = max(theirs, median(flagger))
		}
	}
	return []Figure{
		{Name: "candidate dead from the start, random arrivals: seconds to Fail, p90, worst of 3 baselines", Value: at[0], Limit: 10, Runs: runs, Note: "baseline rates 0, .1 and 1 %", Peers: fmt.Sprintf("Flagger (threshold 5) %s min", digits(theirs))},
		{Name: "the same: failed requests, median", Value: middle[0], Limit: most, Runs: runs, Note: "3 suffice (minCanaryEvents); the rest arrive in the same second"},
		{Name: "the same: failed requests, p90", Value: lost[0], Limit: most, Runs: runs, Note: fmt.Sprintf("%s of the runs lose at most 4, where 3 are needed at best .897", digits(within[0]))},
		{Name: "candidate dead, one request a second: failed requests, p90", Value: lost[1], Limit: most, Runs: runs, Note: fmt.Sprintf("%s s", digits(at[1]))},
	}
}

// atMostShare is the share of values that are at most a limit.
func atMostShare(xs []float64, limit float64) float64 {
	n := 0.0
	for _, x := range xs {
		if x <= limit {
			n++
		}
	}
	return n / float64(len(xs))
}

// dead returns our delay in minutes, the requests lost until then, and Flagger's delay.
func dead(t traffic, r *rand.Rand, regular bool) [3]float64 {
	mine, flagger, stream := judged(rateRatio(0.01)), newFlagger(0.99, 5), t.stream(r)
	out := [3]float64{never, 0, never}
	for range 20 * 60 {
		w := stream.next()
		if regular {
			w.nc = 1
		}
		w.xc = w.nc
		if out[0] == never {
			out[1] += w.xc
			if mine.see(w) {
				out[0] = w.end
			}
		}
		if flagger.see(w) {
			out[2] = w.end
			break
		}
	}
	return out
}

// objective is row 11: a service with 0.1 % failures and an objective of 99 %,
// 60 requests of the candidate a minute, three hours; then with 5 % failures.
func objective(s simulation) []Figure {
	runs := s.runs(1000)
	t := traffic{perMinute: 60, share: 1, rate: 0.001, ratio: 1, window: tenSeconds}
	policies := func() []policy {
		return []policy{judged(sloRate(0.01, 0.99)), newArgoRate(0.01, 1, 0), newFlagger(0.99, 5)}
	}
	well := times(s, "11", t, runs, 6*threeHours, policies)
	t.rate = 0.05
	ill := times(s, "11", t, runs, 6*threeHours, policies)
	names := []string{"Argo (1m, failureLimit 0)", "Flagger (threshold 5)"}
	return []Figure{
		{Name: "sloRate 99 % of a 0.1 % service: false aborts in three hours", Value: found(well[0]), Limit: 0.01, Chance: true, Runs: runs, Peers: beside(names, found(well[1]), found(well[2]))},
		{Name: "5 % failures: median minutes to Fail", Value: median(ill[0]), Limit: 5, Runs: runs, Note: "p90 " + digits(quantile(ill[0], 0.9)), Peers: beside(names, median(ill[1]), median(ill[2]))},
	}
}

// ageing is row 17b: a ×2 after healthy minutes, against one from the start.
func ageing(s simulation) []Figure {
	runs, worst, note := s.runs(200), 0.0, ""
	for _, t := range []traffic{
		{perMinute: 6000, share: 0.1, rate: 0.01, window: tenSeconds}, {perMinute: 6000, share: 0.1, rate: 0.01, window: 1},
		{perMinute: 600, share: 0.1, rate: 0.01, window: 1}, {perMinute: 600, share: 0.5, rate: 0.01, window: 1}, {perMinute: 6000, share: 0.5, rate: 0.01, window: 1},
	} {
		var medians []float64
		for _, healthy := range []float64{0, 60, 600, 4000} {
			medians = append(medians, median(t.aged(s, runs, healthy)))
		}
		if more := medians[2] / medians[0]; more > worst {
			worst, note = more, fmt.Sprintf("%g/min, %g %%, windows of %.0f s: after 0, 60, 600, 4,000 min %.1f min", t.perMinute, 100*t.share, 60*t.window, medians)
		}
	}
	return []Figure{{Name: "×2 after 600 healthy minutes: delay over that from the start, worst of 5", Value: worst, Limit: 3, Runs: runs, Note: note}}
}

// aged is the delays of a ×2 after healthy minutes; false alarms before it are
// left out.
func (t traffic) aged(s simulation, runs int, healthy float64) (delays []float64) {
	t.ratio, t.bend = 1, func(i int, t *traffic) {
		if float64(i)*t.window >= healthy {
			t.ratio = 2
		}
	}
	at := times(s, fmt.Sprint("17b ", healthy), t, runs, int((healthy+sixHours)/t.window), func() []policy { return []policy{judged(rateRatio(0.01))} })
	for _, x := range at[0] {
		if x > healthy {
			delays = append(delays, x-healthy)
		}
	}
	return delays
}
