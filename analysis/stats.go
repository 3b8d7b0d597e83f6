package analysis

import (
	"math"
	"slices"
)

// normalQuantile is Φ⁻¹(p), without loss of digits in the lower tail.
func normalQuantile(p float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*p) }

// normalAbove is 1−Φ(z), without loss of digits in the upper tail.
func normalAbove(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }

func sorted(values []float64) []float64 {
	out := slices.Clone(values)
	slices.Sort(out)
	return out
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, x := range values {
		sum += x
	}
	return sum / float64(len(values))
}

// percentile is the p-quantile of sorted values, interpolated as R's type 7
// (Hyndman and Fan 1996): x[h] at h = (n−1)p. There must be a value.
func percentile(sorted []float64, p float64) float64 {
	h := float64(len(sorted)-1) * p
	low := int(h)
	if low+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[low] + (h-float64(low))*(sorted[low+1]-sorted[low])
}

func median(values []float64) float64 { return percentile(sorted(values), 0.5) }

// ranking is what the ranks of x among x and y together come to. Ties share
// the mean of their ranks; doubled, those are whole numbers.
type ranking struct {
	n, m  int   // values in x and in y
	sum   int   // doubled ranks of x
	ranks []int // doubled ranks of all, ascending
	ties  float64
}

// rank needs finite values.
func rank(x, y []float64) ranking {
	r := ranking{n: len(x), m: len(y)}
	xs, ys := sorted(x), sorted(y)
	for i, j := 0, 0; i < len(xs) || j < len(ys); {
		at := math.Inf(1)
		if i < len(xs) {
			at = xs[i]
		}
		if j < len(ys) {
			at = min(at, ys[j])
		}
		fromX, fromY := 0, 0
		for ; i < len(xs) && xs[i] == at; i++ {
			fromX++
		}
		for ; j < len(ys) && ys[j] == at; j++ {
			fromY++
		}
		t := fromX + fromY
		doubled := 2*len(r.ranks) + t + 1
		for range t {
			r.ranks = append(r.ranks, doubled)
		}
		r.sum += fromX * doubled
		r.ties += float64(t) * (float64(t)*float64(t) - 1)
	}
	return r
}

// superiority is P(x > y) + P(x = y)/2 over all pairs, the common-language
// effect size: U/(nm).
func (r ranking) superiority() float64 {
	return float64(r.sum-r.n*(r.n+1)) / float64(2*r.n*r.m)
}

// exactTwoSided is P(|U−nm/2| ≥ |u−nm/2|) over all ways to share the ranks out:
// the shift algorithm (Streitberg and Röhmel 1986), which counts by adding one
// rank at a time how many subsets of each size have each sum. Its work and
// memory are n·(n+m)², n the smaller side.
func (r ranking) exactTwoSided() float64 {
	size, sum, all := r.n, r.sum, 0
	for _, rank := range r.ranks {
		all += rank
	}
	if r.m < r.n {
		size, sum = r.m, all-r.sum
	}
	most := 0
	for _, rank := range r.ranks[len(r.ranks)-size:] {
		most += rank
	}
	ways := make([][]float64, size+1)
	for k := range ways {
		ways[k] = make([]float64, most+1)
	}
	ways[0][0] = 1
	for _, rank := range r.ranks {
		for k := size; k > 0; k-- {
			for s := most; s >= rank; s-- {
				ways[k][s] += ways[k-1][s-rank]
			}
		}
	}
	centre := size * (r.n + r.m + 1) // the mean of the doubled sum
	total, extreme := 0.0, 0.0
	for s, n := range ways[size] {
		total += n
		if abs(s-centre) >= abs(sum-centre) {
			extreme += n
		}
	}
	return extreme / total
}

func abs(x int) int { return max(x, -x) }

// normalTwoSided approximates exactTwoSided, with the corrections for ties and
// for continuity.
func (r ranking) normalTwoSided() float64 {
	n, m := float64(r.n), float64(r.m)
	all := n + m
	variance := n * m / 12 * (all + 1 - r.ties/(all*(all-1)))
	if !(variance > 0) {
		return 1
	}
	distance := math.Abs(float64(r.sum-r.n*(r.n+r.m+1))) / 2
	return min(1, 2*normalAbove(max(0, distance-0.5)/math.Sqrt(variance)))
}
