package analysis

// hodgesLehmann is the median of the n(n+1)/2 means of two of the sorted
// values, each with itself too, without writing them down: by bisection, as
// how many of them are at most x takes one pass.
func hodgesLehmann(sorted []float64) float64 {
	n := len(sorted)
	means := n * (n + 1) / 2
	low := kthMean(sorted, (means+1)/2)
	if means%2 == 1 {
		return low
	}
	return low/2 + kthMean(sorted, means/2+1)/2
}

// kthMean is the k-th least mean, to the last bit but few.
func kthMean(sorted []float64, k int) float64 {
	low, high := sorted[0], sorted[len(sorted)-1]
	for range 200 {
		middle := low/2 + high/2
		if middle <= low || middle >= high {
			break
		}
		if meansUpTo(sorted, middle) >= k {
			high = middle
		} else {
			low = middle
		}
	}
	if meansUpTo(sorted, low) >= k {
		return low
	}
	return high
}

// meansUpTo counts the means of two sorted values that are at most x.
func meansUpTo(sorted []float64, x float64) int {
	count, j := 0, len(sorted)-1
	for i, d := range sorted {
		for j >= i && d/2+sorted[j]/2 > x {
			j--
		}
		if j < i {
			break
		}
		count += j - i + 1
	}
	return count
}
