package caddy

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// Weighted round robin serves each cycle as one block per upstream, so a short
// cycle keeps its promise over few requests. Small weights need a longer one.
const (
	shortCycle = 200
	longCycle  = 1000
	tolerance  = 0.10 // of each weight
)

// Approximate returns the split that Caddy makes of want: the exact one where a
// cycle of at most 200 requests holds it, else the nearest, or one of up to
// 1,000 requests where the nearest would be off by more than a tenth of a
// weight. It is ErrFinal where that does not suffice (below 0.1%), and where want
// does not add up to 100%. Nothing at all is approximated by itself.
func (r *Router) Approximate(want rollout.Split) (rollout.Split, error) {
	counts, err := cycle(want)
	if err != nil {
		return nil, err
	}
	return basisPoints(counts), nil
}

// cycle says how many requests of one cycle each version gets. Versions at 0 %
// are absent.
func cycle(want rollout.Split) (map[string]int, error) {
	var sum rollout.Weight
	for version, w := range want {
		if w < 0 {
			return nil, fmt.Errorf("%s has a negative weight: %w", version, activities.ErrFinal)
		}
		sum += w
	}
	if sum == 0 {
		return nil, nil
	}
	if sum != rollout.All {
		return nil, fmt.Errorf("the weights add up to %s, not 100%%: %s: %w", sum, want, activities.ErrFinal)
	}
	best, least := nearest(want, 1, shortCycle)
	if least > tolerance {
		best, least = nearest(want, shortCycle+1, longCycle)
	}
	if least > tolerance {
		return nil, fmt.Errorf("caddy counts in cycles of at most %d requests and cannot make %s of that, the nearest is %s: %w",
			longCycle, want, basisPoints(best), activities.ErrFinal)
	}
	return best, nil
}

// nearest returns the best cycle of a length in [from, to], the shortest of
// those, and how far it is off.
func nearest(want rollout.Split, from, to int) (map[string]int, float64) {
	best, least := map[string]int{}, math.Inf(1)
	for n := from; n <= to && least > 0; n++ {
		counts := apportion(want, n)
		if off := deviation(want, counts, n); off < least {
			best, least = counts, off
		}
	}
	return best, least
}

// deviation is the largest error of n requests so dealt out, as a part of the
// weight that it falls on.
func deviation(want rollout.Split, counts map[string]int, n int) float64 {
	off := 0.0
	for version, w := range want {
		if w > 0 {
			ideal := int(w) * n
			wrong := max(counts[version]*int(rollout.All)-ideal, ideal-counts[version]*int(rollout.All))
			off = max(off, float64(wrong)/float64(ideal))
		}
	}
	return off
}

// apportion deals n out by weight: whole parts first, what is left by largest
// remainder, then by name. Versions that get none are absent.
func apportion(weights map[string]rollout.Weight, n int) map[string]int {
	total := 0
	for _, w := range weights {
		total += int(w)
	}
	counts, rest := map[string]int{}, n
	names := slices.Sorted(maps.Keys(weights))
	for _, v := range names {
		counts[v] = n * int(weights[v]) / total
		rest -= counts[v]
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(n*int(weights[b])%total, n*int(weights[a])%total)
	})
	for _, v := range names[:rest] {
		counts[v]++
	}
	maps.DeleteFunc(counts, func(_ string, c int) bool { return c == 0 })
	return counts
}

// basisPoints turns counts into a split that adds up to 100%. It depends on
// their proportion only. Whoever is served has at least 0.01%: a share is never
// rounded to nothing.
func basisPoints(counts map[string]int) rollout.Split {
	weights := map[string]rollout.Weight{}
	for version, c := range counts {
		if c > 0 {
			weights[version] = rollout.Weight(c)
		}
	}
	if len(weights) == 0 {
		return rollout.Split{}
	}
	split := rollout.Split{}
	for version, points := range apportion(weights, int(rollout.All)) {
		split[version] = rollout.Weight(points)
	}
	for _, version := range slices.Sorted(maps.Keys(weights)) {
		if split[version] == 0 {
			split[version] = 1
			split[largest(split)]--
		}
	}
	return split
}

func largest(s rollout.Split) string {
	return slices.MaxFunc(slices.Sorted(maps.Keys(s)), func(a, b string) int { return cmp.Compare(s[a], s[b]) })
}

// maxPool bounds the entries of a pool: Caddy walks it for every request.
const maxPool = 200

// layout says in how many blocks each version's requests of one round are
// served, and how many rounds make the pool. A version with one endpoint needs
// one block; with several, a block goes to one of them, so blocks are as small
// as maxPool allows: one endpoint must not get hundreds of requests in a row.
// There are as many rounds as it takes to give all endpoints of a version the
// same. Where even that is too much, there are as many as the most endpoints:
// shares stay exact, but some endpoints of the version with fewer get up to
// twice as much as others.
func layout(counts, endpoints map[string]int) (rounds int, blocks map[string]int) {
	longest, most := 1, 1
	for version, c := range counts {
		longest, most = max(longest, c), max(most, endpoints[version])
	}
	for size := 1; size <= longest; size++ {
		rounds, blocks = 1, map[string]int{}
		sum := 0
		for version, c := range counts {
			k, n := endpoints[version], 1
			if k > 1 {
				n = (c + size - 1) / size
			}
			turns := k / gcd(k, n)
			rounds = rounds / gcd(rounds, turns) * turns
			blocks[version] = n
			sum += n
		}
		if rounds*sum <= maxPool {
			return rounds, blocks
		}
	}
	return most, blocks
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
