package prometheus

import (
	"errors"
	"fmt"
	"math"

	"github.com/prometheus/common/model"

	"bakeoff/activities/selector"
)

// The grid that native histograms are read on: four bounds for each doubling,
// from about 1 ms to 64 s. It is fixed, for a native histogram names only
// those buckets that hold something, and bounds that come and go between two
// reads could not be compared.
const (
	gridFrom, gridTo = -10, 6 // powers of two
	gridSchema       = 4      // bounds for each power
)

// native turns a native histogram into cumulative counts on the grid. One
// whose buckets are coarser than the grid, or do not fall on it, is an error;
// nil is a sample that is no histogram.
func native(h *model.SampleHistogram) (map[string]float64, error) {
	if h == nil {
		return nil, errors.New("is not a histogram (a gauge, a counter or a summary)")
	}
	count := float64(h.Count)
	if math.IsNaN(count) || math.IsInf(count, 0) || count < 0 {
		return nil, fmt.Errorf("count is %v", count)
	}
	buckets := map[string]float64{"+Inf": count}
	for i := gridFrom * gridSchema; i <= gridTo*gridSchema; i++ {
		bound := math.Exp2(float64(i) / gridSchema)
		sum := 0.0
		for _, b := range h.Buckets {
			switch lower, upper := float64(b.Lower), float64(b.Upper); {
			case upper <= bound*(1+1e-9):
				sum += float64(b.Count)
			case lower < bound*(1-1e-9):
				return nil, fmt.Errorf("native histogram: the bucket up to %v has no bound near %.3gs (at least schema 2 is needed): "+
					"keep the classic histogram beside it", upper, bound)
			}
		}
		buckets[selector.Bound(math.Round(bound*1e6)/1e6)] = sum
	}
	return buckets, nil
}
