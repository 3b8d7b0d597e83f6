package analysis

import "math"

// Traffic is what a service is known to do before a rollout: requests a second
// on both sides together, and the baseline's share of failed (or slow) ones.
type Traffic struct {
	Requests float64 `json:"requests"` // a second
	Failures float64 `json:"failures"` // share, 0 to 1
}

// Forecast is what a check can be expected to find out within one step. Times
// are seconds of bake. See [Foresee].
type Forecast struct {
	// Evidence is when both sides have their minimum of requests; +Inf as
	// 1e300: never. Before that the check cannot pass.
	Evidence float64 `json:"evidence"`

	// Detects is the smallest ratio, candidate over baseline, that Fail
	// catches within the bake with 90 %; 0: none up to ×100.
	Detects float64 `json:"detects,omitempty"`

	// Double is how long it takes, with 90 %, to catch a candidate that fails
	// twice as often; 1e300: never.
	Double float64 `json:"double"`
}

// worstForeseen bounds the ratios that are looked at.
const worstForeseen = 100

// ninetyPercent is the standard normal quantile of the power forecast.
const ninetyPercent = 1.2815515655446004

// Foresee says what a relative check of rates will be able to see at a weight
// (the candidate's share of the traffic, 0 to 1) within a bake of so many
// seconds. ok is false for judges whose evidence does not come from counted
// requests, and where no traffic is known.
//
// The evidence towards Fail grows like a random walk. Of a candidate that fails
// d times as often as the baseline (p failures a request, λ requests a second,
// weight w) the logarithm of the best alternative's likelihood ratio gains
//
//	g = λ·p·[w·d·ln(d/d0) − (w·d + 1 − w)·c]  a second, variance
//	v = λ·p·[w·d·(ln(d/d0) − c)² + (1 − w)·c²],  c = ln((wd + 1 − w)/(wd0 + 1 − w))
//
// with failures as Poisson counts, and Fail needs ln(2J/α) of it, because each
// of the J = 12 alternatives has a twelfth of the mixture. So it is reached with
// 90 % at the t that solves g·t − z·√(v·t) = ln(2J/α), z = 1.2816. This is
// an approximation: judging itself uses none.
func Foresee(c Config, t Traffic, weight, bake float64) (f Forecast, ok bool) {
	c = c.withDefaults()
	margin, least, ok := c.relativeRates()
	if !ok || !(t.Requests > 0) || weight <= 0 || weight >= 1 {
		return Forecast{}, false
	}
	f.Evidence = min(c.MinRequests/(t.Requests*min(weight, 1-weight)), infinite)
	catch := func(d float64) float64 { return c.catch(t, weight, d, margin, least) }
	f.Double = catch(2)
	if catch(worstForeseen) > bake {
		return f, true
	}
	low, high := math.Log(margin), math.Log(worstForeseen)
	for range 40 { // the time falls with the ratio
		if mid := (low + high) / 2; catch(math.Exp(mid)) > bake {
			low = mid
		} else {
			high = mid
		}
	}
	f.Detects = math.Exp(high)
	return f, true
}

// relativeRates returns the harm margin and the least events of a judge that
// compares rates.
func (c Config) relativeRates() (margin, least float64, ok bool) {
	switch j := c.Judge; {
	case j.RateRatio != nil:
		p := j.RateRatio.withDefaults(c)
		return p.HarmMargin, p.MinCanaryEvents, p.Direction == increase
	case j.TailLadder != nil:
		p := RateRatio{}.withDefaults(c)
		return p.HarmMargin, p.MinCanaryEvents, true
	}
	return 0, 0, false
}

// catch is when a ratio d is caught with 90 %.
func (c Config) catch(t Traffic, weight, d, margin, least float64) float64 {
	rate := t.Requests * t.Failures
	if rate <= 0 || d <= margin {
		return infinite
	}
	gain := math.Log(d / margin)
	common := math.Log((weight*d + 1 - weight) / (weight*margin + 1 - weight))
	g := rate * (weight*d*gain - (weight*d+1-weight)*common)
	v := rate * (weight*d*(gain-common)*(gain-common) + (1-weight)*common*common)
	if g <= 0 {
		return infinite
	}
	goal := math.Log(2 * alternatives / c.Alpha)
	root := (ninetyPercent*math.Sqrt(v) + math.Sqrt(ninetyPercent*ninetyPercent*v+4*g*goal)) / (2 * g)
	return min(max(root*root, least/(rate*weight*d)), infinite)
}
