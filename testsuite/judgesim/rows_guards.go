package judgesim

import (
	"fmt"

	"bakeoff/analysis"
)

// The rows of this file are our own, bounds included: judges.md §3 has none of
// these judges.

func burnRate(objective float64) analysis.Config {
	return analysis.Config{Judge: analysis.Params{BurnRate: &analysis.BurnRate{Objective: analysis.Share(objective)}}}
}

// budget is burnRate with its default windows: a candidate that spends exactly
// its budget for twelve hours, and one of which 5 % fail, fifty times what 99.9 %
// allows, from the start and after six hours at a burn of a half. In the latter
// the long window of an hour has to fill up to 14.4, which by the rule takes
// 60·(14.4−½)/(50−½) = 16.8 minutes; sloRate has no such windows.
func budget(s simulation) []Figure {
	const objective, allowed = 0.999, 0.001
	runs, worst := s.runs(300), 0.0
	t := traffic{share: 1, rate: allowed, ratio: 1, window: tenSeconds}
	for _, perMinute := range []float64{60, 600, 6000} {
		t.perMinute = perMinute
		at := times(s, "burnRate", t, runs, 12*6*60, func() []policy { return []policy{judged(burnRate(objective))} })
		worst = max(worst, found(at[0]))
	}
	breach := func(healthy float64) (burn, slo float64) {
		t := traffic{perMinute: 600, share: 1, rate: allowed / 2, ratio: 1, window: tenSeconds, bend: func(i int, t *traffic) {
			if float64(i)*t.window >= healthy {
				t.rate = 0.05
			}
		}}
		at := times(s, fmt.Sprint("burnRate breach ", healthy), t, runs, int((healthy+sixHours)/t.window), func() []policy {
			return []policy{judged(burnRate(objective)), judged(sloRate(0.01, objective))}
		})
		return median(at[0]) - healthy, median(at[1]) - healthy
	}
	early, earlySLO := breach(0)
	late, lateSLO := breach(sixHours)
	return []Figure{
		{Name: "burnRate 99.9 %, candidate exactly at its objective for twelve hours: alarms, worst of 3 (own bound)", Value: worst, Limit: 0.01, Chance: true, Runs: runs, Note: "60 to 6,000 requests a minute; a rule, which promises no such share"},
		{Name: "burnRate 99.9 %, 5 % failures from the start: median minutes to Fail (own bound)", Value: early, Limit: 2, Runs: runs, Note: fmt.Sprintf("600 requests a minute; sloRate %s min", digits(earlySLO))},
		{Name: "the same after six hours at half the budget (own bound)", Value: late, Limit: 20, Runs: runs, Note: fmt.Sprintf("an hour's window takes 16.8 min to fill up to 14.4; sloRate %s min", digits(lateSLO))},
	}
}

// shareGuard sees windows that say what share the candidate was to have, and
// speaks up when the guard does. Nothing fails: it is about requests only.
type shareGuard struct {
	ours
	configured float64
}

func (g *shareGuard) see(w sample) bool {
	window := g.window(w)
	window.Share = g.configured
	g.refused = g.judge.Fold(window)
	return g.refused != nil || g.judge.Verdict().Cause == analysis.CauseShare
}

// shares is the guard of the traffic share (α .001) on requests that are
// divided at random: as configured, and where a tenth of the candidate's go
// elsewhere.
func shares(s simulation) []Figure {
	guarded := func(t traffic, configured float64, runs int) []float64 {
		return times(s, "share", t, runs, 6*threeHours, func() []policy {
			return []policy{&shareGuard{*judged(rateRatio(0.01)), configured}}
		})[0]
	}
	runs, some, worst := s.runs(1000), s.runs(200), 0.0
	for _, perMinute := range []float64{60, 6000} {
		for _, share := range []float64{0.01, 0.1, 0.5} {
			t := traffic{perMinute: perMinute, share: share, window: tenSeconds}
			worst = max(worst, found(guarded(t, share, runs)))
		}
	}
	lost := guarded(traffic{perMinute: 6000, share: 0.09 / 0.99, window: tenSeconds}, 0.1, some)
	few := guarded(traffic{perMinute: 600, share: 0.09 / 0.99, window: tenSeconds}, 0.1, some)
	return []Figure{
		{Name: "traffic share as configured, three hours: alarms at α .001, worst of 6 (own bound)", Value: worst, Limit: 0.004, Chance: true, Runs: runs, Note: "1,080 looks, shares of 1, 10 and 50 %"},
		{Name: "a tenth of the candidate's requests lost, of 10 % of 6,000/min: median minutes to Inconclusive (own bound)", Value: median(lost), Limit: 10, Runs: some, Note: fmt.Sprintf("p90 %s; of 600/min %s min", digits(quantile(lost, 0.9)), digits(median(few)))},
	}
}
