package judgesim

import (
	"math"
	"slices"
)

// pipecd is PipeCD's automated analysis with the strategy CANARY_BASELINE
// (pkg/app/piped/executor/analysis/metrics_analyzer.go and
// .../mannwhitney/mannwhitney.go; judges.md §4.3): every interval a
// Mann-Whitney test at 0.05 on that interval's points, one a minute, without
// correction for the number of looks; deviation EITHER and failureLimit 0 are
// the defaults. Sides that are equal pass, one side without points fails. The
// exact distribution is computed here as it should be; theirs, with ties, can
// be too small and so alarms no less.
type pipecd struct {
	failureLimit int
	minute       gather
	interval     int // points

	candidate, baseline []float64
	failures            int
}

func newPipeCD(interval int) *pipecd { return &pipecd{minute: gather{every: 1}, interval: interval} }

func (p *pipecd) see(w sample) bool {
	whole, full := p.minute.add(w)
	if !full {
		return false
	}
	p.candidate = appendShare(p.candidate, whole.xc, whole.nc)
	p.baseline = appendShare(p.baseline, whole.xe, whole.ne)
	if whole.end < float64(p.interval) || math.Mod(whole.end+1e-9, float64(p.interval)) > 1e-6 {
		return false
	}
	if !pipecdPasses(p.candidate, p.baseline) {
		p.failures++
	}
	p.candidate, p.baseline = p.candidate[:0], p.baseline[:0]
	return p.failures > p.failureLimit
}

// appendShare leaves out a minute without requests.
func appendShare(points []float64, x, n float64) []float64 {
	if n == 0 {
		return points
	}
	return append(points, x/n)
}

func pipecdPasses(candidate, baseline []float64) bool {
	if len(candidate) == 0 || len(baseline) == 0 {
		return len(candidate) == len(baseline)
	}
	if slices.Equal(slices.Sorted(slices.Values(candidate)), slices.Sorted(slices.Values(baseline))) {
		return true
	}
	return mannWhitney(candidate, baseline) > 0.05
}

// mannWhitney is the exact two-sided p of the U test, ties included: the
// chance, over all ways to choose the first side's ranks among the midranks of
// both, of a rank sum at least as far from its mean.
func mannWhitney(a, b []float64) float64 {
	ranks := doubledMidranks(a, b)
	sum, all := 0, 0
	for i, r := range ranks {
		all += r
		if i < len(a) {
			sum += r
		}
	}
	ways := make([][]float64, len(a)+1) // by how many are chosen, and their sum
	for i := range ways {
		ways[i] = make([]float64, all+1)
	}
	ways[0][0] = 1
	for _, r := range ranks {
		for n := len(a); n > 0; n-- {
			for s := all; s >= r; s-- {
				ways[n][s] += ways[n-1][s-r]
			}
		}
	}
	centre := len(a) * (len(ranks) + 1) // of doubled ranks
	far, total := 0.0, 0.0
	for s, w := range ways[len(a)] {
		total += w
		if max(s-centre, centre-s) >= max(sum-centre, centre-sum) {
			far += w
		}
	}
	return far / total
}

// doubledMidranks are the ranks of a, then of b, in both together, times two.
func doubledMidranks(a, b []float64) []int {
	all := slices.Concat(a, b)
	sorted := slices.Sorted(slices.Values(all))
	ranks := make([]int, len(all))
	for i, x := range all {
		first, _ := slices.BinarySearch(sorted, x)
		last := first
		for last < len(sorted) && sorted[last] == x {
			last++
		}
		ranks[i] = first + last + 1
	}
	return ranks
}
