package analysis

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// Threshold decides by conditions on one number per window, with the
// semantics of Argo Rollouts (analysis/analysis.go, utils/evaluate/evaluate.go;
// judges.md §4.1). It looks at the candidate only.
//
// `result` is the candidate's value or, where there is none, its share of
// failed requests; windows with less than MinSamples requests are gathered
// until there are enough. Conditions are expr-lang with Argo's functions isNaN,
// isInf, isNil, asInt, asFloat, default. A measurement has failed when Failure
// holds or, without Failure, Success does not; with both given and neither
// holding it is inconclusive. Two things are not as in Argo: a NaN or infinite
// result is an error unless a condition asks isNaN or isInf, and a window
// without a result is no data, never an error or a success.
//
// Fail: more failed measurements than FailureLimit. Inconclusive: more
// inconclusive ones than InconclusiveLimit. Error: more errors in a row than
// ConsecutiveErrorLimit, or one at the end of a bake.
type Threshold struct {
	// Success and Failure are the conditions; at least one is required.
	Success string `json:"success,omitempty"`
	Failure string `json:"failure,omitempty"`

	// FailureLimit and InconclusiveLimit are how many are tolerated; default
	// 0, −1: any number.
	FailureLimit      int `json:"failureLimit,omitempty"`
	InconclusiveLimit int `json:"inconclusiveLimit,omitempty"`

	// ConsecutiveErrorLimit is how many errors in a row are tolerated; default 4.
	ConsecutiveErrorLimit *int `json:"consecutiveErrorLimit,omitempty"`

	// ConsecutiveSuccessLimit, when above 0, is how many successes in a row
	// Pass needs; without them the bake ends Inconclusive.
	ConsecutiveSuccessLimit int `json:"consecutiveSuccessLimit,omitempty"`

	// MinSamples is how many requests of the candidate one measurement needs
	// where their number is known; default 20.
	MinSamples float64 `json:"minSamples,omitempty"`
}

type threshold struct {
	name             string
	params           Threshold
	errorLimit       int
	success, failure *vm.Program // nil: not given
	undefined        bool        // a condition asks isNaN or isInf itself

	pool                              tally // requests that are not yet enough
	measured, failed, inconclusive    int
	errors, successes, longestSuccess int // in a row
	last                              float64
}

func newThreshold(c Config) (*threshold, error) {
	p := *c.Judge.Threshold
	p.MinSamples = or(p.MinSamples, 20)
	t := &threshold{name: c.Name, params: p, errorLimit: 4}
	if p.ConsecutiveErrorLimit != nil {
		t.errorLimit = *p.ConsecutiveErrorLimit
	}
	var err, err2 error
	t.success, err = compile(c.Name, "success", p.Success)
	t.failure, err2 = compile(c.Name, "failure", p.Failure)
	if err := errors.Join(err, err2, t.check(c)); err != nil {
		return nil, err
	}
	both := p.Success + " " + p.Failure
	t.undefined = strings.Contains(both, "isNaN(") || strings.Contains(both, "isInf(")
	return t, nil
}

func (t *threshold) check(c Config) error {
	var missing error
	if t.params.Success == "" && t.params.Failure == "" {
		missing = fmt.Errorf("check %q: threshold needs the condition success or failure", c.Name)
	}
	const most = 1e6
	return errors.Join(missing,
		c.within("failureLimit", float64(t.params.FailureLimit), -1, most),
		c.within("inconclusiveLimit", float64(t.params.InconclusiveLimit), -1, most),
		c.within("consecutiveErrorLimit", float64(t.errorLimit), 0, most),
		c.within("consecutiveSuccessLimit", float64(t.params.ConsecutiveSuccessLimit), 0, most),
		c.within("minSamples", t.params.MinSamples, 1, largestCount),
	)
}

func compile(check, name, condition string) (*vm.Program, error) {
	if condition == "" {
		return nil, nil
	}
	program, err := expr.Compile(condition, expr.Env(environment(0)), expr.AsBool())
	if err != nil {
		return nil, fmt.Errorf("check %q: condition %s: %w", check, name, err)
	}
	return program, nil
}

// environment is what a condition sees.
func environment(result float64) map[string]any {
	return map[string]any{
		"result":  result,
		"isNaN":   math.IsNaN,
		"isInf":   func(x float64) bool { return math.IsInf(x, 0) },
		"isNil":   func(x any) bool { return x == nil },
		"asInt":   asInt,
		"asFloat": asFloat,
		"default": func(x, fallback any) any {
			if x == nil {
				return fallback
			}
			return x
		},
	}
}

func asInt(x any) (int64, error) {
	f, err := asFloat(x)
	if err == nil && !(math.Abs(f) < 1<<63) {
		err = fmt.Errorf("%v is not an integer", x)
	}
	return int64(f), err
}

func asFloat(x any) (float64, error) {
	switch x := x.(type) {
	case float64:
		return x, nil
	case int:
		return float64(x), nil
	case int64:
		return float64(x), nil
	case string:
		return strconv.ParseFloat(x, 64)
	default:
		return 0, fmt.Errorf("%v is not a number", x)
	}
}

func (t *threshold) fold(w Window) (outcome, error) {
	result, ok := t.measure(w.Candidate)
	if !ok {
		return judged, nil
	}
	t.last = result
	t.count(t.phase(result))
	if exceeds(t.failed, t.params.FailureLimit) {
		return failing, nil
	}
	return judged, nil
}

// measure returns the window's result, if it has one.
func (t *threshold) measure(c *Counts) (float64, bool) {
	switch {
	case c == nil:
		return 0, false
	case c.Value != nil:
		return *c.Value, c.Requests == 0 || c.Requests >= t.params.MinSamples
	}
	t.pool.requests += c.Requests
	t.pool.failures += c.Failures
	if t.pool.requests < t.params.MinSamples {
		return 0, false
	}
	result := t.pool.failures / t.pool.requests
	t.pool = tally{}
	return result, true
}

// phase is what one measurement says: Pass, Fail, Inconclusive or Error.
func (t *threshold) phase(result float64) Verdict {
	if !t.undefined && (math.IsNaN(result) || math.IsInf(result, 0)) {
		return Error
	}
	success, err := holds(t.success, result)
	failure, err2 := holds(t.failure, result)
	switch {
	case err != nil || err2 != nil:
		return Error
	case failure || t.failure == nil && !success:
		return Fail
	case success || t.success == nil:
		return Pass
	default:
		return Inconclusive
	}
}

// holds reports whether the condition is given and true.
func holds(condition *vm.Program, result float64) (bool, error) {
	if condition == nil {
		return false, nil
	}
	holds, err := expr.Run(condition, environment(result))
	if err != nil {
		return false, err
	}
	return holds.(bool), nil // expr.AsBool
}

func (t *threshold) count(phase Verdict) {
	t.measured++
	if phase == Error {
		t.errors++
	} else {
		t.errors = 0
	}
	if phase == Pass {
		t.successes++
		t.longestSuccess = max(t.longestSuccess, t.successes)
	} else {
		t.successes = 0
	}
	switch phase {
	case Fail:
		t.failed++
	case Inconclusive:
		t.inconclusive++
	}
}

func exceeds(count, limit int) bool { return limit >= 0 && count > limit }

func (t *threshold) weigh(e *Evidence) opinion {
	o := opinion{now: Continue, atEnd: Pass, proved: true, reason: t.summary()}
	switch {
	case t.errors > t.errorLimit:
		o.now = Error
	case exceeds(t.inconclusive, t.params.InconclusiveLimit):
		o.now = Inconclusive
	}
	switch {
	case t.measured == 0:
		o.atEnd = NoData
	case t.errors > 0:
		o.atEnd = Error
	case t.longestSuccess < t.params.ConsecutiveSuccessLimit:
		o.atEnd = Inconclusive
	}
	if limit := t.params.FailureLimit; limit >= 0 {
		e.TowardsFail = min(1, float64(t.failed)/float64(limit+1))
	}
	return o
}

func (t *threshold) summary() string {
	if t.measured == 0 {
		return t.name + ": nothing measured yet"
	}
	return fmt.Sprintf("%s is %s (of %d measurements %d failed, %d inconclusive; %d errors in a row)",
		t.name, strconv.FormatFloat(t.last, 'g', 4, 64), t.measured, t.failed, t.inconclusive, t.errors)
}

func (t *threshold) visit(s *state) {
	s.floats(&t.pool.requests, &t.pool.failures, &t.last)
	s.counts(&t.measured, &t.failed, &t.inconclusive, &t.errors, &t.successes, &t.longestSuccess)
}
