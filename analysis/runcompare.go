package analysis

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
)

// RunCompare decides whether a rehearsal's run is worse than frozen baseline
// runs of the same scenarios and seeds: offline, one look at the end. A window
// is one value of each side, or of one, for the pair that [Window.Pair] names
// ("checkout/seed 7"); a window without a name is a pair of its own. Several
// values of one side of a pair, as several frozen runs give, count as their
// median. Pairs that lack a side are left out.
//
//	d_i = ln(candidate/baseline), or candidate − baseline for transform diff
//	shift = median of (d_i + d_j)/2 over i ≤ j            (Hodges and Lehmann 1963)
//	interval = percentiles 2.5 and 97.5 of the shift of Resamples bootstrap samples of pairs (Efron 1979)
//
// Ratio and Interval are exp of them; for diff Difference and Interval are as
// they are, in the metric's own unit. The bootstrap draws from PCG with Seed: the same pairs in
// the same order lead to the same interval.
//
// Fail: the whole interval lies on the harmful side of ±Margin. Proved: its
// harmful end lies within Margin. Fewer than MinPairs: Inconclusive. Values
// that are NaN or infinite, and for log those that are not above 0, are
// refused. More than 10,080 values of a side, or 2,000 pairs, are an Error.
type RunCompare struct {
	// Direction of harm: "increase" (default), "decrease" or "either".
	Direction string `json:"direction,omitempty"`

	// Transform is "log" (default, relative) or "diff" (absolute).
	Transform string `json:"transform,omitempty"`

	// Margin is the shift still harmless: for log a share, default 0.05, up to
	// 1; for diff in the metric's unit, needed.
	Margin float64 `json:"margin,omitempty"`

	// MinPairs is how many pairs are needed; default 8, 5 to 2,000.
	MinPairs int `json:"minPairs,omitempty"`

	// Resamples of the bootstrap; default 2,000, 200 to 10,000.
	Resamples int `json:"resamples,omitempty"`

	// Seed of the bootstrap; default 1.
	Seed int64 `json:"seed,omitempty"`
}

const (
	transformLog  = "log"
	transformDiff = "diff"

	mostPairs   = 2_000
	runInterval = 0.95
)

func (p RunCompare) withDefaults() RunCompare {
	if p.Direction == "" {
		p.Direction = increase
	}
	if p.Transform == "" {
		p.Transform = transformLog
	}
	if p.Transform == transformLog {
		p.Margin = or(p.Margin, 0.05)
	}
	p.MinPairs = int(or(float64(p.MinPairs), 8))
	p.Resamples = int(or(float64(p.Resamples), 2000))
	if p.Seed == 0 {
		p.Seed = 1
	}
	return p
}

func (p RunCompare) check(c Config) error {
	most, transform := 1.0, error(nil)
	switch p.Transform {
	case transformLog:
	case transformDiff:
		most = 1e300
	default:
		transform = fmt.Errorf("check %q: transform is %q, must be log or diff", c.Name, p.Transform)
	}
	return errors.Join(transform,
		c.direction(p.Direction, increase, decrease, either),
		c.within("margin", p.Margin, 1e-300, most),
		c.within("minPairs", float64(p.MinPairs), 5, mostPairs),
		c.within("resamples", float64(p.Resamples), 200, 10_000),
	)
}

type runCompare struct {
	name   string
	params RunCompare
	samples
	candidateKeys, baselineKeys []uint64 // the pair of each value
	unnamed                     int      // windows without a pair's name
}

func newRunCompare(c Config) (*runCompare, error) {
	p := c.Judge.RunCompare.withDefaults()
	return &runCompare{name: c.Name, params: p}, p.check(c)
}

func (r *runCompare) fold(w Window) (outcome, error) {
	if err := r.usable(w); err != nil {
		return judged, err
	}
	key := r.key(w)
	r.samples.fold(w)
	for len(r.candidateKeys) < len(r.candidate) {
		r.candidateKeys = append(r.candidateKeys, key)
	}
	for len(r.baselineKeys) < len(r.baseline) {
		r.baselineKeys = append(r.baselineKeys, key)
	}
	return judged, nil
}

func (r *runCompare) usable(w Window) error {
	if err := finite(w); err != nil {
		return err
	}
	for _, c := range []*Counts{w.Baseline, w.Candidate} {
		if c != nil && c.Value != nil && *c.Value <= 0 && r.params.Transform == transformLog {
			return fmt.Errorf("value %g has no logarithm: use transform diff", *c.Value)
		}
	}
	return nil
}

// key identifies a pair: the hash of its name, odd, or the number of its
// window, even.
func (r *runCompare) key(w Window) uint64 {
	if w.Pair == "" {
		r.unnamed++
		return uint64(r.unnamed) << 1
	}
	h := fnv.New64a()
	h.Write([]byte(w.Pair))
	return h.Sum64() | 1
}

// differences are the d_i, in the order in which pairs first came, and how
// many pairs lack a side.
func (r *runCompare) differences() (d []float64, lacking int) {
	candidates, order := grouped(r.candidate, r.candidateKeys)
	baselines, others := grouped(r.baseline, r.baselineKeys)
	for _, key := range order {
		b := baselines[key]
		if len(b) == 0 {
			lacking++
			continue
		}
		d = append(d, r.difference(median(candidates[key]), median(b)))
	}
	return d, lacking + len(others) - len(d)
}

func (r *runCompare) difference(candidate, baseline float64) float64 {
	if r.params.Transform == transformDiff {
		return candidate - baseline
	}
	return math.Log(candidate) - math.Log(baseline)
}

func grouped(values []float64, keys []uint64) (groups map[uint64][]float64, order []uint64) {
	groups = map[uint64][]float64{}
	for i, key := range keys {
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], values[i])
	}
	return groups, order
}

func (r *runCompare) weigh(e *Evidence) opinion {
	e.Alpha, e.Margin = 1-runInterval, r.params.Margin
	if o, ok := r.missing(r.name); ok {
		return o
	}
	d, lacking := r.differences()
	switch {
	case len(d) > mostPairs:
		return opinion{now: Error, atEnd: Error, reason: fmt.Sprintf("%s: %d pairs, at most %d can be compared", r.name, len(d), mostPairs)}
	case len(d) < r.params.MinPairs:
		return opinion{now: Continue, atEnd: Inconclusive,
			reason: fmt.Sprintf("%s: insufficient, %d pairs, need %d (%d lack a side)", r.name, len(d), r.params.MinPairs, lacking)}
	}
	shift := hodgesLehmann(sorted(d))
	low, high := r.bootstrap(d)
	o := r.decide(low, high)
	shift, low, high = r.scale(shift), r.scale(low), r.scale(high)
	e.Interval = [2]*float64{&low, &high}
	sign := "×"
	if r.params.Transform == transformDiff {
		e.Difference, sign = &shift, ""
	} else {
		e.Ratio = shift
	}
	o.reason = fmt.Sprintf("%s %s%.4g [%.4g, %.4g] over %d pairs", r.name, sign, shift, low, high, len(d))
	if lacking > 0 {
		o.reason += fmt.Sprintf("; %d pairs lack a side", lacking)
	}
	return o
}

// decide compares the interval with the band of what is harmless.
func (r *runCompare) decide(low, high float64) opinion {
	above, below := r.params.Margin, -r.params.Margin
	if r.params.Transform == transformLog {
		above, below = math.Log1p(above), math.Log1p(max(below, -1+1e-12))
	}
	up, down := r.params.Direction != decrease, r.params.Direction != increase
	o := opinion{now: Continue, atEnd: Pass, proved: (!up || high <= above) && (!down || low >= below)}
	if up && low > above || down && high < below {
		o.atEnd = Fail
	}
	return o
}

func (r *runCompare) scale(shift float64) float64 {
	if r.params.Transform == transformDiff {
		return max(-infinite, min(shift, infinite))
	}
	return fromLog(shift)
}

func pointer(x float64) *float64 { return &x }

// bootstrap is the percentile interval of the shift.
func (r *runCompare) bootstrap(d []float64) (low, high float64) {
	draw := rand.New(rand.NewPCG(uint64(r.params.Seed), uint64(len(d))))
	shifts, again := make([]float64, r.params.Resamples), make([]float64, len(d))
	for i := range shifts {
		for j := range again {
			again[j] = d[draw.IntN(len(d))]
		}
		slices.Sort(again)
		shifts[i] = hodgesLehmann(again)
	}
	slices.Sort(shifts)
	return percentile(shifts, (1-runInterval)/2), percentile(shifts, (1+runInterval)/2)
}

func (r *runCompare) visit(s *state) {
	r.samples.visit(s)
	s.words(&r.candidateKeys, len(r.candidate))
	s.words(&r.baselineKeys, len(r.baseline))
	s.counts(&r.unnamed)
}

// words are exactly n words.
func (s *state) words(fields *[]uint64, n int) {
	if s.reading && !s.broken {
		*fields = make([]uint64, n)
	}
	for i := range *fields {
		(*fields)[i] = s.word((*fields)[i])
	}
}
