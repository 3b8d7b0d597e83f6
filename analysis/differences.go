package analysis

import (
	"errors"
	"fmt"
	"math"
)

// How points and meanCs take the difference of two values.
const (
	asLogarithm  = "log"
	asDifference = "diff"
)

// largestValue bounds a measurement: its square, summed, is still a number.
const largestValue = 1e150

// differences are the D of judges.md §1.4: one for each window that has a value
// of both sides, ln(candidate/baseline) or candidate − baseline.
//
// Without a transform D is the logarithm for as long as every value of both
// sides has been above 0, and the plain difference from the first other value
// on; evidence stays, and the scale of plain differences has been kept from the
// beginning. Which of the two is used for a point depends on what came before
// and on its two values, but never on which side has which. So a candidate
// cannot choose the transform to its favour: D is as symmetric as it was.
type differences struct {
	transform           string // log, diff, or "": as above
	n                   int
	mixed               bool // a value was not above 0
	log, diff           moments
	baseline, candidate float64 // means of the values
}

// moments are the mean of D and the sum of squares about it (Welford).
type moments struct{ mean, squares float64 }

func (m *moments) add(x float64, n int) {
	delta := x - m.mean
	m.mean += delta / float64(n)
	m.squares += delta * (x - m.mean)
}

// rms is the root of the mean square of n D about a.
func (m moments) rms(a float64, n int) float64 {
	return math.Hypot(math.Sqrt(m.squares/float64(n)), m.mean-a)
}

// deviation is the standard deviation of one D.
func (m moments) deviation(n int) float64 { return math.Sqrt(m.squares / float64(n-1)) }

func checkTransform(c Config, transform string) error {
	switch transform {
	case "", asLogarithm, asDifference:
		return nil
	default:
		return fmt.Errorf("check %q: transform is %q, must be %s or %s", c.Name, transform, asLogarithm, asDifference)
	}
}

// values returns what both sides measured; found is false when one did not. A
// value that is NaN, infinite or beyond ±1e150 is an error, and so is one that
// has no logarithm where a spec asks for it.
func (d *differences) values(w Window) (baseline, candidate float64, found bool, err error) {
	if w.Baseline == nil || w.Candidate == nil || w.Baseline.Value == nil || w.Candidate.Value == nil {
		return 0, 0, false, nil
	}
	baseline, candidate = *w.Baseline.Value, *w.Candidate.Value
	err = errors.Join(d.check(baselineSide, baseline), d.check(candidateSide, candidate))
	return baseline, candidate, err == nil, err
}

func (d *differences) check(of side, x float64) error {
	switch {
	case !(math.Abs(x) <= largestValue):
		return fmt.Errorf("%s: the value is %g", of, x)
	case d.transform == asLogarithm && x <= 0:
		return fmt.Errorf("%s: the value is %g, and transform log needs values above 0", of, x)
	default:
		return nil
	}
}

// next returns the D of two values and the moments of those before it, on the
// scale that counts from now on, and then adds it to them.
func (d *differences) next(baseline, candidate float64) (x float64, before moments) {
	d.mixed = d.mixed || baseline <= 0 || candidate <= 0
	x, before = candidate-baseline, d.diff
	ratio := 0.0
	if !d.mixed {
		ratio = math.Log(candidate) - math.Log(baseline)
	}
	if d.logs() {
		x, before = ratio, d.log
	}
	d.n++
	d.diff.add(candidate-baseline, d.n)
	if !d.mixed {
		d.log.add(ratio, d.n)
	}
	d.baseline += (baseline - d.baseline) / float64(d.n)
	d.candidate += (candidate - d.candidate) / float64(d.n)
	return x, before
}

// logs reports whether D is a logarithm.
func (d *differences) logs() bool {
	return d.transform == asLogarithm || d.transform == "" && !d.mixed
}

func (d *differences) current() moments {
	if d.logs() {
		return d.log
	}
	return d.diff
}

// describe writes means, the effect and its confidence sequence at level
// 1−alpha into e: as a ratio where D is a logarithm, else as a difference.
func (d *differences) describe(e *Evidence, s sequence) {
	if d.n == 0 {
		return
	}
	baseline, candidate := d.baseline, d.candidate
	e.Baseline.Value, e.Candidate.Value = &baseline, &candidate
	m := d.current()
	low, high := s.interval(m, d.n)
	if d.logs() {
		e.Ratio = fromLog(m.mean)
		e.Interval = [2]*float64{exponential(low), exponential(high)}
		return
	}
	e.Difference, e.Interval = &m.mean, [2]*float64{low, high}
	if !d.mixed {
		e.Ratio = candidate / baseline
	}
}

func exponential(p *float64) *float64 {
	if p == nil {
		return nil
	}
	x := fromLog(*p)
	return &x
}

// compared is the sentence about the effect: "cpu ×1.15 [1.1, 1.2]" or "cpu
// +0.06 [0.02, 0.1]".
func (d *differences) compared(subject string, e *Evidence) string {
	if d.n == 0 {
		return subject + ": nothing to compare yet"
	}
	effect := "×" + number(e.Ratio)
	if e.Difference != nil {
		effect = fmt.Sprintf("%+.3g", *e.Difference)
	}
	if e.Interval[0] == nil { // within the burn-in
		return subject + " " + effect
	}
	return fmt.Sprintf("%s %s [%s, %s]", subject, effect, number(*e.Interval[0]), number(*e.Interval[1]))
}

func (d *differences) visit(s *state) {
	s.counts(&d.n)
	s.flags(&d.mixed)
	s.floats(&d.log.mean, &d.log.squares, &d.diff.mean, &d.diff.squares, &d.baseline, &d.candidate)
}
