package activities

import (
	"cmp"
	"hash/fnv"
	"maps"
	"slices"

	"bakeoff/analysis"
)

// halves deals the instances out to two sides, in the order of a hash of their
// names: neither half is all of one zone, and the same instances always fall
// into the same half.
func halves(moments []Moment) map[string]Side {
	found := map[string]uint64{}
	for _, m := range moments {
		for name := range m.Instances {
			if _, known := found[name]; !known {
				hash := fnv.New64a()
				_, _ = hash.Write([]byte(name))
				found[name] = hash.Sum64()
			}
		}
	}
	names := slices.SortedFunc(maps.Keys(found), func(a, b string) int {
		return cmp.Or(cmp.Compare(found[a], found[b]), cmp.Compare(a, b))
	})
	half := map[string]Side{}
	for i, name := range names {
		half[name] = [...]Side{Baseline, Candidate}[i%2]
	}
	return half
}

// placeboWindows are the stretches between two moments in which both halves
// were seen, requests or not.
func placeboWindows(moments []Moment, check string, half map[string]Side) []analysis.Window {
	var windows []analysis.Window
	for i := 1; i < len(moments); i++ {
		was, now := moments[i-1], moments[i]
		sides := map[Side]*analysis.Counts{}
		whole := true
		for name, reading := range now.Instances {
			if c, seen := since(was.Instances[name], reading); seen {
				side := half[name]
				if sides[side] == nil {
					sides[side] = &analysis.Counts{}
				}
				whole = whole && add(sides[side], c)
			}
		}
		if whole && len(sides) == 2 {
			windows = append(windows, analysis.Window{Check: check, Start: seconds(was.At), End: seconds(now.At),
				Baseline: sides[Baseline], Candidate: sides[Candidate]})
		}
	}
	return windows
}

// since is what an instance did between two moments. Unlike a judged window it
// is left out when a counter began anew, or when other series are there than
// before: of a past there is enough, and what came before is in no window.
func since(was, now SideReading) (analysis.Counts, bool) {
	if !was.possible() || !sameKeys(was.Requests, now.Requests) || !sameKeys(was.Buckets, now.Buckets) ||
		shrank(was.Requests, now.Requests) || shrank(was.Failures, now.Failures) {
		return analysis.Counts{}, false
	}
	for series, buckets := range now.Buckets {
		if shrank(was.Buckets[series], buckets) || !sameKeys(was.Buckets[series], buckets) {
			return analysis.Counts{}, false
		}
	}
	c, known, err := reference{"": {Baseline: was}}.counts("", Baseline, now)
	return c, known && err == nil
}

func sameKeys[V any](a, b map[string]V) bool {
	for key := range a {
		if _, found := b[key]; !found {
			return false
		}
	}
	return len(a) == len(b)
}

// add adds the counts of one more instance; false: its buckets are others.
func add(sum *analysis.Counts, c analysis.Counts) bool {
	sum.Requests += c.Requests
	sum.Failures += c.Failures
	if sum.Buckets == nil {
		sum.Buckets = c.Buckets
		return true
	}
	for bound, n := range c.Buckets {
		sum.Buckets[bound] += n
	}
	return sameKeys(sum.Buckets, c.Buckets)
}
