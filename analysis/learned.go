package analysis

import (
	"errors"
	"fmt"
	"math"
)

// Learned is what a check's placebo history taught: windows whose two sides
// are both baseline. It is a small value, made once by [Learn], frozen with the
// baseline, and given to New in Config. A nil *Learned taught nothing.
type Learned struct {
	// Tests are that of the rate, or one for each latency at which tailLadder
	// counts, rising; their bounds count where Config.Bounds is empty.
	Tests []LearnedTest `json:"tests,omitempty"`

	// Lacks is why nothing was learned but the bounds; empty: something was.
	Lacks string `json:"lacks,omitempty"`

	// NotExchangeable: the judge itself, with what is learned here, tells two
	// halves of the baseline apart.
	NotExchangeable bool `json:"notExchangeable,omitempty"`
}

// LearnedTest is what one test of two rates learned.
type LearnedTest struct {
	Bound float64 `json:"bound,omitempty"` // the latency in seconds; 0: a rate

	// Windows had traffic on both sides; fewer than 30 teach nothing.
	Windows int `json:"windows"`

	// Rate is how many events there were per request.
	Rate float64 `json:"rate,omitempty"`

	// Counted of them had the variance to learn φ from: Residuals is the sum
	// of their squared residuals in units of the variance, Variance their
	// Σkρ(1−ρ). See dispersion.go.
	Counted   int     `json:"counted,omitempty"`
	Residuals float64 `json:"residuals,omitempty"`
	Variance  float64 `json:"variance,omitempty"`

	// Margin is d0, the finest ratio that the service can be judged by; 1.1 to 10.
	Margin float64 `json:"margin,omitempty"`

	// Interval of the placebo's own ratio, in the direction of harm, where it
	// is not exchangeable. Nil is unbounded.
	Interval *[2]*float64 `json:"interval,omitempty"`
}

// mostReach is the largest ratio that a bad half of the baseline excuses: it
// must not veto a dead candidate.
const mostReach = 10

// at is what was learned of one test, nil if nothing.
func (l *Learned) at(bound float64) *LearnedTest {
	if l == nil {
		return nil
	}
	for i := range l.Tests {
		if l.Tests[i].Bound == bound {
			return &l.Tests[i]
		}
	}
	return nil
}

// bounds are the latencies that were fixed.
func (l *Learned) bounds() []float64 {
	if l == nil || len(l.Tests) == 1 && l.Tests[0].Bound == 0 { // that of a rate
		return nil
	}
	bounds := make([]float64, len(l.Tests))
	for i, t := range l.Tests {
		bounds[i] = t.Bound
	}
	return bounds
}

// margin is the default of the harm margin.
func (l *Learned) margin(bound float64) float64 {
	if t := l.at(bound); t.enough() {
		return max(leastMargin, t.Margin)
	}
	return leastMargin
}

func (l *Learned) check(c Config) error {
	if l == nil {
		return nil
	}
	problems := make([]error, 0, len(l.Tests))
	for _, t := range l.Tests {
		problems = append(problems,
			c.within("learned windows", float64(t.Windows), 0, math.MaxInt32),
			c.within("learned counted", float64(t.Counted), 0, float64(t.Windows)),
			c.within("learned rate", t.Rate, 0, 1),
			c.within("learned residuals", t.Residuals, 0, math.MaxFloat64),
			c.within("learned variance", t.Variance, 0, math.MaxFloat64),
			c.within("learned margin", t.Margin, 0, mostMargin))
	}
	return errors.Join(problems...)
}

func (t *LearnedTest) enough() bool { return t != nil && t.Windows >= leastPlacebo }

func (t *LearnedTest) dispersion() dispersion {
	return dispersion{sum: t.Residuals, variance: t.Variance, windows: t.Counted}
}

// reach is up to where harm is what two halves of the baseline show as well, 0
// when they cannot be told apart. Which half is which means nothing, so the
// interval's two ends say the same; of an unbounded one only the proved end.
func (t *LearnedTest) reach() float64 {
	if t.Interval == nil {
		return 0
	}
	reach := 1.0
	for _, end := range t.Interval {
		if end != nil {
			reach = max(reach, *end, 1 / *end)
		}
	}
	return min(reach, mostReach)
}

// qualify adds what the placebo history says to an opinion about the
// candidate: excused is that it speaks against a Fail.
func (t *ratioTest) qualify(o *opinion, safeMargin float64, excused bool) {
	if excused {
		o.now, o.cause = Inconclusive, CauseMetric
		o.reason += fmt.Sprintf(", but two halves of the baseline differ by up to ×%s themselves", number(t.reach))
	}
	if t.finest <= leastMargin {
		return
	}
	o.reason += fmt.Sprintf("; this service cannot be judged finer than ×%.2f", t.finest)
	if t.finest >= safeMargin {
		o.proved = false
		o.reason += fmt.Sprintf(", so that ×%s cannot be proved", number(safeMargin))
	}
}
