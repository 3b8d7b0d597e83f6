package analysis

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
)

// most bounds a histogram may have: what keeps the state of a check that is
// still learning its thresholds under 8 KiB.
const mostBounds = 400

// histogram is Counts.Buckets in order; the last bound is +Inf.
type histogram struct {
	bounds, counts []float64
}

// parseHistogram sorts the buckets and refuses what cannot be.
func parseHistogram(buckets map[string]float64) (histogram, error) {
	h := histogram{bounds: make([]float64, 0, len(buckets)), counts: make([]float64, 0, len(buckets))}
	for text, count := range buckets {
		bound, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(bound) || math.IsInf(bound, -1) {
			return histogram{}, fmt.Errorf("bucket %q is not an upper bound", text)
		}
		if !possible(count) {
			return histogram{}, fmt.Errorf("%g in bucket %q", count, text)
		}
		h.bounds, h.counts = append(h.bounds, bound), append(h.counts, count)
	}
	sort.Sort(h)
	return h, h.check()
}

func (h histogram) check() error {
	last := len(h.bounds) - 1
	if last < 1 || !math.IsInf(h.bounds[last], 1) {
		return errors.New("buckets need \"+Inf\" and a finite bound")
	}
	if last >= mostBounds {
		return fmt.Errorf("%d buckets, at most %d", last+1, mostBounds)
	}
	for i := range last {
		if h.bounds[i] == h.bounds[i+1] {
			return fmt.Errorf("bucket %g twice", h.bounds[i])
		}
		if h.counts[i] > h.counts[i+1] {
			return fmt.Errorf("bucket %g has %g, more than the %g of bucket %g", h.bounds[i], h.counts[i], h.counts[i+1], h.bounds[i+1])
		}
	}
	return nil
}

func (h histogram) Len() int           { return len(h.bounds) }
func (h histogram) Less(i, j int) bool { return h.bounds[i] < h.bounds[j] }
func (h histogram) Swap(i, j int) {
	h.bounds[i], h.bounds[j] = h.bounds[j], h.bounds[i]
	h.counts[i], h.counts[j] = h.counts[j], h.counts[i]
}

func (h histogram) total() float64 {
	if len(h.counts) == 0 {
		return 0
	}
	return h.counts[len(h.counts)-1]
}

// above is how many were slower than the bound, which must be one of h's.
func (h histogram) above(bound float64) (float64, bool) {
	i, found := slices.BinarySearch(h.bounds, bound)
	if !found {
		return 0, false
	}
	return h.total() - h.counts[i], true
}

// Quantile is the value that a share q of the counts of a histogram does not
// exceed, in the unit of its bounds: linear within a bucket, and the last finite
// bound beyond it. Buckets that hold nothing, or cannot be, are an error.
func Quantile(buckets map[string]float64, q float64) (float64, error) {
	h, err := parseHistogram(buckets)
	if err == nil && h.total() == 0 {
		err = errors.New("nothing was counted")
	}
	if err != nil {
		return 0, err
	}
	return h.quantile(q), nil
}

// quantile interpolates linearly within the bucket; beyond the last finite
// bound it is that bound.
func (h histogram) quantile(q float64) float64 {
	rank := q * h.total()
	i := sort.Search(len(h.counts)-1, func(i int) bool { return h.counts[i] >= rank })
	if i == len(h.bounds)-1 {
		return h.bounds[i-1]
	}
	low, below := 0.0, 0.0
	if i > 0 {
		low, below = h.bounds[i-1], h.counts[i-1]
	}
	if h.counts[i] == below {
		return h.bounds[i]
	}
	return low + (h.bounds[i]-low)*(rank-below)/(h.counts[i]-below)
}

// shape identifies the bounds.
func (h histogram) shape() uint64 {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	sum := uint64(offset)
	for _, b := range h.bounds {
		sum = (sum ^ math.Float64bits(b)) * prime
	}
	return sum
}

// nearest is the finite bound nearest to x, by ratio where both are positive.
func nearest(bounds []float64, x float64) float64 {
	best, least := 0.0, math.Inf(1)
	for _, b := range bounds {
		far := math.Abs(b - x)
		if b > 0 && x > 0 {
			far = math.Abs(math.Log(b / x))
		}
		if !math.IsInf(b, 1) && far < least {
			best, least = b, far
		}
	}
	return best
}
