package analysis

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// KayentaV1 says what Kayenta's judge NetflixACAJudge-v1.0 would say of the
// same values, its faults included: for migration and side-by-side only
// (judges.md §5, from kayenta-judge and kayenta-mannwhitney). Its names are
// those of analysisConfigurations.canary in a canary config. One look at the
// end; each window gives one value of each side, or of one. A side that was seen
// without a value has NaN there, one that was not seen has nothing.
//
// NaN are removed or replaced by 0; outliers removed if so asked; equal sides
// pass. Then the 98 % confidence interval and the Hodges-Lehmann estimate of
// the shift, by inverting the rank test with an absolute tolerance of 1e-4:
// High when the lower end is above 0.25·|estimate| and the effect size reaches
// AllowedIncrease, Low mirrored. Two constant sides get noise of 1e-5 of their
// value, here from a fixed seed.
//
// Fail: High, Low and NodataFailMetric. NoData: Nodata. Error: Error, which in
// Kayenta's score counts as if the metric were not there. It proves nothing,
// so that under nonInferior its best verdict is Inconclusive. What Kayenta
// decides for a reason that is none is said in Warnings. More than 10,080
// values of a side are an Error.
type KayentaV1 struct {
	// Direction of harm: "increase", "decrease" or "either" (default).
	Direction string `json:"direction,omitempty"`

	// NaNStrategy is "remove" (default) or "replace" (by 0).
	NaNStrategy string `json:"nanStrategy,omitempty"`

	// Critical makes the whole canary score 0 when this metric fails.
	Critical bool `json:"critical,omitempty"`

	// MustHaveData makes a metric without data a failed one.
	MustHaveData bool `json:"mustHaveData,omitempty"`

	// Muted keeps the metric out of the score.
	Muted bool `json:"muted,omitempty"`

	EffectSize KayentaEffect   `json:"effectSize,omitzero"`
	Outliers   KayentaOutliers `json:"outliers,omitzero"`

	// Looks is how often the canary was analysed, of which this is one;
	// default 1. It changes nothing but the warnings.
	Looks int `json:"looks,omitempty"`
}

// KayentaEffect is the least difference that counts. A threshold that is nil
// is 1 for "meanRatio" (default), 0.5 for "cles".
type KayentaEffect struct {
	Measure          string   `json:"measure,omitempty"`
	AllowedIncrease  *float64 `json:"allowedIncrease,omitempty"`
	AllowedDecrease  *float64 `json:"allowedDecrease,omitempty"`
	CriticalIncrease *float64 `json:"criticalIncrease,omitempty"`
	CriticalDecrease *float64 `json:"criticalDecrease,omitempty"`
}

// KayentaOutliers removes values beyond
// [min(P1, Q1−f·IQR), max(P99, Q3+f·IQR)].
type KayentaOutliers struct {
	Strategy string  `json:"strategy,omitempty"`      // "keep" (default) or "remove"
	Factor   float64 `json:"outlierFactor,omitempty"` // f; default 3
}

// Kayenta's constants, which its configuration cannot change.
const (
	kayentaLevel     = 0.98
	kayentaTolerance = 0.25
	measureRatio     = "meanRatio"
	measureCLES      = "cles"
	keepValues       = "keep"
	removeValues     = "remove"
	replaceValues    = "replace"
)

// Class is a metric's class in Kayenta's words.
type Class string

// The classes.
const (
	ClassPass       Class = "Pass"
	ClassHigh       Class = "High"
	ClassLow        Class = "Low"
	ClassNodata     Class = "Nodata"
	ClassNodataFail Class = "NodataFailMetric"
	ClassError      Class = "Error"
)

// Classification is what Kayenta says of one metric. Numbers that were not
// needed, or cannot be computed, are nil.
type Classification struct {
	Class    Class       `json:"classification"`
	Reason   string      `json:"reason,omitempty"`
	Critical bool        `json:"critical,omitempty"`
	Interval *[2]float64 `json:"interval,omitempty"` // of the shift, at 98 %
	Estimate *float64    `json:"estimate,omitempty"` // of the shift
	Effect   *float64    `json:"effect,omitempty"`
	Warnings []string    `json:"warnings,omitempty"`
}

func (p KayentaV1) withDefaults() KayentaV1 {
	fill := func(s *string, fallback string) {
		if *s == "" {
			*s = fallback
		}
	}
	fill(&p.Direction, either)
	fill(&p.NaNStrategy, removeValues)
	fill(&p.Outliers.Strategy, keepValues)
	fill(&p.EffectSize.Measure, measureRatio)
	p.Outliers.Factor = or(p.Outliers.Factor, 3)
	p.Looks = int(or(float64(p.Looks), 1))
	fallback := 1.0
	if p.EffectSize.Measure == measureCLES {
		fallback = 0.5
	}
	for _, threshold := range []**float64{&p.EffectSize.AllowedIncrease, &p.EffectSize.AllowedDecrease,
		&p.EffectSize.CriticalIncrease, &p.EffectSize.CriticalDecrease} {
		if *threshold == nil {
			*threshold = pointer(fallback)
		}
	}
	return p
}

func (p KayentaV1) check(c Config) error {
	word := func(name, given string, known ...string) error {
		if slices.Contains(known, given) {
			return nil
		}
		return fmt.Errorf("check %q: %s is %q, must be one of %v", c.Name, name, given, known)
	}
	return errors.Join(
		c.direction(p.Direction, increase, decrease, either),
		word("nanStrategy", p.NaNStrategy, removeValues, replaceValues),
		word("outliers.strategy", p.Outliers.Strategy, keepValues, removeValues),
		word("effectSize.measure", p.EffectSize.Measure, measureRatio, measureCLES),
		c.within("outliers.outlierFactor", p.Outliers.Factor, 0, 1e6),
		c.within("effectSize.allowedIncrease", *p.EffectSize.AllowedIncrease, -1e300, 1e300),
		c.within("effectSize.allowedDecrease", *p.EffectSize.AllowedDecrease, -1e300, 1e300),
		c.within("effectSize.criticalIncrease", *p.EffectSize.CriticalIncrease, -1e300, 1e300),
		c.within("effectSize.criticalDecrease", *p.EffectSize.CriticalDecrease, -1e300, 1e300),
		c.within("looks", float64(p.Looks), 1, 1e6),
	)
}

// Classify judges the values of one metric, NaN where one is missing.
// The values are left as they are.
func (p KayentaV1) Classify(experiment, control []float64) Classification {
	p = p.withDefaults()
	e, c := p.prepare(experiment), p.prepare(control)
	out := p.classify(e, c)
	out.Warnings = p.warnings(e, c, out)
	return out
}

// prepare returns the values that are judged, sorted.
func (p KayentaV1) prepare(values []float64) []float64 {
	var out []float64
	for _, x := range values {
		switch {
		case !math.IsNaN(x):
			out = append(out, x)
		case p.NaNStrategy == replaceValues:
			out = append(out, 0)
		}
	}
	slices.Sort(out)
	if p.Outliers.Strategy != removeValues || len(out) == 0 {
		return out
	}
	q1, q3 := percentile(out, 0.25), percentile(out, 0.75)
	low := min(percentile(out, 0.01), q1-p.Outliers.Factor*(q3-q1))
	high := max(percentile(out, 0.99), q3+p.Outliers.Factor*(q3-q1))
	return slices.DeleteFunc(out, func(x float64) bool { return x < low || x > high })
}

// classify needs sorted values without NaN.
func (p KayentaV1) classify(e, c []float64) Classification {
	switch {
	case len(e) == 0 || len(c) == 0:
		return p.withoutData()
	case slices.Equal(e, c):
		return Classification{Class: ClassPass, Reason: "experiment and control are identical"}
	case constant(e) && constant(c) && e[0] == c[0]:
		return Classification{Class: ClassPass, Reason: "one value only"}
	case math.IsInf(e[0], 0) || math.IsInf(e[len(e)-1], 0) || math.IsInf(c[0], 0) || math.IsInf(c[len(c)-1], 0):
		return Classification{Class: ClassError, Reason: "an infinite value"}
	case len(e) == 1 && len(c) == 1: // tied at the end of the range, but for rounding
		return Classification{Class: ClassError, Reason: errTied.Error()}
	}
	tested := shiftTest{e, c}
	if constant(e) && constant(c) {
		tested = shiftTest{noisy(e, 1), noisy(c, 2)}
	}
	low, high, estimate, err := tested.interval(kayentaLevel)
	if err != nil {
		return Classification{Class: ClassError, Reason: err.Error()}
	}
	if math.IsInf(high-low, 0) || math.IsNaN(high-low) || math.IsInf(estimate, 0) {
		return Classification{Class: ClassError, Reason: "differences too large for a number"}
	}
	out := Classification{Class: ClassPass, Interval: &[2]float64{low, high}, Estimate: &estimate}
	effect := p.effect(tested.experiment, tested.control)
	if !math.IsNaN(effect) && !math.IsInf(effect, 0) {
		out.Effect = &effect
	}
	return p.decide(out, effect)
}

func (p KayentaV1) withoutData() Classification {
	switch {
	case p.NaNStrategy == replaceValues:
		return Classification{Class: ClassPass, Reason: "no data on one side, taken for zeros"}
	case p.MustHaveData && !p.Critical:
		return Classification{Class: ClassNodataFail, Reason: "no data on one side, which must have some"}
	default:
		return Classification{Class: ClassNodata, Reason: "no data on one side", Critical: p.Critical}
	}
}

// decide sets High or Low. An effect that is NaN passes every gate.
func (p KayentaV1) decide(out Classification, effect float64) Classification {
	band := kayentaTolerance * math.Abs(*out.Estimate)
	size := p.EffectSize
	switch {
	case p.Direction != decrease && out.Interval[0] > band && !(effect < *size.AllowedIncrease):
		out.Class, out.Reason = ClassHigh, "significantly higher than control"
		out.Critical = p.Critical && !(effect < *size.CriticalIncrease)
	case p.Direction != increase && out.Interval[1] < -band && !(effect > *size.AllowedDecrease):
		out.Class, out.Reason = ClassLow, "significantly lower than control"
		out.Critical = p.Critical && !(effect > *size.CriticalDecrease)
	}
	return out
}

// effect is the effect size; NaN when a mean is 0.
func (p KayentaV1) effect(e, c []float64) float64 {
	if p.EffectSize.Measure == measureCLES {
		return rank(e, c).superiority()
	}
	experiment, control := mean(e), mean(c)
	if experiment == 0 || control == 0 {
		return math.NaN()
	}
	return experiment / control
}

// constant reports whether sorted values are all one.
func constant(values []float64) bool { return values[0] == values[len(values)-1] }

// noisy adds to each value normal noise of 1e-5 of it, always the same.
func noisy(values []float64, stream uint64) []float64 {
	draw := rand.New(rand.NewPCG(1, stream))
	out := slices.Clone(values)
	for i, x := range out {
		out[i] += math.Abs(x) * 1e-5 * draw.NormFloat64()
	}
	slices.Sort(out)
	return out
}
