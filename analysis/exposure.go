package analysis

import (
	"fmt"
	"math"
)

// Exposure decides how much of the traffic a candidate may get next, so that
// the failures which it can still cause stay within a budget. It is a pure
// function of the evidence and of what is left of the budget.
//
// With n requests and x failures of the candidate and the baseline's failure
// rate p_b, the candidate fails at worst
//
//	d = U(x, n) − p_b   more often,
//
// U the upper end of a 95 % confidence sequence (below). A share s brings
// s/now · pace · Bake requests, so that at most half of what is left of the
// budget is at risk while
//
//	s ≤ (Budget − spent)/2 / (d · pace/now · Bake),   spent = x·(1 − 1/ratio).
//
// The least such s over the checks decides, from From to To, at most Growth times
// the present share. U falls as requests come in, so the share grows with
// confidence; it falls when failures come. What differs by less than a quarter
// up, or a third down, is left as it is.
type Exposure struct {
	From, To float64 // shares of the candidate, 0 to 1
	Budget   float64 // failures beyond the baseline's that the whole rollout may cost
	Bake     float64 // seconds at each share
	Growth   float64 // times the present share that the next one may be at most
}

// Exposed is what one check of failures and requests knows. Counts are totals
// since the rollout began.
type Exposed struct {
	Check               string
	Baseline, Candidate Counts
	Ratio               float64  // candidate over baseline, as in Evidence
	Low                 *float64 // lower end of its interval; nil: 0
	Pace                float64  // requests a second of the candidate at the present share
}

// Allowance is what an Exposure allows next.
type Allowance struct {
	Share  float64 // of the candidate
	Spent  float64 // failures beyond the baseline's so far, estimated
	Proved float64 // those that are proved: at or above the budget the candidate has failed
	Reason string  // one sentence for people
}

const (
	exposureAlpha  = 0.05 // of U
	exposureRisk   = 0.5  // part of what is left of the budget that one bake may risk
	leastGrowth    = 1.25
	leastReduction = 1.5
)

// Next returns the share after now, which is from From to To, and never above
// Growth times now. Without any check, or without requests, it stays.
func (x Exposure) Next(now float64, checks []Exposed) Allowance {
	next := Allowance{Share: now, Reason: "no requests of the candidate yet"}
	allowed := math.Inf(1)
	for _, c := range checks {
		spent := c.excess(c.Ratio)
		next.Spent = max(next.Spent, spent)
		if c.Low != nil {
			next.Proved = max(next.Proved, c.excess(*c.Low))
		}
		if c.Candidate.Requests == 0 || c.Pace <= 0 { // not up; others may bring it down
			if now < allowed {
				allowed, next.Reason = now, c.Check+": too few requests of the candidate yet"
			}
			continue
		}
		worse := c.worse()
		left := max(x.Budget-spent, 0)
		demand := worse * c.Pace / now * x.Bake // failures at risk with all of the traffic
		share := exposureRisk * left / max(demand, 1e-9)
		if share < allowed {
			allowed = share
			next.Reason = fmt.Sprintf("%s may fail %s%% more at worst, %s of %s failures are left",
				c.Check, number(100*worse), number(math.Floor(left)), number(x.Budget))
		}
	}
	if len(checks) > 0 {
		next.Share = x.between(now, allowed)
	}
	return next
}

// between keeps an allowed share within its bounds, and steady.
func (x Exposure) between(now, allowed float64) float64 {
	next := max(x.From, min(allowed, x.To, x.Growth*now))
	if next >= now/leastReduction && next < now*leastGrowth && next < x.To {
		return now
	}
	return max(x.From, round2(next))
}

// round2 rounds a share down to two digits of its percentage, and to whole
// basis points.
func round2(share float64) float64 {
	digit := math.Pow(10, math.Floor(math.Log10(share*100))-1)
	unit := max(digit, 0.01)
	return math.Floor(share*100/unit+1e-9) * unit / 100
}

// excess is how many of the candidate's failures a ratio makes its own.
func (c Exposed) excess(ratio float64) float64 {
	if ratio <= 1 {
		return 0
	}
	return c.Candidate.Failures * (1 - 1/ratio)
}

// worse is d: how much more often the candidate may fail than the baseline.
func (c Exposed) worse() float64 {
	baseline := 0.0
	if c.Baseline.Requests > 0 {
		baseline = c.Baseline.Failures / c.Baseline.Requests
	}
	return max(0, upperRate(c.Candidate.Failures, c.Candidate.Requests, exposureAlpha)-baseline)
}

// upperRate is the upper end of the confidence sequence for a rate, x of n, at
// level 1−α: the largest p with
//
//	lnB(x+½, n−x+½) − lnB(½, ½) − x·ln p − (n−x)·ln(1−p) < ln(1/α),
//
// the beta-binomial mixture (judges.md §6), valid at every look.
func upperRate(x, n, alpha float64) float64 {
	x = min(x, n)
	mixture := logBeta(x+0.5, n-x+0.5) - logBeta(0.5, 0.5)
	low, high := x/n, 1.0
	for range 60 {
		p := (low + high) / 2
		if mixture-likelihood(x, n, p) < math.Log(1/alpha) {
			low = p
		} else {
			high = p
		}
	}
	return high
}

func logBeta(a, b float64) float64 { return logGamma(a) + logGamma(b) - logGamma(a+b) }

// Pace is the candidate's requests a second in the present step, 0 while there
// are fewer than the minimum evidence.
func (j *Judge) Pace() float64 {
	if j.step.covered <= 0 || j.step.candidate < j.config.MinRequests {
		return 0
	}
	return j.step.candidate / j.step.covered
}
