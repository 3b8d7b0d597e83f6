package report

import (
	"fmt"
	"math"
	"slices"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
)

// Distribution summarises repeated measurements, in the order of the repeats.
// Values that are NaN or infinite are left out; of none left N is 0 and every
// figure is 0. The quantiles are those of Hyndman and Fan's type 7 (linear
// between the order statistics at (n−1)p). The bound is that of the largest of
// n: P(coverage of the maximum < c) = cⁿ, so Coverage = (1−confidence)^(1/n);
// 59 repeats give 95 % with confidence 0.95. It holds for repeats that are
// independent and alike, whatever their distribution. A confidence outside of
// 0 to 1 is taken for 0.95.
func Distribution(values []float64, confidence float64) evidence.Distribution {
	if !(confidence > 0 && confidence < 1) {
		confidence = 0.95
	}
	kept := slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return !finite(v) })
	d := evidence.Distribution{N: len(kept), Values: kept, Confidence: confidence, Unit: chart.Seconds}
	if d.N == 0 {
		return d
	}
	sorted := slices.Sorted(slices.Values(kept))
	d.Median, d.P90, d.Max = quantile(sorted, 0.5), quantile(sorted, 0.9), sorted[d.N-1]
	d.Coverage = math.Pow(1-confidence, 1/float64(d.N))
	return d
}

func quantile(sorted []float64, p float64) float64 {
	place := p * float64(len(sorted)-1)
	below := int(place)
	if below+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	share := place - float64(below)
	return sorted[below]*(1-share) + sorted[below+1]*share
}

// Bound says what a distribution promises, in words: "of 10 drills the slowest
// took 2.1 s: with 95 % confidence at least 74 % of drills take at most that".
func Bound(d evidence.Distribution) string {
	switch d.N {
	case 0:
		return "no drill was measured, and nothing can be said of the next"
	case 1:
		return fmt.Sprintf("one drill took %s: of one drill nothing can be said about the next (with %s confidence only that at least %s of drills take at most that)",
			chart.Value(d.Max, d.Unit), chart.Value(d.Confidence, chart.Ratio), atLeast(d.Coverage))
	}
	return fmt.Sprintf("of %d drills the slowest took %s: with %s confidence at least %s of drills take at most that",
		d.N, chart.Value(d.Max, d.Unit), chart.Value(d.Confidence, chart.Ratio), atLeast(d.Coverage))
}

// atLeast rounds a share down: a bound that is rounded up would promise more.
func atLeast(share float64) string {
	if share >= 0.99 {
		return chart.Value(math.Floor(share*1000+1e-9)/1000, chart.Ratio)
	}
	return chart.Value(math.Floor(share*100+1e-9)/100, chart.Ratio)
}
