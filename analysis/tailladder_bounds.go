package analysis

import "slices"

var defaultQuantiles = []float64{.5, .75, .9, .95, .99, .999}

// ChooseBounds returns the latencies at which tailLadder counts, in seconds, rising:
// the bounds of the baseline's histogram that are nearest to its quantiles (default
// .5 to .999) and, if slo is above 0, nearest to the SLO. It returns nil if the
// baseline has no requests, or its buckets are impossible.
func ChooseBounds(baseline Counts, slo float64, quantiles ...float64) []float64 {
	h, err := parseHistogram(baseline.Buckets)
	if err != nil || h.total() == 0 {
		return nil
	}
	if len(quantiles) == 0 {
		quantiles = defaultQuantiles
	}
	return chooseBounds(h, quantiles, slo)
}

func chooseBounds(h histogram, quantiles []float64, slo float64) []float64 {
	var bounds []float64
	for _, q := range quantiles {
		bounds = append(bounds, nearest(h.bounds, h.quantile(q)))
	}
	if slo > 0 {
		bounds = append(bounds, nearest(h.bounds, slo))
	}
	slices.Sort(bounds)
	return slices.Compact(bounds)
}
