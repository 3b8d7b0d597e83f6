package analysis

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// ErrRefused marks a window that cannot be: it is counted and not folded.
var ErrRefused = errors.New("window refused")

// largestCount is the largest count that is exact in a float64.
const largestCount = 1 << 53

// Counts is what one side did within one window: raw differences of counters,
// not extrapolated ones.
type Counts struct {
	Requests float64 `json:"requests,omitempty"`
	Failures float64 `json:"failures,omitempty"`

	// Buckets are the window's cumulative counts by upper bound in seconds
	// ("0.1", "+Inf"); "+Inf" must be there.
	Buckets map[string]float64 `json:"buckets,omitempty"`

	// Value is one measurement. NaN and ±Inf are measurements that went
	// wrong, which the judges handle.
	Value *float64 `json:"value,omitempty"`

	uncounted bool // requests were given, and no failures: what failed is not known
}

// Window is one stretch of observation of one check. Times are seconds since
// any epoch; a side that is nil was not seen.
type Window struct {
	Series string `json:"series,omitempty"`
	Check  string `json:"check"`

	// Arm names the candidate where several are tried at once; "": the only one.
	Arm string `json:"arm,omitempty"`

	Start float64 `json:"start"`
	End   float64 `json:"end"`

	// Share is the part of the requests, 0 to 1, that the candidate was to
	// get; 0: not known. It may change from window to window.
	Share float64 `json:"share,omitempty"`

	// Pair names what runCompare pairs by: a scenario and its seed.
	Pair string `json:"pair,omitempty"`

	// Step numbers the bakes of a rollout, from 1; a bake that begins anew has a
	// new number. Where it rises, minimum evidence is counted anew: see
	// [Judge.BeginStep]. 0: not known.
	Step int `json:"step,omitempty"`

	// Taught is what the check's judge knew in advance: on the first window of
	// each recording, so that any of them can be judged again.
	Taught *Taught `json:"taught,omitempty"`

	Baseline  *Counts `json:"baseline,omitempty"`
	Candidate *Counts `json:"candidate,omitempty"`
}

// Taught is what a judge is told of the baseline before the first window: see
// Config.
type Taught struct {
	Bounds  []float64 `json:"bounds,omitempty"`
	Learned *Learned  `json:"learned,omitempty"`
}

// DecodeWindow reads one line of recorded windows. It refuses what is no
// window: syntax, types, missing fields (check, start, end). Unknown fields are ignored;
// an impossible window is still a window: see [Window.Validate].
func DecodeWindow(line []byte) (Window, error) {
	w := Window{Start: math.NaN(), End: math.NaN()} // no number in JSON
	if err := json.Unmarshal(line, &w); err != nil {
		return Window{}, fmt.Errorf("decode window: %w", err)
	}
	if w.Check == "" || math.IsNaN(w.Start) || math.IsNaN(w.End) {
		return Window{}, errors.New("decode window: check, start and end are required")
	}
	if w.noteUncounted(line); w.Baseline.isBare() || w.Candidate.isBare() {
		return Window{}, errors.New("decode window: a side with requests needs its failures, 0 if there were none")
	}
	return w, nil
}

// noteUncounted notes on each side that counts requests whether the line leaves
// out its failures: a name that is written wrongly must not read as no failure.
func (w Window) noteUncounted(line []byte) {
	sides, none := 0, false
	for _, c := range []*Counts{w.Baseline, w.Candidate} {
		if c != nil && c.Requests > 0 {
			sides++
			none = none || c.Failures == 0
		}
	}
	if !none || bytes.Count(line, []byte(`"failures":`)) >= sides && !bytes.Contains(line, []byte("null")) {
		return
	}
	var read struct{ Baseline, Candidate map[string]any }
	err := json.Unmarshal(line, &read)
	for c, side := range map[*Counts]map[string]any{w.Baseline: read.Baseline, w.Candidate: read.Candidate} {
		if c != nil && c.Requests > 0 {
			c.uncounted = err != nil || side["failures"] == nil
		}
	}
}

// isBare reports whether a side gives nothing but a number of requests.
func (c *Counts) isBare() bool {
	return c != nil && c.uncounted && c.Buckets == nil && c.Value == nil
}

// MarshalJSON writes the failures of counted requests, also when there are none.
func (c Counts) MarshalJSON() ([]byte, error) {
	type plain Counts
	if c.Requests == 0 || c.Buckets != nil || c.Value != nil || c.Failures > 0 {
		return json.Marshal(plain(c))
	}
	return json.Marshal(struct {
		plain
		Failures float64 `json:"failures"`
	}{plain(c), 0})
}

// Validate returns why the window cannot be, or nil: no length, counts that
// are negative, NaN, infinite or above 2⁵³, more failures than requests,
// buckets that do not accumulate or have no "+Inf". A side without counts is
// possible, and so is any Value.
func (w Window) Validate() error {
	if err := w.validTimes(); err != nil {
		return err
	}
	if !(w.Share >= 0 && w.Share <= 1) {
		return fmt.Errorf("%w: a share of %g", ErrRefused, w.Share)
	}
	if err := w.Baseline.validate(); err != nil {
		return fmt.Errorf("%w: baseline: %w", ErrRefused, err)
	}
	if err := w.Candidate.validate(); err != nil {
		return fmt.Errorf("%w: candidate: %w", ErrRefused, err)
	}
	return nil
}

func (w Window) validTimes() error {
	length := w.End - w.Start // NaN or infinite when either end is
	if !(length > 0) || math.IsInf(length, 0) {
		return fmt.Errorf("%w: from %g to %g has no length", ErrRefused, w.Start, w.End)
	}
	return nil
}

func (c *Counts) validate() error {
	switch {
	case c == nil:
		return nil
	case !possible(c.Requests):
		return fmt.Errorf("%g requests", c.Requests)
	case !possible(c.Failures):
		return fmt.Errorf("%g failures", c.Failures)
	case c.Failures > c.Requests:
		return fmt.Errorf("%g failures of %g requests", c.Failures, c.Requests)
	case len(c.Buckets) == 0:
		return nil
	}
	_, err := parseHistogram(c.Buckets)
	return err
}

func possible(count float64) bool {
	return count >= 0 && count <= largestCount
}

// total is the number of requests, from the buckets where there are some.
func (c *Counts) total() float64 {
	if c == nil {
		return 0
	}
	if len(c.Buckets) > 0 {
		return c.Buckets["+Inf"]
	}
	return c.Requests
}

// answered reports whether the side has anything to judge.
func (c *Counts) answered() bool {
	return c != nil && (c.total() > 0 || c.Value != nil)
}

// identical reports whether both sides answered bit by bit the same.
func identical(a, b *Counts) bool {
	if a == nil || b == nil || a.Requests != b.Requests || a.Failures != b.Failures || len(a.Buckets) != len(b.Buckets) {
		return false
	}
	for bound, count := range a.Buckets {
		if other, ok := b.Buckets[bound]; !ok || other != count {
			return false
		}
	}
	return (a.Value == nil) == (b.Value == nil) && (a.Value == nil || *a.Value == *b.Value)
}
