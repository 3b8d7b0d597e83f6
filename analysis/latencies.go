package analysis

import (
	"math"
	"strconv"
)

// Latencies counts latencies one by one in logarithmic buckets, for whoever
// makes load and has to say how fast it was answered. The zero value is empty
// and ready.
//
// Bucket bounds are 48 to a power of ten, rounded to four digits, each less
// than 5 % above the one before: from 48.7 µs, below which everything is one
// bucket, to 100 s, above which everything is another. They are always the
// same, so that any two can be merged, and windows of them judged by tailLadder.
//
// An insert costs a few nanoseconds whatever the value, and no memory beyond
// the 2.4 KiB that a Latencies has. It is not safe for concurrent use: give
// each goroutine its own, and merge them.
type Latencies struct {
	counts [latencyBuckets]uint64
	most   float64
}

// The k-th bound is 10^(k/48).
const (
	boundsPerDecade = 48
	lowestBound     = -207
	highestBound    = 2 * boundsPerDecade
	latencyBuckets  = highestBound - lowestBound + 2 // and the last, without a bound
)

// cellBits are the bits of a float64's fraction that number a cell: 32 cells to
// a doubling. A cell is narrower than a bucket, so that it has one bound at
// most and one comparison settles where a value belongs, without a logarithm.
const (
	cellBits  = 5
	cellShift = 52 - cellBits
)

var (
	latencyBounds, latencyKeys = latencyLayout()
	latencyCells, firstCell    = cellLayout()
)

// latencyLayout is the finite bounds and their names in [Counts].
func latencyLayout() (bounds [latencyBuckets - 1]float64, keys [latencyBuckets - 1]string) {
	for i := range bounds {
		exact := math.Pow(10, float64(lowestBound+i)/boundsPerDecade)
		keys[i] = strconv.FormatFloat(exact, 'g', 4, 64)
		bounds[i], _ = strconv.ParseFloat(keys[i], 64) // what was just formatted
	}
	return bounds, keys
}

// cellLayout is, for each cell, the first bucket whose bound is not below it.
func cellLayout() (cells []uint16, first int) {
	first = cellOf(latencyBounds[0])
	last := cellOf(latencyBounds[latencyBuckets-2])
	bucket := 0
	for cell := first; cell <= last; cell++ {
		for latencyBounds[bucket] < math.Float64frombits(uint64(cell)<<cellShift) {
			bucket++
		}
		cells = append(cells, uint16(bucket))
	}
	return cells, first
}

func cellOf(seconds float64) int { return int(math.Float64bits(seconds) >> cellShift) }

// Add counts one latency. What is not above zero, NaN included, counts as
// shorter than the first bound.
func (l *Latencies) Add(seconds float64) {
	l.counts[latencyBucket(seconds)]++
	if seconds > l.most {
		l.most = seconds
	}
}

// latencyBucket is the first bucket whose bound is not below the latency.
func latencyBucket(seconds float64) int {
	switch {
	case !(seconds > latencyBounds[0]):
		return 0
	case seconds > latencyBounds[latencyBuckets-2]:
		return latencyBuckets - 1
	}
	i := int(latencyCells[cellOf(seconds)-firstCell])
	if seconds > latencyBounds[i] {
		i++
	}
	return i
}

// Merge adds all that another one counted; the other stays as it is.
func (l *Latencies) Merge(other *Latencies) {
	for i, n := range other.counts {
		l.counts[i] += n
	}
	l.most = max(l.most, other.most)
}

// Counts is one side of a window for tailLadder: cumulative buckets at every
// bound, also where nothing was counted, so that all windows have one shape.
func (l *Latencies) Counts() Counts {
	buckets, sum := make(map[string]float64, latencyBuckets), uint64(0)
	for i, key := range latencyKeys {
		sum += l.counts[i]
		buckets[key] = float64(sum)
	}
	buckets["+Inf"] = float64(sum + l.counts[latencyBuckets-1])
	return Counts{Buckets: buckets}
}

// Count is how many latencies were counted.
func (l *Latencies) Count() (total uint64) {
	for _, n := range l.counts {
		total += n
	}
	return total
}

// Quantile is a latency in seconds that a share q of those counted, 0 to 1, did
// not exceed: never below the exact one (nearest rank), and less than 5 % above
// it within the bounds. Beyond the last bound it is the longest latency of all,
// as it is for q = 1. A q that is no share counts as the nearest one, NaN as 0.
// Of none it is 0.
func (l *Latencies) Quantile(q float64) float64 {
	total := l.Count()
	rank, below := uint64(1), uint64(0)
	if q > 0 {
		rank = max(rank, uint64(math.Ceil(min(q, 1)*float64(total))))
	}
	for i, n := range l.counts[:latencyBuckets-1] {
		if below += n; below >= rank {
			return min(latencyBounds[i], l.most)
		}
	}
	return l.most
}
