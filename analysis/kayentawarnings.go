package analysis

import (
	"fmt"
	"math"
)

// warnings name what Kayenta gets wrong with these values (judges.md §5.3).
// Both sides are as they were judged: sorted, without NaN.
func (p KayentaV1) warnings(e, c []float64, out Classification) []string {
	var all []string
	warn := func(holds bool, format string, args ...any) {
		if holds {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	warn(p.Looks > 1, "looks: %d analyses of one canary, and Kayenta corrects for none", p.Looks)
	if len(e) == 0 || len(c) == 0 {
		warn(out.Class == ClassPass, "noData: a side without any value passes under nanStrategy replace")
		return all
	}
	least := min(len(e), len(c))
	warn(out.Class == ClassError, "ignoredError: Kayenta leaves a metric with an error out of the score, which it so cannot lower")
	warn(least == 1, "onePoint: one value on a side is no evidence")
	warn(least == 2, "twoPoints: with two values on a side the interval is the whole range, and one of four harmless canaries is High or Low")
	warn(least > 2 && least < 50, "fewPoints: %d values on a side, Kayenta asks for 50", least)
	warn(sparse(e, c), "unequalSides: %d values with %s zeros against %d with %s; Kayenta compares points, not rates, and calls sparse canaries Low",
		len(e), share(zeros(e)), len(c), share(zeros(c)))
	ratios := p.EffectSize.Measure == measureRatio
	warn(ratios && mean(c) == 0, "zeroControl: the control's mean is 0, so the effect size, and every threshold on it, is skipped")
	warn(ratios && mean(e) == 0 && mean(c) != 0, "zeroExperiment: the experiment's mean is 0, so the effect size, and every threshold on it, is skipped")
	if out.Interval == nil {
		return all
	}
	warn(coarse(e, c), "fractions: the interval is exact to ±0.00005 only, which is more than 0.5%% of these values: judge them in percent")
	warn(out.Class != ClassPass && math.Abs(*out.Estimate) < solverTolerance,
		"artefact: the shift of %.3g is less than the solver's tolerance; the class is a matter of where it stopped", *out.Estimate)
	warn(out.Interval[0] > out.Interval[1], "crossedInterval: the lower end %g lies above the upper end %g", out.Interval[0], out.Interval[1])
	tied := rank(e, c).tiedShare()
	warn(out.Class == ClassPass && tied > 0.5 && *out.Estimate != 0,
		"ties: %s of the values are tied; a larger shift can then pass where a smaller one fails", share(tied))
	return all
}

// sparse reports sides that differ in length by more than a tenth, or of which
// one is mostly zeros and the other is not.
func sparse(e, c []float64) bool {
	longer, shorter := max(len(e), len(c)), min(len(e), len(c))
	return 10*(longer-shorter) > longer || (zeros(e) > 0.5) != (zeros(c) > 0.5)
}

// coarse reports whether the solver's tolerance is large for such values.
func coarse(e, c []float64) bool {
	typical := max(math.Abs(percentile(e, 0.5)), math.Abs(percentile(c, 0.5)))
	if typical == 0 {
		typical = max(math.Abs(mean(e)), math.Abs(mean(c)))
	}
	return typical < 0.01
}

func zeros(values []float64) float64 {
	n := 0.0
	for _, x := range values {
		if x == 0 {
			n++
		}
	}
	return n / float64(len(values))
}

func share(x float64) string { return fmt.Sprintf("%.0f%%", 100*x) }

// tiedShare is the share of values that are not alone with their rank.
func (r ranking) tiedShare() float64 {
	tied := 0.0
	for i, rank := range r.ranks {
		if i > 0 && r.ranks[i-1] == rank || i+1 < len(r.ranks) && r.ranks[i+1] == rank {
			tied++
		}
	}
	return tied / float64(len(r.ranks))
}

// kayentaV1 is the judge of windows; [KayentaV1.Classify] decides.
type kayentaV1 struct {
	name   string
	params KayentaV1
	samples
}

func newKayentaV1(c Config) (*kayentaV1, error) {
	p := c.Judge.KayentaV1.withDefaults()
	return &kayentaV1{name: c.Name, params: p}, p.check(c)
}

func (k *kayentaV1) fold(w Window) (outcome, error) {
	w.Candidate, w.Baseline = orNaN(w.Candidate), orNaN(w.Baseline)
	k.samples.fold(w)
	return judged, nil
}

// orNaN gives a side that was seen, but has no value, NaN.
func orNaN(c *Counts) *Counts {
	if c == nil || c.Value != nil {
		return c
	}
	return &Counts{Value: pointer(math.NaN())}
}

func (k *kayentaV1) weigh(e *Evidence) opinion {
	if k.full {
		return tooMany(k.name)
	}
	class := k.params.Classify(k.candidate, k.baseline)
	e.Warnings = class.Warnings
	if class.Effect != nil {
		e.Effect = *class.Effect
	}
	o := opinion{now: Continue, atEnd: Fail, reason: fmt.Sprintf("%s: %s", k.name, class.Class)}
	if class.Reason != "" {
		o.reason += ", " + class.Reason
	}
	switch class.Class {
	case ClassPass:
		o.atEnd = Pass
	case ClassNodata:
		o.atEnd = NoData
	case ClassError:
		o.atEnd = Error
	}
	return o
}

func (k *kayentaV1) visit(s *state) { k.samples.visit(s) }
